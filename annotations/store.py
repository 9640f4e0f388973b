"""The record's file: how it is opened, and by whom. One process writes, any number read; it knows no table.

WAL with `synchronous=FULL`: what was acknowledged survives a kill and a power cut. SQLite before 3.51.3 has a rare fault when several
connections write or fold in the write-ahead log of one file, so exactly one connection here does either; all others open read-only.
"""

from __future__ import annotations

import fcntl
import logging
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

RESTORING = "restoring"
"""Lies in a data folder while a backup is brought back into it: the record is not whole yet."""

BUSY_MILLISECONDS = 5000
KEPT_READERS = 16  # idle connections; more are opened when more threads read at once, and closed after
FOLD_COMMITS = 64  # after so many the write-ahead log is folded in,
FOLD_TRIES = 3  # each waits as long as a writer would
FOLD_ROWS = 2000  # or after a transaction that changed so many rows
LARGE_LOG = 64 * 2**20  # bytes; a log that grew beyond, behind a long reader, is cut off as soon as that reader lets it

_log = logging.getLogger(__name__)


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
            connection = connect(f"{self.path.as_uri()}?mode=ro")
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
        self._lock = hold(self.path)
        self._turn = threading.RLock()
        self._failed: str | None = None
        self._commits = 0
        try:
            if (self.path.parent / RESTORING).exists():
                raise StoreError(f"A backup was being brought back into {self.path.parent} and that broke off. Run the restore once more.")
            with _in_words(self.path):
                self._writer = connect(self.path.as_uri())
                _make_durable(self._writer, self.path)
                migrations.migrate(self._writer, self.path)
        except BaseException:
            self.close()
            raise

    @property
    def failed(self) -> str | None:
        """Why nothing can be written until the program is started anew; None: all is well."""
        return self._failed

    @staticmethod
    def open_readonly(path: Path) -> Reader:
        """Reads only, beside the process that writes; no lock is taken and nothing in the file can change by it."""
        return Reader(path)

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """The writer's connection, in one transaction that is whole on disk when the block ends, or never was.

        `durable` False: a power cut may take the transaction back, whole, and nothing that was durable with it. For leases, which end by themselves.
        """
        with self._turn:
            self._may_write()
            before = self._writer.total_changes
            try:
                with _in_words(self.path), _flushed(self._writer, durable=durable), immediate(self._writer):
                    yield self._writer
            except BaseException as error:
                self._look_after(error)
                raise
            self._commits += 1
            if self._commits >= FOLD_COMMITS or self._writer.total_changes - before >= FOLD_ROWS:
                self._fold_in_now_and_then()

    def fold_in(self) -> None:
        """Fold the write-ahead log into the file and empty it, so that what was erased is in neither. Waits for readers as for a writer."""
        with self._turn:
            self._may_write()
            try:
                with _in_words(self.path):
                    for _ in range(FOLD_TRIES):  # a reader of an older moment may hold it up
                        busy = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                        if not busy:
                            break
            except StoreError as error:
                self._look_after(error)
                raise

    def close(self) -> None:
        """Fold in the write-ahead log, close, and let another process write."""
        super().close()
        with self._turn:
            if hasattr(self, "_writer"):
                self._writer.close()
            self._lock.close()

    def _may_write(self) -> None:
        if self._closed:
            raise StoreError(f"The record {self.path} was closed.")
        if self._failed is not None:
            raise StoreError(self._failed)

    def _look_after(self, error: BaseException) -> None:
        """After a flush that failed, the system may have thrown away what it could not write and call the next flush a success.

        So nothing is acknowledged any more by this process. A start folds the log in and flushes it before it goes on.
        """
        code = getattr(error.__cause__, "sqlite_errorcode", 0)
        if code in _UNFLUSHED or self._writer.in_transaction:
            self._failed = (
                f"The disk did not take what was written to the record {self.path} ({error.__cause__ or error}). Nothing more is written, so that "
                "nothing is lost: look after the disk, then start GembaLens anew. What was acknowledged before is kept."
            )
            _log.error("%s", self._failed)

    def _fold_in_now_and_then(self) -> None:
        """Copy the write-ahead log into the record. What was acknowledged is safe in the log already, so a failure here is no one's error.

        It is done here and not by SQLite's own habit, which hides a flush that fails.
        """
        self._commits = 0
        log = self.path.with_name(f"{self.path.name}-wal")
        how = "TRUNCATE" if log.exists() and log.stat().st_size > LARGE_LOG else "PASSIVE"
        try:
            with _in_words(self.path):
                self._writer.execute("PRAGMA busy_timeout = 50")  # a reader that stays is asked again next time
                try:
                    self._writer.execute(f"PRAGMA wal_checkpoint({how})")
                finally:
                    self._writer.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        except StoreError as error:
            _log.warning("The write-ahead log could not be folded in: %s", error)
            self._look_after(error)


