"""How well people agree with each other about the same frames: the ceiling above which no model can be measured. Asks nobody and averages nobody away.

Krippendorff's alpha (Krippendorff 2011, "Computing Krippendorff's alpha-reliability"): 1 is agreement, 0 what chance would give, below 0 worse than
chance. Nominal for fields, ordinal for risk, set distance for violations (Jaccard); boxes are matched first (Hungarian, IoU .5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import permutations
from typing import Any

from core.evaluation.boxes import Tally, pairs, tally
from core.evaluation.counting import CLOSED, RISK, true_value
from core.evaluation.predictions import Gold
from core.profile import LEVELS

Distance = Callable[[Hashable, Hashable], float]

LEAST = 20
"""Frames with two opinions from which on the ceiling is shown."""

NO_BOX = "nothing"


def nominal(a: Hashable, b: Hashable) -> float:
    """1 for different values."""
    return float(a != b)


def jaccard(a: Hashable, b: Hashable) -> float:
    """Of two frozen sets: 1 less the share that they have in common; two empty ones are the same."""
    assert isinstance(a, frozenset)
    assert isinstance(b, frozenset)
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


def ordinal(levels: Sequence[Hashable], counted: Mapping[Hashable, float]) -> Distance:
    """Krippendorff's ordinal metric: how many values stand between two levels, squared."""

    def distance(a: Hashable, b: Hashable) -> float:
        low, high = sorted((levels.index(a), levels.index(b)))
        between = sum(counted.get(level, 0.0) for level in levels[low : high + 1])
        return (between - (counted.get(a, 0.0) + counted.get(b, 0.0)) / 2) ** 2

    return distance


def alpha(units: Sequence[Sequence[Hashable]], distance: Distance | None = None, levels: Sequence[Hashable] = ()) -> float | None:
    """Krippendorff's alpha. `units`: for each thing what was said of it; those of which only one value was said tell nothing. `levels`: ordinal
    in this order. None where nothing could disagree: fewer than two values are in use.

    >>> round(alpha([("a", "a"), ("b", "b"), ("a", "b"), ("b", "b")]), 3)
    0.533
    """
    paired = [unit for unit in units if len(unit) > 1]
    observed: Counter[tuple[Hashable, Hashable]] = Counter()
    for unit in paired:
        for a, b in permutations(unit, 2):
            observed[a, b] += 1 / (len(unit) - 1)  # type: ignore[assignment]  # Counter is typed for whole numbers and works with shares
    counted: dict[Hashable, float] = {}
    for (value, _), weight in observed.items():
        counted[value] = counted.get(value, 0.0) + weight
    n = sum(counted.values())
    if n <= 1 or len(counted) < 2:
        return None
    apart = ordinal(levels, counted) if levels else distance or nominal
    disagreed = sum(weight * apart(a, b) for (a, b), weight in observed.items())
    by_chance = sum(counted[a] * counted[b] * apart(a, b) for a in counted for b in counted) / (n - 1)
    return 1 - disagreed / by_chance if by_chance else None


def ceiling(doubles: Sequence[tuple[Gold, Gold]], least: int = LEAST) -> dict[str, Any]:
    """How people agree, field by field, on frames that two of them judged without seeing each other; a sentence where there are too few."""
    if len(doubles) < least:
        return {"shown": False, "n": len(doubles), "why": f"not shown: {len(doubles)} of {least} frames have two opinions"}
    return {"shown": True, "n": len(doubles), **agreement(doubles)}


def agreement(doubles: Sequence[tuple[Gold, Gold]]) -> dict[str, Any]:
    """Of each field the share that is the same and alpha; of violations and boxes likewise."""
    told: dict[str, Any] = {}
    for name in CLOSED:
        units = [(true_value(a, name), true_value(b, name)) for a, b in doubles]
        said = [(a, b) for a, b in units if a is not None and b is not None]
        if said:
            value = alpha(said, levels=LEVELS if name == RISK else ())
            told[name] = {"same": sum(a == b for a, b in said) / len(said), "alpha": value, "n": len(said)}
    hazards = [(frozenset(v.hazard for v in a.violations), frozenset(v.hazard for v in b.violations)) for a, b in doubles]
    same = sum(a == b for a, b in hazards) / len(hazards) if hazards else None
    told["violations"] = {"same": same, "alpha": alpha(hazards, jaccard), "n": len(hazards)}
    return told | {"boxes": _boxes(doubles)}


def _boxes(doubles: Sequence[tuple[Gold, Gold]]) -> dict[str, Any]:
    """F1 of one person against the other and mean IoU within a label; alpha of the labels of things that were matched by their place alone,
    or that only one of the two drew."""
    everything = Tally()
    units: list[tuple[Hashable, Hashable]] = []
    for a, b in doubles:
        for one in tally(a.findings, b.findings).values():
            everything.add(one)
        mine, theirs = ([(f.label, f.box) for f in each.findings if f.box is not None] for each in (a, b))
        same = pairs([box for _, box in mine], [box for _, box in theirs])
        units += [(mine[i][0], theirs[j][0]) for i, j, _ in same]
        left, right = {i for i, _, _ in same}, {j for _, j, _ in same}
        units += [(label, NO_BOX) for i, (label, _) in enumerate(mine) if i not in left]
        units += [(NO_BOX, label) for j, (label, _) in enumerate(theirs) if j not in right]
    figures = everything.figures()
    return {"f1": figures["f1"], "mean_iou": figures["mean_iou"], "alpha": alpha(units), "n": len(units)}
