"""With which probability each frame is to be drawn: the floor, what the samplers add, and the caps. Draws nothing, throws no dice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.picking.clusters import cluster
from annotations.picking.pool import Pool, strata
from annotations.samplers import SAMPLERS

KEPT = 6
"""So many times its share of the budget a sampler keeps, by measure (the top six budgets)."""
TIES = 4
"""A sampler that must keep more than so many times that, because all measure the same, says nothing: it draws from all of them, without clusters."""
MOST_CLUSTERS = 256
NO_CLUSTER = 0
ROUNDS = 60
ENOUGH = 1e-9

Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Chances:
    """Of a pool in ascending order of frames: an entry a frame."""

    floor: Shares  # the part of the probability that everyone has
    added: Mapping[str, Shares]  # by sampler: the part that it adds
    measures: Mapping[str, NDArray[np.float32]]
    scene: NDArray[np.int64]  # 0 ... : near-duplicates share a number
    stratum: NDArray[np.int64]  # 0 ... : camera and hour
    cluster: NDArray[np.int64]  # of the frame's scene; NO_CLUSTER: measured by nobody

    @property
    def inclusion(self) -> Shares:
        """The probability of each frame, over 0 and at most 1."""
        return np.asarray(sum(self.added.values(), start=self.floor), np.float64)


def chances(pool: Pool, budget: int, mix: Mapping[str, float], *, floor: float, most_a_stratum: int | None) -> Chances:
    """The probabilities that sum up to the budget, or to as much of it as there are scenes and the caps allow. `pool` ascends; `mix` sums to 1.

    Each scene gets the same floor, which its frames share. A sampler keeps the scenes that measure most (a scene: its best frame), gives every
    cluster of them the same share of its budget, and within the cluster to each in proportion to its measure; within a scene to the frames likewise.
    Then scenes are held at 1 and strata at `most_a_stratum`, and what that sets free goes to the others in proportion.
    """
    _, scene = np.unique(pool.scene, return_inverse=True)
    scene = scene.astype(np.int64)
    sizes = np.bincount(scene)
    scenes = len(sizes)
    measures = {name: SAMPLERS[name](pool) for name in mix}
    heights = {name: _highest(values, scene, scenes) for name, values in measures.items()}
    telling = {name: share for name, share in mix.items() if heights[name].max(initial=0.0) > 0}
    measured = (1 - floor) * budget if telling else 0.0
    budgets = {name: measured * share / sum(telling.values()) for name, share in telling.items()}
    kept = {name: _kept(heights[name], budgets[name]) for name in telling}
    flat = {name for name in telling if _says_nothing(heights[name][kept[name]], budgets[name])}
    clustered = np.zeros(scenes, bool)
    for name in telling.keys() - flat:
        clustered |= kept[name]
    kinds = _kinds(pool, scene, clustered, budget)
    added = {}
    for name in telling:
        weight = _weights(heights[name] * kept[name], np.zeros_like(kinds) if name in flat else kinds)
        added[name] = budgets[name] * weight[scene] * _within(measures[name], heights[name], scene, scenes)
    even = ((budget - measured) / scenes / sizes)[scene]
    stratum = strata(pool)
    target = float(min(budget, scenes))
    base, factor = _capped(even, np.asarray(sum(added.values(), start=np.zeros(len(pool)))), scene, stratum, target, most_a_stratum)
    return Chances(base, {name: values * factor for name, values in added.items()}, measures, scene, stratum, kinds[scene])


def _highest(values: NDArray[np.float32], scene: NDArray[np.int64], scenes: int) -> Shares:
    """The measure of each scene: that of its best frame."""
    highest = np.zeros(scenes)
    np.maximum.at(highest, scene, values.astype(np.float64))
    return highest


def _kept(heights: Shares, budget: float) -> NDArray[np.bool_]:
    """The scenes that measure most, all of those that measure the same as the last; what measures 0 never."""
    most = KEPT * math.ceil(budget)
    cut = np.partition(heights, len(heights) - most)[len(heights) - most] if most < len(heights) else 0.0
    return (heights >= cut) & (heights > 0)


def _says_nothing(heights: Shares, budget: float) -> bool:
    """Whether all that is kept measures the same, or so many do that they had to be kept."""
    return bool(heights.max() == heights.min()) or len(heights) > TIES * KEPT * max(budget, 1.0)


def _kinds(pool: Pool, scene: NDArray[np.int64], clustered: NDArray[np.bool_], budget: int) -> NDArray[np.int64]:
    """The cluster of each scene from 1 on, found on the vectors of their first frames; without vectors a camera and hour is a cluster."""
    kinds = np.full(len(clustered), NO_CLUSTER, np.int64)
    first = np.unique(scene, return_index=True)[1][clustered]
    if not len(first):
        return kinds
    if pool.vectors is None:
        kinds[clustered] = 1 + strata(pool.take(first))
    else:
        kinds[clustered] = 1 + cluster(pool.vectors[first], max(1, min(math.ceil(budget / 2), MOST_CLUSTERS))).member
    return kinds


def _weights(heights: Shares, kinds: NDArray[np.int64]) -> Shares:
    """Every cluster that has something the same, within it in proportion to the measure. Sums to 1."""
    total = np.bincount(kinds, heights)
    weight = heights / np.where(total > 0, total, 1.0)[kinds]
    return np.asarray(weight / weight.sum())


def _within(values: NDArray[np.float32], heights: Shares, scene: NDArray[np.int64], scenes: int) -> Shares:
    """The share of each frame in its scene, in proportion to its measure; 0 where the scene measures 0."""
    total = np.bincount(scene, values, scenes)
    return np.asarray(values / np.where(heights > 0, total, 1.0)[scene])


def _capped(
    even: Shares, added: Shares, scene: NDArray[np.int64], stratum: NDArray[np.int64], target: float, most: int | None
) -> tuple[Shares, Shares]:
    """The floor, and the factor on what is added, so that no scene is over 1, no stratum over `most`, and the sum is the target if that can be."""
    caps = [(scene, 1.0)] if most is None else [(scene, 1.0), (stratum, float(most))]
    base, factor = even.copy(), np.ones(len(even))
    if most is not None:
        base *= np.minimum(1.0, most / 2 / np.bincount(stratum, base))[stratum]  # at most half a stratum, so that there is room to add
    base *= np.minimum(1.0, 1.0 / np.bincount(scene, base))[scene]
    for _ in range(ROUNDS):
        for group, cap in caps:
            low, high = np.bincount(group, base), np.bincount(group, added * factor)
            factor *= np.where(low + high > cap, np.maximum(cap - low, 0.0) / np.maximum(high, 1e-300), 1.0)[group]
        now = base + added * factor
        room = np.ones(len(now), bool)
        for group, cap in caps:
            room &= (np.bincount(group, now) < cap * (1 - ENOUGH))[group]
        missing = target - now.sum()
        if missing <= ENOUGH * target or not room.any():
            return base, factor
        free = float((added * factor)[room].sum())
        if free > ENOUGH:
            factor[room] *= 1 + missing / free
        else:
            base = _lifted(base, now, room, missing, caps)
    for group, cap in caps:
        low, high = np.bincount(group, base), np.bincount(group, added * factor)
        factor *= np.where(low + high > cap, np.maximum(cap - low, 0.0) / np.maximum(high, 1e-300), 1.0)[group]
    return base, factor


def _lifted(base: Shares, now: Shares, room: NDArray[np.bool_], missing: float, caps: Sequence[tuple[NDArray[np.int64], float]]) -> Shares:
    """A higher floor where there is room for it, when no sampler has anything left to add. Each frame gets the least that its scene and stratum can give."""
    more = np.where(room, base * missing / base[room].sum(), 0.0)
    share = np.ones(len(base))
    for group, cap in caps:
        wanted = np.bincount(group, more)
        left = np.maximum(cap - np.bincount(group, now), 0.0)
        share = np.minimum(share, np.where(wanted > left, left / np.where(wanted > 0, wanted, 1.0), 1.0)[group])
    return base + more * share