@contextmanager
def _flushed(connection: sqlite3.Connection, *, durable: bool) -> Iterator[None]:
    """Whether the commit inside waits for the disk. The next one that does flushes what was written before it too."""
    if durable:
        yield
        return
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = FULL")


def connect(uri: str) -> sqlite3.Connection:
    """A connection that may go from thread to thread but serves one at a time: the pool and the writer's turn see to that."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MILLISECONDS / 1000)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")  # nothing of the record is ever written beside it
    connection.execute("PRAGMA mmap_size = 0")  # a mapped file turns a disk fault into a crash
    return connection


def _make_durable(connection: sqlite3.Connection, path: Path) -> None:
    migrations.check(connection, path)  # before anything is written, WAL included
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"The disk of {path} cannot hold a write-ahead log (got {mode}). Choose a folder on a local disk.")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # see Store._fold_in_now_and_then
    connection.execute(f"PRAGMA journal_size_limit = {LARGE_LOG}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a run before may have ended with a log that was read back but never flushed
    connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten, not only forgotten
    connection.execute("PRAGMA recursive_triggers = ON")  # INSERT OR REPLACE asks the DELETE triggers too


def hold(path: Path) -> IO[str]:
    """Hold the lock file beside a record until it is closed; the kernel lets go of it however the process ends.

    Raises StoreError while another holds it, and where nothing can be written.
    """
    place = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        lock = place.open("r+", encoding="ascii")
        try:
            _take(lock, path)
        except BaseException:
            lock.close()
            raise
    except OSError as error:
        raise StoreError(f"The record cannot be kept at {path}: {error.strerror}. Choose a data folder that can be written.") from error
    return lock


def _take(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = lock.read(20).strip() or "unknown"
        raise StoreError(
            f"Another GembaLens (process {holder}) writes to {path}. Stop it, or give this one another data folder; one record has one writer."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """What a disk can do to us, as a sentence. A broken constraint or a wrong statement is a bug and stays one."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        sentence = _FAULTS.get(code) or _FAULTS.get(code & 0xFF)  # the primary code; the rest tells the flavour
        if sentence is None:
            raise
        raise StoreError(f"{sentence} ({path}: {error}) Nothing of this step was kept.") from error


_UNFLUSHED = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
_FULL = "The disk is full; free some space and save again."
_FAULTS = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,  # no room for the index of the write-ahead log
    sqlite3.SQLITE_IOERR: "The disk failed while the record was read or written; look after it before you go on.",
    sqlite3.SQLITE_READONLY: "The record cannot be written here; check the rights of its folder.",
    sqlite3.SQLITE_CANTOPEN: "The record cannot be opened; check that its folder is there and may be written.",
    sqlite3.SQLITE_BUSY: "Another program holds the record; close it and try again.",
    sqlite3.SQLITE_CORRUPT: "The record is damaged; restore the last backup.",
    sqlite3.SQLITE_NOTADB: "This file is no record of ours; choose another data folder.",
    sqlite3.SQLITE_PERM: "The record may not be opened; check the rights of its folder.",
}
