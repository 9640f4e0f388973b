"""One level of risk out of what the model said and what the written rules say of its own findings. Never lowers, and never makes "none" out of silence.

The higher of the two stands. Where the model's own word is missing or was not understood, what is known can only be too low,
so the frame is undetermined (level None) and goes to a person, unless the rules already say the worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.judging import Judged
from core.profile import Profile
from core.schema import Risk, Violation

MODEL = "model"
UNPARSED = "unparsed"


def fuse(
    said_level: str | None,
    said_probabilities: Mapping[str, float],
    violations: Sequence[Violation],
    judged: Judged,
    profile: Profile,
    *,
    not_applicable: str | None = None,
) -> Risk:
    """The level that stands and why: `model`, `said:hazard` and `rule:hazard` for what holds it up, `unparsed`, `not_applicable:label`.

    `violations` are those that the model named. `said_level` None: no level was understood. `not_applicable`: the label by which
    the model said that the profile does not speak of this frame; nobody has judged it then.
    """
    rank = profile.levels.index
    hazards = {
        **{f"rule:{v.hazard}": profile.hazard(v.hazard).risk for v in judged.violations},
        **{f"said:{v.hazard}": profile.hazard(v.hazard).risk for v in violations},
    }
    if not_applicable is not None:
        return Risk(None, {}, (f"not_applicable:{not_applicable}", *hazards))
    worst = profile.levels[-1]
    levels = [*hazards.values(), judged.level, *([said_level] if said_level else [])]
    level = max(levels, key=rank)
    if said_level is None and level != worst:
        return Risk(None, said_probabilities, (UNPARSED, *hazards))
    held_up = tuple(reason for reason, of_hazard in hazards.items() if of_hazard == level)
    return Risk(level, said_probabilities, (MODEL, *held_up) if said_level == level else held_up)
