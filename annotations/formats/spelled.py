"""How a line of `records.jsonl` is spelled, checked while it is read: a wrong type, a number out of its range, a word that is none is refused with its place."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from core.schema import FIELDS, Box, Dropped, Finding, Risk, Step, Value, Violation

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Word = Annotated[str, Meta(max_length=300)]
Long = Annotated[str, Meta(max_length=1_000_000)]
Corners = tuple[float, float, float, float]
Other = tuple[Word, Share]
By = Literal["model", "person", "confirmed"]
MOST = 500  # findings, and violations, of one opinion


class SpelledFinding(msgspec.Struct):
    """See `core.schema.Finding`."""

    label: Word
    box: Corners | None
    confidence: Share | None
    said_by: By
    overlap: Share | None = None
    alternatives: list[Other] = []


class SpelledValue(msgspec.Struct):
    """See `core.schema.Value`."""

    value: Word | None
    confidence: Share | None
    said_by: By
    alternatives: list[Other] = []


class SpelledStep(msgspec.Struct):
    """See `core.schema.Step`."""

    tool: SpelledValue
    part: SpelledValue
    action: SpelledValue
    phase: SpelledValue


class SpelledViolation(msgspec.Struct):
    """See `core.schema.Violation`."""

    hazard: Word
    risk: Word | None
    box: Corners | None
    confidence: Share | None
    rules: list[Word]
    said_by: By


class SpelledRisk(msgspec.Struct):
    """See `core.schema.Risk`."""

    level: Word | None
    probabilities: dict[Word, Share]
    reasons: list[Annotated[str, Meta(max_length=4_000)]]
    said_by: By


class SpelledDrop(msgspec.Struct):
    """See `core.schema.Dropped`."""

    what: Long
    why: Long


class SpelledOpinion(msgspec.Struct):
    """What machine and person say alike, as `annotations.rows` writes it."""

    findings: Annotated[list[SpelledFinding], Meta(max_length=MOST)]
    step: SpelledStep
    violations: Annotated[list[SpelledViolation], Meta(max_length=MOST)]
    risk: SpelledRisk
    dropped: list[SpelledDrop] = []
    missed: dict[Word, Share] = {}

    def words(self) -> tuple[tuple[Finding, ...], Step, tuple[Violation, ...], Risk]:
        """The words of the house. Raises ValueError for a box that is none."""
        findings = tuple(Finding(f.label, _box(f.box), f.confidence, f.said_by, f.overlap, tuple(f.alternatives)) for f in self.findings)
        step = Step(
            *(Value(v.value, v.confidence, v.said_by, tuple(v.alternatives)) for v in (getattr(self.step, name) for name in FIELDS))
        )
        violations = tuple(Violation(v.hazard, v.risk, _box(v.box), v.confidence, tuple(v.rules), v.said_by) for v in self.violations)
        risk = self.risk
        return findings, step, violations, Risk(risk.level, risk.probabilities, tuple(risk.reasons), risk.said_by)

    def drops(self) -> tuple[Dropped, ...]:
        """What of a reply was not used."""
        return tuple(Dropped(each.what, each.why) for each in self.dropped)


class SpelledReply(msgspec.Struct):
    """See `core.schema.Reply`; without its log-probabilities."""

    text: Long
    seconds: Seconds
    host: Word
    masked: bool
    others: list[Long]


class SpelledAssessment(msgspec.Struct):
    """What a machine said, and when."""

    model: Word
    prompt_id: Word
    uncertainty: Share
    seconds: Seconds
    at: Word
    reply: SpelledReply | None
    said: SpelledOpinion


class SpelledCorrection(msgspec.Struct):
    """What a person said, and when."""

    author: Annotated[str, Meta(min_length=1, max_length=100)]
    verdict: Literal["reviewed", "cannot_tell"]
    active_seconds: Seconds
    note: Annotated[str, Meta(max_length=5_000)]
    saw_model: Word | None
    at: Word
    said: SpelledOpinion


class SpelledFrame(msgspec.Struct):
    """What is known of a picture."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    name: Word
    width: int
    height: int
    taken_at: Word | None


class SpelledLine(msgspec.Struct):
    """A line."""

    format: Literal["gembalens.record/1"]
    file: Word
    frame: SpelledFrame
    assessments: Annotated[list[SpelledAssessment], Meta(max_length=1_000)]
    corrections: Annotated[list[SpelledCorrection], Meta(max_length=10_000)]


def _box(corners: Corners | None) -> Box | None:
    return None if corners is None else Box(*corners)
