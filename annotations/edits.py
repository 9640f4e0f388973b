"""By what a person's answer differs from the machine's, as names of edits. Pure; it decides nothing about what is done with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.geometry import iou
from core.profile import Profile
from core.risk import UNPARSED
from core.schema import Assessment, Box, Correction, Finding, Risk

KINDS = (
    *("box moved", "box added", "box removed", "label", "tool", "part", "action", "phase"),
    *("violation added", "violation removed", "risk raised", "risk lowered", "unparsed"),
)
"""Every name there is. "unparsed": the machine's reply was not understood whole, so that a field or the risk is missing from its answer."""

NUDGE = 0.8
"""The IoU above which a box counts as the same: what a person draws twice differs by as much (a pair about it would teach noise)."""

OTHER_LABEL = 0.5
"""The IoU from which on two boxes of different labels are one thing that was called otherwise (as `reviewing.comparing.SAME`)."""


def kinds_of(said: Assessment, told: Correction, profile: Profile) -> tuple[str, ...]:
    """The edits that lead from the machine's answer to the person's, each once, in the order of KINDS. Empty: none, or boxes moved by little.

    Only what the written answer holds is compared: not the boxes and rules of violations, no confidences, and no order.
    """
    found = set(_of_findings(said.findings, told.findings))
    found |= {name for name in profile.fields if said.step[name].value != told.step[name].value}
    ours, theirs = ({v.hazard for v in each.violations} for each in (said, told))
    found |= {"violation added"} if theirs - ours else set()
    found |= {"violation removed"} if ours - theirs else set()
    if unparsed(said, profile):
        found.add("unparsed")
    else:
        was, now = (_height(each.risk, each.findings, profile) for each in (said, told))
        found |= {"risk raised"} if now > was else {"risk lowered"} if now < was else set()
    return tuple(kind for kind in KINDS if kind in found)


def unparsed(said: Assessment, profile: Profile) -> bool:
    """Whether the machine's answer lacks something that it was asked for: its reply was not understood whole."""
    if UNPARSED in said.risk.reasons or any(said.step[name].value is None for name in profile.fields):
        return True
    return said.risk.level is None and not _outside(said.findings, profile)


def _outside(findings: Sequence[Finding], profile: Profile) -> bool:
    return any(finding.label in profile.not_applicable for finding in findings)


def _height(risk: Risk, findings: Sequence[Finding], profile: Profile) -> int:
    """The place of a level among the profile's; -1: a frame of which the profile does not speak."""
    return -1 if risk.level is None else profile.levels.index(risk.level)


def _of_findings(said: Sequence[Finding], told: Sequence[Finding]) -> list[str]:
    ours, theirs = _untouched_aside(
        [(f.label, f.box) for f in said if f.box is not None], [(f.label, f.box) for f in told if f.box is not None]
    )
    partners = _partners(ours, theirs)
    kinds = []
    for at, to in partners:
        (label, box), (other, beside) = ours[at], theirs[to]
        if label != other:
            kinds.append("label")
        if iou(box, beside) <= NUDGE:
            kinds.append("box moved")
    # What has no partner, and what is said of the whole frame: by label, a box or none.
    left = Counter(label for at, (label, _) in enumerate(ours) if at not in {a for a, _ in partners})
    right = Counter(label for to, (label, _) in enumerate(theirs) if to not in {b for _, b in partners})
    whole, wholly = (Counter(f.label for f in each if f.box is None) for each in (said, told))
    gone, come = whole - wholly, wholly - whole
    renamed = min(gone.total(), come.total())
    kinds += ["label"] if renamed else []
    kinds += ["box removed"] if left or gone.total() > renamed else []
    kinds += ["box added"] if right or come.total() > renamed else []
    return kinds


def _untouched_aside(
    ours: Sequence[tuple[str, Box]], theirs: Sequence[tuple[str, Box]]
) -> tuple[list[tuple[str, Box]], list[tuple[str, Box]]]:
    """Both sides without what stands on both as it was: nobody touched it, so it is no other's partner."""
    left, right = Counter(ours), Counter(theirs)
    return list((left - right).elements()), list((right - left).elements())


def _partners(ours: Sequence[tuple[str, Box]], theirs: Sequence[tuple[str, Box]]) -> list[tuple[int, int]]:
    """Which box of the one side is which of the other, one to one, so that most area is shared (Hungarian method; Kuhn 1955).

    Boxes of one label may be partners wherever they are, for a box may be dragged far; those of two only where they lie on each other.
    """
    if not ours or not theirs:
        return []
    import numpy as np
    from scipy.optimize import linear_sum_assignment  # .2 s to import, and only here

    worth = np.zeros((len(ours), len(theirs)))
    for at, (label, box) in enumerate(ours):
        for to, (other, beside) in enumerate(theirs):
            shared = iou(box, beside)
            if label == other:
                worth[at, to] = shared + (0.5 if shared else 0.01)  # of two as near, the one of the same name
            elif shared >= OTHER_LABEL:
                worth[at, to] = shared
    rows, columns = linear_sum_assignment(-worth)
    return [(int(at), int(to)) for at, to in zip(rows, columns, strict=True) if worth[at, to] > 0]
