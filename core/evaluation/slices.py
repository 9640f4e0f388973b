"""How a model does where it matters: by what is true of a frame, or by what else is known of it, each with its number and interval. Picks no slice for its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from core.evaluation.counting import RISK, Counted, true_value
from core.evaluation.metrics import METRICS
from core.evaluation.predictions import Gold
from core.evaluation.resampling import Draws, Sums, interval

LEAST = 20
"""Frames of a slice from which on it is shown: below, an interval would be taken for a finding."""

CROWDED = 8
"""Boxes above which a frame is crowded."""

SHOWN = ("field_accuracy", "joint", "box_f1", "risk_cost")
"""What is told of a slice."""

ByFrame = Mapping[str, Mapping[str, str]]
"""Name of a way to slice -> frame id -> the slice it belongs to; a frame that is not there belongs to none."""


def _crowd(gold: Gold) -> str:
    boxes = sum(finding.box is not None for finding in gold.findings)
    return "none" if not boxes else f"1 to {CROWDED}" if boxes <= CROWDED else f"more than {CROWDED}"


WAYS: Mapping[str, Callable[[Gold], str | None]] = {
    "risk": lambda gold: true_value(gold, RISK),
    "tool": lambda gold: gold.step.tool.value,
    "action": lambda gold: gold.step.action.value,
    "boxes": _crowd,
    "violations": lambda gold: "some" if gold.violations else "none",
}
"""Ways to slice by what is true."""


def sliced(counted: Counted, drawn: Draws, more: ByFrame | None = None) -> dict[str, dict[str, Any]]:
    """By way and slice. One with fewer than LEAST frames has its number and "hidden", and no figure."""
    told: dict[str, dict[str, Any]] = {}
    for way, of in WAYS.items():
        told[way] = _way(counted, drawn, [of(gold) for gold in counted.gold])
    for way, by_frame in (more or {}).items():
        told[way] = _way(counted, drawn, [by_frame.get(gold.frame_id) for gold in counted.gold])
    return {way: slices for way, slices in told.items() if len(slices) > 1}


def _way(counted: Counted, drawn: Draws, places: list[str | None]) -> dict[str, Any]:
    return {name: _one(counted, drawn, [place == name for place in places]) for name in sorted({place for place in places if place})}


def _one(counted: Counted, drawn: Draws, inside: list[bool]) -> dict[str, Any]:
    n = sum(inside)
    if n < LEAST:
        return {"n": n, "hidden": True}
    masked = Sums(counted.sums.names, counted.sums.table * np.array(inside, float)[:, None])
    resampled = drawn.resampled(masked)
    told: dict[str, Any] = {"n": n, "hidden": False}
    for name in SHOWN:
        metric = METRICS[name].make(counted)
        value = float(metric(masked.total))
        low, high = interval(metric(resampled))
        told[name] = {"value": value if np.isfinite(value) else None, "low": low, "high": high}
    return told
