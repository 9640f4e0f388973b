"""What is read out of stored opinions: certainty, what is shown, how far two models are apart."""

from __future__ import annotations

from math import isnan
from typing import Any

import orjson
import pytest

from annotations import rows
from annotations.picking.measured import Measures, choices_of, disagreement, measures, shown
from core.schema import Dropped, Finding, Risk, Step, Value, Violation
from tests.annotations.desks import BENCH
from tests.makers import assessment

CHOICES = choices_of(BENCH)


def body(**more: Any) -> dict[str, Any]:
    said: dict[str, Any] = orjson.loads(rows.from_assessment(assessment(**more), 0.5)["body"])
    return said


def measured(*, replied: bool = True, sampled: bool = False, **more: Any) -> Measures:
    return measures(body(**more), CHOICES, replied=replied, sampled=sampled)


def step(confidence: float | None, *others: tuple[str, float]) -> Step:
    return Step(tool=Value("hammer", confidence, alternatives=others))


def test_the_margin_is_that_of_the_field_that_is_least_clear() -> None:
    sure = Risk("low", {"none": 0.0, "low": 1.0})
    assert measured(step=step(0.6, ("drill", 0.35), ("pliers", 0.05)), risk=sure).margin == pytest.approx(0.25)
    assert measured(step=step(0.6), risk=sure).margin == pytest.approx(0.2)  # what is not named is one other
    assert measured(step=step(1.0), risk=Risk("low", {"low": 0.55, "none": 0.45})).margin == pytest.approx(0.1)


def test_the_entropy_is_largest_where_all_is_equally_likely() -> None:
    sure = Risk("low", {"low": 1.0})
    assert measured(step=step(1.0), risk=sure).entropy == pytest.approx(0, abs=1e-6)
    assert measured(step=Step(), risk=Risk("low", dict.fromkeys(BENCH.levels, 1 / len(BENCH.levels)))).entropy == pytest.approx(1)
    low, high = (measured(step=step(p), risk=sure).entropy for p in (0.95, 0.6))
    assert low < high


def test_who_says_nothing_of_certainty_is_not_measured() -> None:
    told = measured(step=step(None), risk=Risk("low"))
    assert isnan(told.margin)
    assert isnan(told.entropy)
    assert isnan(told.missed)


@pytest.mark.parametrize(
    ("risk", "expected"),
    [(Risk("high", {"low": 0.4, "high": 0.6}), 0.6), (Risk("low", {"low": 1.0}), 0.0), (Risk("high"), 1.0), (Risk("none"), 0.0), (Risk(), None)],
    ids=["shares", "none of them high", "said high", "said none", "undetermined"],
)  # fmt: skip
def test_the_probability_of_high_risk(risk: Risk, expected: float | None) -> None:
    found = measured(risk=risk).high
    assert isnan(found) if expected is None else found == pytest.approx(expected)


def test_what_was_missed_is_the_larger_belief() -> None:
    assert measured(missed={"findings": 0.1, "violations": 0.3}).missed == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("more", "garbled"),
    [({}, False), ({"dropped": (Dropped("{", "unparsed"),)}, True), ({"risk": Risk()}, True), ({"replied": False}, True)],
    ids=["understood", "dropped", "undetermined", "no reply"],
)
def test_what_was_not_understood_whole_is_garbled(more: dict[str, Any], garbled: bool) -> None:
    assert measured(**more).garbled is garbled


def test_samples_that_differ_count_as_disagreement() -> None:
    assert measured(sampled=True, step=step(0.6)).sampled == pytest.approx(0.4)
    assert isnan(measured(step=step(0.6)).sampled)


def test_no_tool_is_nothing_that_is_shown() -> None:
    empty = Step(tool=Value("none"), part=Value("bolt"))
    said = body(findings=(Finding("hand"), Finding("hand")), step=empty, violations=(Violation("tool_at_edge"),))
    assert shown(said) == {"label:hand", "part:bolt", "hazard:tool_at_edge"}


def test_two_models_are_apart_by_what_they_say_differently() -> None:
    one = body()
    assert disagreement(one, one) == 0
    other = body(step=Step(*(Value(value) for value in ("drill", "bolt", "strike", "work"))), risk=Risk("high"))
    assert disagreement(one, other) == pytest.approx(2 / 7)
    assert disagreement(one, body(findings=(), violations=())) == pytest.approx(2 / 7)
    assert disagreement(one, other) == disagreement(other, one)
