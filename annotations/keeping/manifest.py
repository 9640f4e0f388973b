"""What a backup says of itself, and which backups there are of a data folder. Makes none and brings none back."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from annotations import audit
from annotations.rows import moment
from annotations.store import FILE
from core.durable import flush, write
from core.errors import StoreError
from core.rights import LOCAL

MANIFEST = "manifest.json"
LIST = "backups.json"
"""In the data folder: which backups were made of it, so that its age can be told and an erasure can name them."""

KIND = "gembalens-backup"
FORMAT = 1
KEPT_DAYS = 90
HALF = ".partial"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a manifest says."""

    folder: Path
    stated: datetime  # UTC; every write acknowledged before is in
    expires: datetime | None  # UTC; None: kept until somebody removes it
    schema: int
    audit: tuple[int, str]  # number and chain of the last entry
    counts: dict[str, int]  # rows of each table, frames' files and their bytes
    files: dict[str, str]  # path below the folder -> SHA-256; frames are named by theirs and not listed
    frames: str  # SHA-256 over the sorted ids of the frames whose bytes are here
    left_out: dict[str, str]  # frame id -> missing or damaged: what the data folder itself no longer had


def read(folder: Path) -> Backup:
    """What the manifest of a backup says. Raises StoreError for a folder that is no backup, a half one, or one of a newer program."""
    try:
        if folder.name.endswith(HALF):
            raise FileNotFoundError(folder)  # killed just before it got its name
        said = orjson.loads((folder / MANIFEST).read_bytes())
        if said["kind"] != KIND:
            raise ValueError(said["kind"])
        if said["format"] > FORMAT:
            raise StoreError(f"{folder} was written by a newer GembaLens. Use that one to bring it back; nothing was changed.")
        said["audit"] = tuple(said["audit"])
        for moment in ("stated", "expires"):
            said[moment] = said[moment] and datetime.fromisoformat(said[moment])
        return Backup(folder=folder, **{name: said[name] for name in Backup.__slots__ if name != "folder"})
    except FileNotFoundError as error:
        half = " It was broken off half-way." if (folder / FILE).exists() or folder.name.endswith(HALF) else ""
        raise StoreError(f"{folder} is no whole backup.{half} Choose another one.") from error
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{folder / MANIFEST} is damaged or none of ours. Choose another backup.") from error


def found(to: Path) -> list[Backup]:
    """The whole backups below a folder, oldest first. What cannot be read as one is passed over."""
    whole = []
    for folder in sorted(to.glob("gembalens-*")):
        if folder.suffix != HALF:
            with suppress(StoreError):
                whole.append(read(folder))
    return sorted(whole, key=lambda each: (each.stated, each.folder.name))


def prune(to: Path, *, now: datetime, keep: int) -> list[Path]:
    """Remove backups whose time is over, but never the newest `keep` (1 at least); what was removed."""
    old = [each for each in found(to)[: -max(keep, 1)] if each.expires is not None and each.expires <= now]
    try:
        for each in old:
            going = each.folder.with_name(f"{each.folder.name}{HALF}")
            each.folder.replace(going)  # a removal that breaks off leaves no whole-looking backup
            shutil.rmtree(going)
    except OSError as error:
        raise StoreError(f"An old backup in {to} could not be removed: {error.strerror or error}.") from error
    return [each.folder for each in old]


def settle(made: Backup) -> None:
    """Flush the record and the folder, then write the manifest, whole and last."""
    flush(made.folder / FILE)
    flush(made.folder)
    said = {"kind": KIND, "format": FORMAT} | asdict(made)
    del said["folder"]
    write(made.folder / MANIFEST, orjson.dumps(said, option=orjson.OPT_INDENT_2))


def known(data: Path) -> list[dict[str, Any]]:
    """The backups that were made of a data folder: folder, stated, expires, seq and chain of the audit; oldest first."""
    try:
        said = orjson.loads((data / LIST).read_bytes())
        return [each for each in said if isinstance(each, dict)]
    except (OSError, ValueError, TypeError):
        return []


def note_new(connection: sqlite3.Connection, data: Path) -> int:
    """Tell the audit of backups that it has not heard of: who makes one only reads, so the next one that writes tells it. How many."""
    told = {row["subject"] for row in connection.execute("SELECT subject FROM audit WHERE action = 'backed up'")}
    new = [each for each in known(data) if Path(each["folder"]).name not in told]
    for each in new:
        after = {key: each[key] for key in ("stated", "expires", "seq", "chain", "frames")}
        audit.note(connection, "backed up", who=LOCAL, at=moment(datetime.now(UTC)), subject=Path(each["folder"]).name, after=after)
    return len(new)


def age_seconds(data: Path, now: datetime) -> float | None:
    """How old the newest backup's stated moment is; None: there was never one."""
    stated = [datetime.fromisoformat(each["stated"]) for each in known(data) if "stated" in each]
    return max(0.0, (now - max(stated)).total_seconds()) if stated else None


def kept_at(folder: Path, frame_id: str) -> Path:
    """Where a backup keeps a frame."""
    return folder / "frames" / frame_id[:2] / frame_id


def digest_of(ids: Sequence[str]) -> str:
    """What stands for a set of frames: SHA-256 over their ids in order."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def remember(data: Path, made: Backup) -> None:
    """Write a backup into the data folder's list. The backup is good without it, so a folder that cannot be written is no failure."""
    line: dict[str, object] = {
        "folder": str(made.folder.absolute()),
        "stated": made.stated.isoformat(),
        "expires": made.expires and made.expires.isoformat(),
    }
    line |= {"seq": made.audit[0], "chain": made.audit[1], "frames": made.counts["frame_files"]}
    with suppress(OSError):
        write(data / LIST, orjson.dumps([*known(data), line], option=orjson.OPT_INDENT_2))
