"""Logins elsewhere that were begun and did not come back yet: in memory, ten minutes long, each good once and in one browser."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

SECONDS = 600
MOST = 4096  # the oldest is forgotten first


@dataclass(frozen=True, slots=True)
class Attempt:
    """What has to fit when somebody comes back."""

    state: str  # travels through the other place and back
    browser: str  # what the cookie of the browser says that began it
    nonce: str  # has to stand in what the other place signs
    verifier: str  # RFC 7636: only who knows it can turn the code into a token
    redirect_uri: str
    place: str  # of this server, where it goes on
    language: str
    began: float


class Attempts:
    """Safe to use from many threads."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._open: OrderedDict[str, Attempt] = OrderedDict()
        self._turn = threading.Lock()

    def begin(self, redirect_uri: str, place: str, language: str) -> Attempt:
        """A new one; everything in it that must be guessed by nobody has 256 bits."""
        state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        made = Attempt(state, browser, nonce, verifier, redirect_uri, place, language, self._clock())
        with self._turn:
            self._open[state] = made
            while len(self._open) > self._most or next(iter(self._open.values())).began + SECONDS < self._clock():
                self._open.popitem(last=False)
        return made

    def take(self, state: str, browser: str | None) -> Attempt | None:
        """The attempt of this state, which is used up then; None: there is none, it is too old, or another browser began it."""
        with self._turn:
            found = self._open.get(state)
            if found is None or browser is None or not hmac.compare_digest(found.browser.encode(), browser.encode()):
                return None  # who has only the state of somebody else cannot use theirs up
            del self._open[state]
        return found if found.began + SECONDS >= self._clock() else None

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)
