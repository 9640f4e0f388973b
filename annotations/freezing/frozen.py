"""Reads frozen data sets out of the record: which there are, and frame by frame what was true when each was frozen. Makes none and changes none."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson

from annotations import audit, rows
from annotations.store import Reader
from core.errors import NotFound
from core.schema import Reviewed

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
"""What teaches, what a training is watched by, and what judges."""

_AT_ONCE = 500  # frames that one look at the record gathers


@dataclass(frozen=True, slots=True)
class Held:
    """A frame of a frozen set: the part it is in, its scene when the set was frozen, and the correction that was fixed for it."""

    part: Part
    scene: int  # frames of one scene share this number
    reviewed: Reviewed
    correction: int  # number of the correction in the record


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen set."""

    name: str
    digest: str  # SHA-256 over what is in it: the same content gives the same digest under any name
    profile: str  # key of the profile in whose words it was judged
    frames: int  # when it was frozen
    note: str
    by: str
    at: datetime  # UTC
    parts: Mapping[str, int]  # frames of each part when it was frozen
    split: Mapping[str, Any] = field(default_factory=dict)  # how it was split: shares, by_what, seed, groups, kept, left_out ...


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a set still is what was frozen. Frames that were erased since are missing in it by right; the rest is held all the same."""

    digest: str  # as it was frozen
    found: str  # as its rows give it now
    erased: int  # frames that were in it and are in the record no more

    @property
    def sound(self) -> bool:
        """Nothing was added, changed or moved, and nothing is missing."""
        return self.digest == self.found

    @property
    def words(self) -> str:
        """What was found, in a sentence."""
        if self.sound:
            return "This data set is what was frozen: its digest is the same."
        if self.erased:
            return (
                f"{self.erased} frames of this data set were erased since it was frozen, so it is smaller than it was and has another digest. "
                "Freeze a new one before you train again."
            )
        return "This data set is not what was frozen: its digest is another one. Restore the last backup."


def every(reader: Reader) -> tuple[Frozen, ...]:
    """All sets, the latest first."""
    with reader.reading() as connection:
        found = connection.execute("SELECT * FROM datasets ORDER BY seq DESC").fetchall()
    return tuple(_frozen(row) for row in found)


def one(reader: Reader, name: str) -> Frozen:
    """A set. Raises NotFound."""
    with reader.reading() as connection:
        return _frozen(row_of(connection, name))


def frames_of(reader: Reader, name: str, part: str | None = None) -> Iterator[Held]:
    """Frame by frame, by frame id, those of a part or all; the same each time. Frames that were erased since are not there. Raises NotFound.

    Some hundreds are in memory at a time, and nobody waits while a caller works.
    """
    with reader.reading() as connection:
        number = row_of(connection, name)["seq"]
        last, end = connection.execute("SELECT min(seq) - 1, max(seq) FROM dataset_frames WHERE dataset = ?", (number,)).fetchone()
    return iter(()) if last is None else _walk(reader, number, last, end, part)


def row_of(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """The row of a set. Raises NotFound."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM datasets WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(f'There is no data set "{name[:80]}". `launch.py dataset list` tells which there are.')
    return row


def digest_of(content: Iterable[tuple[str, str, str]]) -> str:
    """SHA-256 over (frame id, stamp of the correction, part), by frame id: what a set says, whatever its name and its numbers.

    The stamp is the one by which the audit vouches for a correction (`audit.stamp`), so a changed byte of a correction is found too.
    """
    whole = hashlib.sha256()
    for frame_id, stamp, part in sorted(content):
        whole.update(f"{frame_id} {stamp} {part}\n".encode())
    return whole.hexdigest()


def verify(reader: Reader, name: str) -> Verified:
    """The digest of a set as its rows give it now. Raises NotFound."""
    columns = ", ".join(f"c.{column}" for column in audit.ROWS["corrections"])
    with reader.reading() as connection:
        row = row_of(connection, name)
        found = connection.execute(
            f"SELECT f.id, d.part, {columns} FROM dataset_frames d JOIN frames f ON f.seq = d.frame JOIN corrections c ON c.seq = d.correction "  # noqa: S608 - columns of ours
            "WHERE d.dataset = ?",
            (row["seq"],),
        )
        content = [(each[0], audit.stamp(tuple(each)[2:]), each[1]) for each in found]
    return Verified(row["digest"], digest_of(content), row["frames"] - len(content))


_HELD = (
    "SELECT d.seq AS place, d.part, d.scene, d.correction, f.id AS frame_id, c.* FROM dataset_frames d "
    "JOIN corrections c ON c.seq = d.correction JOIN frames f ON f.seq = d.frame "
    "WHERE d.dataset = ? AND d.seq > ? AND d.seq <= ? {} ORDER BY d.seq LIMIT ?"
)
_FRAMES = "SELECT f.* FROM dataset_frames d JOIN frames f ON f.seq = d.frame WHERE d.dataset = ? AND d.seq >= ? AND d.seq <= ?"


def _walk(reader: Reader, number: int, last: int, end: int, part: str | None) -> Iterator[Held]:
    """The rows of a set stand in the order of frame ids (`making` writes them so), and none ever changes."""
    asked = _HELD.format("" if part is None else "AND d.part = ?")
    while True:
        values = (number, last, end, *(() if part is None else (part,)), _AT_ONCE)
        with reader.reading() as connection:
            found = connection.execute(asked, values).fetchall()
            if not found:
                return
            span = (number, found[0]["place"], found[-1]["place"])
            frames = {row["id"]: rows.to_frame(row) for row in connection.execute(_FRAMES, span)}
        for row in found:
            frame = frames[row["frame_id"]]
            yield Held(row["part"], row["scene"], Reviewed(frame, rows.to_correction(row, frame.id)), row["correction"])
        last = found[-1]["place"]


def _frozen(row: sqlite3.Row) -> Frozen:
    body = orjson.loads(row["body"])
    at = datetime.fromisoformat(row["at"])
    return Frozen(row["name"], row["digest"], row["profile"], row["frames"], row["note"], row["who"], at, body["parts"], body["split"])
