"""Writes the JSON that a profile's prompt asks for: the exact inverse of `core.parsing`. Decides nothing and leaves nothing out but what was not said.

One line, no spaces, whole numbers; keys in the order in which what decides stands before what follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from core.geometry import BoxFormat, Size, to_model
from core.profile import Profile
from core.schema import Finding, Risk, Step, Violation

NOT_APPLICABLE = "not_applicable"
"""Said for the risk of a frame of which the profile does not speak (no corridor in a corridor profile)."""


def write(
    findings: Sequence[Finding],
    step: Step,
    violations: Sequence[Violation],
    risk: Risk,
    profile: Profile,
    fmt: BoxFormat,
    size: Size,
) -> str:
    """The answer for a frame of `size` (upright pixels), findings from left to right and from top to bottom.

    A field or a risk that nobody said (None) has no key: such an answer teaches to be silent, so who exports leaves the frame out.
    """
    answer: dict[str, object] = {"findings": [_finding(f, fmt, size) for f in sorted(findings, key=reading_order)]}
    for name in profile.fields:
        if step[name].value is not None:
            answer[name] = step[name].value
    answer["violations"] = list(dict.fromkeys(v.hazard for v in violations))
    if risk.level is not None:
        answer["risk"] = risk.level
    elif any(f.label in profile.not_applicable for f in findings):
        answer["risk"] = NOT_APPLICABLE
    return orjson.dumps(answer).decode()


def reading_order(finding: Finding) -> tuple[bool, float, float, float, float, str]:
    """By left edge, then top; what is said of the whole frame comes last."""
    corners = finding.box.xyxy if finding.box else (0.0, 0.0, 0.0, 0.0)
    return (finding.box is None, *corners, finding.label)


def _finding(finding: Finding, fmt: BoxFormat, size: Size) -> dict[str, object]:
    if finding.box is None:
        return {"label": finding.label}
    return {"box": to_model(finding.box, fmt, size), "label": finding.label}
