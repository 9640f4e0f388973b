"""What a profile's written rules say of things seen. Boxes alone decide, so a person can check each verdict with a ruler; no model is asked.

The same rules label the scenes from which the compact model learns and check what any model says of its own findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.profile import NO_TERM, Condition, Profile
from core.schema import Box, Finding, Step, Value, Violation


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules say: the step, the hazards that hold, and the level of the worst of them (the least level if none holds)."""

    step: Step
    violations: tuple[Violation, ...]
    level: str


@dataclass(frozen=True, slots=True)
class _Situation:
    """What the conditions are asked about."""

    findings: tuple[Finding, ...]
    hand: bool
    tool: Finding | None  # the one in the hand
    part: Finding | None
    at_part: bool


def judge(findings: Sequence[Finding], profile: Profile) -> Judged:
    """Apply the profile's rules to findings. Findings without a box count for `any` only."""
    situation = _situation(tuple(findings), profile)
    violations = tuple(_violations(situation, profile))
    worst = max((profile.levels.index(profile.hazard(v.hazard).risk) for v in violations), default=0)
    return Judged(_step(situation, profile), violations, profile.levels[worst])


def gap(a: Box, b: Box) -> float:
    """The distance between two boxes along the axis that parts them more, in shares of the frame's side; negative: how far they overlap.

    >>> gap(Box(0, 0, 0.2, 0.2), Box(0.5, 0, 0.6, 0.2))
    0.3
    """
    return max(a.x0 - b.x1, b.x0 - a.x1, a.y0 - b.y1, b.y0 - a.y1)


def covered(a: Box, by: Box) -> float:
    """The share of `a` that lies under `by`, 0..1.

    >>> covered(Box(0, 0, 0.5, 0.5), Box(0.25, 0, 1, 1))
    0.5
    """
    wide = min(a.x1, by.x1) - max(a.x0, by.x0)
    high = min(a.y1, by.y1) - max(a.y0, by.y0)
    return max(0.0, wide) * max(0.0, high) / _area(a)


def _area(box: Box) -> float:
    return (box.x1 - box.x0) * (box.y1 - box.y0)


def _boxed(findings: Sequence[Finding], labels: Sequence[str]) -> list[tuple[Finding, Box]]:
    return [(f, f.box) for f in findings if f.label in labels and f.box is not None]


def _situation(findings: tuple[Finding, ...], profile: Profile) -> _Situation:
    hands = [box for _, box in _boxed(findings, profile.hands)]
    tools = _boxed(findings, [term.key for term in profile.tools])
    parts = _boxed(findings, [term.key for term in profile.parts])
    grips = [(max((covered(box, hand) for hand in hands), default=0.0), tool, box) for tool, box in tools]
    held = max((g for g in grips if g[0] >= profile.held), key=lambda g: g[0], default=None)
    at_work = [held[2]] if held else hands
    touched = [(min(gap(box, w) for w in at_work), part) for part, box in parts] if at_work else []
    nearest = min((t for t in touched if t[0] <= profile.touch), key=lambda t: t[0], default=None)
    largest = max(parts, key=lambda p: _area(p[1]), default=(None, None))[0]
    return _Situation(findings, bool(hands), held[1] if held else None, nearest[1] if nearest else largest, nearest is not None)


def _step(situation: _Situation, profile: Profile) -> Step:
    if not profile.steps:
        return Step()
    rule = next((r for r in profile.steps if holds(r.when, situation)), None)
    return Step(
        tool=Value(situation.tool.label if situation.tool else NO_TERM) if profile.tools else Value(),
        part=Value(situation.part.label if situation.part else NO_TERM) if profile.parts else Value(),
        action=Value(rule.action if rule else None),
        phase=Value(rule.phase if rule else None),
    )


def _violations(situation: _Situation, profile: Profile) -> list[Violation]:
    """The hazards that hold, in the order of the profile; of several things that could be marked, the leftmost is."""
    found = [h for h in profile.hazards if any(holds(condition, situation) for condition in h.when)]
    marked = {h.key: [box for _, box in _boxed(situation.findings, h.mark)] for h in found}
    return [Violation(h.key, h.risk, min(marked[h.key], key=lambda box: box.xyxy, default=None)) for h in found]


def holds(when: Condition, situation: _Situation) -> bool:
    """Whether everything that a condition asks is so."""
    seen = situation.findings
    return all(
        (
            when.hand is None or when.hand == situation.hand,
            when.tool is None or (situation.tool is not None and situation.tool.label in when.tool),
            when.at_part is None or when.at_part == situation.at_part,
            when.any is None or sum(f.label in when.any for f in seen) >= when.count,
            when.joined is None or _joined(seen, *when.joined),
            when.near is None or _near(seen, *when.near, when.gap),
            when.at_edge is None or any(_edge(box) <= when.gap for _, box in _boxed(seen, when.at_edge)),
        )
    )


def _joined(seen: Sequence[Finding], small: Sequence[str], large: Sequence[str]) -> bool:
    """The middle of one of the first lies inside one of the second."""
    middles = [((b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2) for _, b in _boxed(seen, small)]
    return any(b.x0 < x < b.x1 and b.y0 < y < b.y1 for x, y in middles for _, b in _boxed(seen, large))


def _near(seen: Sequence[Finding], these: Sequence[str], those: Sequence[str], within: float) -> bool:
    return any(gap(a, b) <= within for _, a in _boxed(seen, these) for _, b in _boxed(seen, those))


def _edge(box: Box) -> float:
    """The distance of a box from the frame's nearest side."""
    return min(box.x0, box.y0, 1 - box.x1, 1 - box.y1)
