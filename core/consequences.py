"""How sure what follows from findings is: the profile's rules are asked again, over findings as the model might have said them.

A model that has said where the hand and the tool are says the step, the violations and the risk as one who copies: their own
tokens are certain (.999) and find no error. What decides them is doubtful, so their share is counted over draws of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.corners import Belief
from core.geometry import BoxFormat, Size, from_model
from core.judging import Judged, judge
from core.profile import Profile
from core.schema import Box, Finding

DRAWS = 64
_WORK = 1600  # draws times findings: a crowded frame is drawn less often
_SEED = 20  # the same reply always has the same confidence


@dataclass(frozen=True, slots=True)
class Doubt:
    """A finding and what else it could have been. `labels` are likelihoods that sum to 1 at most; what is left is "not there"."""

    finding: Finding
    there: float  # that something was opened here at all
    labels: Mapping[str, float]  # the one that was said among them
    corners: Sequence[Belief] | None  # None: no box, or not told


@dataclass(frozen=True, slots=True)
class Consequences:
    """What the rules say of each draw."""

    judged: Sequence[Judged]

    def of_field(self, name: str, value: str) -> float:
        """The share of draws from which this value of a field of the step follows."""
        return self._share([one.step[name].value == value for one in self.judged])

    def of_hazard(self, hazard: str) -> float:
        """The share of draws in which this hazard holds."""
        return self._share([any(v.hazard == hazard for v in one.violations) for one in self.judged])

    def of_level(self, level: str) -> float:
        """The share of draws in which the frame is of this level of risk."""
        return self._share([one.level == level for one in self.judged])

    def _share(self, holds: Sequence[bool]) -> float:
        """Never 0 and never 1: so many draws cannot tell (Krichevsky and Trofimov's half)."""
        return (sum(holds) + 0.5) / (len(holds) + 1)


def consequences(doubts: Sequence[Doubt], profile: Profile, fmt: BoxFormat, size: Size) -> Consequences | None:
    """What the rules say when each finding is drawn from its doubt; None when the profile has no rules or the reply no doubts."""
    if not (profile.steps or profile.hazards) or not any(doubt.corners or len(doubt.labels) > 1 or doubt.there < 1 for doubt in doubts):
        return None
    dice = np.random.default_rng(_SEED)
    draws = min(DRAWS, max(8, _WORK // len(doubts)))
    columns = [_drawn(doubt, draws, dice, fmt, size) for doubt in doubts]
    return Consequences([judge([f for f in row if f is not None], profile) for row in zip(*columns, strict=True)])


def _drawn(doubt: Doubt, draws: int, dice: Generator, fmt: BoxFormat, size: Size) -> list[Finding | None]:
    """The finding in every draw; None where it is not there."""
    keys = list(doubt.labels)
    edges = np.cumsum([doubt.labels[key] for key in keys])
    which = np.searchsorted(edges, dice.random(draws))
    there = dice.random(draws) < doubt.there
    boxes = _boxes(doubt, draws, dice, fmt, size)
    return [Finding(keys[w], box) if t and w < len(keys) else None for w, t, box in zip(which, there, boxes, strict=True)]


def _boxes(doubt: Doubt, draws: int, dice: Generator, fmt: BoxFormat, size: Size) -> list[Box | None]:
    """The box in every draw; what makes no box is as it was said."""
    if doubt.corners is None:
        return [doubt.finding.box] * draws
    numbers = [values[_pick(shares, dice.random(draws))] for values, shares in doubt.corners]
    drawn: list[Box | None] = []
    for four in zip(*(column.tolist() for column in numbers), strict=True):
        try:
            drawn.append(from_model(four, fmt, size))
        except ValueError:
            drawn.append(doubt.finding.box)
    return drawn


def _pick(shares: NDArray[np.float64], dice: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices drawn by their shares."""
    edges = np.cumsum(shares)
    return np.asarray(np.minimum(np.searchsorted(edges, dice * edges[-1]), len(shares) - 1))
