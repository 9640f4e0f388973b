"""The points of learning curves as the record has them: of each measured adapter its labels, the time they took, who picked them, and its score.

A point tells of an adapter that was measured on frames that taught nothing (`Datasets`). Curves may be laid over each other only where the same exam
judged: the same frames with the same corrections. So the exam of the adapter that was measured last is the one that counts, and adapters that another
test part judged are left out: those of a set that was begun anew, that got more test frames, or whose test frames were corrected meanwhile. Sets that
keep the test part of an earlier one share it. It fits nothing and draws nothing.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from annotations.learning import known
from annotations.learning.efficiency import Point
from annotations.learning.known import Adapter
from annotations.store import Reader

SCORES: Mapping[str, tuple[str, ...]] = {
    "field_accuracy": ("fields", "all", "accuracy"),
    "field_f1": ("fields", "all", "macro_f1"),
    "box_f1": ("boxes", "f1"),
    "violation_f1": ("violations", "f1"),
}
"""What a curve may be of, and where the figure stands in what was measured (`core.evaluation.report`)."""

MIXED = "mixed"
"""Of labels of which no one policy picked most."""

BY_HAND = "by hand"
"""Of labels that no draw picked."""

_MOST = 0.8


class Bought:
    """A reader of learning curves, for any thread."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def bases(self) -> list[str]:
        """Bases of which adapters were measured, that of the latest first."""
        with self._reader.reading() as connection:
            return list(dict.fromkeys(each.base for each in known.every(connection) if each.metrics))

    def points(self, base: str, score: str) -> list[Point]:
        """Points of the adapters of a base that the same exam judged as the latest; the first, without labels, is the base alone as it was measured
        beside one of them.

        Empty: none was measured. Raises KeyError for a score that is not in SCORES.
        """
        with self._reader.reading() as connection:
            return _points(connection, base, score)


def _points(connection: sqlite3.Connection, base: str, score: str) -> list[Point]:
    found = [each for each in known.every(connection) if each.base == base and each.dataset is not None and _figure(each, "after", score)]
    exams = {name: _exam(connection, name) for name in {each.dataset for each in found}}
    taught: list[Point] = []
    start: list[Point] = []
    for adapter in reversed([each for each in found if exams[each.dataset] == exams[found[0].dataset]]):
        after = _figure(adapter, "after", score)
        if after is not None:
            taught.append(_point(connection, adapter, after))
        before = _figure(adapter, "before", score)
        if before is not None and not start and _beside_base(connection, adapter):
            start.append(Point("", 0, 0.0, before["value"], before["low"], before["high"]))
    return [*start, *taught]


def _point(connection: sqlite3.Connection, adapter: Adapter, figure: Mapping[str, Any]) -> Point:
    labels, seconds = connection.execute(_TAUGHT, (adapter.dataset,)).fetchone()
    return Point(
        _policy(connection, adapter), labels, (seconds or 0.0) / 3600, figure["value"], figure["low"], figure["high"], adapter.name
    )


def _exam(connection: sqlite3.Connection, dataset: str | None) -> bytes:
    """What stands for the frames of a set that judge, with the correction that says what is true of each: SHA-256 over their numbers."""
    held = sha256()
    for frame, correction in connection.execute(_JUDGING, (dataset,)):
        held.update(b"%d %d\n" % (frame, correction))
    return held.digest()


_NAMED = "h.dataset = (SELECT seq FROM datasets WHERE name = ?)"
_JUDGING = f"SELECT h.frame, h.correction FROM dataset_frames h WHERE {_NAMED} AND h.part = 'test' ORDER BY h.frame"  # noqa: S608 - of this file
_OF_SET = f"FROM dataset_frames h WHERE h.part = 'train' AND {_NAMED}"
_TAUGHT = f"SELECT count(*), sum((SELECT c.active_seconds FROM corrections c WHERE c.seq = h.correction)) {_OF_SET}"  # noqa: S608 - of this file
_PICKED = f"SELECT (SELECT d.policy FROM tasks t JOIN draws d ON d.seq = t.draw WHERE t.frame = h.frame ORDER BY t.seq LIMIT 1) {_OF_SET}"  # noqa: S608


def _policy(connection: sqlite3.Connection, adapter: Adapter) -> str:
    """Which policy picked most of what taught it; frames that no draw picked are not counted, unless there are no others."""
    picked = Counter(row[0] for row in connection.execute(_PICKED, (adapter.dataset,)) if row[0] is not None)
    if not picked:
        return BY_HAND
    name, count = picked.most_common(1)[0]
    return str(name) if count >= _MOST * picked.total() else MIXED


def _beside_base(connection: sqlite3.Connection, adapter: Adapter) -> bool:
    """Whether what was in use when it was measured was the base alone."""
    return any(gate.against == adapter.base or "+" not in gate.against for gate in known.gates_of(connection, adapter))


def _figure(adapter: Adapter, side: str, score: str) -> Mapping[str, Any] | None:
    """The figure of a score; None: it was not measured."""
    found: Any = adapter.metrics.get("comparison", {}).get(side, {})
    for key in SCORES[score]:
        found = found.get(key, {}) if isinstance(found, dict) else {}
    told = found if isinstance(found, dict) else {}
    return told if all(isinstance(told.get(name), int | float) for name in ("value", "low", "high")) else None
