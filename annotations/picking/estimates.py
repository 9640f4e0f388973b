"""What drawn frames say of all frames: each counts for as many as it was drawn out of. Beside it the naive figure, which the queue's taste bends. Draws nothing.

Hájek 1971 for the mean, its linearised variance after Deville 1999 (as in Tillé, Sampling Algorithms, 2006, 7.5); intervals of shares after Korn and
Graubard 1998. A figure holds for the pool of the draw, and only if the tasks that were done are a fair part of those drawn: tasks come in random
order, so a draw that was left half way is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta, t

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, share or ratio with its interval, and what the same labels say when nobody asks how they came to be drawn. NaN: nothing to divide by."""

    mean: float
    low: float
    high: float
    n: int  # labels that count in the denominator
    effective: float  # as many labels drawn evenly would say as much; NaN when there is no spread to tell by
    naive: float
    naive_low: float
    naive_high: float


def hajek(values: ArrayLike, inclusion: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The mean of `values` over the whole pool from the labels of one draw; `inclusion` as written in its tasks.

    Values of 0 and 1 only are a share, whose interval stays in 0..1 and is not empty when all agree. Raises ValueError for probabilities outside 0..1.

    >>> found = hajek([1, 1, 0], [0.5, 0.5, 0.1])
    >>> round(found.mean, 3), round(found.naive, 3)
    (0.286, 0.667)
    """
    return ratio(values, np.ones(len(np.asarray(values))), inclusion, level=level)


def ratio(numerators: ArrayLike, denominators: ArrayLike, inclusion: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The sum of one over the sum of the other, of the whole pool: for recall, found high risks over all high risks, an entry a label.

    A label that does not belong (no high risk) has 0 in both. Raises ValueError.
    """
    probability = np.asarray(inclusion, np.float64)
    if not ((probability > 0) & (probability <= 1)).all():
        raise ValueError("A probability of being drawn must be over 0 and at most 1.")
    return _told(np.asarray(numerators, np.float64), np.asarray(denominators, np.float64), 1 / probability, 1 - probability, level)


def weighted(numerators: ArrayLike, denominators: ArrayLike, weights: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The same from weights of any kind, for instance of several draws (`over_rounds`). Raises ValueError for a weight that is not over 0."""
    counted = np.asarray(weights, np.float64)
    if not ((counted > 0) & np.isfinite(counted)).all():
        raise ValueError("A weight must be over 0.")
    return _told(np.asarray(numerators, np.float64), np.asarray(denominators, np.float64), counted, np.ones(len(counted)), level)


def over_rounds(rounds: Sequence[ArrayLike]) -> tuple[Values, ...]:
    """Weights of the labels of several draws, each from what the draws before had left of one pool: they then speak for that whole pool.

    Each draw alone gives an estimate: what was labelled before is known, the rest is weighted by 1/probability (Des Raj 1956). These are averaged by
    their numbers of labels, so a label counts share/probability in its own draw and once in every later one's share.

    >>> [weights.tolist() for weights in over_rounds([[0.5, 0.25], [1.0, 0.5]])]
    [[1.5, 2.5], [0.5, 1.0]]
    """
    drawn = [np.asarray(each, np.float64) for each in rounds]
    total = sum(len(each) for each in drawn)
    shares = [len(each) / total if total else 0.0 for each in drawn]
    return tuple(shares[i] / each + math.fsum(shares[i + 1 :]) for i, each in enumerate(drawn))


def _told(y: Values, x: Values, weights: Values, spare: Values, level: float) -> Estimate:
    """`spare`: 1 - probability, what of a label's weight is guessed; 1 where that is not known."""
    if not (len(y) == len(x) == len(weights)):
        raise ValueError("Every label needs a value and a probability.")
    n = int((x != 0).sum())
    if not n:
        return Estimate(math.nan, math.nan, math.nan, 0, math.nan, math.nan, math.nan, math.nan)
    mean, variance = _spread(y, x, weights, spare)
    naive, by_chance = _spread(y, x, np.ones(len(y)), np.ones(len(y)))
    share = bool(np.isin(x, (0, 1)).all() and np.isin(y, (0, 1)).all() and (y <= x).all())
    effective = mean * (1 - mean) / variance if share and variance > 0 else math.nan
    if share:
        # no more than the weights alone allow (Kish 1965): a few heavy labels that agree by luck would look sure of themselves
        kish = float((weights * x).sum() ** 2 / ((weights * x) ** 2).sum())
        low, high = (mean, mean) if not spare[x != 0].any() else _share(mean, min(effective, kish) if variance > 0 else kish, level)
        naive_low, naive_high = _share(naive, n, level)
    else:
        low, high = _around(mean, variance, len(y), level)
        naive_low, naive_high = _around(naive, by_chance, len(y), level)
    return Estimate(mean, low, high, n, effective, naive, naive_low, naive_high)


def _spread(y: Values, x: Values, weights: Values, spare: Values) -> tuple[float, float]:
    """The ratio and its variance."""
    size = float((weights * x).sum())
    mean = float((weights * y).sum()) / size
    away = weights * (y - mean * x) / size
    part = spare / spare.sum() if spare.any() else spare
    left = 1 - float((part**2).sum())
    variance = float((spare * (away - (part * away).sum()) ** 2).sum()) / left if left > 1e-12 else math.nan
    return mean, variance if spare.any() else 0.0


def _around(mean: float, variance: float, n: int, level: float) -> tuple[float, float]:
    """By Student's t; open on both sides when one label tells nothing of the spread."""
    if n < 2 or math.isnan(variance):
        return -math.inf, math.inf
    reach = float(t.ppf((1 + level) / 2, n - 1)) * math.sqrt(variance)
    return mean - reach, mean + reach


def _share(mean: float, n: float, level: float) -> tuple[float, float]:
    """Clopper and Pearson's for n labels drawn evenly, n being no whole number."""
    found, tail = mean * n, (1 - level) / 2
    low = float(beta.ppf(tail, found, n - found + 1)) if found > 1e-9 else 0.0
    high = float(beta.ppf(1 - tail, found + 1, n - found)) if n - found > 1e-9 else 1.0
    return low, high
