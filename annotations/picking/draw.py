"""The draw: which frames go to people, each with the probability with which this draw would have taken it. Writes nothing down and knows no record.

Cluster-margin x risk (Citovsky et al. 2021, arXiv 2107.14263), as a sample of unequal probabilities: `chances` says how probable each
frame is, and the dice here keep those probabilities exactly. The camera-and-hour strata, the scenes and the clusters are vertices of a network through
which the budget flows; rounding it at random (`rounding.round_flow`) gives whole numbers with the right expectations, and inside a cell frames are
taken systematically, a scene's frames side by side. So with every seed: no scene twice, no stratum over its cap, every cluster and the budget met within one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from annotations.picking.cells import take, whole_amounts
from annotations.picking.chances import Chances, chances
from annotations.picking.pool import Pool
from annotations.picking.rounding import ONE
from annotations.samplers import SAMPLERS

LOWEST_FLOOR = 0.1
"""Below this share of draws at random, figures for all frames become guesses."""

Kind = Literal["plain", "blind", "double"]


@dataclass(frozen=True, slots=True)
class Task:
    """A frame that a person should look at, and how it came to be drawn."""

    frame: int
    inclusion: float  # probability with which this draw takes this frame, over 0 and at most 1
    sampler: str  # whose share of that probability took it; "random": the floor, or chance as a sampler
    score: float  # what that sampler measured, 0..1
    kind: Kind  # blind: the machine's proposal is hidden; double: two people look, each alone
    why: Mapping[str, float]  # what each sampler measured that measured something; "high": probability of high risk, where known


def draw(
    pool: Pool,
    budget: int,
    mix: Mapping[str, float],
    *,
    seed: int,
    floor: float = 0.2,
    most_a_stratum: int | None = None,
    blind: float = 0.05,
    double: float = 0.10,
) -> tuple[Task, ...]:
    """Tasks in random order, so that the first half of a draw is a fair half of it. The same pool, in any order, and seed give the same tasks.

    `budget`: how many; fewer when there are fewer scenes, or when camera and hour (at most `most_a_stratum` of each) allow no more. `mix`: samplers
    and their shares, of any sum. `floor`: share of the budget that is drawn evenly over all scenes. `blind`, `double`: shares of the tasks.
    Every frame of the pool has a probability over 0 of being drawn; where the budget is met, they sum up to it.
    Raises ValueError for an unknown sampler, a floor below .1, or shares that are none.
    """
    shares = _checked(mix, budget, floor, most_a_stratum, blind, double)
    if not len(pool) or not budget:
        return ()
    if (np.diff(pool.frames) < 0).any():
        pool = pool.take(np.argsort(pool.frames))
    dice = np.random.default_rng(seed)
    chance = chances(pool, budget, shares, floor=floor, most_a_stratum=most_a_stratum)
    amounts = whole_amounts(chance, most_a_stratum)
    rows = dice.permutation(take(amounts, chance, dice, capped=most_a_stratum is not None))
    kinds = _kinds(len(rows), blind, double, dice)
    return tuple(_tasks(pool, rows, amounts[rows] / ONE, chance, kinds, dice))


def inclusion(
    pool: Pool, budget: int, mix: Mapping[str, float], *, floor: float = 0.2, most_a_stratum: int | None = None
) -> NDArray[np.float64]:
    """The probability of every frame of the pool, in the order of the pool: what `draw` writes on those that it takes. No dice are thrown."""
    shares = _checked(mix, budget, floor, most_a_stratum, 0.0, 0.0)
    if not len(pool) or not budget:
        return np.zeros(len(pool))
    order = np.argsort(pool.frames)
    chance = chances(pool.take(order), budget, shares, floor=floor, most_a_stratum=most_a_stratum)
    found = np.empty(len(pool))
    found[order] = whole_amounts(chance, most_a_stratum) / ONE
    return found


def _checked(
    mix: Mapping[str, float], budget: int, floor: float, most_a_stratum: int | None, blind: float, double: float
) -> dict[str, float]:
    """The mix with a sum of 1. Raises ValueError."""
    unknown = sorted(set(mix) - set(SAMPLERS))
    if unknown:
        raise ValueError(f"There is no sampler {', '.join(unknown)}; there are {', '.join(SAMPLERS)}.")
    if any(not share >= 0 or math.isinf(share) for share in mix.values()) or not sum(mix.values()) > 0:
        raise ValueError("The shares of a mix must be 0 or more, and one of them more than 0.")
    if not LOWEST_FLOOR <= floor <= 1:
        raise ValueError(f"The floor must be between {LOWEST_FLOOR} and 1: without it no figure for all frames can be had.")
    if budget < 0 or (most_a_stratum is not None and most_a_stratum < 1):
        raise ValueError("The budget must be 0 or more, and a camera and hour must allow at least 1.")
    if not (0 <= blind <= 1 and 0 <= double <= 1 and blind + double <= 1):
        raise ValueError("The shares of blind and double tasks must lie in 0..1, together too.")
    return {name: share / sum(mix.values()) for name, share in mix.items() if share > 0}


def _kinds(count: int, blind: float, double: float, dice: Generator) -> list[Kind]:
    """Which tasks are blind and which double: by chance, whatever was measured; so many of each as their share says, on average exactly."""
    step = dice.random()
    ends = [math.floor(share * count + step) for share in (blind, blind + double)]
    return ["blind" if i < ends[0] else "double" if i < ends[1] else "plain" for i in dice.permutation(count)]


def _tasks(
    pool: Pool, rows: NDArray[np.int64], probability: NDArray[np.float64], chance: Chances, kinds: list[Kind], dice: Generator
) -> Iterator[Task]:
    """The tasks. Which sampler took a frame is a throw of dice too, by what each added to its probability."""
    alone = pool.take(rows)
    others = {
        name: measure(alone) for name, measure in SAMPLERS.items() if name not in chance.measures and name not in ("random", "diverse")
    }
    measured = {**{name: values[rows] for name, values in chance.measures.items()}, **others}
    names = ["random", *chance.added]
    parts = np.cumsum(np.stack([chance.floor[rows], *(values[rows] for values in chance.added.values())]), axis=0)
    lots = dice.random(len(rows)) * parts[-1]
    for i in range(len(rows)):
        sampler = names[int(np.argmax(parts[:, i] > lots[i]))]
        score = float(measured[sampler][i]) if sampler in measured else 1.0
        why = {name: round(float(values[i]), 4) for name, values in measured.items() if values[i] > 0 and name != "random"}
        if not np.isnan(alone.high[i]):
            why["high"] = round(float(alone.high[i]), 4)
        yield Task(int(alone.frames[i]), float(probability[i]), sampler, score, kinds[i], why)
