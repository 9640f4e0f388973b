"""Brings a backup back into an empty data folder, after all of it was checked. Never over something that is there.

The record comes last, and a mark lies in the folder until everything is on the disk: a restore that broke off is seen and begun anew,
and no program takes the half of it for an empty record.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from annotations import audit, migrations, rows
from annotations.keeping import manifest, scrubbing
from annotations.keeping.backup import take
from annotations.keeping.manifest import Backup, kept_at
from annotations.store import FILE, RESTORING, Store, connect, hold
from core.durable import flush
from core.errors import StoreError
from core.frames import Vault

_OURS = (RESTORING, f"{FILE}.lock", "lost+found")  # what may lie in an empty folder; the last is the file system's own
_TOLD = 5  # faults that are named; the rest is counted
_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back."""

    backup: Backup
    frames: int
    schema: int  # of the record now


def verify(folder: Path) -> Backup:
    """Every byte of a backup, held against its manifest. Raises StoreError that names what is wrong."""
    made = manifest.read(folder)
    if made.schema > max(migrations.STEPS):
        raise StoreError(
            f"{folder} was made by a newer GembaLens (its shape has number {made.schema}, this one knows {max(migrations.STEPS)}). "
            "Use that one; nothing was changed."
        )
    try:
        wrong = [*_files(made), *_record(made)]
    except OSError as error:
        raise StoreError(f"The backup {folder} cannot be read: {error.strerror}.") from error
    if wrong:
        more = f" ... and {len(wrong) - _TOLD} more." if len(wrong) > _TOLD else ""
        raise StoreError(f"The backup {folder} is damaged. {' '.join(wrong[:_TOLD])}{more} Choose another one; nothing was changed.")
    return made


def restore(folder: Path, data: Path, *, by: str, now: datetime, link: bool = True) -> Restored:
    """Bring a backup back into a data folder that is empty or not there yet; the record is opened once and says so in its audit.

    Raises StoreError; a folder that holds something is never touched.
    """
    _refuse_full(data)
    made = verify(folder)
    try:
        with closing(hold(data / FILE)):
            _clear(data)
            (data / RESTORING).write_text(f"{folder.absolute()}\n", "utf-8")
            flush(data)
            frames = _bring(made, data, link=link)
            (data / RESTORING).unlink()
            flush(data)
    except OSError as error:
        raise StoreError(
            f"The backup could not be brought back into {data}: {error.strerror or error}. Make room and run it again."
        ) from error
    with Store(data / FILE) as store, store.writing() as connection:
        after = {"stated": rows.moment(made.stated), "seq": made.audit[0], "chain": made.audit[1], "frames": frames}
        audit.note(connection, "restored", who=by, at=rows.moment(now), subject=made.folder.name, after=after)
        return Restored(made, frames, migrations.version(connection))


def _refuse_full(data: Path) -> None:
    if not data.exists() or (data / RESTORING).exists():
        return
    there = [each.name for each in data.iterdir() if each.name not in _OURS] if data.is_dir() else [data.name]
    if there:
        raise StoreError(f"{data} is not empty ({there[0]} ...). A backup comes back into an empty folder only; nothing was changed.")


def _clear(data: Path) -> None:
    """Take away what a restore left that broke off; only in a folder that is marked as such."""
    if not (data / RESTORING).exists():
        return
    for each in data.iterdir():
        if each.name in _OURS:
            continue
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()


def _bring(made: Backup, data: Path, *, link: bool) -> int:
    """Frames, what lies beside the record, and the record at the end; how many frames."""
    vault = Vault(data)
    ids = [each for each in _ids(made.folder / FILE) if each not in made.left_out]
    folders = sorted({vault.place(each).parent for each in ids})
    for place in folders:
        place.mkdir(parents=True, exist_ok=True)

    def one(frame_id: str) -> None:
        if take(kept_at(made.folder, frame_id), vault.place(frame_id), link=link) != frame_id:
            raise StoreError(f"The frame {frame_id[:12]} changed while it was brought back. Look after the disk and run the restore again.")

    with ThreadPoolExecutor(_WORKERS) as pool:
        for _ in pool.map(one, ids):
            pass
    for name in made.files:
        if name != FILE:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            take(made.folder / name, data / name, link=False)
    for place in {*folders, vault.frames, *((data / name).parent for name in made.files)}:
        flush(place)
    half = data / f"{FILE}.half"
    take(made.folder / FILE, half, link=False)
    half.replace(data / FILE)
    flush(data)
    return len(ids)


def _files(made: Backup) -> Iterator[str]:
    for name, sha256 in made.files.items():
        place = made.folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            yield f"It names a file outside itself ({name})."
        elif not place.is_file():
            yield f"{name} is missing."
        elif _hash(place) != sha256:
            yield f"{name} is not what was written."


def _record(made: Backup) -> Iterator[str]:
    """The record by itself, and its frames."""
    place = made.folder / FILE
    if not place.is_file():
        return  # told already
    try:
        with closing(connect(f"{place.absolute().as_uri()}?mode=ro&immutable=1")) as connection:
            yield from scrubbing.structure(connection)
            if migrations.version(connection) >= scrubbing.AUDITED and audit.head(connection) != made.audit:
                yield "The audit does not end where the manifest says."
    except sqlite3.DatabaseError as error:
        yield f"The record cannot be read ({error})."
        return
    ids = [each for each in _ids(place) if each not in made.left_out]
    if manifest.digest_of(ids) != made.frames:
        yield "Its frames are not those of the manifest."
    with ThreadPoolExecutor(_WORKERS) as pool:
        for frame_id, fault in zip(ids, pool.map(lambda each: _frame(kept_at(made.folder, each)), ids), strict=True):
            if fault:
                yield f"The frame {frame_id[:12]} {fault}."


def _frame(place: Path) -> str | None:
    try:
        return None if _hash(place) == place.name else "is damaged"
    except FileNotFoundError:
        return "is missing"


def _ids(record: Path) -> list[str]:
    with closing(connect(f"{record.absolute().as_uri()}?mode=ro&immutable=1")) as connection, suppress(sqlite3.DatabaseError):
        return [row["id"] for row in connection.execute("SELECT id FROM frames ORDER BY id")]
    return []


def _hash(place: Path) -> str:
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
