"""The record's file: how it is opened, and by whom. One process writes, any number read; it knows no table.

WAL with `synchronous=FULL`: what was acknowledged survives a kill and a power cut. SQLite before 3.51.3 has a rare fault when several
connections write or fold in the write-ahead log of one file, so exactly one connection here does either; all others open read-only.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from annotations import migrations
from annotations.transactions import immediate, snapshot
from core.errors import StoreError

FILE = "record.sqlite3"
"""The record's name inside a data folder."""

BUSY_MILLISECONDS = 5000
KEPT_READERS = 16  # idle connections; more are opened when more threads read at once, and closed after


class Reader:
    """Reads of the record from any thread, each piece of work on a connection of its own that cannot write.

    Raises StoreError when the file is missing, foreign, or of another shape than this program's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one moment of the record, for this piece of work only."""
        connection = self._take()
        try:
            with _in_words(self.path), snapshot(connection):
                yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close what is idle now and what is in use when it comes back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._guard:
            if self._closed:
                raise StoreError(f"The record {self.path} was closed.")
            if self._idle:
                return self._idle.pop()
        if not self.path.exists():
            raise StoreError(f"There is no record at {self.path} yet. Start the inspector once; it makes one.")
        with _in_words(self.path):
            connection = _connect(f"{self.path.as_uri()}?mode=ro")
            try:
                if migrations.check(connection, self.path) < max(migrations.STEPS):
                    raise StoreError(
                        f"{self.path} has an older shape than this program reads. Start the inspector once; it brings it up to date."
                    )
            except BaseException:
                connection.close()
                raise
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            keep = not self._closed and len(self._idle) < KEPT_READERS
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Store(Reader):
    """The one that writes. Brings the file's shape up to date; a second one on the same file is refused, in this process or any other."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self.path)
        except OSError as error:
            raise StoreError(
                f"The record cannot be kept at {self.path}: {error.strerror}. Choose a data folder that can be written."
            ) from error
        self._turn = threading.RLock()
        try:
            with _in_words(self.path):
                self._writer = _connect(self.path.as_uri())
                _make_durable(self._writer, self.path)
                migrations.migrate(self._writer, self.path)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def open_readonly(path: Path) -> Reader:
        """Reads only, beside the process that writes; no lock is taken and nothing in the file can change by it."""
        return Reader(path)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The writer's connection, in one transaction that is whole on disk when the block ends, or never was."""
        with self._turn:
            if self._closed:
                raise StoreError(f"The record {self.path} was closed.")
            with _in_words(self.path), immediate(self._writer):
                yield self._writer

    def close(self) -> None:
        """Fold in the write-ahead log, close, and let another process write."""
        super().close()
        with self._turn:
            if hasattr(self, "_writer"):
                self._writer.close()
            self._lock.close()


def _connect(uri: str) -> sqlite3.Connection:
    """A connection that may go from thread to thread but serves one at a time: the pool and the writer's turn see to that."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MILLISECONDS / 1000)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA mmap_size = 0")  # a mapped file turns a disk fault into a crash
    return connection


def _make_durable(connection: sqlite3.Connection, path: Path) -> None:
    migrations.check(connection, path)  # before anything is written, WAL included
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"The disk of {path} cannot hold a write-ahead log (got {mode}). Choose a folder on a local disk.")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA recursive_triggers = ON")  # INSERT OR REPLACE asks the DELETE triggers too


def _lock(path: Path) -> IO[str]:
    """Hold the lock file beside the record until it is closed; the kernel lets go of it however the process ends."""
    place = path.with_name(f"{path.name}.lock")
    place.touch()
    lock = place.open("r+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = lock.read(20).strip() or "unknown"
        lock.close()
        raise StoreError(
            f"Another GembaLens (process {holder}) writes to {path}. Stop it, or give this one another data folder; one record has one writer."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """What a disk can do to us, as a sentence. A broken constraint or a wrong statement is a bug and stays one."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the primary code; the rest tells the flavour
        sentence = _FAULTS.get(code)
        if sentence is None:
            raise
        raise StoreError(f"{sentence} ({path}: {error}) Nothing of this step was kept.") from error


_FAULTS = {
    sqlite3.SQLITE_FULL: "The disk is full; free some space and save again.",
    sqlite3.SQLITE_IOERR: "The disk failed while the record was read or written; look after it before you go on.",
    sqlite3.SQLITE_READONLY: "The record cannot be written here; check the rights of its folder.",
    sqlite3.SQLITE_CANTOPEN: "The record cannot be opened; check that its folder is there and may be written.",
    sqlite3.SQLITE_BUSY: "Another program holds the record; close it and try again.",
    sqlite3.SQLITE_CORRUPT: "The record is damaged; restore the last backup.",
    sqlite3.SQLITE_NOTADB: "This file is no record of ours; choose another data folder.",
    sqlite3.SQLITE_PERM: "The record may not be opened; check the rights of its folder.",
}
