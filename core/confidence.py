"""How sure a model was of each thing it said, from the probabilities of its own tokens. Asks nothing, calibrates nothing.

What its tokens say of a value (`core.choices`, `core.corners`), times how sure the things are that decide it: by the profile's
rules (`core.consequences`) and along the order of saying. Without probabilities the agreement of sampled replies stands for them
(`core.agreement`). None means that the model did not say; it is never 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from core.agreement import agree
from core.choices import Choice, choose, went_on
from core.consequences import DRAWS, Consequences, Doubt, consequences
from core.corners import Belief, belief, expected_overlap
from core.geometry import BoxFormat, Size
from core.judging import judge
from core.parsed import Parsed
from core.profile import NO_TERM, Profile
from core.prompts import risk_words
from core.schema import FIELDS, Assessment, Finding, Reply, Step, Value, Violation
from core.spans import Layout, Path, locate
from core.tokens import Tokens, lay, spans_in_bytes

_SUREST = 1 - 0.5 / DRAWS
"""Of a field's own tokens where the rules are asked as well: beyond what the draws can tell, .9999 beside .99999 is noise."""

_DECIDED_BY_PART = ("part", "phase")
"""Where there is no part, these are as sure as that none was missed. For the tool and the action this was measured to find fewer errors."""


def of(reply: Reply, parsed: Parsed, profile: Profile, fmt: BoxFormat, size: Size = (1000, 1000)) -> Parsed:
    """`parsed` with the confidences that the tokens of `reply` give, else the agreement of its samples; else as it was.

    `size`: upright pixels; it matters to families that write boxes in pixels.
    """
    tokens = lay(reply) if parsed.start is not None else None
    if tokens is None or parsed.start is None:
        return agree(parsed, reply.others, profile, fmt, size) if reply.others and not reply.tokens else parsed
    said = _Said(tokens, spans_in_bytes(reply.text, locate(reply.text, parsed.start)), parsed, profile)
    doubts = said.doubts()
    decided = consequences([doubt for doubt in doubts if doubt is not None], profile, fmt, size) if doubts and all(doubts) else None
    missed = said.missed(fmt, decided)
    violations = said.violations(decided)
    return replace(
        parsed,
        findings=tuple(said.finding(at, doubt) for at, doubt in enumerate(doubts)),
        step=said.step(decided, missed.get("findings", 0.0)),
        violations=violations,
        risk_probabilities=said.levels(decided, violations, missed),
        missed=missed,
    )


def uncertainty(assessment: Assessment, fields: Sequence[str] = ()) -> float:
    """0..1 for the queue: one minus the least confidence of the fields, the violations, the risk, and that nothing was missed.

    1 when the risk is undetermined, when one of `fields` (those that the profile asks for) was not understood, and when the
    model said nothing of how sure it was: who is not known to be sure is looked at first.
    """
    if assessment.risk.level is None or any(assessment.step[name].value is None for name in fields):
        return 1.0
    known = [assessment.step[name].confidence for name in FIELDS] + [violation.confidence for violation in assessment.violations]
    known.append(assessment.risk.probabilities.get(assessment.risk.level))
    least = min((confidence for confidence in known if confidence is not None), default=0.0)
    return max(1 - least, *(assessment.missed.get(name, 0.0) for name in ("findings", "violations")))


