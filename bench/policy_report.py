"""The report of the policies: each beside chance in pairs, and figures from draws beside the truth. Draws nothing and learns nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.picking.estimates import Estimate

RESAMPLES = 5000
CONTROL = "random"

HEAD = """# Which policy finds what is worth a label

{seeds} made-up benches of each kind (`bench/composed.py`: some 5,600 frames in 3,000 scenes with near-duplicate bursts, {high:.1%} of the scenes of high risk, a model
that never saw two kinds of five and is too sure of itself; on *hard* benches much too sure, and of three common kinds half the frames can be told by
nobody). {rounds} rounds of {budget} labels, 20 % of each drawn evenly, the same seeds for every policy. Deterministic: `python -m bench.policies`.

Δ is the mean difference to *random* on the same bench, with a 95 % interval from resampling benches. **better** / **worse**: the interval does not hold 0.
Many comparisons stand here; one of forty would look better or worse by chance alone. These benches rank policies; they predict no site's figures.
"""

_CURVES = """
## {kind} benches

Area: mean over the rounds after the first labels. Accuracy: of the tool, mean over the tools. Recall: of high risk, where {alarms:.0%} of the test frames raise an
alarm. Found: high-risk frames among the first 100 labels (each a scene of its own), and how many times as many as by chance.

| policy | accuracy, area | Δ | | recall, area | Δ | | found in 100 | times chance | |
|---|---|---|---|---|---|---|---|---|---|"""

_TRUTH = """
## What the draws say of all frames, on {kind} benches

Bias: mean of estimate − truth over all draws of a policy, with a 95 % interval from resampling benches. *Weighted*: by 1/inclusion (Hájek). *Naive*: as if the
labels were a fair sample. Covered: how often the 95 % interval of one draw holds the truth. Off by: root of the mean squared error.
Of one draw of {budget} labels; *all draws* of all {rounds} together.

| policy | figure | draws | truth | weighted bias | holds 0 | naive bias | holds 0 | covered, weighted | covered, naive | off by, weighted | off by, naive |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Course:
    """One policy on one bench: an entry a round in each curve, the first before any label."""

    accuracy: tuple[float, ...]  # macro over the tools, on the test
    recall: tuple[float, ...]  # of high risk on the test at the alarm rate
    found: tuple[int, ...]  # high-risk frames among the labels so far
    told: tuple[tuple[str, Estimate, float], ...]  # which figure, the estimate from the draws, the truth of the pool


def by_resampling(values: Any, statistic: Callable[[NDArray[np.float64]], float]) -> tuple[float, float]:
    """The 95 % interval of a statistic over benches (rows), which are drawn with replacement; always the same dice."""
    table, dice = np.asarray(values, np.float64), np.random.default_rng(7)
    found = [statistic(table[dice.integers(len(table), size=len(table))]) for _ in range(RESAMPLES)]
    return float(np.nanpercentile(found, 2.5)), float(np.nanpercentile(found, 97.5))


def told(courses: Mapping[str, Sequence[Course]], kind: str, alarms: float, budget: int) -> tuple[str, dict[str, Any]]:
    """The curves of one kind of bench as a table, and the same as figures."""
    lines, figures = [_CURVES.format(kind=kind.capitalize(), alarms=alarms)], {}
    rounds = math.ceil(100 / budget)
    chance = {name: _areas(courses[CONTROL], name) for name in ("accuracy", "recall")}
    lucky = np.asarray([each.found[rounds] for each in courses[CONTROL]], np.float64)
    for policy, found in courses.items():
        row, cells = {}, [policy]
        for name in ("accuracy", "recall"):
            area = _areas(found, name)
            low, high = by_resampling(area - chance[name], _mean)
            row[name] = {"area": _mean(area), "gain": _mean(area - chance[name]), "low": low, "high": high}
            told_gain = f"{row[name]['gain']:+.3f} ({low:+.3f} – {high:+.3f})" if policy != CONTROL else "–"
            cells += [f"{_mean(area):.3f}", told_gain, _verdict(low, high, 0) if policy != CONTROL else ""]
        picked = np.asarray([each.found[rounds] for each in found], np.float64)
        pair = np.stack([picked, lucky], axis=1)
        low, high = by_resampling(pair, _times)
        row["found"] = {"in_100": _mean(picked), "times": _times(pair), "low": low, "high": high}
        told_times = f"{_times(pair):.2f} ({low:.2f} – {high:.2f})" if policy != CONTROL else "–"
        cells += [f"{_mean(picked):.1f}", told_times, _verdict(low, high, 1) if policy != CONTROL else ""]
        lines.append(f"| {' | '.join(cells)} |")
        figures[policy] = row
    return "\n".join(lines) + "\n", figures


