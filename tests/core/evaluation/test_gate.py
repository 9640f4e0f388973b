"""The gate: who is let through, who is not, and that the reason is told. Above all: who is no better is not let through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import NotFound
from core.evaluation.asking import frame_check
from core.evaluation.gate import Bars, Gate, decide
from core.evaluation.predictions import Gold, Prediction
from core.framecheck import Fit
from core.geometry import FAMILIES, THOUSANDTHS, BoxFormat, to_model
from core.schema import Violation
from tests.core.evaluation.judged import FITS, changed, said, truth

GOLD = truth(240, high=0.3)
BASE = said(GOLD, skill=0.6, seed=1)
BETTER = said(GOLD, skill=0.9, seed=2)
QUICK = Bars(resamples=400)


def gate(
    after: tuple[Prediction, ...] = BETTER,
    before: tuple[Prediction, ...] = BASE,
    gold: tuple[Gold, ...] = GOLD,
    fit: Fit | None = FITS,
    **more: object,
) -> Gate:
    return decide(gold, before, after, frame_check=fit, bars=QUICK, **more)  # type: ignore[arg-type]  # options of the test's own


def against(decided: Gate) -> set[str]:
    return {reason.key for reason in decided.reasons if not reason.passed}


def test_an_adapter_that_is_better_passes_and_says_by_how_much() -> None:
    decided = gate(dataset="bench-3")
    assert decided.passed
    assert not against(decided)
    assert decided.words.startswith("Passed: field_f1, the metric that was named before, is better by +")
    assert decided.told()["dataset"] == "bench-3"


def test_an_adapter_that_wins_f1_and_loses_boxes_is_refused() -> None:
    decided = gate(said(GOLD, skill=0.9, boxes=0.3, seed=2))
    assert against(decided) == {"boxes"}
    assert not decided.undetermined
    assert "box F1 went from" in decided.words
    assert "It was lost" in decided.words


def test_an_adapter_that_does_nothing_is_refused() -> None:
    decided = gate(changed(BASE, lambda p: replace(p, text="{ }"), every=3))
    assert "differs" in against(decided)
    assert "0 of 240 answers (0.0 %) differ" in decided.words


def test_a_frame_mistake_is_named() -> None:
    fmt, size = THOUSANDTHS, (1280, 720)
    pixels = BoxFormat(scale=None)

    def spoken(p: Prediction, how: BoxFormat) -> str:
        import orjson

        return orjson.dumps({"findings": [{"label": f.label, "box": to_model(f.box, how, size)} for f in p.findings if f.box]}).decode()

    right = tuple(replace(p, text=spoken(p, fmt), size=size) for p in BETTER)
    wrong = tuple(replace(p, text=spoken(p, pixels), size=size) for p in BETTER)
    assert frame_check(GOLD, right, fmt).verdict == "fits"
    fit = frame_check(GOLD, wrong, fmt)
    decided = gate(fit=fit)
    assert against(decided) == {"frame"}
    assert "not as declared: its boxes are in pixels of the picture" in decided.words
    assert decided.reasons[1].values["verdict"] == "other"


def test_boxes_that_are_off_by_a_constant_are_named_with_the_constant() -> None:
    size = (1280, 720)
    fmt = FAMILIES["qwen2.5-vl"]

    def shrunk(p: Prediction) -> Prediction:
        parts = ",".join(
            f'{{"label":"{f.label}","box":[{",".join(str(round(0.6 * n)) for n in to_model(f.box, fmt, size))}]}}'
            for f in p.findings
            if f.box
        )
        return replace(p, text=f'{{"findings":[{parts}]}}', size=size)

    fit = frame_check(GOLD, tuple(map(shrunk, BETTER)), fmt)
    assert fit.verdict in ("scaled", "other")
    assert "frame" in against(gate(fit=fit))


def test_nobody_checked_the_frame_is_not_passed() -> None:
    decided = gate(fit=None)
    assert against(decided) == {"frame"}
    assert decided.undetermined


@pytest.mark.parametrize(
    ("how", "key"),
    [
        (lambda p: replace(p, valid_json=False), "json"),
        (lambda p: replace(p, unknown_clauses=("§ 99",)), "unknown clauses"),
        (lambda p: replace(p, unknown_labels=("banana",)), "unknown labels"),
    ],
    ids=["no JSON", "an invented clause", "an invented label"],
)
def test_what_is_not_allowed_at_all_is_counted(how: object, key: str) -> None:
    decided = gate(changed(BETTER, how, every=100))  # type: ignore[arg-type]  # a lambda of the table
    assert against(decided) == {key}


def test_a_violation_in_a_blank_picture_is_told_by_its_name() -> None:
    seeing = tuple(replace(p, violations=(Violation("clutter"),)) if p.blank else p for p in BETTER)
    decided = gate(seeing)
    assert against(decided) == {"blank"}
    assert "it saw clutter in them" in decided.words
    assert against(gate(tuple(p for p in BETTER if not p.blank))) == {"blank"}
    assert gate(tuple(p for p in BETTER if not p.blank), blank=[p for p in BETTER if p.blank]).passed


def test_one_that_misses_what_is_high_is_refused_however_good_it_is() -> None:
    truly = {g.frame_id: g.risk_level for g in GOLD}
    careless = changed(
        BETTER, lambda p: replace(p, risk_level="none", risk_probabilities={"high": 0.01}) if truly[p.frame_id] == "high" else p
    )
    assert "high" in against(gate(careless))


def test_the_floor_of_json_does_not_sink_with_the_base() -> None:
    poor = changed(BASE, lambda p: replace(p, valid_json=False), every=5)
    assert against(gate(changed(BETTER, lambda p: replace(p, valid_json=False), every=50), poor)) == {"json"}
    lower = Bars(valid_json=0.9, resamples=400)
    assert decide(GOLD, poor, changed(BETTER, lambda p: replace(p, valid_json=False), every=50), frame_check=FITS, bars=lower).passed


def test_too_few_scenes_never_pass() -> None:
    few = GOLD[:40]
    known = {g.frame_id for g in few}
    decided = gate(tuple(p for p in BETTER if p.blank or p.frame_id in known), tuple(p for p in BASE if p.frame_id in known), few)
    assert "scenes" in against(decided)
    assert not decided.passed
    assert "20 scenes were measured; 30 are needed" in decided.words


def test_without_anything_high_nobody_can_tell() -> None:
    calm = truth(120, high=0.0)
    decided = gate(said(calm, skill=0.95, seed=3), said(calm, skill=0.5, seed=4), calm)
    assert against(decided) == {"high"}
    assert decided.undetermined
    assert decided.words.startswith("Undetermined: 0 scenes of high risk")
    nowhere = Bars(high_scenes=0, resamples=400)
    assert decide(calm, said(calm, skill=0.5, seed=4), said(calm, skill=0.95, seed=3), frame_check=FITS, bars=nowhere).passed


def test_the_metric_that_was_named_before_decides() -> None:
    only_boxes = tuple(replace(b, findings=a.findings) for a, b in zip(BETTER, BASE, strict=True))
    assert gate(only_boxes, named_metric="box_f1").passed
    assert against(gate(only_boxes, named_metric="tool_f1")) == {"better"}
    with pytest.raises(NotFound, match="Name one of: field_f1"):
        gate(named_metric="vibes")


@pytest.mark.parametrize("metric", ["risk_cost", "risk_kappa", "high_recall", "joint", "violation_f1"])
def test_less_cost_is_better_and_so_is_more_of_the_rest(metric: str) -> None:
    better = next(reason for reason in gate(named_metric=metric).reasons if reason.key == "better")
    worse = next(reason for reason in gate(BASE, BETTER, named_metric=metric).reasons if reason.key == "better")
    assert better.passed
    assert not worse.passed
    assert better.values["difference"] > 0 > worse.values["difference"]


def test_what_it_learned_from_never_judges_it() -> None:
    frame = gate(learned_frames={GOLD[7].frame_id})
    assert against(frame) == {"learned"}
    assert "1 of the frames to judge by" in frame.words
    scene = gate(learned_scenes={GOLD[7].scene})
    assert scene.reasons[0].values == {"frames": 2}
    assert gate(learned_frames={"f" * 64}, learned_scenes={-5}).passed


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        (BASE, BASE, "identical"),
        (BASE, BETTER[5:], "dropped frames"),
        (BASE[5:], BETTER, "dropped frames"),
        (BASE, changed(BETTER, lambda p: replace(BETTER[0], frame_id=p.frame_id, scene=p.scene)), "constant"),
        (BASE, (*BETTER, replace(BETTER[0], frame_id="e" * 64)), "foreign frames"),
    ],
    ids=["one file twice", "the adapter's frames dropped", "the base's frames dropped", "a constant adapter", "frames of another set"],
)
def test_an_evaluation_that_means_nothing_is_red_before_anything_is_measured(
    before: tuple[Prediction, ...], after: tuple[Prediction, ...], key: str
) -> None:
    decided = gate(after, before)
    assert against(decided) == {key}
    assert all(not reason.passed for reason in decided.reasons)


def test_a_constant_base_may_be_beaten() -> None:
    constant = changed(BASE, lambda p: replace(BASE[0], frame_id=p.frame_id, scene=p.scene))
    assert "constant" not in against(gate(before=constant))


def test_boxes_are_not_asked_for_where_none_are_true() -> None:
    bare = tuple(replace(g, findings=()) for g in GOLD)
    keys = [reason.key for reason in gate(gold=bare, fit=None).reasons]
    assert "frame" not in keys
    assert "boxes" not in keys


def promoted(repetitions: int, frames: int) -> float:
    """Of 20 equal adapters, how many pass on average. Only fields differ, so that nothing but chance stands in the way of any of them."""
    passed = 0
    for repetition in range(repetitions):
        gold = truth(frames, seed=repetition, high=0.5)
        base = said(gold, skill=0.7, seed=1000 + repetition)
        for adapter in range(20):
            alike = said(gold, skill=0.7, seed=10_000 + 100 * repetition + adapter)
            alike = tuple(
                replace(b, findings=a.findings, violations=a.violations, risk_level=a.risk_level, risk_probabilities=a.risk_probabilities)
                for a, b in zip(base, alike, strict=True)
            )
            passed += decide(gold, base, alike, frame_check=FITS, bars=Bars(resamples=300), seed=adapter).passed
    return passed / repetitions


def test_of_twenty_equal_adapters_at_most_one_is_promoted() -> None:
    assert promoted(2, frames=60) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("frames", [60, 120, 240])
def test_of_twenty_equal_adapters_at_most_one_is_promoted_on_average(frames: int) -> None:
    assert promoted(30, frames) <= 1 + 1.5 * (20 * 0.05 * 0.95 / 30) ** 0.5  # what a mean of exactly 1 may show in 30 repetitions


def test_the_simulation_can_fail() -> None:
    """Better wins: by the point alone about half of them would be promoted."""
    points = []
    gold = truth(80, seed=0, high=0.5)
    base = said(gold, skill=0.7, seed=1000)
    for adapter in range(4):
        decided = decide(gold, base, said(gold, skill=0.7, seed=50 + adapter), frame_check=FITS, bars=Bars(resamples=100))
        points.append(next(reason.values["difference"] for reason in decided.reasons if reason.key == "better"))
    assert any(point > 0 for point in points)
