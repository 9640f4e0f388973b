"""What a reply was understood to say, and what of it was not used. A word between parsing and what follows it; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.extraction import How
from core.schema import Dropped, Finding, Step, Violation
from core.spans import Path


@dataclass(frozen=True, slots=True)
class Parsed:
    """Both halves of a reply. `places` says where in the reply's JSON each value stood, for `core.confidence`."""

    findings: tuple[Finding, ...] = ()
    step: Step = field(default_factory=Step)
    violations: tuple[Violation, ...] = ()
    risk_level: str | None = None  # None: not said, not understood, or not to be believed
    dropped: tuple[Dropped, ...] = ()
    how: How = "unread"
    whole: bool = False  # every key that was asked for is there and every value was understood
    not_applicable: str | None = None  # the label by which the reply says that the profile does not speak of this frame
    start: int | None = None  # where the JSON begins in the reply's text; None: it does not stand there as it is
    places: Mapping[str, Path] = field(default_factory=dict)  # "tool", "risk", "findings.0.label", "findings.0.box", "violations.0"
    risk_probabilities: Mapping[str, float] = field(default_factory=dict)  # set by core.confidence
    dropped_boxes: int = 0  # how many of `dropped` were boxes that are none; those that were too many to tell are counted too
    missed: Mapping[str, float] = field(default_factory=dict)  # "findings", "violations": that one more was due; set by core.confidence
