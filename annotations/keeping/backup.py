"""A backup of a whole data folder while people work in it: one moment of the record, and every frame that it speaks of. Brings nothing back.

The record is read through SQLite's own online backup, inside one snapshot, so the writer never waits and every write that was
acknowledged before the stated moment is in. Frames never change, so they are taken after it: linked where the file system allows,
else copied, and hashed either way. The manifest comes last and the folder gets its name after it: what has a name is whole.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

from annotations import audit, migrations
from annotations.keeping import manifest
from annotations.keeping.manifest import HALF, KEPT_DAYS, Backup, kept_at
from annotations.store import FILE, Reader, connect
from core.durable import flush
from core.errors import StoreError
from core.frames import Vault

_PAGES = 2000  # of the record at a time; between them others get the disk
_PAUSE_SECONDS = 0.002
_WORKERS = 4  # hashing and flushing wait for the disk in turns
_CHUNK = 2**20


def back_up(
    data: Path,
    to: Path,
    *,
    beside: Sequence[str] = (),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    keep_days: int | None = KEPT_DAYS,
    link: bool = True,
) -> Backup:
    """Back a data folder up into a new folder below `to`; `beside`: further files and folders of it that matter.

    Raises StoreError; nothing but a folder that says of itself that it is half done can be left then, and the next backup sweeps it.
    """
    with Reader(data / FILE) as reader, _in_words(to):
        to.mkdir(parents=True, exist_ok=True)
        sweep(to)
        stated = clock()
        with _half_done(to, stated) as half:
            schema, head = _take_record(reader, half / FILE)
            files = {FILE: _hash(half / FILE)} | _take_beside(data, half, beside)
            ids, counts = _contents(half / FILE)
            left_out = _take_frames(Vault(data).place, half, ids, link=link)
            here = [each for each in ids if each not in left_out]
            counts |= {"frame_files": len(here), "frame_bytes": sum(kept_at(half, each).stat().st_size for each in here)}
            expires = None if keep_days is None else stated + timedelta(days=keep_days)
            made = Backup(half, stated, expires, schema, head, counts, files, manifest.digest_of(here), left_out)
            manifest.settle(made)
            folder = _named(half, to, stated)
    made = manifest.read(folder)
    manifest.remember(data, made)
    return made


def sweep(to: Path) -> list[Path]:
    """Remove what broken-off backups left below a folder, but not one that is being made just now; what was removed."""
    gone = []
    for half in sorted(to.glob(f"gembalens-*{HALF}")):
        handle = os.open(half, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)
        shutil.rmtree(half)
        gone.append(half)
    return gone


def take(source: Path, target: Path, *, link: bool) -> str:
    """A file at another place, the same bytes: a link where that is possible and wanted, else a flushed copy. Its SHA-256."""
    if link and _linked(source, target):
        return _hash(target)
    hashed = hashlib.sha256()
    with source.open("rb") as read_from, target.open("xb") as written:
        while chunk := read_from.read(_CHUNK):
            hashed.update(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    return hashed.hexdigest()


def _linked(source: Path, target: Path) -> bool:
    """False: the target is on another file system, or on one without links."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES):
            raise
        return False
    return True


def _take_record(reader: Reader, target: Path) -> tuple[int, tuple[int, str]]:
    """The record as of one moment; its shape, and the last entry of its audit."""
    with reader.reading() as connection:
        head = audit.head(connection)  # the first read: the moment begins here
        try:
            migrations.write_out(connection, target, _PAGES, partial(time.sleep, _PAUSE_SECONDS))
        except sqlite3.OperationalError as error:  # of the copy; a damaged record is a DatabaseError and is told as that
            raise StoreError(f"The backup could not be written to {target.parent}: {error}. Nothing whole was left there.") from error
        return migrations.version(connection), head


def _take_beside(data: Path, half: Path, beside: Sequence[str]) -> dict[str, str]:
    files = {}
    for name in beside:
        place = data / name
        for source in sorted(each for each in place.rglob("*") if each.is_file()) if place.is_dir() else [place]:
            if source.is_file():
                target = half / source.relative_to(data)
                target.parent.mkdir(parents=True, exist_ok=True)
                files[str(source.relative_to(data))] = take(source, target, link=False)  # such files are written over: a link would follow
    return files


def _contents(record: Path) -> tuple[list[str], dict[str, int]]:
    """Ids of the frames, sorted, and how many rows each table has."""
    connection = connect(f"{record.as_uri()}?mode=ro")
    try:
        ids = [row["id"] for row in connection.execute("SELECT id FROM frames ORDER BY id")]
        tables = [
            row["name"]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%\\_%' ESCAPE '\\'")
        ]
        counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in sorted(tables)}  # noqa: S608 - names of our own steps
    finally:
        connection.close()
    return ids, counts


def _take_frames(place: Callable[[str], Path], half: Path, ids: Sequence[str], *, link: bool) -> dict[str, str]:
    """The bytes of frames; those that cannot be had, and why. A damaged frame must not keep the others from being backed up."""
    folders = sorted({kept_at(half, each).parent for each in ids})
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)

    def one(frame_id: str) -> tuple[str, str | None]:
        target = kept_at(half, frame_id)
        try:
            if take(place(frame_id), target, link=link) == frame_id:
                return frame_id, None
        except FileNotFoundError:
            return frame_id, "missing"
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        target.unlink(missing_ok=True)
        return frame_id, "damaged"

    with ThreadPoolExecutor(_WORKERS) as pool:
        left_out = {frame_id: why for frame_id, why in pool.map(one, ids, chunksize=1) if why is not None}
    for folder in {each.parent for each in folders} | set(folders):
        flush(folder)
    return left_out


def _named(half: Path, to: Path, stated: datetime) -> Path:
    """The folder under its name; a second one of the same second gets a number."""
    name = half.name.removesuffix(HALF)
    for number in count(1):
        folder = to / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            half.replace(folder)
            flush(to)
            return folder
    raise AssertionError(stated)


@contextmanager
def _half_done(to: Path, stated: datetime) -> Iterator[Path]:
    """A folder that says that it is half done, locked as long as this process works on it; gone when the work fails."""
    name = f"gembalens-{stated.astimezone(UTC):%Y%m%d-%H%M%S}"
    half = next(place for number in count() if not (place := to / f"{name}{f'-{number}' if number else ''}{HALF}").exists())
    half.mkdir()
    handle = os.open(half, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield half
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _hash(place: Path) -> str:
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _in_words(place: Path) -> Iterator[None]:
    """The system's refusal as a sentence."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The backup could not be written to {place}: {error.strerror or error}. Nothing whole was left there.") from error
    except sqlite3.Error as error:
        raise StoreError(f"The backup could not be written to {place}: {error}. Nothing whole was left there.") from error
