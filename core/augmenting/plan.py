"""Which changes a frame undergoes, and which of what came out may teach: only what the written rules, and the frozen model, still say the same of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.augmenting.changes import CHANGES, Shown
from core.errors import Malformed
from core.judging import judge
from core.profile import Profile

Answer = Callable[[Shown], object]
"""What a frozen model says of a frame, in a form that can be compared: its step, hazards and risk. Where things lie is not among it."""


USUAL = tuple(name for name in CHANGES if name != "mirror")
"""What is done unless somebody asks for more: a mirrored frame is right on a bench and wrong where something is to be read."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. The same plan, seed and frame give the same frames."""

    changes: tuple[str, ...] = USUAL
    times: int = 1  # further frames of each frame
    most_at_once: int = 3  # changes of one frame, one after the other
    seed: int = 0

    def __post_init__(self) -> None:
        strange = [name for name in self.changes if name not in CHANGES]
        if strange or not self.changes:
            raise Malformed(f'"{", ".join(strange)}" is no change of a frame. There are: {", ".join(CHANGES)}.')
        if not 1 <= self.times <= 20 or self.most_at_once < 1:
            raise Malformed("A frame gives 1 to 20 further ones, by at least one change each.")


@dataclass(frozen=True, slots=True)
class Made:
    """A further frame, and what was done to it."""

    shown: Shown
    changes: tuple[str, ...]


def further(shown: Shown, plan: Plan, profile: Profile, number: int, answer: Answer | None = None) -> Iterator[Made]:
    """Further frames of one frame; `number` is any whole number that is its own. Fewer than `plan.times` when it bears no more.

    What is kept: the rules say of the moved boxes what they said before (a hand near a blade still is), and `answer` is the same.
    """
    before = None if answer is None else answer(shown)
    truth = _verdict(shown, profile)
    dice = np.random.default_rng((plan.seed, number))
    known = {shown.pixels.tobytes()}  # two mirrors of a frame may be the same one
    for _ in range(plan.times):
        names = _drawn(plan, dice)
        made: Shown | None = shown
        for name in names:
            made = None if made is None else CHANGES[name](made, dice)
        if made is None or made.pixels.tobytes() in known or _verdict(made, profile) != truth:
            continue
        known.add(made.pixels.tobytes())
        if answer is not None and answer(made) != before:
            continue
        yield Made(made, tuple(names))


def _drawn(plan: Plan, dice: np.random.Generator) -> Sequence[str]:
    """Some of the plan's changes, in the order in which CHANGES has them: light first, then what moves pixels."""
    count = int(dice.integers(1, min(plan.most_at_once, len(plan.changes)) + 1))
    drawn = set(dice.choice(list(plan.changes), size=count, replace=False).tolist())
    return [name for name in CHANGES if name in drawn]


def _verdict(shown: Shown, profile: Profile) -> object:
    judged = judge(shown.findings, profile)
    return judged.step, tuple(v.hazard for v in judged.violations), judged.level
