"""What a gate looked at in words: every reason of the true gate has its sentence in both languages, and a strange one keeps its own words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.evaluation.gate import Bars, Gate, decide
from core.evaluation.metrics import NAMES
from core.evaluation.predictions import Gold, Prediction
from core.evaluation.soundness import faults, identical
from core.framecheck import Convention, Fit
from core.schema import Violation
from tests.core.evaluation.judged import FITS, said, truth
from ui.dashboard.beginning import METRICS
from ui.dashboard.compared import CHART, SECTIONS
from ui.dashboard.reasons import metric_word, name_of, sentence
from ui.texts import Texts

EN, ZH = Texts("en"), Texts("zh")
GOLD = truth(60, high=0.3)
OLD, NEW = said(GOLD, skill=0.6, seed=1), said(GOLD, skill=0.9, seed=2)


def decided(gold: tuple[Gold, ...], old: tuple[Prediction, ...], new: tuple[Prediction, ...], fit: Fit | None = FITS, **more: Any) -> Gate:
    return decide(gold, old, new, frame_check=fit, bars=Bars(resamples=100), **more)


def scaled() -> Fit:
    return replace(FITS, verdict="scaled", convention=Convention(), scale=(0.5, 0.75))


def every() -> list[dict[str, Any]]:
    """Reasons as the gate and the checks before it write them, held and not."""
    blanks = tuple(each for each in NEW if each.scene < 0)
    ghosts = tuple(replace(each, violations=(Violation("no gloves", "low"),)) for each in blanks) or blanks
    gates = [
        decided(GOLD, OLD, NEW),
        decided(GOLD, OLD, said(GOLD, skill=0.9, boxes=0.2, seed=2)),
        decided(GOLD, OLD, said(GOLD, skill=0.5, seed=3), None, blank=ghosts),
        decided(GOLD, OLD, NEW, scaled(), named_metric="risk_cost"),
        decided(truth(12, high=0.0), said(truth(12, high=0.0), skill=0.6, seed=1), said(truth(12, high=0.0), skill=0.9, seed=2)),
        decided(GOLD, OLD, NEW, learned_frames=[GOLD[0].frame_id]),
        decided(GOLD, OLD, tuple(replace(each, unknown_labels=("ufo",), unknown_clauses=("9.9",), valid_json=False) for each in NEW)),
    ]
    found = [reason.told() for gate in gates for reason in gate.reasons]
    found += [each.told() for each in (*faults(GOLD, OLD[1:], "before"), *faults(GOLD[1:], NEW, "the adapter"), *faults((), NEW))]
    same = identical(OLD, OLD)
    assert same is not None
    constant = tuple(replace(NEW[0], frame_id=each.frame_id) for each in GOLD)
    return [
        *found,
        same.told(),
        *(each.told() for each in faults(GOLD, constant, "the base")),
        {"key": "unmeasured", "values": {}, "words": "x"},
    ]


def test_every_reason_of_the_gate_is_said_from_its_values() -> None:
    seen = set()
    for reason in every():
        seen.add(reason["key"])
        for say, foreign in ((EN, ZH), (ZH, EN)):
            told = sentence(reason, say)
            assert told
            assert "{" not in told
            assert told != sentence(reason, foreign), reason
            assert name_of(reason, say) != name_of(reason, foreign)
        assert sentence(reason, ZH) != reason["words"]
    assert seen >= {
        "scenes", "frame", "differs", "json", "unknown clauses", "unknown labels", "blank", "fields", "boxes", "high", "better", "learned",
        "dropped frames", "foreign frames", "no frames", "identical", "constant", "unmeasured",
    }  # fmt: skip


@pytest.mark.parametrize(
    "reason",
    [
        {"key": "tomorrow", "words": "Something *new* was asked.", "values": {}},
        {"key": "boxes", "words": "Something *new* was asked.", "values": {}},
        {"key": "scenes", "words": "Something *new* was asked.", "values": {"scenes": None}},
        {"key": "scenes", "words": "Something *new* was asked."},
    ],
)
def test_a_reason_of_another_version_keeps_its_own_words_as_words(reason: dict[str, Any]) -> None:
    assert sentence(reason, ZH) == sentence(reason, EN) == "Something \\*new\\* was asked."


def test_every_metric_that_is_shown_or_offered_has_a_name() -> None:
    shown = {*CHART, *METRICS, *(name for names in SECTIONS.values() for name in names)}
    assert set(METRICS) <= set(NAMES)
    for name in (*NAMES, *shown):
        assert metric_word(name, EN) != metric_word(name, ZH), name
