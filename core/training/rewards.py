"""What an answer drawn from the model is worth against what people hold to be true: valid, found, judged, and not too many boxes. Draws no answer itself.

Answers are drawn freely, without a grammar: one that a grammar would have held up must be seen to be broken, or nobody would teach it better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from core.evaluation.boxes import tally
from core.parsing import parse_reply

if TYPE_CHECKING:
    from core.geometry import BoxFormat, Size
    from core.parsed import Parsed
    from core.profile import Profile

WEIGHTS: Mapping[str, float] = {"valid": 1.0, "found": 1.0, "judged": 1.0, "too_many": 0.5}
"""How the rewards are added up."""

MOST = 2.0
"""The largest penalty, in true boxes: an answer that never ends is no worse than three times too many."""


@dataclass(frozen=True, slots=True)
class Rewards:
    """The reward functions of a profile and a family, each a number for one answer."""

    profile: Profile
    fmt: BoxFormat

    def valid(self, said: str, true: str, size: Size) -> float:
        """1 for the JSON that was asked for, as it stands and whole; .5 for one that leaves something out; 0 for anything else."""
        try:
            orjson.loads(said)
        except orjson.JSONDecodeError:
            return 0.0
        parsed = self._parsed(said, size)
        return 1.0 if parsed.whole and not parsed.dropped else 0.5

    def found(self, said: str, true: str, size: Size) -> float:
        """F1 of labels with boxes at IoU .5, over all labels; 1 when nothing is there and nothing was said. 0..1."""
        theirs, ours = self._parsed(said, size), self._parsed(true, size)
        if theirs.how == "unread":
            return 0.0
        tallies = tally(theirs.findings, ours.findings).values()
        both = sum(one.true + one.said for one in tallies)
        return 2 * sum(len(one.matched) for one in tallies) / both if both else 1.0

    def judged(self, said: str, true: str, size: Size) -> float:
        """The share of fields, violations and risk that are right: a field counts one, the risk one, all violations together their F1. 0..1."""
        theirs, ours = self._parsed(said, size), self._parsed(true, size)
        if theirs.how == "unread":
            return 0.0
        right = [float(theirs.step[name].value == ours.step[name].value) for name in self.profile.fields]
        named, due = {v.hazard for v in theirs.violations}, {v.hazard for v in ours.violations}
        right.append(2 * len(named & due) / (len(named) + len(due)) if named or due else 1.0)
        right.append(float(theirs.risk_level == ours.risk_level and theirs.not_applicable == ours.not_applicable))
        return sum(right) / len(right)

    def too_many(self, said: str, true: str, size: Size) -> float:
        """Boxes beyond the true number, in shares of it, as a penalty: -MOST..0. Without it a model learns to say boxes until one hits."""
        theirs, ours = len(self._parsed(said, size).findings), len(self._parsed(true, size).findings)
        return -min(MOST, max(0, theirs - ours) / max(1, ours))

    def _parsed(self, text: str, size: Size) -> Parsed:
        return parse_reply(text, self.profile, self.fmt, size)


Told = Callable[..., list[float]]
"""As TRL calls it: `prompts`, `completions`, and the columns of the rows, each a list."""


def functions(rewards: Rewards) -> tuple[list[Told], list[float]]:
    """Each reward as TRL's GRPO calls it, under its own name, and their weights in the same order."""
    named: Mapping[str, Callable[[str, str, Size], float]] = {
        "valid": rewards.valid,
        "found": rewards.found,
        "judged": rewards.judged,
        "too_many": rewards.too_many,
    }
    return [_told(name, one) for name, one in named.items()], [WEIGHTS[name] for name in named]


def _told(name: str, one: Callable[[str, str, Size], float]) -> Told:
    def told(completions: Sequence[Any], answer: Sequence[str], size: Sequence[Sequence[int]], **_: Any) -> list[float]:
        sizes = [(int(s[0]), int(s[1])) for s in size]
        return [one(_text(said), true, at) for said, true, at in zip(completions, answer, sizes, strict=True)]

    told.__name__ = name  # under which its mean is logged
    return told


def _text(said: Any) -> str:
    """The words of a completion: a conversation of one turn, or its text."""
    content = said[-1]["content"] if isinstance(said, list) else said
    return content if isinstance(content, str) else "".join(str(part.get("text", "")) for part in content)
