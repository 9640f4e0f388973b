"""Writes that a client may send again when it did not hear the answer: done once, answered the same every time. Knows no verb.

The key is written in the transaction of the write itself, so there is no moment in which one is there without the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from annotations.rows import clean, moment
from core.errors import KeyReused, Malformed

KEPT = timedelta(days=30)
LONGEST = 200  # characters of a key


@dataclass(frozen=True, slots=True)
class Once:
    """A client's name for one write, and what that write says. Raises Malformed for a key that cannot be one."""

    key: str  # 1 to 200 printable ASCII characters
    digest: str  # SHA-256 of what is asked: route and body

    def __post_init__(self) -> None:
        if not (0 < len(self.key) <= LONGEST and self.key.isascii() and self.key.isprintable()):
            raise Malformed(f"An Idempotency-Key has 1 to {LONGEST} printable ASCII characters. Nothing was saved.")


def done(connection: sqlite3.Connection, once: Once | None, act: Callable[[], Any], *, who: str, at: datetime) -> Any:
    """What `act` gives (plain JSON that leads back to what was written), or what it gave the first time. Call it inside the transaction.

    Raises KeyReused when this key stood for another write.
    """
    if once is None:
        return act()
    known = answered(connection, once, who=who)
    if known is not None:
        return known
    answer = act()
    connection.execute(
        "INSERT INTO written_once (who, key, digest, answer, at) VALUES (?, ?, ?, ?, ?)",
        (clean(who), once.key, once.digest, orjson.dumps(answer).decode(), moment(at)),
    )
    return answer


def answered(connection: sqlite3.Connection, once: Once | None, *, who: str) -> Any:
    """What was answered to this write when it was done; None: it was not. Raises KeyReused when this key stood for another write."""
    if once is None:
        return None
    known = connection.execute("SELECT digest, answer FROM written_once WHERE who = ? AND key = ?", (clean(who), once.key)).fetchone()
    if known is None:
        return None
    if known["digest"] != once.digest:
        raise KeyReused("This Idempotency-Key was used for another request. Send this one under a key of its own; nothing was saved.")
    return orjson.loads(known["answer"])


def forget(connection: sqlite3.Connection, now: datetime) -> int:
    """Let go of keys that no client will send again; how many."""
    return connection.execute("DELETE FROM written_once WHERE at < ?", (moment(now - KEPT),)).rowcount
