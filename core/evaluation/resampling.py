"""How sure a figure is: whole scenes are drawn again and again (cluster bootstrap, Efron 1979), on sums that were counted once. Knows no metric.

Every metric here is a function of sums over frames, so a resample is a product of two matrices: how often each scene was drawn,
times what each scene adds. Two models are compared on the same draws (paired).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Numbers = NDArray[np.float64]

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Sums:
    """Columns by name. `table`: (..., k); what a name gives has the leading shape, so that a metric works on one sum and on 2,000 alike."""

    names: Mapping[str, int]
    table: Numbers

    def __getitem__(self, name: str) -> Numbers:
        column: Numbers = self.table[..., self.names[name]]
        return column

    def many(self, names: Sequence[str]) -> Numbers:
        """Several columns, as the last axis."""
        columns: Numbers = self.table[..., [self.names[name] for name in names]]
        return columns

    @property
    def total(self) -> Sums:
        """The sum over the first axis."""
        return Sums(self.names, self.table.sum(axis=0))


Metric = Callable[[Sums], Numbers]


@dataclass(frozen=True, slots=True)
class Draws:
    """How often each scene is in each resample: (resamples, scenes). `of_frame`: the scene's place for each frame."""

    counts: Numbers
    of_frame: NDArray[np.intp]

    @property
    def scenes(self) -> int:
        """How many scenes there are."""
        return int(self.counts.shape[1])

    def resampled(self, frames: Sums) -> Sums:
        """The sums of each resample, from the columns of each frame."""
        per_scene = np.zeros((self.scenes, frames.table.shape[1]))
        np.add.at(per_scene, self.of_frame, frames.table)
        return Sums(frames.names, self.counts @ per_scene)


def draws(scenes: ArrayLike, resamples: int = RESAMPLES, seed: int = 0) -> Draws:
    """Resamples of as many scenes as there are, with replacement. `scenes`: the scene's number for each frame; at least one frame."""
    known, of_frame = np.unique(np.asarray(scenes), return_inverse=True)
    count = len(known)
    drawn = np.random.default_rng(seed).integers(count, size=(resamples, count))
    places = drawn + np.arange(resamples)[:, None] * count
    counts = np.bincount(places.ravel(), minlength=resamples * count).reshape(resamples, count)
    return Draws(counts.astype(float), of_frame.astype(np.intp))


def interval(values: Numbers, level: float = 0.95) -> tuple[float | None, float | None]:
    """Percentiles of a metric over resamples; those in which it is not defined are left out. None where it is defined in none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None, None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def least(values: Numbers, point: float, scenes: int, level: float = 0.95) -> float | None:
    """The one-sided lower bound of a difference: what it is at least, at this level. None where it is defined in no resample.

    The lower of two: the percentile, and `point` less the standard error of the resamples times Student's t for that many scenes.
    Percentiles alone are too narrow for few scenes (Efron, Tibshirani 1993, chapter 13): they promoted 8 of 100 equal adapters.
    """
    known = values[np.isfinite(values)]
    if not len(known) or not np.isfinite(point):
        return None
    spread = float(known.std()) * float(np.sqrt(scenes / max(1, scenes - 1)))
    return min(float(np.quantile(known, 1 - level)), point - float(stdtrit(max(1, scenes - 1), level)) * spread)


def share(numerator: Numbers, denominator: Numbers) -> Numbers:
    """Their ratio; NaN where the denominator is 0."""
    found: Numbers = np.divide(numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=np.asarray(denominator) > 0)
    return found


def mean_of(values: Numbers) -> Numbers:
    """Over the last axis, what is not defined left out; NaN where nothing is."""
    known = np.isfinite(values)
    return share(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(float))
