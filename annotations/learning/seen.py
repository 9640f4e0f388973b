"""What a model has learned from: frames of the parts of data sets that taught its adapter, or an adapter that this one was trained from.

What a model has learned from never judges it. A test part taught nobody; a frame that was shown once is known, whatever is said of it later.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from annotations.learning.spoken import parts_of

TRAINED_FROM = "$.trained_from"
"""Where the column `recipe` of an adapter holds the fingerprint of the adapter that it was trained from."""


class Seen:
    """What models have learned from, as of one connection; what is asked of one model many times is looked up once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._marks: dict[str, str | None] = {}  # by a model's id: the fingerprint of its adapter
        self._taught: dict[str, tuple[int, ...]] = {}  # by fingerprint: numbers of the data sets

    def has(self, model: str, frame: int) -> bool:
        """Whether the model of this id has learned from the frame of this number. One without an adapter of the registry has learned from none."""
        if model not in self._marks:
            spoken = parts_of(model)
            self._marks[model] = spoken.mark if spoken else None
        mark = self._marks[model]
        return mark is not None and self.adapter_has(mark, frame)

    def adapter_has(self, mark: str, frame: int) -> bool:
        """The same of an adapter, by its fingerprint."""
        if mark not in self._taught:
            self._taught[mark] = taught(self._connection, mark)
        return any(
            self._connection.execute(
                "SELECT 1 FROM dataset_frames WHERE dataset = ? AND frame = ? AND part <> 'test'", (dataset, frame)
            ).fetchone()
            for dataset in self._taught[mark]
        )


def lineage(connection: sqlite3.Connection, mark: str) -> Iterator[sqlite3.Row]:
    """The adapter of a fingerprint, then the one that it was trained from, and so on; nothing for one that nobody registered."""
    known: set[str] = set()
    following: str | None = mark
    while following is not None and following not in known:
        known.add(following)
        row = connection.execute(
            "SELECT seq, name, fingerprint, dataset, json_extract(recipe, ?) AS trained_from FROM adapters WHERE fingerprint = ?",
            (TRAINED_FROM, following),
        ).fetchone()
        if row is None:
            return
        yield row
        following = row["trained_from"]


def taught(connection: sqlite3.Connection, mark: str) -> tuple[int, ...]:
    """Numbers of the data sets that taught the adapter of a fingerprint, and those before it."""
    return tuple(dict.fromkeys(row["dataset"] for row in lineage(connection, mark) if row["dataset"] is not None))


def learned_from(connection: sqlite3.Connection, mark: str) -> frozenset[int]:
    """Numbers of the corrections that an adapter learned from."""
    return frozenset(
        row["correction"]
        for dataset in taught(connection, mark)
        for row in connection.execute("SELECT correction FROM dataset_frames WHERE dataset = ? AND part <> 'test'", (dataset,))
    )


def known_among(connection: sqlite3.Connection, mark: str, frames: Iterable[str]) -> int:
    """How many of the frames of these ids an adapter has learned from. Frames that are not in the record taught nobody here."""
    seen = Seen(connection)
    found = (connection.execute("SELECT seq FROM frames WHERE id = ?", (each,)).fetchone() for each in frames)
    return sum(row is not None and seen.adapter_has(mark, row["seq"]) for row in found)


def known_of(connection: sqlite3.Connection, mark: str, dataset: int) -> int:
    """How many frames of the test part of a data set an adapter has learned from: by those it cannot be judged."""
    tests = connection.execute("SELECT frame FROM dataset_frames WHERE dataset = ? AND part = 'test'", (dataset,)).fetchall()
    seen = Seen(connection)
    return sum(seen.adapter_has(mark, row["frame"]) for row in tests)
