"""Frames that cover the others: greedy k-center, exact, and the distance to what is labelled, kept up to date one frame at a time. Knows no record.

Rows have length 1; far means a small cosine. Greedy: Gonzalez 1985, as core-set selection Sener and Savarese 2018 (arXiv 1708.00489).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192
"""Rows compared at a time."""
CANDIDATES = 1024
"""Rows among which is chosen between two looks at all of them; doubled when they last for few choices."""


def k_center(vectors: NDArray[np.float32], count: int, labelled: NDArray[np.float32] | None = None) -> NDArray[np.int64]:
    """The rows that plain greedy picks, in its order: each time the one farthest from all that is labelled or picked, the lowest among equals.

    Without `labelled` (m x d) the first is row 0. The same picks as one look at all rows a pick, but for rounding where two are equally far to
    seven digits: what was picked is compared with all rows in one matrix product, later, because distances only shrink: as long as one of the rows
    that were farthest is farther than the others were, those need not be looked at.
    """
    count = min(count, len(vectors))
    closest = nearest_cosine(vectors, labelled) if labelled is not None else np.full(len(vectors), -2.0, np.float32)
    picks: list[int] = []
    known, candidates = 0, CANDIDATES
    while len(picks) < count:
        if known < len(picks):
            nearest_cosine(vectors, vectors[picks[known:]], closest)
            closest[picks[known:]] = 3.0  # farther than any row can be near: never again
        known = len(picks)
        picks += _among_the_farthest(vectors, closest, count - known, candidates)
        if len(picks) - known < 24:
            candidates = min(2 * candidates, 16 * CANDIDATES)
    return np.asarray(picks, np.int64)


def uncertain_then_diverse(
    measure: NDArray[np.float32], vectors: NDArray[np.float32], count: int, *, keep: int = 10, labelled: NDArray[np.float32] | None = None
) -> NDArray[np.int64]:
    """The `keep` x `count` rows that measure most, and among them the k-centers; the lowest rows among equals."""
    most = min(keep * count, len(measure))
    rows = np.argsort(-measure, kind="stable")[:most]
    return rows[k_center(vectors[rows], count, labelled)]


def nearest_cosine(
    vectors: NDArray[np.float32], labelled: NDArray[np.float32], known: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """The largest cosine of each row with anything labelled; -2 where nothing is.

    `known`: the answer for what was labelled before. It is brought up to date in place and given back, so that one label more costs one look at
    the rows and no look at the labels before. A frame more: call it with that row alone and append.

    >>> rows = np.eye(2, dtype=np.float32)
    >>> so_far = nearest_cosine(rows, rows[:1])
    >>> nearest_cosine(rows, rows[1:], so_far).tolist()
    [1.0, 1.0]
    """
    closest = np.full(len(vectors), -2.0, np.float32) if known is None else known
    if not len(labelled):
        return closest
    for start in range(0, len(vectors), BLOCK):
        rows = closest[start : start + BLOCK]
        for first in range(0, len(labelled), 512):
            table = vectors[start : start + BLOCK] @ labelled[first : first + 512].T
            np.maximum(rows, table.max(axis=1), out=rows)
    return closest


def _among_the_farthest(vectors: NDArray[np.float32], closest: NDArray[np.float32], wanted: int, candidates: int) -> list[int]:
    """Greedy picks as long as they are surely those of all rows: at least one. `closest` is true of all rows and is left alone."""
    if candidates < len(closest):
        split = np.argpartition(closest, candidates)
        rows, bound = np.sort(split[:candidates]), float(closest[split[candidates]])
    else:
        rows, bound = np.arange(len(closest)), 3.0
    first = int(np.argmin(closest))
    picks = [first]
    few, near = vectors[rows], closest[rows].copy()
    near[rows == first] = 3.0
    latest = vectors[first]
    while len(picks) < wanted:
        np.maximum(near, few @ latest, out=near)
        place = int(np.argmin(near))
        if near[place] >= bound:
            break
        picks.append(int(rows[place]))
        latest, near[place] = few[place], 3.0
    return picks
