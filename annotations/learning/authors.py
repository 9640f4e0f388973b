"""Whose corrections taught: counted over data sets of a hundred thousand frames while somebody waits. Counts, and names no frame.

A correction's own row is large, for it holds all that was said. Who said the latest one stands in the state of its frame too, which is small;
so only what was corrected anew since a set was frozen is looked up among the corrections.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import orjson
from numpy.typing import NDArray

_SPAN = "SELECT min(seq), max(seq), count(*) FROM dataset_frames WHERE dataset = ?"
# The rows of a set were written one after the other, so they are read so (the plus keeps the index out, which would jump).
_HELD = "FROM dataset_frames d WHERE d.seq BETWEEN ? AND ? AND +d.dataset = ? AND d.part <> 'test'"
_LATEST = (
    "SELECT s.author, count(*) FROM dataset_frames d CROSS JOIN frame_states s ON s.frame = d.frame "
    "WHERE d.seq BETWEEN ? AND ? AND +d.dataset = ? AND d.part <> 'test' AND s.correction = d.correction GROUP BY s.author"
)
_OLDER = (
    "SELECT (SELECT c.author FROM corrections c WHERE c.seq = d.correction), count(*) FROM dataset_frames d CROSS JOIN frame_states s ON s.frame = d.frame "
    "WHERE d.seq BETWEEN ? AND ? AND +d.dataset = ? AND d.part <> 'test' AND s.correction <> d.correction GROUP BY 1"
)
_SOME = "SELECT c.author, count(*) FROM json_each(?) n CROSS JOIN corrections c ON c.seq = n.value GROUP BY c.author"


def authors_of(connection: sqlite3.Connection, datasets: Sequence[int]) -> dict[str, int]:
    """How many of the corrections that taught are whose, the most first; one that stands in several sets counts once."""
    spans = sorted((tuple(connection.execute(_SPAN, (number,)).fetchone()), number) for number in datasets)
    spans.sort(key=lambda each: -each[0][2])  # the largest first: the smaller ones mostly stand in it
    counted: Counter[str] = Counter()
    known: NDArray[np.bool_] = np.zeros(0, bool)
    for (first, last, rows), number in spans:
        if not rows:
            continue
        place = (first, last, number)
        held = _numbers(connection, place) if len(spans) > 1 else None
        fresh = None if held is None or not known.size else held[~_among(known, held)]
        for author, many in _all(connection, place) if fresh is None else _these(connection, fresh):
            counted[author] += many
        known = known if held is None else _with(known, held)
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))


def _all(connection: sqlite3.Connection, place: tuple[int, int, int]) -> Iterator[sqlite3.Row]:
    for statement in (_LATEST, _OLDER):
        yield from connection.execute(statement, place)


def _these(connection: sqlite3.Connection, numbers: NDArray[np.int64]) -> Iterator[sqlite3.Row]:
    if numbers.size:
        yield from connection.execute(_SOME, (orjson.dumps(numbers.tolist()).decode(),))


def _numbers(connection: sqlite3.Connection, place: tuple[int, int, int]) -> NDArray[np.int64]:
    """The corrections of a set that taught; as one text, which is read many times quicker than a row for each."""
    text = connection.execute(f"SELECT group_concat(d.correction) {_HELD}", place).fetchone()[0]
    return np.fromstring(text or "", np.int64, sep=",")


def _among(known: NDArray[np.bool_], numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    there = np.zeros(numbers.size, bool)
    inside = numbers < known.size
    there[inside] = known[numbers[inside]]
    return there


def _with(known: NDArray[np.bool_], numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    wider = np.zeros(max(known.size, int(numbers.max(initial=-1)) + 1), bool)
    wider[: known.size] = known
    wider[numbers] = True
    return wider
