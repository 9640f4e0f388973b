"""Diverse: the most typical frame of every kind of frame first, then the second of every kind, and so on. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.clusters import cluster
from annotations.picking.pool import Pool, strata

KINDS = 128
"""Clusters at most. More would follow the noise of the vectors, and the clock: 100,000 frames are compared with each."""


def measure(pool: Pool) -> NDArray[np.float32]:
    """1 / (1 + place), 0..1: the place of the frame in its cluster, 0 for the nearest to the middle. Near-duplicates: only the first of a scene counts.

    It looks at the whole pool: a frame's measure depends on who else is there, not on their order. Without vectors camera and hour stand for the
    cluster and the place is the order of the frames' numbers, scattered. A frame without a vector is measured among its like in the same way.
    """
    order = np.argsort(pool.frames, kind="stable")
    group, distance = _groups(pool, order)
    place = _places(group, distance, pool.scene[order])
    worth = np.empty(len(pool), np.float32)
    worth[order] = np.where(place >= 0, 1.0 / (1.0 + np.maximum(place, 0)), 0.0)
    return worth


def _groups(pool: Pool, order: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The cluster and the distance from its middle of each frame, in the order of their numbers."""
    numbers = pool.frames[order].astype(np.uint64)
    scattered = (numbers * np.uint64(0x9E3779B97F4A7C15)) / np.float64(2**64)  # Knuth's multiplicative hash: any order but that of time
    place_and_time = strata(pool)[order]
    if pool.vectors is None or not len(pool):
        return place_and_time, scattered
    ascending = bool((order == np.arange(len(order))).all())
    vectors = pool.vectors if ascending else pool.vectors[order]
    seen = np.einsum("ij,ij->i", vectors, vectors) > 0.5
    if not seen.any():
        return place_and_time, scattered
    found = cluster(vectors if seen.all() else vectors[seen], KINDS)
    group, distance = -1 - place_and_time, scattered
    group[seen], distance[seen] = found.member, 1.0 - found.cosine
    return group, distance


def _places(group: NDArray[np.int64], distance: NDArray[np.float64], scene: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, 2 ... in each group by distance; -1 for all of a scene but its first."""
    by_distance = np.lexsort((distance, group))
    first = np.zeros(len(group), bool)
    first[by_distance[np.unique(scene[by_distance], return_index=True)[1]]] = True
    kept = by_distance[first[by_distance]]
    starts = np.flatnonzero(np.r_[True, group[kept][1:] != group[kept][:-1]]) if len(kept) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[starts, len(kept)])
    place = np.full(len(group), -1, np.int64)
    place[kept] = np.arange(len(kept)) - np.repeat(starts, sizes)
    return place
