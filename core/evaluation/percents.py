"""What of an assessment may be said in percent: its confidences, calibrated by the labels of its own model and prompt, where there are enough. Fits nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from core.errors import AppError
from core.evaluation.calibration import FINDINGS, RISK, VIOLATIONS, key_of, read
from core.schema import FIELDS, Assessment

FOLDER = "calibration"
"""Of the data folder."""

_log = logging.getLogger(__name__)


def percents(folder: Path) -> Callable[[Assessment], Mapping[str, float]]:
    """From an assessment to probabilities by place: "tool", "findings.0", "violations.1", "risk". What is not there has no calibrator, or
    one with too few labels. `folder` is read at each call, so a calibration counts as soon as it is written; one that cannot be used
    is told in the log, and nothing is said in percent then.
    """

    def of(assessment: Assessment) -> Mapping[str, float]:
        try:
            made = read(folder, key_of(assessment))
        except AppError as error:
            _log.warning("%s", error)
            return {}
        if made is None:
            return {}
        sure = {place: made.apply(field, p) for place, field, p in _claims(assessment) if made.percent_allowed(field)}
        return {place: p for place, p in sure.items() if p is not None}

    return of


def _claims(assessment: Assessment) -> Iterator[tuple[str, str, float | None]]:
    """Place, field and confidence of everything that was claimed."""
    for name in FIELDS:
        yield name, name, assessment.step[name].confidence
    for n, finding in enumerate(assessment.findings):
        yield f"{FINDINGS}.{n}", FINDINGS, finding.confidence
    for n, violation in enumerate(assessment.violations):
        yield f"{VIOLATIONS}.{n}", VIOLATIONS, violation.confidence
    level = assessment.risk.level
    yield RISK, RISK, assessment.risk.probabilities.get(level) if level is not None else None
