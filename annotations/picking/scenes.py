"""Which frames show one and the same: scenes, for splits, the promise and the bootstrap alike. Grows frame by frame; looks at no pixel and no label.

Two frames are of one scene when their perceptual hashes differ in at most NEAR bits (near-duplicates, whenever they were taken), or when one
camera took them within SECONDS and they differ in at most SIMILAR bits (one incident). Scenes are joined (union-find), a frame at a time in
the order of arrival, so a record that grew by and by has the scenes of one that was filled at once.

The thresholds were chosen by looking at the 172 photographs of the tools bench, all of one fixed camera: pairs of unlike frames differ in
18 bits in the middle, pairs taken within 5 seconds in 10, and from 4 on frames minutes apart are alike that show the same bench with
another tool (at 4 a chain of such holds 31 of the 172, at 6 it holds 57, at 2 the largest scene has 6). With both rules they are 51 scenes of up to 19.
A film of a still bench would become one scene of a day by the second rule, so that never joins what would last longer than LONGEST.
"""

from __future__ import annotations

import bisect
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

import numpy as np
import orjson
from numpy.typing import NDArray

from core.prints import near, of_signed

NEAR, SIMILAR = 2, 10  # bits of 64
SECONDS, LONGEST = 15.0, 300.0

_TRAILING = re.compile(r"(?:(?:^|[\W_]+)\d+)+$")
_GLUED = re.compile(r"\d{3,}$")

_FRAMES = (
    "SELECT p.frame, p.phash, s.scene, f.taken_at, f.source, f.site, f.name FROM prints p CROSS JOIN frames f ON f.seq = p.frame "
    "LEFT JOIN scenes s ON s.frame = p.frame"
)


def scene_of(connection: sqlite3.Connection, frames: Iterable[int]) -> dict[int, int]:
    """The scene of each of these frames, by their numbers in the record. One that nobody looked at yet is a scene of its own, of its own number."""
    asked = list(frames)
    found = connection.execute(
        "SELECT s.frame, s.scene FROM json_each(?) j CROSS JOIN scenes s ON s.frame = j.value", (orjson.dumps(asked).decode(),)
    )
    known = {row["frame"]: row["scene"] for row in found}
    return {frame: known.get(frame, frame) for frame in asked}


def camera_of(source: str, site: str, name: str) -> str:
    """What stands for a camera: site, source, and what a file's name says before its numbers.

    >>> camera_of("folder", "hall 2", "cam1_2023-11-02_15-04-43.jpg"), camera_of("upload", "", "IMG2034.jpg"), camera_of("upload", "", "20231102.jpg")
    ('hall 2|folder|cam1', '|upload|img', '|upload|')
    """
    stem = name.rpartition(".")[0] or name
    shorter = _TRAILING.sub("", stem)
    if shorter == stem:
        shorter = _GLUED.sub("", stem)
    return f"{site}|{source}|{shorter.casefold()}"


@dataclass(frozen=True, slots=True)
class Looked:
    """A frame as scenes are told from it."""

    frame: int  # its number
    phash: int  # 64 bits, signed
    camera: str
    taken: float | None  # seconds of the camera's own clock; None: not known, and then nothing is near it in time


