"""How sure a model that gives no probabilities is: how many of its further, sampled replies say the same. Asks nobody.

Of k samples, a say the same: (a + 1) / (k + 2), Laplace's rule of succession. Five that agree are no certainty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from core.geometry import BoxFormat, Size, iou
from core.parsed import Parsed
from core.parsing import parse_reply
from core.profile import Profile
from core.schema import FIELDS, Finding, Step, Value, Violation

SAME = 0.5
"""The IoU from which on two boxes are one thing."""


def agree(parsed: Parsed, others: Sequence[str], profile: Profile, fmt: BoxFormat, size: Size) -> Parsed:
    """`parsed` with the share of `others` that say the same of each thing. A sample that could not be read agrees with nothing, and tells nothing of what was missed."""
    samples = [parse_reply(other, profile, fmt, size) for other in others]
    partners = [_partners(parsed.findings, sample.findings) for sample in samples]
    hazards = {violation.hazard for violation in parsed.violations}
    missed = {
        "findings": [
            len([p for p in pairs if p is not None]) < len(sample.findings)
            for pairs, sample in zip(partners, samples, strict=True)
            if sample.how != "unread"
        ],
        "violations": [any(v.hazard not in hazards for v in sample.violations) for sample in samples if sample.how != "unread"],
    }
    return replace(
        parsed,
        findings=tuple(_finding(found, [pairs[at] for pairs in partners]) for at, found in enumerate(parsed.findings)),
        step=Step(**{name: _value(parsed.step[name], [sample.step[name].value for sample in samples]) for name in FIELDS}),
        violations=tuple(_violation(violation, samples) for violation in parsed.violations),
        risk_probabilities=_levels(parsed.risk_level, samples, profile),
        missed={name: _rule(sum(more), len(more)) for name, more in missed.items() if more},
    )


def _rule(same: int, of: int) -> float:
    return (same + 1) / (of + 2)


def _partners(findings: Sequence[Finding], others: Sequence[Finding]) -> list[Finding | None]:
    """For each finding the one of a sample that is the same thing, whatever its label; nearest first, one to one."""
    near = [(_overlap(a, b), a.label == b.label, at, to) for at, a in enumerate(findings) for to, b in enumerate(others)]
    partners: list[Finding | None] = [None] * len(findings)
    taken: set[int] = set()
    for overlap, _, at, to in sorted(near, key=lambda pair: (-pair[1], -pair[0])):
        if overlap >= SAME and partners[at] is None and to not in taken:
            partners[at] = others[to]
            taken.add(to)
    return partners


def _overlap(a: Finding, b: Finding) -> float:
    """Two that are said of the whole frame are the same when their labels are."""
    if a.box is None or b.box is None:
        return float(a.box is b.box and a.label == b.label)
    return iou(a.box, b.box)


def _finding(found: Finding, partners: Sequence[Finding | None]) -> Finding:
    there = [partner for partner in partners if partner is not None]
    same = [partner for partner in there if partner.label == found.label]
    overlaps = [_overlap(found, partner) for partner in same]
    return replace(
        found,
        confidence=_rule(len(same), len(partners)),
        overlap=sum(overlaps) / len(overlaps) if overlaps and found.box is not None else None,
        alternatives=_others(found.label, [partner.label for partner in there], len(partners)),
    )


def _value(said: Value, others: Sequence[str | None]) -> Value:
    if said.value is None:
        return said
    return replace(said, confidence=_rule(others.count(said.value), len(others)), alternatives=_others(said.value, others, len(others)))


def _others(said: str, all_said: Sequence[str | None], of: int) -> tuple[tuple[str, float], ...]:
    counted = Counter(value for value in all_said if value is not None and value != said)
    return tuple((value, count / (of + 2)) for value, count in counted.most_common())


def _violation(violation: Violation, samples: Sequence[Parsed]) -> Violation:
    same = sum(any(other.hazard == violation.hazard for other in sample.violations) for sample in samples)
    return replace(violation, confidence=_rule(same, len(samples)))


def _levels(said: str | None, samples: Sequence[Parsed], profile: Profile) -> dict[str, float]:
    """Shares of the levels; what nobody said shares what is left."""
    if said is None:
        return {}
    counted = Counter(sample.risk_level for sample in samples)
    shares = {level: counted[level] / (len(samples) + 2) for level in profile.levels}
    shares[said] = _rule(counted[said], len(samples))
    left = (1 - sum(shares.values())) / (len(shares) - 1)
    return {level: share if level == said else share + left for level, share in shares.items()}
