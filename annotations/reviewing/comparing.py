"""Whether two people said the same of a frame. Pure; it decides nothing about who is right.

Equal means: the same verdict; and, where both judged, the same value of every field, the same level of risk, the same hazards (whatever boxes
they were given), and for every label as many findings, of which each with a box has a partner of its own with an IoU of at least .5, and
those said of the whole frame are as many on both sides. Who stands behind a word (`said_by`), confidences, notes, rules and seconds are no
part of it. Two who could not tell are equal, whatever they left on the sheet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.geometry import iou
from core.schema import FIELDS, Box, Correction

SAME = 0.5
"""The IoU from which on two boxes of a label are one thing (as in PASCAL VOC; Everingham et al. 2010)."""


def differences(one: Correction, other: Correction) -> tuple[str, ...]:
    """Where two differ, by name: "verdict", "tool" ... "phase", "risk", "hazard:<key>", "label:<key>". Empty: they say the same."""
    if one.verdict != other.verdict:
        return ("verdict",)
    if one.verdict == "cannot_tell":
        return ()
    found = [name for name in FIELDS if one.step[name].value != other.step[name].value]
    if one.risk.level != other.risk.level:
        found.append("risk")
    found += [f"hazard:{key}" for key in sorted({v.hazard for v in one.violations} ^ {v.hazard for v in other.violations})]
    labels = sorted({finding.label for said in (one, other) for finding in said.findings})
    return (*found, *(f"label:{label}" for label in labels if not _alike(_boxes(one, label), _boxes(other, label))))


def all_differences(said: Sequence[Correction]) -> tuple[str, ...]:
    """Where any two of several differ, each place once."""
    pairs = [(one, other) for at, one in enumerate(said) for other in said[at + 1 :]]
    return tuple(dict.fromkeys(place for one, other in pairs for place in differences(one, other)))


def _boxes(said: Correction, label: str) -> list[Box | None]:
    return [finding.box for finding in said.findings if finding.label == label]


def _alike(ones: Sequence[Box | None], others: Sequence[Box | None]) -> bool:
    """Whether every box has a partner on the other side, one to one; None (said of the whole frame) only with None."""
    if len(ones) != len(others) or Counter(box is None for box in ones) != Counter(box is None for box in others):
        return False
    left, right = ([box for box in side if box is not None] for side in (ones, others))
    near = [[to for to, other in enumerate(right) if iou(box, other) >= SAME] for box in left]
    return _partnered(near) == len(left)


def _partnered(near: Sequence[Sequence[int]]) -> int:
    """How many can have a partner at once: the largest matching, by augmenting paths (Kuhn), so that the order of boxes does not matter.

    >>> _partnered([[0, 1], [0]])
    2
    """
    partner: dict[int, int] = {}  # of the right, on the left
    for start in range(len(near)):
        came_from: dict[int, int] = {}  # right -> left from which it was reached
        waiting = [start]
        free = None
        while waiting and free is None:
            at = waiting.pop()
            for to in near[at]:
                if to in came_from:
                    continue
                came_from[to] = at
                if to not in partner:
                    free = to
                    break
                waiting.append(partner[to])
        while free is not None:
            at = came_from[free]
            before = next((to for to, mate in partner.items() if mate == at), None)
            partner[free] = at
            free = before if at != start else None
    return len(partner)