class Scenes:
    """All frames with a print, and which belong together. Not safe for several threads."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._frames: list[int] = []
        self._prints = np.zeros(0, np.uint64)
        self._taken: list[float | None] = []
        self._line: dict[str, list[tuple[float, int]]] = {}  # by camera: (time, row), in order
        self._root: list[int] = []  # by row: a row nearer the root of its scene
        self._members: dict[int, list[int]] = {}  # by root
        self._span: dict[int, tuple[float, float]] = {}  # by root: first and last second
        self._number: dict[int, int] = {}  # by root
        self._root_of: dict[int, int] = {}  # by number
        self._seen = (0, 0)  # prints in the record, and erasures, when it was last looked at

    def extend(self, connection: sqlite3.Connection) -> int:
        """Give a scene to every print that has none; how many those were. Inside the writing transaction."""
        self._catch_up(connection)
        found = connection.execute(f"{_FRAMES} WHERE s.scene IS NULL ORDER BY p.frame").fetchall()
        changed = self.add([_looked(row) for row in found])
        connection.executemany(
            "INSERT INTO scenes (frame, scene) VALUES (?, ?) ON CONFLICT (frame) DO UPDATE SET scene = excluded.scene", changed.items()
        )
        self._seen = (len(self._frames), self._seen[1])
        return len(found)

    def add(self, frames: Sequence[Looked]) -> dict[int, int]:
        """Take in frames that are new, in this order. Frame -> scene, of all whose scene is new or another than before."""
        if not frames:
            return {}
        known = len(self._frames)
        fresh = of_signed([each.phash for each in frames])
        self._prints = np.concatenate([self._prints, fresh])
        alike = self._near_duplicates(fresh, known)
        moved: set[int] = set()
        for row, each in enumerate(frames, known):
            self._settle(row, each, moved)
            for other in alike.get(row, ()):
                moved |= self._join(row, other)
            for other in self._one_incident(row, each):
                moved |= self._join(row, other, LONGEST)
            if each.taken is not None:
                bisect.insort(self._line.setdefault(each.camera, []), (each.taken, row))
        return {self._frames[row]: self._number[self._find(row)] for row in sorted(moved)}

    def _near_duplicates(self, fresh: NDArray[np.uint64], known: int) -> dict[int, list[int]]:
        """Of each new row the earlier ones that are nearly the same; of those that are the same to the bit only the first."""
        different, first = np.unique(self._prints, return_index=True)
        found: dict[int, list[int]] = {}
        left, right, _ = near(fresh, different, NEAR)
        for row, other in zip((left + known).tolist(), first[right].tolist(), strict=True):
            if other < row:
                found.setdefault(row, []).append(other)
            elif other > row:  # found from the one that came first; the later one is to be joined to it
                found.setdefault(other, []).append(row)
        return {row: sorted(others) for row, others in found.items()}

    def _one_incident(self, row: int, each: Looked) -> list[int]:
        if each.taken is None:
            return []
        line = self._line.get(each.camera, [])
        begin, end = (bisect.bisect(line, (each.taken + by, inf)) for by in (-SECONDS - 1e-9, SECONDS))
        rows = [other for _, other in line[begin:end]]
        if not rows:
            return []
        apart = np.bitwise_count(self._prints[rows] ^ self._prints[row])
        return [
            other for other, bits in sorted(zip(rows, apart.tolist(), strict=True), key=lambda pair: (pair[1], pair[0])) if bits <= SIMILAR
        ]

    def _settle(self, row: int, each: Looked, moved: set[int]) -> None:
        """A scene of its own, for now."""
        taken = each.taken
        self._frames.append(each.frame)
        self._taken.append(taken)
        self._root.append(row)
        self._members[row] = [row]
        self._span[row] = (inf, -inf) if taken is None else (taken, taken)
        moved.add(row)
        self._call(row, each.frame, moved)

    def _call(self, root: int, number: int, moved: set[int]) -> None:
        """Give a scene its number. One that another scene still bears, after the frame of that number, goes over and the other gets a living one's."""
        other = self._root_of.get(number)
        if other is not None and other != root:
            rest = min(self._frames[row] for row in self._members[other] if self._frames[row] != number)
            moved |= set(self._members[other])
            self._call(other, rest, moved)
        self._number[root] = number
        self._root_of[number] = root

    def _find(self, row: int) -> int:
        while self._root[row] != row:
            self._root[row] = row = self._root[self._root[row]]
        return row

    def _join(self, one: int, other: int, longest: float = inf) -> set[int]:
        """Make two scenes one, that of the lower number; the rows that moved. Nothing when it would last longer than so many seconds."""
        first, second = self._find(one), self._find(other)
        if first == second:
            return set()
        span = min(self._span[first][0], self._span[second][0]), max(self._span[first][1], self._span[second][1])
        if span[1] - span[0] > longest:
            return set()
        if self._number[first] > self._number[second]:
            first, second = second, first
        self._root[second] = first
        moved = self._members.pop(second)
        self._members[first] += moved
        self._span[first] = span
        del self._span[second], self._root_of[self._number.pop(second)]
        return set(moved)

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        """Read what the record knows already, at the first time and after frames were erased."""
        erased = connection.execute("SELECT coalesce(max(seq), 0) FROM erasures").fetchone()[0]
        known = connection.execute("SELECT count(*) FROM scenes").fetchone()[0]
        if self._seen == (known, erased):
            return
        self._forget()
        found = connection.execute(f"{_FRAMES} WHERE s.scene IS NOT NULL ORDER BY p.frame").fetchall()
        self._prints = of_signed([row["phash"] for row in found])
        for row, said in enumerate(found):
            each = _looked(said)
            root = self._root_of.setdefault(said["scene"], row)
            self._frames.append(each.frame)
            self._taken.append(each.taken)
            self._root.append(root)
            self._members.setdefault(root, []).append(row)
            self._number[root] = said["scene"]
            first, last = self._span.get(root, (inf, -inf))
            if each.taken is not None:
                first, last = min(first, each.taken), max(last, each.taken)
                self._line.setdefault(each.camera, []).append((each.taken, row))
            self._span[root] = (first, last)
        for line in self._line.values():
            line.sort()
        self._seen = (known, erased)


def seconds(taken_at: str | None) -> float | None:
    """A camera's own time as seconds; its zone is not known, and only differences count.

    >>> seconds("1970-01-01T00:01:00"), seconds(None)
    (60.0, None)
    """
    if taken_at is None:
        return None
    at = datetime.fromisoformat(taken_at)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _looked(row: sqlite3.Row) -> Looked:
    return Looked(row["frame"], row["phash"], camera_of(row["source"], row["site"], row["name"]), seconds(row["taken_at"]))
