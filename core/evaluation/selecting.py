"""What a model is worth when it may leave frames to people: risk against coverage, and how many must be reviewed to catch nearly all that is high.

A frame's confidence is that of its least sure field, as the model said it; where it said none there is no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.evaluation.counting import Counted
from core.evaluation.predictions import Prediction
from core.evaluation.resampling import Draws, Numbers, interval
from core.evaluation.risks import HIGH, true_high, urgency
from core.schema import FIELDS

COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
RECALLS = (0.95, 0.99)
_CHUNK = 2**22
"""Numbers at a time, while resamples are gone through."""


def confidence(said: Prediction) -> float | None:
    """The least sure of its fields; None where none of them was said with a confidence. An answer that could not be read has 0."""
    if not said.readable:
        return 0.0
    known = [c for name in FIELDS if (c := said.step[name].confidence) is not None]
    p = said.risk_probabilities.get(said.risk_level) if said.risk_level is not None else None
    known += [p] if p is not None else []
    return min(known) if known else None


def selective(counted: Counted, drawn: Draws) -> dict[str, Any]:
    """The curve, its area with an interval, and the shares to review."""
    told: dict[str, Any] = {"review": review(counted, drawn)}
    sure = [confidence(each) for each in counted.said]
    answered = counted.sums["joint.n"] > 0
    known = [value for value in sure if value is not None]
    if len(known) < len(sure) or not answered.any():
        return told | {"augrc": None, "curve": None, "why": "The model does not say of every frame how sure it is."}
    wrong = (counted.sums["joint.right"] <= 0) & answered
    rows = np.flatnonzero(answered)
    p = np.array(known)[rows]
    values = _resampled(drawn, rows, p, wrong[rows].astype(float), counted.weights[rows])
    low, high = interval(values)
    plain = counted.weights[rows][None, :]
    point = float(augrc(p, wrong[rows].astype(float), plain)[0])
    curve = [{"coverage": share, "risk": risk_at(p, wrong[rows].astype(float), counted.weights[rows], share)} for share in COVERAGES]
    return told | {"augrc": {"value": point, "low": low, "high": high, "n": len(rows)}, "curve": curve}


def augrc(p: Numbers, wrong: Numbers, weights: Numbers) -> Numbers:
    """Area under the generalized risk-coverage curve (Traub et al. 2024, arXiv 2407.01032): the mean, over all coverages, of the chance that a frame
    is both kept and wrong; 0 is best, half the error rate is a confidence that tells nothing. `weights`: (draws, frames). Frames of the
    same confidence are kept together, each in the middle of them."""
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))
    total = weights.sum(axis=1, keepdims=True)
    kept = _at(np.cumsum(weights[:, order], axis=1) / total, ends)
    lost = _at(np.cumsum(weights[:, order] * wrong[order], axis=1) / total, ends)
    area: Numbers = ((lost[:, 1:] + lost[:, :-1]) / 2 * np.diff(kept, axis=1)).sum(axis=1)
    return area


def risk_at(p: Numbers, wrong: Numbers, weights: Numbers, coverage: float) -> float | None:
    """The share that is wrong among the surest `coverage` of the frames; those that are as sure as the last share its place."""
    left, seen, lost = coverage * weights.sum(), 0.0, 0.0
    for value in np.unique(p)[::-1]:
        level = p == value
        part = min(1.0, left / weights[level].sum())
        seen, lost = seen + part * weights[level].sum(), lost + part * (weights[level] * wrong[level]).sum()
        left -= part * weights[level].sum()
        if left <= 1e-12:
            break
    return float(lost / seen) if seen > 0 else None


def review(counted: Counted, drawn: Draws) -> dict[str, Any]:
    """The share of frames that people must see, most urgent first, to see so much of what is high. None: nothing is high."""
    order = np.argsort([-urgency(each) for each in counted.said], kind="stable")
    ranks = -np.array([urgency(each) for each in counted.said])[order]
    ends = np.flatnonzero(np.append(np.diff(ranks) != 0, True))
    high = true_high(counted.gold)[order]
    told: dict[str, Any] = {"n": int(high.sum())}
    for recall in RECALLS:
        key = f"for_{100 * recall:.0f}_percent"
        if not high.any():
            told[key] = None
            continue
        point = _shown(ends, high, counted.weights[order][None, :], recall)[0]
        values = np.concatenate([_shown(ends, high, w[:, order], recall) for w in _weights(drawn, counted.weights)])
        low, top = interval(values)
        told[key] = {"value": float(point), "low": low, "high": top, "n": len(order)}
    return told | {"level": HIGH}


def _shown(ends: np.ndarray[Any, Any], high: Numbers, weights: Numbers, recall: float) -> Numbers:
    """For each draw, how large a share has to be seen; NaN where nothing of it is high. Those that stand level are seen together."""
    seen = np.cumsum(weights, axis=1)[:, ends]
    caught = np.cumsum(weights * high, axis=1)[:, ends]
    total = caught[:, -1:]
    first = np.argmax(caught >= recall * total - 1e-9, axis=1)
    found: Numbers = np.where(total[:, 0] > 0, seen[np.arange(len(seen)), first] / seen[:, -1], np.nan)
    return found


def _resampled(drawn: Draws, rows: np.ndarray[Any, Any], p: Numbers, wrong: Numbers, weights: Numbers) -> Numbers:
    """The area in each draw."""
    size = len(drawn.of_frame)
    full = np.zeros(size)
    full[rows] = weights
    return np.concatenate([augrc(p, wrong, each[:, rows]) for each in _weights(drawn, full)])


def _weights(drawn: Draws, weights: Numbers) -> Sequence[Numbers]:
    """Of each draw how often each frame is in it, times its weight, some draws at a time."""
    step = max(1, _CHUNK // max(1, len(weights)))
    return [drawn.counts[at : at + step][:, drawn.of_frame] * weights for at in range(0, len(drawn.counts), step)]


def _at(cumulated: Numbers, ends: np.ndarray[Any, Any]) -> Numbers:
    """What was reached at the end of each level, from 0."""
    reached: Numbers = np.concatenate([np.zeros((len(cumulated), 1)), cumulated[:, ends]], axis=1)
    return reached
