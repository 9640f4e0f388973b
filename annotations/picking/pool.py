"""The frames among which the queue may choose, as columns of numbers. Measures nothing, picks nothing and knows no record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARES = ("uncertain", "margin", "entropy", "missed", "high", "disagreement", "rare", "drifted", "threshold")
"""The columns that hold 0..1, or NaN where nobody knows."""

_TYPES = {"frames": np.int64, "garbled": np.bool_, "camera": np.int32, "hour": np.int64, "scene": np.int64}


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """One entry a frame in every column, all of the same length n.

    Shares are float32 in 0..1; NaN: nobody knows, and a sampler then gives 0 or what it documents. Raises ValueError for columns of unlike length, a
    share outside 0..1, a frame that is there twice, or vectors that are not of length 1.
    """

    frames: NDArray[np.int64]  # record numbers, usually ascending; each once
    uncertain: NDArray[np.float32]  # largest over the fields of 1 - calibrated confidence; 1 where no machine spoke
    margin: NDArray[np.float32]  # smallest over the fields of likeliest - second likeliest
    entropy: NDArray[np.float32]  # largest over the fields of entropy / log(choices)
    missed: NDArray[np.float32]  # p(","): belief that one more finding or violation was due
    high: NDArray[np.float32]  # probability that the risk is high
    disagreement: NDArray[np.float32]  # between two models, or of k samples
    garbled: NDArray[np.bool_]  # the reply was not understood whole, or there is none though the model was asked
    rare: NDArray[np.float32]  # 1 - share of labelled frames that show what this one seems to show (the rarest of its labels)
    drifted: NDArray[np.float32]  # 1 - largest cosine with anything labelled
    threshold: NDArray[np.float32]  # 1 at the promise's threshold of high risk, falling to 0 away from it
    camera: NDArray[np.int32]  # with `hour`: the stratum
    hour: NDArray[np.int64]  # hours since 1970
    scene: NDArray[np.int64]  # near-duplicates share a number
    vectors: NDArray[np.float32] | None = None  # n x d, rows of length 1, a row of zeros: no vector yet; None: no embeddings at all

    def __post_init__(self) -> None:
        for column in fields(self):
            values = getattr(self, column.name)
            if values is not None:
                object.__setattr__(self, column.name, np.asarray(values, _TYPES.get(column.name, np.float32)))
        for column in fields(self):
            values = getattr(self, column.name)
            if values is not None and values.shape[:1] != (len(self.frames),):
                raise ValueError(f'The column "{column.name}" has {len(np.atleast_1d(values))} entries for {len(self.frames)} frames.')
            if column.name != "vectors" and values.ndim != 1:
                raise ValueError(f'The column "{column.name}" must have one entry a frame.')
        for name in SHARES:
            share = getattr(self, name)
            if ((share < 0) | (share > 1)).any():
                raise ValueError(f'The column "{name}" holds a number outside 0..1.')
        if len(np.unique(self.frames)) != len(self.frames):
            raise ValueError("A frame is in the pool twice.")
        if self.vectors is not None:
            _unit_rows(self.vectors)

    def __len__(self) -> int:
        """The number of frames.

        >>> len(unknown([7, 9]))
        2
        """
        return len(self.frames)

    def take(self, rows: Sequence[int] | NDArray[np.int64] | NDArray[np.bool_]) -> Pool:
        """The pool of these rows, in this order."""
        columns: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        chosen: dict[str, Any] = {name: None if values is None else values[rows] for name, values in columns.items()}
        return Pool(**chosen)


def unknown(frames: Sequence[int] | NDArray[np.int64], **known: Any) -> Pool:
    """A pool of which nothing is known but the columns that are given: other shares NaN, one camera and hour, each frame a scene of its own.

    >>> pool = unknown([3, 5], high=[0.5, 0.1])
    >>> float(pool.high[0]), bool(np.isnan(pool.missed[0])), pool.scene.tolist()
    (0.5, True, [3, 5])
    """
    numbers = np.asarray(frames, np.int64)
    nobody = np.full(len(numbers), np.nan, np.float32)
    zero = np.zeros(len(numbers), np.int64)
    bare = {**dict.fromkeys(SHARES, nobody), "garbled": zero, "camera": zero, "hour": zero, "scene": numbers}
    return Pool(frames=numbers, **{**bare, **known})


def strata(pool: Pool) -> NDArray[np.int64]:
    """The number of each frame's camera and hour, 0 ...; in the order of cameras, then of hours.

    >>> strata(unknown([1, 2, 3], camera=[0, 1, 0], hour=[5, 5, 5])).tolist()
    [0, 1, 0]
    """
    hours, hour = np.unique(pool.hour, return_inverse=True)
    _, stratum = np.unique(pool.camera.astype(np.int64) * max(len(hours), 1) + hour, return_inverse=True)
    return np.asarray(stratum, np.int64)


def _unit_rows(vectors: NDArray[np.float32]) -> None:
    """Raises ValueError. Half precision on disk is allowed for."""
    if vectors.ndim != 2:
        raise ValueError("The vectors must be a table, a row a frame.")
    squares = np.einsum("ij,ij->i", vectors, vectors)
    if not (np.isfinite(squares) & ((squares < 1e-12) | (np.abs(squares - 1) < 2e-2))).all():
        raise ValueError("A vector is neither of length 1 nor a row of zeros.")
