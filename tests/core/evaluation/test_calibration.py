"""Calibrators: fitted on people's words, monotone, kept by the model they belong to and given to no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import AppError
from core.evaluation.calibration import (
    Calibrators,
    Label,
    fit,
    fit_each,
    fit_labels,
    found,
    key_of,
    labels_of,
    measure,
    overlooked,
    read,
    write,
)
from core.evaluation.calibrators import Calibrator, Method, calibrator, fitted, held_out, methods_for
from core.evaluation.certainty import brier, ece, log_loss, noise_floor
from core.profile import read as read_profile
from core.schema import Box, Finding, Reply, Risk, Step, Value, Violation
from core.settings import ASSETS
from tests.makers import HAMMER, HAND, STRIKING, assessment, correction

BENCH = read_profile(ASSETS / "profiles" / "bench.toml")
METHODS: tuple[Method, ...] = ("temperature", "platt", "beta", "isotonic")


def too_sure(n: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Claims whose logits are twice what they should be."""
    dice = np.random.default_rng(seed)
    logits = dice.normal(1, 1.5, n)
    return 1 / (1 + np.exp(-2 * logits)), dice.random(n) < 1 / (1 + np.exp(-logits))


def labels(field: str, n: int, seed: int = 0) -> list[Label]:
    return [Label(field, float(p), bool(right), f"frame {at}") for at, (p, right) in enumerate(zip(*too_sure(n, seed), strict=True))]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_mends_what_is_too_sure_and_keeps_the_order(method: Method) -> None:
    p, right = too_sure(4000)
    made = Calibrator(method, len(p), fitted(method, p, right))
    fresh, true = too_sure(4000, seed=1)
    after = made.apply_all(fresh)
    assert log_loss(after, true) < log_loss(fresh, true) - 0.05
    assert ece(after, true) < noise_floor(after, np.random.default_rng(0)) + 0.02
    assert (np.diff(made.apply_all(np.linspace(0, 1, 500))) >= 0).all()
    assert 0 <= made.apply(0.0) <= made.apply(1.0) <= 1


def test_a_temperature_of_two_is_found() -> None:
    assert fitted("temperature", *too_sure(20000))[0] == pytest.approx(0.5, abs=0.03)
    assert fitted("platt", *too_sure(20000)) == pytest.approx((0.5, 0.0), abs=0.05)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("right", [True, False])
def test_labels_that_are_all_alike_run_to_no_end(method: Method, right: bool) -> None:
    made = Calibrator(method, 60, fitted(method, np.linspace(0.5, 0.99, 60), np.full(60, right)))
    values = made.apply_all([0.0, 0.5, 1.0])
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()


def test_worse_claims_for_better_things_are_not_turned_round() -> None:
    dice = np.random.default_rng(0)
    p = dice.random(2000)
    right = dice.random(2000) < 1 - p
    for method in METHODS:
        assert (np.diff(Calibrator(method, 0, fitted(method, p, right)).apply_all(np.linspace(0, 1, 50))) >= -1e-12).all()


@pytest.mark.parametrize(("n", "methods"), [(50, {"temperature", "platt"}), (499, {"temperature", "platt"}), (999, {"temperature", "platt", "beta"}), (1000, {"beta"}), (2999, {"beta"}), (3000, {"beta", "isotonic"})])  # fmt: skip
def test_the_number_of_labels_chooses_the_method(n: int, methods: set[str]) -> None:
    assert set(methods_for(n)) == methods
    made = fit_labels(labels("tool", n))["tool"]
    assert made.method in methods
    assert made.n == n


def test_platt_is_taken_where_a_temperature_cannot_help() -> None:
    dice = np.random.default_rng(0)
    p = dice.uniform(0.4, 0.6, 400)
    made = calibrator(p, dice.random(400) < 0.9, [str(n) for n in range(400)])
    assert made.method == "platt"
    assert made.apply(0.5) == pytest.approx(0.9, abs=0.05)


