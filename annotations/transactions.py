"""One transaction that takes the writer's place at once. Waits up to the connection's busy timeout; never upgrades half-way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing. A deferred BEGIN that reads first and then writes is refused as "locked" when another wrote meanwhile.

    Transactions of sqlite-utils inside become savepoints of this one. Needs a connection with `isolation_level=None`.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have ended it already
            with suppress(sqlite3.Error):  # what went wrong first is what is told; who owns the connection sees that it is still inside
                connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Several reads of one and the same moment. Left quickly, so that the write-ahead log can be folded in."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
