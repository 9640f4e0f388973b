"""What a level of risk that was said is worth: how far off it is, what it costs, and who is called high first. Asks for no threshold of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.predictions import Gold, Prediction
from core.evaluation.resampling import Numbers, share
from core.profile import LEVELS

HIGH = LEVELS[-1]
UNDETERMINED = "undetermined"
SAID: tuple[str, ...] = (*LEVELS, UNDETERMINED)
"""Columns of the confusion; rows are LEVELS."""

_UNDER = (0.0, 4.0, 10.0, 20.0)
"""True high called so many levels too low. Of a level below it the same distance costs half, and half again of the next."""


def cost(true: str, said: str | None) -> float:
    """What one frame costs. True high called none 20, low 10, medium 4; too high: 1 a level; undetermined: 1 more than called high, since
    a person has to look and learns nothing.

    >>> [cost("high", level) for level in ("none", "low", "medium", "high")], cost("medium", "none"), cost("none", "medium")
    ([20.0, 10.0, 4.0, 0.0], 5.0, 2.0)
    """
    truth = LEVELS.index(true)
    if said is None:
        return len(LEVELS) - 1 - truth + 1.0
    off = LEVELS.index(said) - truth
    return float(off) if off >= 0 else _UNDER[-off] / 2.0 ** (len(LEVELS) - 1 - truth)


def kappa(confusion: Numbers) -> Numbers:
    """Quadratic weighted kappa (Cohen 1968) of confusions (..., LEVELS, SAID): 1 agreed, 0 by chance. Undetermined is as far off as can be.

    NaN where one of the two says one thing only and so does the other: nothing could disagree. A constant predictor has 0.
    """
    k = len(LEVELS)
    weights = np.ones((k, k + 1))
    weights[:, :k] = (np.subtract.outer(np.arange(k), np.arange(k)) / (k - 1)) ** 2
    n = confusion.sum(axis=(-2, -1))
    expected = confusion.sum(axis=-1)[..., :, None] * confusion.sum(axis=-2)[..., None, :]
    observed = (confusion * weights).sum(axis=(-2, -1))
    by_chance = share((expected * weights).sum(axis=(-2, -1)), n)
    found: Numbers = 1.0 - share(observed, by_chance)
    return found


def urgency(prediction: Prediction) -> float:
    """How high in the line of those who are shown a person a frame stands: what nobody could read first, then high, undetermined, and the
    others by the probability of high, or by their level where the model gave none."""
    if not prediction.readable:
        return 4.0
    p = prediction.risk_probabilities.get(HIGH)
    if prediction.risk_level == HIGH:
        return 3.0 + (p or 0.0)
    if prediction.risk_level is None:
        return 2.0 + (p or 0.0)
    return p if p is not None else LEVELS.index(prediction.risk_level) / len(LEVELS)


def alarmed(prediction: Prediction) -> bool:
    """Whether a person is called: high, or nobody can say."""
    return prediction.risk_level in (None, HIGH) or not prediction.readable


def alarm_rate(predictions: Sequence[Prediction], weights: Numbers) -> float:
    """The share of frames for which a person is called."""
    return float(weights[[alarmed(each) for each in predictions]].sum() / weights.sum())


def at_rate(predictions: Sequence[Prediction], weights: Numbers, rate: float) -> Numbers:
    """How much of each frame (0..1) is among the `rate` most urgent; those that stand level share what is left.

    An answer that could not be read takes its place in the line and finds nothing: 0, though a person looks.
    """
    order = np.array([urgency(each) for each in predictions])
    taken, room = np.zeros(len(order)), rate * weights.sum()
    for value in np.unique(order)[::-1]:
        level = order == value
        size = weights[level].sum()
        taken[level] = min(1.0, max(0.0, room / size)) if size > 0 else 0.0
        room -= size
    readable: NDArray[np.bool_] = np.array([each.readable for each in predictions], bool)
    found: Numbers = taken * readable
    return found


def true_high(gold: Sequence[Gold]) -> Numbers:
    """1 for frames that are high."""
    return np.array([each.risk_level == HIGH for each in gold], float)