def test_fields_with_few_labels_share_one_temperature_and_show_no_percentage() -> None:
    made = Calibrators("k", fit_labels([*labels("tool", 49), *labels("part", 20, 1), *labels("risk", 50, 2)]))
    assert made.fields["tool"].parameters == made.fields["part"].parameters
    assert made.fields["tool"].method == "temperature"
    assert [made.percent_allowed(name) for name in ("tool", "part", "risk", "phase")] == [False, False, True, False]
    assert made.apply("phase", 0.7) == 0.7
    assert made.apply("tool", None) is None


def test_what_is_reported_is_judged_by_labels_of_other_frames() -> None:
    """Claims that say nothing about labels that are as often wrong: any gain would be leaked."""
    dice = np.random.default_rng(2)
    noise = [Label("tool", float(p), bool(right), f"frame {at // 4}") for at, (p, right) in enumerate(zip(dice.random(3200), dice.random(3200) < 0.5, strict=True))]  # fmt: skip
    told = measure(noise)["tool"]
    assert told.n == 3200
    assert told.brier[1] >= 0.2495
    assert told.brier[0] > told.brier[1]
    assert told.ece[1] < told.floor[1] + 0.02


def test_a_label_never_judges_the_map_it_made() -> None:
    """Isotonic on sixty coins learns them by heart: .17 where an honest judge sees no better than .25."""
    dice = np.random.default_rng(6)
    p, right = dice.random(60), dice.random(60) < 0.5
    heart = Calibrator("isotonic", 60, fitted("isotonic", p, right)).apply_all(p)
    assert brier(held_out("isotonic", p, right, [str(n) for n in range(60)]), right) > brier(heart, right) + 0.01


def test_a_group_is_never_on_both_sides() -> None:
    """Twins with one label: whoever saw the twin would know the answer."""
    dice = np.random.default_rng(4)
    p, right = dice.random(1600), dice.random(1600) < 0.5
    twins = [Label("tool", float(a), bool(b), f"frame {at}") for at, (a, b) in enumerate(zip(p, right, strict=True)) for _ in range(2)]
    assert measure(twins)["tool"].brier[1] > 0.2495


def test_a_persons_word_labels_every_claim() -> None:
    said = assessment(missed={"findings": 0.3, "violations": 0.1})
    person = correction(
        findings=(Finding("hammer", Box(0.12, 0.22, 0.52, 0.62), said_by="person"), Finding("drill", Box(0.8, 0.8, 0.9, 0.9), said_by="person")),
        step=replace(correction().step, part=Value("plate", said_by="person")),
        violations=(Violation("hand_near_blade", said_by="person"),),
        risk=Risk("medium", said_by="person"),
    )  # fmt: skip
    made = {(label.field, label.p): label.right for label in labels_of(said, person, BENCH)}
    assert made == {
        ("tool", 0.9): True, ("part", 0.8): False, ("action", 0.95): True, ("phase", 0.85): True, ("risk", 0.8): False,
        ("findings", 0.7): False, ("findings", 0.9): True, ("findings", 0.8): False, ("missed.findings", 0.3): True,
        ("violations", 0.6): False, ("missed.violations", 0.1): True,
    }  # fmt: skip


def test_what_nobody_looked_at_labels_nothing() -> None:
    unseen = correction(step=STRIKING, findings=(HAMMER,), violations=(Violation("tool_at_edge"),), risk=Risk("low"))
    assert labels_of(assessment(), unseen, BENCH) == []
    assert labels_of(assessment(), correction(verdict="cannot_tell"), BENCH) == []
    assert labels_of(assessment(step=Step(), findings=(), violations=(), risk=Risk("low")), correction(), BENCH) == []


def test_one_true_thing_is_found_once_and_a_wrong_name_is_not_missed() -> None:
    assert found([HAMMER, HAMMER], [HAMMER]).count(True) == 1
    assert found([], [HAMMER]) == []
    assert found([Finding("hammer")], [Finding("hammer")]) == [True]
    assert not overlooked([Finding("wrench", HAMMER.box)], [HAMMER])
    assert overlooked([HAND], [HAND, Finding("drill", Box(0.8, 0.8, 0.9, 0.9))])
    assert overlooked([], [HAMMER])
    assert not overlooked([HAMMER], [])