def held_to_the_truth(courses: Mapping[str, Sequence[Course]], kind: str, rounds: int, budget: int) -> tuple[str, dict[str, Any]]:
    """The estimates of one kind of bench beside the truth, as a table and as figures."""
    lines, figures = [_TRUTH.format(kind=kind, rounds=rounds, budget=budget)], {}
    for policy, found in courses.items():
        for name in dict.fromkeys(name for name, _, _ in found[0].told):
            benches = [
                [(e, truth) for told_name, e, truth in each.told if told_name == name and e.n and e.mean == e.mean] for each in found
            ]
            row = _beside([each for each in benches if each])
            figures[f"{policy}: {name}"] = row
            lines.append(
                f"| {policy} | {name} | {row['draws']} | {row['truth']:.3f} "
                f"| {row['bias']:+.3f} ({row['low']:+.3f} – {row['high']:+.3f}) | {_yes(row['low'] <= 0 <= row['high'])} "
                f"| {row['naive_bias']:+.3f} ({row['naive_low']:+.3f} – {row['naive_high']:+.3f}) "
                f"| {_yes(row['naive_low'] <= 0 <= row['naive_high'])} "
                f"| {row['covered']:.0%} | {row['naive_covered']:.0%} | {row['off']:.3f} | {row['naive_off']:.3f} |"
            )
    return "\n".join(lines) + "\n", figures


def _beside(benches: Sequence[Sequence[tuple[Estimate, float]]]) -> dict[str, Any]:
    every = [pair for bench in benches for pair in bench]
    means = [[np.mean([e.mean - truth for e, truth in bench]), np.mean([e.naive - truth for e, truth in bench])] for bench in benches]
    (low, high), (naive_low, naive_high) = (by_resampling([pair[column] for pair in means], _mean) for column in (0, 1))
    return {
        "draws": len(every),
        "truth": _mean([truth for _, truth in every]),
        "bias": _mean([pair[0] for pair in means]),
        "low": low,
        "high": high,
        "naive_bias": _mean([pair[1] for pair in means]),
        "naive_low": naive_low,
        "naive_high": naive_high,
        "covered": _mean([e.low <= truth <= e.high for e, truth in every]),
        "naive_covered": _mean([e.naive_low <= truth <= e.naive_high for e, truth in every]),
        "off": math.sqrt(_mean([(e.mean - truth) ** 2 for e, truth in every])),
        "naive_off": math.sqrt(_mean([(e.naive - truth) ** 2 for e, truth in every])),
    }


def _areas(courses: Sequence[Course], name: str) -> NDArray[np.float64]:
    return np.asarray([np.mean(getattr(each, name)[1:]) for each in courses])


def _mean(values: Any) -> float:
    return float(np.mean(values))


def _times(pairs: NDArray[np.float64]) -> float:
    total = pairs[:, 1].sum()
    return float(pairs[:, 0].sum() / total) if total else math.nan


def _verdict(low: float, high: float, even: float) -> str:
    return "**better**" if low > even else "**worse**" if high < even else "not shown to differ"


def _yes(so: bool) -> str:
    return "yes" if so else "**no**"
