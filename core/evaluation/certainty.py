"""How good confidences are: do they find what is wrong, and are they as often right as they say? Plain arrays in, numbers out.

`p` is what was claimed (0..1), `right` whether it was so. Intervals come from resampling whole groups (the things of one frame
stand or fall together).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

BINS = 15
"""Of equal width, for the expected calibration error (Guo et al. 2017, arXiv 1706.04599)."""

Statistic = Callable[..., float]
Interval = tuple[float, float]


def auroc(p: ArrayLike, right: ArrayLike) -> float:
    """The chance that something right was claimed with more confidence than something wrong; ties count half. NaN when nothing is wrong or nothing right.

    >>> auroc([0.9, 0.8, 0.7], [True, True, False])
    1.0
    """
    good = np.asarray(right, dtype=bool)
    n, m = int(good.sum()), int((~good).sum())
    if not n or not m:
        return float("nan")
    return float((rankdata(np.asarray(p, dtype=float))[good].sum() - n * (n + 1) / 2) / (n * m))


def brier(p: ArrayLike, right: ArrayLike) -> float:
    """The mean squared distance of the claim from 1 (right) or 0 (wrong). Brier 1950.

    >>> brier([1.0, 0.5], [True, False])
    0.125
    """
    return float(np.mean((np.asarray(p, dtype=float) - np.asarray(right, dtype=float)) ** 2))


def log_loss(p: ArrayLike, right: ArrayLike) -> float:
    """The mean negative logarithm of what was claimed for what was so; claims are kept 1e-6 from 0 and 1."""
    claimed, good = np.clip(np.asarray(p, dtype=float), 1e-6, 1 - 1e-6), np.asarray(right, dtype=bool)
    return float(-np.mean(np.where(good, np.log(claimed), np.log1p(-claimed))))


def ece(p: ArrayLike, right: ArrayLike) -> float:
    """Expected calibration error over BINS bins. Not to be read without `noise_floor`: at 50 labels a perfect claim shows .2.

    >>> round(ece([0.75, 0.75, 0.75, 0.75], [True, True, True, False]), 6)
    0.0
    """
    claimed, good = np.asarray(p, dtype=float), np.asarray(right, dtype=float)
    bins = np.minimum((claimed * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, claimed - good, BINS)
    return float(np.abs(gaps).sum() / len(claimed))


def noise_floor(p: ArrayLike, dice: Generator, draws: int = 400) -> float:
    """The ECE that claims like these show when every one of them is true: the mean over drawn outcomes."""
    claimed = np.asarray(p, dtype=float)
    return float(np.mean([ece(claimed, dice.random(len(claimed)) < claimed) for _ in range(draws)]))


def interval(
    statistic: Statistic, columns: Sequence[ArrayLike], groups: ArrayLike, dice: Generator, draws: int = 1000, level: float = 0.95
) -> Interval:
    """Of `statistic(*columns)` by the bootstrap over groups, percentiles (Efron 1979). Draws in which it is not defined are left out."""
    arrays = [np.asarray(column) for column in columns]
    _, of_group = np.unique(np.asarray(groups), return_inverse=True)
    members = np.argsort(of_group, kind="stable")
    sizes = np.bincount(of_group)
    begins = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found: list[float] = []
    for _ in range(draws):
        rows = members[_spread(dice.integers(len(sizes), size=len(sizes)), begins, sizes)]
        value = statistic(*(column[rows] for column in arrays))
        if np.isfinite(value):
            found.append(value)
    if not found:
        return (float("nan"), float("nan"))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _spread(drawn: NDArray[np.intp], begins: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Places of every member of the drawn groups."""
    many = sizes[drawn]
    offsets = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    return np.asarray(np.repeat(begins[drawn], many) + offsets)
