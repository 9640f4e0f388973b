"""What is on both sides of a frozen split, or looks so: the same scene, near-duplicates, frames that taught before. Tells; it moves nothing.

Near-duplicates are told by the perceptual hashes of the record. What has none cannot be told, and that is said too: silence here means that all were looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from annotations.freezing.frozen import PARTS, row_of
from annotations.picking.scenes import NEAR
from annotations.store import Reader
from core.prints import near, of_signed

SHOWN = 3  # examples in a sentence


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that is on both sides, or could not be told."""

    kind: str  # scene, scene now, same picture, near-duplicate, taught before, not looked at
    parts: tuple[str, ...]
    count: int  # pairs of frames; of scenes for scenes, of frames for the last two
    examples: tuple[str, ...]  # frame ids, each beside what it is like
    words: str


def leaks(reader: Reader, name: str) -> tuple[Leak, ...]:
    """Everything that was found, the surest first; empty: every frame was looked at and nothing is on both sides. Raises NotFound."""
    with reader.reading() as connection:
        number = row_of(connection, name)["seq"]
        found = connection.execute(_HELD, (number,)).fetchall()
        taught = connection.execute(_TAUGHT, (number, number)).fetchall()
    return (*_scenes(found), *_alike(found), *_taught_before(taught), *_unseen(found))


_HELD = (
    "SELECT f.id, d.part, d.scene, coalesce(g.scene, d.scene) AS now, p.phash, f.width, f.height FROM dataset_frames d JOIN frames f ON f.seq = d.frame "
    "LEFT JOIN scenes g ON g.frame = d.frame LEFT JOIN prints p ON p.frame = d.frame WHERE d.dataset = ? ORDER BY f.id"
)
_TAUGHT = (
    "SELECT DISTINCT f.id, s.name FROM dataset_frames d JOIN dataset_frames e ON e.frame = d.frame AND e.part <> 'test' JOIN datasets s ON s.seq = e.dataset "
    "JOIN frames f ON f.seq = d.frame WHERE d.dataset = ? AND d.part = 'test' AND e.dataset < ? ORDER BY s.seq, f.id"
)


def _scenes(found: Sequence[sqlite3.Row]) -> Iterator[Leak]:
    for column, kind, when in (("scene", "scene", ""), ("now", "scene now", ", as scenes are known now")):
        where: dict[int, dict[str, str]] = {}
        for row in found:
            where.setdefault(row[column], {}).setdefault(row["part"], row["id"])
        crossing = [ids for ids in where.values() if len(ids) > 1]
        if crossing:
            parts = tuple(part for part in PARTS if any(part in ids for ids in crossing))
            shown = tuple(frame_id for ids in crossing[:SHOWN] for frame_id in ids.values())
            words = f"{len(crossing)} scenes are in several parts{when} ({_listed(shown)})."
            yield Leak(kind, parts, len(crossing), shown, words)
            return  # what is on both sides by the split is so by today's scenes too


def _alike(found: Sequence[sqlite3.Row]) -> Iterator[Leak]:
    known = {part: [row for row in found if row["part"] == part and row["phash"] is not None] for part in PARTS}
    for one, other in combinations(PARTS, 2):
        same: list[tuple[str, str]] = []
        near: list[tuple[str, str]] = []
        for a, b, distance in _near_pairs(known[one], known[other]):
            identical = distance == 0 and (a["width"], a["height"]) == (b["width"], b["height"])
            (same if identical else near).append((a["id"], b["id"]))
        for kind, pairs, what in (
            ("same picture", same, "look the same"),
            ("near-duplicate", near, f"differ in at most {NEAR} bits of their looks"),
        ):
            if pairs:
                shown = tuple(frame_id for pair in pairs[:SHOWN] for frame_id in pair)
                words = f"{len(pairs)} pairs of a frame in {one} and one in {other} {what} ({_listed(shown)})."
                yield Leak(kind, (one, other), len(pairs), shown, words)


def _near_pairs(a: Sequence[sqlite3.Row], b: Sequence[sqlite3.Row]) -> Iterator[tuple[Any, Any, int]]:
    """Every pair whose hashes are near."""
    left, right, apart = near(of_signed([row["phash"] for row in a]), of_signed([row["phash"] for row in b]), NEAR)
    for i, j, distance in zip(left.tolist(), right.tolist(), apart.tolist(), strict=True):
        yield a[i], b[j], distance


def _taught_before(taught: Sequence[sqlite3.Row]) -> Iterator[Leak]:
    names = list(dict.fromkeys(row["name"] for row in taught))
    for name in names:
        ids = tuple(row["id"] for row in taught if row["name"] == name)
        words = f'{len(ids)} test frames taught or validated in "{name}" ({_listed(ids[:SHOWN])}): what was trained on it must not be judged by them.'
        yield Leak("taught before", ("test",), len(ids), ids[:SHOWN], words)


def _unseen(found: Sequence[sqlite3.Row]) -> Iterator[Leak]:
    ids = tuple(row["id"] for row in found if row["phash"] is None)
    if ids:
        words = f"{len(ids)} frames have not been looked at yet ({_listed(ids[:SHOWN])}), so nobody can tell whether they are like others."
        yield Leak("not looked at", PARTS, len(ids), ids[:SHOWN], words)


def _listed(ids: Sequence[str]) -> str:
    return ", ".join(frame_id[:12] for frame_id in ids)
