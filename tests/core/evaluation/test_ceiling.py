"""How people agree: Krippendorff's own example, and what two people say of the same frames."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import pytest

from core.evaluation.ceiling import LEAST, Distance, agreement, alpha, ceiling, jaccard
from core.schema import Box, Finding, Value, Violation
from tests.core.evaluation.judged import truth

# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", part C: twelve units, four observers, missing values.
ROWS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
UNITS: tuple[tuple[Hashable, ...], ...] = tuple(tuple(value for value in unit if value is not None) for unit in zip(*ROWS, strict=True))


def interval(a: Hashable, b: Hashable) -> float:
    assert isinstance(a, int)
    assert isinstance(b, int)
    return float((a - b) ** 2)


@pytest.mark.parametrize(
    ("distance", "levels", "expected"),
    [(None, (), 0.743), (None, (1, 2, 3, 4, 5), 0.815), (interval, (), 0.849)],
    ids=["nominal", "ordinal", "interval"],
)
def test_krippendorffs_own_example(distance: Distance | None, levels: tuple[Hashable, ...], expected: float) -> None:
    found = alpha(UNITS, distance, levels)
    assert found is not None
    assert round(found, 3) == expected


def test_two_who_always_say_the_same_word_could_not_disagree() -> None:
    assert alpha([("a", "a"), ("a", "a")]) is None


def test_sets_that_share_half_are_half_apart() -> None:
    assert jaccard(frozenset("ab"), frozenset("bc")) == pytest.approx(2 / 3)
    assert jaccard(frozenset(), frozenset()) == 0


def test_people_who_agree_agree_in_everything() -> None:
    gold = truth(30)
    told = ceiling([(g, g) for g in gold])
    assert told["shown"]
    assert all(told[name]["alpha"] == pytest.approx(1) for name in ("tool", "part", "action", "phase", "risk", "violations", "boxes"))
    assert told["boxes"]["f1"] == 1


def test_one_label_called_otherwise_is_seen_in_the_boxes_alone() -> None:
    gold = truth(30)
    other = [replace(g, findings=(replace(g.findings[0], label="rag"), *g.findings[1:])) for g in gold]
    told = agreement(list(zip(gold, other, strict=True)))
    assert told["tool"]["alpha"] == pytest.approx(1)
    assert told["boxes"]["alpha"] < 1
    assert told["boxes"]["f1"] < 1


def test_too_few_opinions_are_told_as_a_number() -> None:
    gold = truth(4)
    assert ceiling([(g, g) for g in gold]) == {"shown": False, "n": 4, "why": f"not shown: 4 of {LEAST} frames have two opinions"}


def test_levels_that_lie_further_apart_disagree_more() -> None:
    gold = [replace(g, risk_level=("low", "medium", "high")[n % 3]) for n, g in enumerate(truth(30))]
    near = [(g, replace(g, risk_level={"low": "medium"}.get(g.risk_level or "", g.risk_level))) for g in gold]
    far = [(g, replace(g, risk_level={"low": "high"}.get(g.risk_level or "", g.risk_level))) for g in gold]
    assert agreement(near)["risk"]["alpha"] > agreement(far)["risk"]["alpha"]
    assert agreement(near)["risk"]["same"] == agreement(far)["risk"]["same"]


def test_a_thing_that_only_one_of_two_saw_is_told() -> None:
    one = replace(truth(1)[0], findings=(Finding("hammer", Box(0.1, 0.1, 0.3, 0.3)),), violations=(Violation("clutter"),))
    two = replace(one, findings=(), step=replace(one.step, tool=Value("wrench")))
    told = agreement([(one, one), (one, two)])
    assert told["boxes"]["f1"] == pytest.approx(2 / 3)
    assert told["tool"]["n"] == 2
