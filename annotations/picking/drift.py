"""How far each frame lies from everything that is labelled, by the vectors of one pair of eyes; kept up to date frame by frame. Judges nothing.

The farness is 1 - the largest cosine with a labelled frame. Beyond MOST labelled frames only so many, evenly spread over time, are compared at the first reading; whatever is
labelled afterwards is compared too.
"""

from __future__ import annotations

import sqlite3

import numpy as np
from numpy.typing import NDArray

MOST = 2048
_ROWS = 8192  # frames compared at a time


class Drift:
    """Vectors by row of the record's frames (float16), and the largest cosine of each with what is labelled."""

    def __init__(self, eyes_id: str) -> None:
        self._eyes = eyes_id
        self.forget()

    def forget(self) -> None:
        """Let go of all vectors."""
        self._vectors: NDArray[np.float16] | None = None  # rows with room behind them; a row of zeros: no vector yet
        self._has = np.zeros(0, np.bool_)
        self._nearest = np.zeros(0, np.float32)  # NaN: compared with nothing yet
        self._heads: list[int] = []  # rows that were compared with all others
        self._considered = np.zeros(0, np.bool_)  # rows that are heads, or were left out because there were so many
        self._known = 0  # vectors that were read

    def refresh(self, connection: sqlite3.Connection, frames: NDArray[np.int64], labelled: NDArray[np.bool_]) -> None:
        """Read vectors that came since, and compare what is new: new frames with all that is labelled, all frames with what was labelled since."""
        more = len(frames) - len(self._has)
        self._has = np.concatenate([self._has, np.zeros(more, np.bool_)])
        self._nearest = np.concatenate([self._nearest, np.full(more, np.nan, np.float32)])
        fresh = self._read(connection, frames)
        if self._vectors is None:
            return
        heads = np.array(self._heads, np.int64)
        self._compare(fresh, heads)
        self._considered = np.concatenate([self._considered, np.zeros(len(frames) - len(self._considered), np.bool_)])
        new = np.flatnonzero(labelled & self._has & ~self._considered)
        self._considered[new] = True
        if not len(heads) and len(new) > MOST:
            new = new[np.linspace(0, len(new) - 1, MOST).astype(np.int64)]
        self._compare(np.flatnonzero(self._has), new)
        self._heads += new.tolist()

    def drifted(self) -> NDArray[np.float32]:
        """0..1 by row; NaN: no vector, or nothing is labelled."""
        return np.asarray(np.clip(1 - self._nearest, 0, 1), np.float32)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """The vectors of some rows; None: there are none at all."""
        if self._vectors is None:
            return None
        found = np.empty((len(rows), self._vectors.shape[1]), np.float32)
        for begin in range(0, len(rows), _ROWS):
            found[begin : begin + _ROWS] = self._vectors[rows[begin : begin + _ROWS]]
        return found

    def _read(self, connection: sqlite3.Connection, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows whose vectors were read now."""
        count = connection.execute("SELECT count(*) FROM embeddings WHERE eyes = ?", (self._eyes,)).fetchone()[0]
        if not count or not len(frames):
            return np.zeros(0, np.int64)
        missing = np.flatnonzero(~self._has)
        if count == self._known or not len(missing):
            self._make_room(len(frames))
            return np.zeros(0, np.int64)
        found = connection.execute(
            "SELECT frame, vector FROM embeddings WHERE eyes = ? AND frame >= ?", (self._eyes, int(frames[missing[0]]))
        )
        fresh = [np.zeros(0, np.int64)]
        while some := found.fetchmany(_ROWS):
            rows = np.searchsorted(frames, np.array([row["frame"] for row in some], np.int64))
            wide = len(some[0]["vector"]) // 2
            self._make_room(len(frames), wide)
            assert self._vectors is not None
            new = np.flatnonzero(~self._has[rows])
            if len(new):
                self._vectors[rows[new]] = np.frombuffer(b"".join(some[each]["vector"] for each in new), "<f2").reshape(-1, wide)
            self._has[rows] = True
            fresh.append(rows[new])
        self._known = count
        return np.concatenate(fresh)

    def _make_room(self, many: int, wide: int = 0) -> None:
        """For so many rows, and a quarter more when the room has to grow."""
        if self._vectors is None:
            self._vectors = np.zeros((many, wide), np.float16) if wide else None
        elif len(self._vectors) < many:
            self._vectors = np.concatenate(
                [self._vectors, np.zeros((many + many // 4 - len(self._vectors), self._vectors.shape[1]), np.float16)]
            )

    def _compare(self, rows: NDArray[np.int64], heads: NDArray[np.int64]) -> None:
        """Raise the nearest of these rows by their cosines with these heads."""
        if not len(rows) or not len(heads) or self._vectors is None:
            return
        theirs = self._vectors[heads].astype(np.float32).T
        for begin in range(0, len(rows), _ROWS):
            some = rows[begin : begin + _ROWS]
            largest = (self._vectors[some].astype(np.float32) @ theirs).max(axis=1)
            self._nearest[some] = np.fmax(self._nearest[some], largest)
