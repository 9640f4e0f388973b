"""Kinds of frames: spherical k-means in bounded time, and the frames to begin with when nothing is labelled. Knows no record and no measure.

Bounded: the middles are found on a sample (Sculley 2010 shows how little that costs), then every row is compared once with each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool

ROUNDS = 6
SAMPLE = 2048
"""Rows on which the middles are found, at least; 16 a cluster when that is more."""
TRIES = 3
BLOCK = 8192
"""Rows compared at a time: what is held beside the vectors stays below 16 MiB up to 500 clusters."""


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """The middles (k x d, of length 1), and for each row the number of its middle and the cosine with it."""

    middles: NDArray[np.float32]
    member: NDArray[np.int64]
    cosine: NDArray[np.float32]


def cluster(vectors: NDArray[np.float32], k: int, *, seed: int = 0) -> Clusters:
    """At most `k` clusters of rows of length 1. The same rows in the same order give the same clusters.

    >>> cluster(np.eye(3, dtype=np.float32)[[0, 0, 1, 2]], 3).member.tolist() in ([0, 0, 1, 2], [0, 0, 2, 1], [1, 1, 0, 2], [1, 1, 2, 0],
    ...     [2, 2, 0, 1], [2, 2, 1, 0])
    True
    """
    if not len(vectors) or k < 1:
        return Clusters(np.zeros((0, vectors.shape[1]), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32))
    dice = np.random.default_rng(seed)
    size = min(len(vectors), max(SAMPLE, 16 * k))
    sample = vectors if size == len(vectors) else vectors[np.sort(dice.choice(len(vectors), size, replace=False))]
    middles = _spread(sample, min(k, len(sample)), dice)
    for _ in range(ROUNDS):
        member, cosine = nearest(sample, middles)
        middles = _middles(sample, member, cosine, len(middles))
    return Clusters(middles, *nearest(vectors, middles))


def nearest(vectors: NDArray[np.float32], middles: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each row the number of the nearest middle, and the cosine with it. This is also how a new frame finds its cluster."""
    member, cosine = np.empty(len(vectors), np.int64), np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), BLOCK):
        table = vectors[start : start + BLOCK] @ middles.T
        found = table.argmax(axis=1)
        member[start : start + BLOCK] = found
        cosine[start : start + BLOCK] = np.take_along_axis(table, found[:, None], axis=1)[:, 0]
    return member, cosine


def cold_start(pool: Pool, budget: int) -> NDArray[np.int64]:
    """The rows to begin with when nothing is labelled: near-duplicates once, as many clusters as the budget, the nearest to each middle; each camera has its share.

    Ascending rows. Nothing here is left to chance, so no probability goes with these frames: figures for all frames need a draw.
    Raises ValueError for a pool without vectors.
    """
    if pool.vectors is None:
        raise ValueError("A cold start needs the frames' vectors.")
    first = np.sort(np.unique(pool.scene, return_index=True)[1])
    first = first[np.einsum("ij,ij->i", pool.vectors[first], pool.vectors[first]) > 0.5]
    cameras, camera = np.unique(pool.camera[first], return_inverse=True)
    picked: list[int] = []
    for number, share in enumerate(_shares(np.bincount(camera, minlength=len(cameras)), budget)):
        rows = first[camera == number]
        found = cluster(pool.vectors[rows], int(share))
        order = np.lexsort((-found.cosine, found.member))
        starts = order[np.unique(found.member[order], return_index=True)[1]]
        rest = np.setdiff1d(np.argsort(-found.cosine, kind="stable"), starts, assume_unique=True) if len(starts) < share else starts[:0]
        picked += rows[np.r_[starts, rest[: int(share) - len(starts)]]].tolist()
    return np.sort(np.asarray(picked, np.int64))


def _shares(sizes: NDArray[np.int64], budget: int) -> NDArray[np.int64]:
    """The budget divided by size, largest remainders first; nobody gets more than there is."""
    if budget >= sizes.sum():
        return sizes.astype(np.int64)
    exact = budget * sizes / sizes.sum()
    shares = np.floor(exact).astype(np.int64)
    shares[np.argsort(shares - exact, kind="stable")[: budget - shares.sum()]] += 1
    return np.asarray(shares, np.int64)


def _spread(sample: NDArray[np.float32], k: int, dice: np.random.Generator) -> NDArray[np.float32]:
    """First middles: greedy k-means++ (Arthur and Vassilvitskii 2007) with TRIES candidates a step, on a bounded part of the sample."""
    if k == len(sample):
        return sample.copy()
    few = sample[dice.choice(len(sample), min(len(sample), max(4 * k, SAMPLE // 2)), replace=False)]
    chosen, closest = [0], few @ few[0]
    for _ in range(k - 1):
        ends = np.cumsum(np.maximum(1.0 - closest.astype(np.float64), 1e-12))
        tries = np.minimum(np.searchsorted(ends, dice.random(TRIES) * ends[-1]), len(few) - 1)
        after = np.maximum(few @ few[tries].T, closest[:, None])
        best = int(after.sum(axis=0).argmax())
        chosen.append(int(tries[best]))
        closest = after[:, best]
    return few[chosen].copy()


def _middles(sample: NDArray[np.float32], member: NDArray[np.int64], cosine: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """The mean of each cluster, of length 1. An empty one moves to a row that is far from its own middle."""
    order = np.argsort(member, kind="stable")
    held, starts = np.unique(member[order], return_index=True)
    middles = np.zeros((k, sample.shape[1]), np.float32)
    middles[held] = np.add.reduceat(sample[order], starts, axis=0)
    empty = np.setdiff1d(np.arange(k), held)
    middles[empty] = sample[np.argsort(cosine, kind="stable")[: len(empty)]]
    length = np.sqrt(np.einsum("ij,ij->i", middles, middles))[:, None]
    return np.asarray(middles / np.where(length > 1e-6, length, 1.0), np.float32)
