"""Which frames are taken, given the probability of each: whole numbers a cell, then frames out of each cell. Measures nothing and writes no task.

A cell is what lies in one camera and hour and in one cluster. Frames of one scene stand side by side, so that at most one of them is taken.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from annotations.picking.chances import NO_CLUSTER, Chances
from annotations.picking.rounding import ONE, round_flow, systematic


def whole_amounts(chance: Chances, most: int | None) -> NDArray[np.int64]:
    """The probabilities in whole 1/ONE, at least one each, so that sums are exact. What rounding down lost goes to frames that have room for it."""
    amounts = np.maximum((np.minimum(chance.inclusion, 1.0) * ONE).astype(np.int64), 1)
    caps = [(chance.scene, ONE)] + ([(chance.stratum, most * ONE)] if most is not None else [])
    for group, cap in caps:
        over = np.maximum(_sums(group, amounts) - cap, 0)
        for one in np.flatnonzero(over):  # a few 1/ONE at most: from the largest of the group
            rows = np.flatnonzero(group == one)
            amounts[rows[np.argmax(amounts[rows])]] -= over[one]
    lost = round(int(amounts.sum()) / ONE) * ONE - int(amounts.sum())
    if 0 < lost < ONE // 100_000:
        room = np.full(len(amounts), ONE)
        for group, cap in caps:
            room = np.minimum(room, (cap - _sums(group, amounts))[group])
        widest = int(np.argmax(room))
        amounts[widest] += min(lost, int(room[widest]))
    return amounts


def _sums(group: NDArray[np.int64], amounts: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.zeros(int(group.max()) + 1, np.int64)
    np.add.at(total, group, amounts)
    return total


def take(amounts: NDArray[np.int64], chance: Chances, dice: Generator, *, capped: bool) -> NDArray[np.int64]:
    """The rows that are drawn. Cells are runs of frames with the same stratum and the same cluster, or scene where a scene lies in many strata."""
    stratum = chance.stratum if capped else np.zeros(len(amounts), np.int64)
    scenes = int(chance.scene.max()) + 1
    scattered = _varies(stratum, chance.scene, scenes)[chance.scene]
    plain = ~_varies(chance.cluster != NO_CLUSTER, stratum, int(stratum.max()) + 1)[stratum]
    plain &= ~_varies(scattered, stratum, int(stratum.max()) + 1)[stratum] & (chance.cluster == NO_CLUSTER) & ~scattered
    left = np.where(plain, 0, stratum + 1)  # strata that only the floor reaches need no vertex each: side by side they keep their own caps
    clusters = int(chance.cluster.max()) + 1
    right = np.where(scattered, clusters + chance.scene, chance.cluster)
    order, starts = _side_by_side(left * (clusters + scenes) + right, chance, dice)
    sums = np.add.reduceat(amounts[order], starts)
    counts = _rounded(left[order[starts]], right[order[starts]], sums, chance.cluster[order[starts]], clusters, dice)
    ends = np.r_[starts[1:], len(order)]
    taken = [order[starts[i] + systematic(amounts[order[starts[i] : ends[i]]], counts[i], dice)] for i in range(len(starts)) if counts[i]]
    return np.concatenate(taken) if taken else np.zeros(0, np.int64)


def _varies(values: NDArray[np.int64] | NDArray[np.bool_], group: NDArray[np.int64], groups: int) -> NDArray[np.bool_]:
    """For each group whether its members differ."""
    low, high = np.full(groups, np.iinfo(np.int64).max), np.full(groups, -1)
    np.minimum.at(low, group, values.astype(np.int64))
    np.maximum.at(high, group, values.astype(np.int64))
    return np.asarray(low != high)


def _side_by_side(cell: NDArray[np.int64], chance: Chances, dice: Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows cell by cell, in it camera by camera and hour by hour, in that scene by scene in random order; and where each cell starts."""
    first = np.unique(chance.scene, return_index=True)[1]
    lot = dice.random(len(first))
    order = np.lexsort((dice.random(len(cell)), lot[chance.scene], chance.stratum[first][chance.scene], cell))
    return order, np.flatnonzero(np.r_[True, np.diff(cell[order]) != 0])


def _rounded(
    left: NDArray[np.int64], right: NDArray[np.int64], sums: NDArray[np.int64], kind: NDArray[np.int64], clusters: int, dice: Generator
) -> list[int]:
    """How many to take from each cell: source -> stratum -> cell -> (scene that lies in many strata ->) cluster -> sink -> source."""
    _, lefts = np.unique(left, return_inverse=True)
    rights, rightward = np.unique(right, return_inverse=True)
    strata, offset = int(lefts.max()) + 1, 2 + int(lefts.max()) + 1
    scene_kind = np.zeros(len(rights), np.int64)
    scene_kind[rightward] = kind
    cells = dice.permutation(len(sums))
    edges = [(2 + int(lefts[i]), offset + int(rightward[i]), int(sums[i])) for i in cells]
    by_right, by_kind = _sums(rightward, sums), np.zeros(clusters, np.int64)
    base = offset + len(rights)
    for i in np.flatnonzero(rights >= clusters):
        edges.append((offset + int(i), base + int(scene_kind[i]), int(by_right[i])))
    for i in np.flatnonzero(rights < clusters):
        edges.append((offset + int(i), base + int(rights[i]), int(by_right[i])))
    np.add.at(by_kind, scene_kind, by_right)
    edges += [(base + int(i), 1, int(by_kind[i])) for i in np.flatnonzero(by_kind)]
    edges += [(0, 2 + i, int(total)) for i, total in enumerate(_sums(lefts, sums)[:strata])]
    edges.append((1, 0, int(sums.sum())))
    tails, heads, flows = zip(*edges, strict=True)
    whole = round_flow(tails, heads, flows, dice)
    counts = [0] * len(sums)
    for place, cell in enumerate(cells):
        counts[cell] = whole[place]
    return counts
