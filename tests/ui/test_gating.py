"""Every reason that the gate can give has words in every language, with its numbers in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.evaluation.gate import Bars, Gate, decide
from core.schema import Violation
from tests.core.evaluation.judged import FITS, changed, said, truth
from ui.gating import said as in_words
from ui.texts import LANGUAGES, Texts

GOLD = truth(80, high=0.4)
BASE, BETTER = said(GOLD, skill=0.5, seed=1), said(GOLD, skill=0.95, seed=2)
BARS = Bars(resamples=100)


def gate(after: object = BETTER, before: object = BASE, **more: object) -> Gate:
    return decide(more.pop("gold", GOLD), before, after, **{"frame_check": FITS, "bars": BARS, **more})  # type: ignore[arg-type]  # a table's


CALM = truth(80, high=0.0)
SEEING = tuple(
    replace(p, violations=(Violation("clutter"),), unknown_labels=("x",), unknown_clauses=("y",)) if p.blank else p for p in BETTER
)
CASES = {
    "passed": gate(),
    "worse": gate(BASE, BETTER, named_metric="risk_cost"),
    "boxes lost": gate(said(GOLD, skill=0.95, boxes=0.1, seed=2)),
    "invented": gate(SEEING),
    "no JSON, no frame check, no blank picture": gate(tuple(replace(p, valid_json=False) for p in BETTER if not p.blank), frame_check=None),
    "another frame": gate(frame_check=replace(FITS, verdict="other", gain=0.4)),
    "nothing high": gate(said(CALM, skill=0.9, seed=3), said(CALM, skill=0.5, seed=4), gold=CALM),
    "few scenes": gate(bars=Bars(scenes=500, resamples=100)),
    "no-op": gate(changed(BASE, lambda p: replace(p, text="x"))),
    "identical": gate(BASE),
    "dropped": gate(BETTER[3:]),
    "foreign": gate((*BETTER, replace(BETTER[0], frame_id="e" * 64))),
    "constant": gate(changed(BETTER, lambda p: replace(BETTER[0], frame_id=p.frame_id))),
    "learned": gate(learned_frames={GOLD[0].frame_id}),
    "no frames": gate((), (), gold=()),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("decided", CASES.values(), ids=CASES.keys())
def test_every_reason_is_said_in_every_language(decided: Gate, language: str) -> None:
    texts = Texts(language)
    for reason in decided.told()["reasons"]:
        words = in_words(reason, texts)
        assert "{" not in words
        assert words in {*texts.words.values()} or any(sign.isdigit() for sign in words) or reason["key"] in ("constant", "unknown labels")
        if language == "zh":
            assert words != reason["words"]


def test_shares_are_told_in_percent_and_differences_in_points() -> None:
    fields = next(reason for reason in CASES["passed"].told()["reasons"] if reason["key"] == "fields")
    assert "points" in in_words(fields, Texts("en"))
    assert "%" in in_words(fields, Texts("zh"))
    cost = next(reason for reason in CASES["worse"].told()["reasons"] if reason["key"] == "better")
    assert "points" not in in_words(cost, Texts("en"))


def test_a_reason_nobody_has_words_for_keeps_its_own() -> None:
    assert in_words({"key": "weather", "passed": False, "words": "It rains.", "values": {}}, Texts("zh")) == "It rains."
