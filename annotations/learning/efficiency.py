"""What labels bought: the gain of each hundred and of each hour, beside labels picked at random, and whether more are expected to help.

Numbers in, numbers out: it knows no record and no model. A score is a share (0..1) measured on frames that taught nothing.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONTROL = "random"
"""The policy by which every other is measured."""

WORTH = 0.005
"""Half a point: a gain that is expected to stay below is not worth a hundred labels."""

FEWEST = 3
"""Points of a curve; with fewer nothing is expected of the next."""

_Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True, slots=True)
class Point:
    """What a model learned from so many labels that a policy had picked. `labels` 0: the model as it was before."""

    policy: str
    labels: int  # frames that people corrected and that taught
    hours: float  # a person's active time for them
    score: float  # 0..1
    low: float  # of a 95 % interval
    high: float
    adapter: str = ""  # its name in the registry

    @property
    def spread(self) -> float:
        """The standard error that the interval stands for."""
        return (self.high - self.low) / (2 * _Z)


@dataclass(frozen=True, slots=True)
class Gain:
    """From one point of a curve to the next."""

    policy: str
    before: int  # labels
    after: int
    a_hundred: float  # of score
    an_hour: float | None  # of score; None: no time was booked
    low: float  # of `a_hundred`, 95 %
    high: float


@dataclass(frozen=True, slots=True)
class Beside:
    """A policy's curve against that of random labels, over the span of labels that both cover."""

    policy: str
    difference: float  # of mean score along the curve
    low: float
    high: float

    @property
    def word(self) -> str:
        """ "better", "worse", or "no better": zero lies within the interval."""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no better"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the next hundred labels are expected to bring by the curve so far."""

    policy: str
    gain: float
    low: float
    high: float
    stop: bool  # even the upper end is not worth it


def curves(points: Sequence[Point]) -> dict[str, list[Point]]:
    """By policy, from few labels to many; a point without labels begins each of them."""
    start = [point for point in points if point.labels == 0]
    names = dict.fromkeys(point.policy for point in points if point.labels > 0)
    return {
        name: [*start[:1], *sorted((p for p in points if p.policy == name and p.labels > 0), key=lambda p: (p.labels, p.adapter))]
        for name in names
    }


def gains(points: Sequence[Point]) -> list[Gain]:
    """Each step of each curve. Points are measured on the same frames, so the interval (of independent ones) is rather too wide."""
    made = []
    for name, curve in curves(points).items():
        for before, after in itertools.pairwise(curve):
            labels, hours = after.labels - before.labels, after.hours - before.hours
            if labels <= 0:
                continue
            gain, half = after.score - before.score, _Z * math.hypot(before.spread, after.spread)
            low, high = (100 * (gain + side) / labels for side in (-half, half))
            made.append(Gain(name, before.labels, after.labels, 100 * gain / labels, gain / hours if hours > 0 else None, low, high))
    return made


def beside_random(points: Sequence[Point]) -> list[Beside]:
    """Each policy against the control, by the mean of the score over the span of labels that both cover. Empty without a control.

    Arms seldom have exactly as many labels each. So either curve is a straight line between its points, the mean difference is the area between the two
    (trapezoids), and its error is that of the points which it is a sum of, each by its share: one that is in both curves falls out.
    """
    known = curves(points)
    control = {p.labels: p for p in known.pop(CONTROL, [])}
    made = []
    for name, curve in known.items():
        ours = {p.labels: p for p in curve}
        shares: defaultdict[Point, float] = defaultdict(float)
        for place, weight in _trapezoids(_covered(ours, control)).items():
            for point, share in _between(ours, place).items():
                shares[point] += weight * share
            for point, share in _between(control, place).items():
                shares[point] -= weight * share
        if shares:
            difference = sum(share * point.score for point, share in shares.items())
            half = _Z * math.sqrt(sum((share * point.spread) ** 2 for point, share in shares.items()))
            made.append(Beside(name, difference, difference - half, difference + half))
    return made


def expected(points: Sequence[Point], more: int = 100) -> list[Expected]:
    """Of each curve with at least FEWEST points the gain of `more` labels, by a line through score over log(labels).

    Learning curves bend at least so much (Hestness et al. 2017, arXiv 1712.00409: they follow a power law), so this rather promises too much.
    """
    made = []
    for name, curve in curves(points).items():
        taught = [p for p in curve if p.labels > 0]
        if len(taught) < FEWEST:
            continue
        slope, error = _slope([math.log(p.labels) for p in taught], [p.score for p in taught], [p.spread for p in taught])
        step = math.log((taught[-1].labels + more) / taught[-1].labels)
        gain, half = slope * step, _Z * error * step
        made.append(Expected(name, gain, gain - half, gain + half, gain + half < WORTH))
    return made


def _covered(one: Mapping[int, Point], other: Mapping[int, Point]) -> list[int]:
    """Numbers of labels at which either curve has a point, within the span of both; none when that is shorter than a label."""
    if not one or not other:
        return []
    low, high = max(min(one), min(other)), min(max(one), max(other))
    return sorted(place for place in {*one, *other} if low <= place <= high) if low < high else []


def _between(curve: Mapping[int, Point], place: int) -> dict[Point, float]:
    """The points on either side of a place within a curve, and how much of each a straight line takes there."""
    low, high = max(n for n in curve if n <= place), min(n for n in curve if n >= place)
    if low == high:
        return {curve[place]: 1.0}
    share = (place - low) / (high - low)
    return {curve[low]: 1 - share, curve[high]: share}


def _trapezoids(places: Sequence[int]) -> dict[int, float]:
    """What each place counts in a mean along the axis; together 1. Of no places none counts."""
    if not places:
        return {}
    whole = places[-1] - places[0]
    weights = dict.fromkeys(places, 0.0)
    for left, right in itertools.pairwise(places):
        for end in (left, right):
            weights[end] += (right - left) / (2 * whole)
    return weights


def _slope(x: Sequence[float], y: Sequence[float], spread: Sequence[float]) -> tuple[float, float]:
    """Slope of the least squares line and its standard error: the larger of what the scatter says and what the spread of the points says."""
    n, middle = len(x), sum(x) / len(x)
    level = sum(y) / n
    width = sum((each - middle) ** 2 for each in x)
    if width == 0:
        return 0.0, math.inf
    slope = sum((a - middle) * (b - level) for a, b in zip(x, y, strict=True)) / width
    left = sum((b - level - slope * (a - middle)) ** 2 for a, b in zip(x, y, strict=True))
    scatter = math.sqrt(left / (n - 2) / width) if n > 2 else math.inf
    said = math.sqrt(sum(((a - middle) * s) ** 2 for a, s in zip(x, spread, strict=True))) / width
    return slope, max(scatter, said)
