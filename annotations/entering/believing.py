"""Whom to believe, asked at every request: from memory for two seconds, from the record otherwise. Begins and ends nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from annotations.entering import sessions, tokens
from annotations.store import Store
from core.errors import StoreError
from core.rights import Actor

TRUSTED_SECONDS = 2.0  # how long the record is not asked again; what this process changes itself counts at once
WRITTEN = timedelta(seconds=60)  # how often a sign of life is written down
MOST = 10_000  # that are remembered


@dataclass(slots=True)
class _Belief:
    """What the record said of a digest."""

    actor: Actor
    asked_at: float  # of a clock that only runs forward, in seconds
    seen_at: datetime | None  # the last sign of life
    written_at: datetime | None  # ... that the record knows
    ends_at: datetime | None


class Beliefs:
    """Sessions and tokens by their digest. Safe to use from many threads."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, _Belief] = {}
        self._age = 0  # grows when everything is forgotten: what was being asked just then is not kept
        self._turn = threading.Lock()

    def forget(self) -> None:
        """Something changed: ask the record again. Signs of life that were not written down yet are kept."""
        with self._turn:
            self._age += 1
            for belief in self._known.values():
                belief.asked_at = float("-inf")

    def at_hand(self, key: str) -> bool:
        """Whether the answer needs neither a read nor a write of the record."""
        known = self._known.get(key)
        if known is None or time.monotonic() - known.asked_at >= TRUSTED_SECONDS:
            return False
        return known.written_at is not None and self._clock() - known.written_at < WRITTEN

    def session(self, key: str, *, sign_of_life: bool) -> Actor | None:
        """Whose session has this digest, if it is still good."""
        belief = self._belief(key, self._ask_session)
        now = self._clock()
        if belief is None or belief.seen_at is None or (belief.ends_at is not None and now >= belief.ends_at):
            return None
        if now - belief.seen_at >= sessions.IDLE:
            return None
        if sign_of_life:
            self._saw(key, belief, now, sessions.saw)
        return belief.actor

    def token(self, key: str) -> Actor | None:
        """Whose token has this digest, if it is still good."""
        belief = self._belief(key, self._ask_token)
        now = self._clock()
        if belief is None or (belief.ends_at is not None and now >= belief.ends_at):
            return None
        self._saw(key, belief, now, tokens.saw)
        return belief.actor

    def _belief(self, key: str, ask: Callable[[str], _Belief | None]) -> _Belief | None:
        known = self._known.get(key)
        if known is not None and time.monotonic() - known.asked_at < TRUSTED_SECONDS:
            return known
        age = self._age
        told = ask(key)
        with self._turn:
            if told is None:
                self._known.pop(key, None)
                return None
            if known is not None and known.seen_at is not None and told.seen_at is not None:
                told.seen_at = max(known.seen_at, told.seen_at)
            if age == self._age:
                while len(self._known) >= MOST:
                    self._known.pop(next(iter(self._known)))
                self._known[key] = told
        return told

    def _ask_session(self, key: str) -> _Belief | None:
        with self._store.reading() as connection:
            found = sessions.found(connection, key)
        if found is None:
            return None
        actor = Actor(found.name, found.role, "session", found.shown)
        return _Belief(actor, time.monotonic(), found.seen_at, found.seen_at, found.ends_at)

    def _ask_token(self, key: str) -> _Belief | None:
        with self._store.reading() as connection:
            found = tokens.found(connection, key)
        if found is None:
            return None
        return _Belief(Actor(found.name, found.role, "token", found.shown), time.monotonic(), found.seen_at, found.seen_at, found.ends_at)

    def _saw(self, key: str, belief: _Belief, now: datetime, write: Callable[..., None]) -> None:
        """In memory at once, in the record now and then. A record that cannot be written to keeps nobody out."""
        belief.seen_at = max(now, belief.seen_at) if belief.seen_at else now
        if belief.written_at is not None and now - belief.written_at < WRITTEN:
            return
        belief.written_at = now
        with suppress(StoreError), self._store.writing() as connection:
            write(connection, key, now)