def test_a_pair_out_of_reach_never_costs_one_within() -> None:
    def at(left: float) -> Finding:
        return Finding("hammer", Box((left + 0.2) * 0.75, 0.1, (left + 0.7) * 0.75, 0.5))

    assert found([at(0.166), at(-0.19)], [at(0.0), at(0.355)]) == [True, False]


def test_a_calibrator_serves_its_own_key_alone(tmp_path: Path) -> None:
    said = assessment(reply=Reply("{}", "m", "p", 0.1))
    keys = {key_of(said), key_of(replace(said, model="other")), key_of(replace(said, prompt_id="other")), key_of(replace(said, reply=Reply("{}", "m", "p", 0.1, masked=True)))}  # fmt: skip
    assert len(keys) == 4
    mine, *others = sorted(keys)
    made = Calibrators(mine, fit_labels(labels("tool", 200)))
    path = write(tmp_path, made)
    assert read(tmp_path, mine) == made
    for other in others:
        assert read(tmp_path, other) is None
        path.rename(moved := tmp_path / write(tmp_path, Calibrators(other, made.fields)).name)
        with pytest.raises(AppError, match="belongs to"):
            read(tmp_path, other)
        moved.unlink()
        write(tmp_path, made)


def test_pairs_of_two_models_make_two_and_never_one() -> None:
    pairs = [(assessment(f"{n:064}", model=f"m{n % 2}"), correction(f"{n:064}")) for n in range(8)]
    assert [one.key.split()[0] for one in fit_each(pairs, BENCH)] == ["m0", "m1"]
    assert fit_each(pairs, BENCH)[0].fields["tool"].n == 4
    with pytest.raises(AppError, match="one model"):
        fit(pairs, BENCH)
    with pytest.raises(AppError, match="there are none"):
        fit([], BENCH)
    assert fit(pairs[::2], BENCH).fields["risk"].n == 4


BROKEN = {
    "no JSON": ("{", "cannot be read as JSON"),
    "a list": ("[]", "version"),
    "another version": ({"version": 99}, "version"),
    "no fields": ({"fields": None}, "broken"),
    "an unknown method": ({"fields": {"tool": {"method": "magic", "n": 60, "parameters": [1.0]}}}, "magic"),
    "too few parameters": ({"fields": {"tool": {"method": "beta", "n": 60, "parameters": [1.0]}}}, "beta"),
    "a slope that turns claims round": ({"fields": {"tool": {"method": "platt", "n": 60, "parameters": [-1.0, 0.0]}}}, "platt"),
    "the second slope of beta": ({"fields": {"tool": {"method": "beta", "n": 60, "parameters": [1.0, -1.0, 0.0]}}}, "beta"),
    "shares that fall": ({"fields": {"tool": {"method": "isotonic", "n": 60, "parameters": [0.1, 0.9, 0.8, 0.2]}}}, "isotonic"),
    "no number": ({"fields": {"tool": {"method": "temperature", "n": 60, "parameters": ["NaN"]}}}, "temperature"),
    "n is no number": ({"fields": {"tool": {"method": "temperature", "n": "many", "parameters": [1.0]}}}, "temperature"),
}


@pytest.mark.parametrize(("content", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_an_error_with_a_way_out(tmp_path: Path, content: object, says: str) -> None:
    path = write(tmp_path, Calibrators("k", {}))
    whole = {"version": 1, "key": "k", "fields": {}}
    path.write_text(content if isinstance(content, str) else json.dumps(whole | content), "utf-8")  # type: ignore[operator]
    with pytest.raises(AppError, match=says) as error:
        read(tmp_path, "k")
    assert "Delete it" in str(error.value)


def test_fifty_six_labels_that_were_all_right_are_no_hundred_percent() -> None:
    sure = Calibrator("platt", 56, (1.0, 12.0))
    assert sure.apply(0.9) == 57 / 58
    assert Calibrator("platt", 56, (1.0, -12.0)).apply(0.1) == pytest.approx(1 / 58)
