"""Members over a new record, with a clock that is set by hand and passwords that cost little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher

from annotations.entering.members import Members
from annotations.entering.secret_words import Passwords
from annotations.store import Store
from core.rights import ROLES
from tests.makers import NOON

PASSWORD = "ladder beside the press"
CHEAP = PasswordHasher(time_cost=1, memory_cost=128, parallelism=1)


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def on(self, **more: float) -> None:
        self.now += timedelta(**more)


@contextmanager
def membership(folder: Path, *, always: bool = True) -> Iterator[tuple[Members, Clock, Store]]:
    """Members, their clock and their record."""
    clock = Clock()
    with Store(folder / "record.sqlite3") as store:
        yield Members(store, always=always, passwords=Passwords(CHEAP), clock=clock), clock, store


def everybody(members: Members) -> dict[str, str]:
    """A person of every role, who joined; what the cookie of each says."""
    cookies: dict[str, str] = {}
    for role in reversed(ROLES):
        _, link = members.add(f"the.{role}", role, by="the.admin")
        assert link is not None
        cookies[role] = members.join(link, PASSWORD)
    return cookies
