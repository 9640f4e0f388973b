"""Which SQLite keeps the record on this machine, and what is known against it. Opens nothing."""

from __future__ import annotations

import sqlite3

SOUND = (3, 51, 3)
"""Before this one, several connections that write or fold in the write-ahead log of one file can damage it (rare, fixed upstream)."""


def version() -> str:
    """The version of the SQLite library that Python was built with, such as 3.40.1."""
    return sqlite3.sqlite_version


def is_sound() -> bool:
    """Whether it has no known fault that touches us. Where it has, one process with one writing connection keeps clear of it."""
    return sqlite3.sqlite_version_info >= SOUND