@dataclass(frozen=True, slots=True)
class _Said:
    """A reply's tokens laid over what it was understood to say."""

    tokens: Tokens
    layout: Layout
    parsed: Parsed
    profile: Profile

    def doubts(self) -> list[Doubt | None]:
        """What each finding could have been; None where the reply does not tell."""
        return [self._doubt(at, found) for at, found in enumerate(self.parsed.findings)]

    def finding(self, at: int, doubt: Doubt | None) -> Finding:
        """That it is there and of this label; the box apart."""
        found = self.parsed.findings[at]
        if doubt is None:
            return found
        others = tuple((key, p) for key, p in doubt.labels.items() if key != found.label)
        overlap = expected_overlap(doubt.corners) if doubt.corners else None
        return replace(found, confidence=doubt.there * doubt.labels[found.label], overlap=overlap, alternatives=others)

    def step(self, decided: Consequences | None, missed: float) -> Step:
        """Each field, times how often the rules say the same, times what decides it: the tool for the action, that no part was missed
        where there is none, and that nothing was missed where nothing was found.
        """
        values: dict[str, Value] = {}
        own = {name: self._choice(name, [term.key for term in self.profile.terms(name)]) for name in FIELDS}
        for name, choice in own.items():
            value, tool = self.parsed.step[name], own["tool"]
            if choice is None or value.value is None:
                values[name] = value
                continue
            p = choice.p
            if decided is not None:
                p = min(p, _SUREST) * decided.of_field(name, value.value)
            if name == "action" and tool is not None:
                p *= tool.p
            if not self.parsed.findings or (name in _DECIDED_BY_PART and self.parsed.step.part.value == NO_TERM):
                p *= 1 - missed
            values[name] = replace(value, confidence=p, alternatives=choice.alternatives)
        return Step(**values)

    def violations(self, decided: Consequences | None) -> tuple[Violation, ...]:
        """That one more was named at all, and that it was this one."""
        hazards = [hazard.key for hazard in self.profile.hazards]
        told: list[Violation] = []
        for at, violation in enumerate(self.parsed.violations):
            choice, there = self._choice(f"violations.{at}", hazards), self._there(f"violations.{at}")
            if choice is None:
                told.append(violation)
                continue
            follows = decided.of_hazard(violation.hazard) if decided is not None else 1.0
            told.append(replace(violation, confidence=choice.p * there * follows))
        return tuple(told)

    def levels(self, decided: Consequences | None, violations: Sequence[Violation], missed: Mapping[str, float]) -> dict[str, float]:
        """Shares of the levels, which sum to 1; empty when the reply does not tell.

        What decides the level are the violations, said and missed; where nothing was found, that nothing was missed.
        """
        words, said = risk_words(self.profile), self.parsed.risk_level
        choice = self._choice("risk", words)
        if choice is None or not choice.told or said not in self.profile.levels:
            return {}
        own = {said: choice.p, **dict(choice.alternatives)}
        told = sum(own.values())
        if not told > 0:
            return {}
        own = {level: own.get(level, 0.0) / told for level in self.profile.levels}
        by_rules = {level: decided.of_level(level) if decided is not None else 0.0 for level in self.profile.levels}
        p = own[said] * (by_rules[said] if decided is not None else 1.0) * (1 - missed.get("violations", 0.0))
        p *= 1.0 if self.parsed.findings else 1 - missed.get("findings", 0.0)
        p *= prod(violation.confidence for violation in violations if violation.confidence is not None)
        others = {level: own[level] + by_rules[level] for level in own if level != said}
        whole = sum(others.values())
        rest = 1 - p
        return {level: p if level == said else rest * (others[level] / whole if whole > 0 else 1 / len(others)) for level in own}

    def missed(self, fmt: BoxFormat, decided: Consequences | None) -> dict[str, float]:
        """That a list should have gone on where it closed; for findings, or that one was passed over. For violations, that the rules see one more.

        Where the rules could be asked, the closing bracket of the violations finds nothing that they do not (bench/confidence.py).
        """
        missed: dict[str, float] = {}
        for name, many in (("findings", self.parsed.findings), ("violations", self.parsed.violations)):
            turns = self._turns(name)
            on = went_on(self.tokens, turns[-1], first=len(turns) == 1) if turns and len(turns) == len(many) + 1 else None
            if on is not None:
                missed[name] = on
        if "findings" in missed:
            missed["findings"] = 1 - (1 - missed["findings"]) * self._nothing_passed_over(fmt)
        if "violations" in missed and decided is not None:
            named = {violation.hazard for violation in (*self.parsed.violations, *judge(self.parsed.findings, self.profile).violations)}
            seen = max((decided.of_hazard(hazard.key) for hazard in self.profile.hazards if hazard.key not in named), default=0.0)
            missed["violations"] = seen
        return missed

    def _nothing_passed_over(self, fmt: BoxFormat) -> float:
        """Who tells from left to right and nearly began further left has passed something over; 1 for who tells in another order."""
        firsts = [self._corner(at, 0) for at in range(len(self.parsed.findings))]
        starts = [first[0][0] for first in firsts if first is not None]
        if fmt.order != "xyxy" or starts != sorted(starts):
            return 1.0
        nothing = 1.0
        for at, first in enumerate(firsts):
            last = self._corner(at, 2)
            if first is not None and last is not None:
                numbers, shares = first
                aside = numbers[0] - (last[0][0] - numbers[0]) / 3  # nearer it is the same thing's own edge
                whole = float(shares.sum())
                nothing *= 1 - float(shares[numbers < aside].sum()) / whole if whole > 0 else 1.0
        return nothing

    def _doubt(self, at: int, found: Finding) -> Doubt | None:
        label = self._choice(f"findings.{at}.label", [term.key for term in self.profile.labels])
        if label is None:
            return None
        four = [self._corner(at, corner) for corner in range(4)]
        corners = [one for one in four if one is not None]
        labels = {found.label: label.p, **dict(label.alternatives)}
        return Doubt(found, self._there(f"findings.{at}.label"), labels, corners if len(corners) == 4 else None)

    def _there(self, place: str) -> float:
        """The probability that the list went on to the item at `place`; 1 where the reply does not tell."""
        path = self.parsed.places.get(place, ())
        turns = self._turns(place.partition(".")[0])
        at = path[1] if len(path) > 1 else None
        if not isinstance(at, int) or at >= len(turns):
            return 1.0
        on = went_on(self.tokens, turns[at], first=at == 0)
        return 1.0 if on is None else on

    def _choice(self, place: str, values: Sequence[str]) -> Choice | None:
        span = self.layout.values.get(self.parsed.places.get(place, ()))
        return None if span is None else choose(self.tokens, span, values)

    def _corner(self, at: int, corner: int) -> Belief | None:
        path = self.parsed.places.get(f"findings.{at}.box")
        span = None if path is None else self.layout.values.get((*path, corner))
        return None if span is None else belief(self.tokens, span)

    def _turns(self, name: str) -> tuple[tuple[int, int], ...]:
        """Of the list of findings or of violations, by the key under which the reply has it."""
        return self._lists().get(name, ())

    def _lists(self) -> Mapping[str, tuple[tuple[int, int], ...]]:
        known: dict[str, Path] = {place.partition(".")[0]: path[:1] for place, path in self.parsed.places.items() if "." in place}
        return {name: self.layout.turns.get(known.get(name, (name,)), ()) for name in ("findings", "violations")}
