"""The figures of a model and of two: right where everything is right, wrong where it must be, with every denominator; and red where nothing means anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from core.errors import DatasetUnfit, Malformed
from core.evaluation.predictions import Gold, Prediction
from core.evaluation.report import compare, figures
from core.evaluation.slices import LEAST
from core.evaluation.soundness import refuse_learned
from core.evaluation.written import markdown
from core.schema import Box, Finding, Step, Value, Violation
from tests.core.evaluation.judged import changed, said, truth

GOLD = truth(60)
PERFECT = said(GOLD, skill=1.0)
FAIR = said(GOLD, skill=0.6, seed=3)


def told(predictions: tuple[Prediction, ...], gold: tuple[Gold, ...] = GOLD, **more: Any) -> dict[str, Any]:
    return figures(gold, predictions, resamples=100, **more)


def value(found: dict[str, Any], *path: str) -> float:
    for key in path:
        found = found[key]
    number = found["value"]
    assert isinstance(number, float)
    return number


def red(found: dict[str, Any]) -> list[str]:
    return [each["key"] for each in found["red"]]


def test_who_is_right_in_everything_has_every_full_mark() -> None:
    found = told(PERFECT)
    assert red(found) == []
    for path in (
        ("fields", "all", "accuracy"),
        ("fields", "all", "macro_f1"),
        ("fields", "all", "joint"),
        ("boxes", "f1"),
        ("boxes", "mean_iou"),
        ("violations", "f1"),
        ("risk", "kappa"),
        ("risk", "high_recall"),
        ("valid_json",),
    ):
        assert value(found, *path) == pytest.approx(1), path
    assert value(found, "risk", "cost") == 0
    assert found["frames"] == 60
    assert found["scenes"] == 30
    assert found["fields"]["tool"]["accuracy"]["n"] == 60
    orjson.dumps(found)


def test_every_denominator_is_printed_and_every_interval_holds_its_value() -> None:
    found = told(FAIR)

    def walk(node: Any) -> int:
        if isinstance(node, dict) and {"value", "low", "high", "n"} <= node.keys():
            if node["value"] is not None and node["low"] is not None:
                assert node["low"] - 1e-9 <= node["value"] <= node["high"] + 1e-9, node
            assert isinstance(node["n"], int)
            return 1
        return sum(walk(each) for each in node.values()) if isinstance(node, dict) else 0

    assert walk({key: each for key, each in found.items() if key != "slices"}) > 20


@pytest.mark.parametrize(
    ("how", "path"),
    [
        (lambda p: replace(p, step=replace(p.step, tool=Value("saw"))), ("fields", "tool", "accuracy")),
        (lambda p: replace(p, findings=()), ("boxes", "recall")),
        (lambda p: replace(p, violations=()), ("violations", "f1")),
        (lambda p: replace(p, risk_level="none"), ("risk", "high_recall")),
        (lambda p: replace(p, valid_json=False), ("valid_json",)),
        (lambda p: replace(p, readable=False), ("fields", "all", "joint")),
    ],
    ids=["a tool", "boxes", "violations", "risk", "JSON", "unreadable"],
)
def test_a_third_of_the_answers_spoilt_costs_a_third(how: Callable[[Prediction], Prediction], path: tuple[str, ...]) -> None:
    assert value(told(changed(PERFECT, how, every=3)), *path) < 0.85
    assert value(told(PERFECT), *path) == pytest.approx(1)


def test_an_unparsed_answer_is_wrong_in_everything() -> None:
    found = told(tuple(Prediction(g.frame_id, g.scene, valid_json=False, readable=False) for g in GOLD))
    assert value(found, "fields", "all", "accuracy") == 0
    assert value(found, "boxes", "recall") == 0
    assert value(found, "risk", "high_recall") == 0
    assert found["unreadable"] == 60
    assert value(found, "risk", "cost") >= 1


def test_an_unparsed_answer_whose_words_were_guessed_right_is_wrong_too() -> None:
    assert value(told(changed(PERFECT, lambda p: replace(p, readable=False))), "fields", "all", "accuracy") == 0


def test_dropped_frames_are_red_and_count_as_wrong() -> None:
    found = told(PERFECT[10:])
    assert red(found) == ["dropped frames"]
    assert found["missing"] == 10
    assert value(found, "fields", "tool", "accuracy") == pytest.approx(50 / 60)
    assert found["fields"]["tool"]["accuracy"]["n"] == 60


def test_a_constant_predictor_is_red_and_has_no_kappa() -> None:
    found = told(changed(PERFECT, lambda p: replace(PERFECT[0], frame_id=p.frame_id)))
    assert red(found) == ["constant"]
    assert value(found, "risk", "kappa") == pytest.approx(0)
    assert set(found["constant_fields"]) == {"tool", "part", "action", "phase", "risk"}
    partly = told(changed(PERFECT, lambda p: replace(p, step=replace(p.step, tool=Value("hammer")))))
    assert red(partly) == []
    assert partly["constant_fields"] == ["tool"]


def test_two_identical_results_are_red() -> None:
    assert red(compare(GOLD, FAIR, FAIR, resamples=50)) == ["identical"]
    assert red(compare(GOLD, FAIR, PERFECT, resamples=50)) == []
    assert red(compare(GOLD, FAIR, PERFECT[3:], resamples=50)) == ["dropped frames"]


def test_no_frames_and_a_frame_twice_are_told() -> None:
    assert red(told((), ())) == ["no frames"]
    with pytest.raises(Malformed, match="predicted twice"):
        told((*PERFECT, PERFECT[0]))


def test_a_difference_is_sure_only_where_its_interval_leaves_nothing_out() -> None:
    found = compare(GOLD, FAIR, PERFECT, resamples=200)
    assert found["differences"]["field_f1"]["better"] is True
    assert found["differences"]["risk_cost"]["better"] is True
    assert found["differences"]["risk_cost"]["difference"] < 0
    assert compare(GOLD, PERFECT, FAIR, resamples=200)["differences"]["field_f1"]["better"] is False
    alike = compare(GOLD, FAIR, changed(FAIR, lambda p: replace(p, text="x")), resamples=50)
    assert alike["differences"]["field_f1"] == {
        "before": pytest.approx(alike["differences"]["field_f1"]["after"]),
        "after": pytest.approx(alike["differences"]["field_f1"]["before"]),
        "difference": 0,
        "low": 0,
        "high": 0,
        "better": None,
    }
    assert alike["differing"] == {"answers": 0, "of": 60, "share": 0}


def test_an_alias_is_right_and_only_the_key_is_exact() -> None:
    words = orjson.dumps({"tool": "Claw hammer"}).decode()
    found = told(changed(PERFECT, lambda p: replace(p, text=words)))
    assert value(found, "fields", "tool", "accuracy") == 1
    assert value(found, "fields", "tool", "exact") == 0


def test_a_violation_is_right_by_its_hazard_or_clause_and_its_place() -> None:
    here, near, away = Box(0.1, 0.1, 0.5, 0.5), Box(0.2, 0.2, 0.6, 0.6), Box(0.7, 0.7, 0.9, 0.9)

    def f1(said_one: Violation, true: Violation) -> float:
        gold = tuple(replace(g, violations=(true,)) for g in GOLD)
        return value(told(changed(PERFECT, lambda p: replace(p, violations=(said_one,))), gold), "violations", "f1")

    assert f1(Violation("clutter", box=near), Violation("clutter", box=here)) == 1
    assert f1(Violation("clutter", box=away), Violation("clutter", box=here)) == 0
    assert f1(Violation("clutter"), Violation("clutter", box=here)) == 0
    assert f1(Violation("clutter", box=away), Violation("clutter")) == 1
    assert f1(Violation("bare_hand"), Violation("clutter")) == 0
    assert f1(Violation("bare_hand", rules=("5.1",)), Violation("clutter", rules=("5.1", "5.2"))) == 1


def test_a_frame_of_which_the_profile_does_not_speak_is_in_no_denominator_of_risk() -> None:
    gold = (replace(GOLD[0], risk_level=None), *GOLD[1:])
    assert told(PERFECT, gold)["fields"]["risk"]["accuracy"]["n"] == 59


def test_weights_bring_back_what_a_draw_has_bent() -> None:
    wrong = {g.frame_id for g in GOLD[:20]}
    answers = changed(PERFECT, lambda p: replace(p, step=Step()) if p.frame_id in wrong else p)
    plain = value(told(answers), "fields", "tool", "accuracy")
    weighted = value(told(answers, weights={g.frame_id: 1.0 if g.frame_id in wrong else 4.0 for g in GOLD}), "fields", "tool", "accuracy")
    assert plain == pytest.approx(2 / 3)
    assert weighted == pytest.approx(160 / 180)


def test_a_slice_that_is_too_small_is_hidden() -> None:
    found = told(FAIR, slices={"camera": {g.frame_id: "north" if n < LEAST - 1 else "south" for n, g in enumerate(GOLD)}})
    assert found["slices"]["camera"]["north"] == {"n": LEAST - 1, "hidden": True}
    assert found["slices"]["camera"]["south"]["field_accuracy"]["low"] is not None
    assert sum(each["n"] for each in found["slices"]["risk"].values()) == 60


def test_small_boxes_are_told_apart() -> None:
    tiny, large = Finding("bolt", Box(0.1, 0.1, 0.15, 0.15)), Finding("hammer", Box(0.2, 0.2, 0.9, 0.9))
    gold = tuple(replace(g, findings=(tiny, large)) for g in GOLD)
    found = told(changed(PERFECT, lambda p: replace(p, findings=(large,))), gold)
    assert value(found, "boxes", "sizes", "small", "recall") == 0
    assert value(found, "boxes", "sizes", "large", "recall") == 1
    assert found["boxes"]["labels"]["bolt"] == {"true": 60, "said": 0, "matched": 0, "f1": 0}


def test_mean_average_precision_asks_for_calibrated_scores() -> None:
    assert told(PERFECT)["boxes"]["map"] is None
    assert told(PERFECT, calibrated=True)["boxes"]["map"] == pytest.approx(1)


def test_the_ceiling_stands_beside_the_model_by_the_same_measure() -> None:
    other = tuple(replace(g, step=replace(g.step, tool=Value("wrench"))) for g in GOLD)
    found = told(FAIR, doubles=list(zip(GOLD, other, strict=True)))["ceiling"]
    assert found["n"] == 60
    assert found["people"]["action"]["alpha"] == pytest.approx(1)
    assert found["people"]["tool"]["alpha"] < 1
    assert found["model"]["action"]["alpha"] < 1
    assert told(FAIR)["ceiling"]["why"] == "not shown: 0 of 20 frames have two opinions"


def test_what_was_learned_from_is_refused_frame_by_frame() -> None:
    with pytest.raises(DatasetUnfit) as refused:
        refuse_learned(GOLD, {GOLD[0].frame_id}, {GOLD[1].scene})
    assert len(refused.value.defects) == 2
    refuse_learned(GOLD, {"elsewhere"}, {-1})


@pytest.mark.parametrize(
    "made",
    [told(FAIR), compare(GOLD, FAIR, PERFECT, resamples=50), compare(GOLD, FAIR, FAIR, resamples=50), told(())],
    ids=["one", "two", "red", "nothing said"],
)
def test_a_report_can_be_read_by_people(made: dict[str, Any]) -> None:
    text = markdown(made)
    assert text.startswith("# ")
    assert all(each["words"] in text for each in made["red"])
    assert "None" not in text
