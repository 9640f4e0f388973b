"""What two opinions have to share to be the same, and what does not count."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from annotations.reviewing.comparing import all_differences, differences
from core.geometry import iou
from core.schema import Box, Finding, Risk, Step, Value, Violation
from tests.makers import correction

BASE = Box(0, 0, 0.5, 1)
HALF = Box(0, 0, 0.25, 1)  # IoU .5 with BASE, to the last digit
LESS = Box(0, 0, 0.2499, 1)
STEP = correction().step


def found(*findings: Finding) -> dict[str, Any]:
    return {"findings": findings}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {}, ()),
        ({}, {"author": "wang", "note": "x", "active_seconds": 3.0, "saw_model": None}, ()),
        ({"step": STEP}, {"step": Step(*(Value(STEP[n].value, 0.1, "person") for n in ("tool", "part", "action", "phase")))}, ()),
        ({}, {"verdict": "cannot_tell"}, ("verdict",)),
        ({"verdict": "cannot_tell"}, {"verdict": "cannot_tell", "findings": (), "risk": Risk("high")}, ()),
        ({}, {"step": Step(Value("pliers"), STEP.part, STEP.action, Value(None))}, ("tool", "phase")),
        ({}, {"risk": Risk("high")}, ("risk",)),
        ({"risk": Risk(None)}, {"risk": Risk("none")}, ("risk",)),
        ({}, {"violations": ()}, ("hazard:tool_at_edge",)),
        ({}, {"violations": (Violation("tool_at_edge", "high", BASE), Violation("tool_at_edge"))}, ()),
        ({}, {"findings": ()}, ("label:bolt", "label:hammer")),
        (found(Finding("bolt", BASE)), found(Finding("bolt", HALF)), ()),
        (found(Finding("bolt", BASE)), found(Finding("bolt", LESS)), ("label:bolt",)),
        (found(Finding("bolt", BASE)), found(Finding("hammer", BASE)), ("label:bolt", "label:hammer")),
        (found(Finding("bolt", BASE)), found(Finding("bolt")), ("label:bolt",)),
        (found(Finding("bolt"), Finding("bolt")), found(Finding("bolt")), ("label:bolt",)),
        (found(Finding("bolt", BASE), Finding("bolt", BASE)), found(Finding("bolt", BASE), Finding("bolt")), ("label:bolt",)),
        (found(Finding("bolt", BASE), Finding("bolt", BASE)), found(Finding("bolt", BASE), Finding("bolt", Box(0.7, 0.7, 0.9, 0.9))), ("label:bolt",)),
    ],
    ids=[
        "the same", "who and how long", "who stands behind a word", "verdict", "neither could tell", "two fields", "risk", "undetermined is not none",
        "hazard", "boxes of hazards", "nothing seen", "half of a box", "less than half", "label", "no box", "how many", "a box for the whole frame",
        "one to one",
    ],
)  # fmt: skip
def test_two_opinions_are_held_against_each_other(one: dict[str, Any], other: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert differences(correction(**one), correction(**other)) == expected
    assert differences(correction(**other), correction(**one)) == expected


def test_the_boxes_of_the_table_are_what_it_says() -> None:
    assert iou(BASE, HALF) == 0.5 > iou(BASE, LESS)


@pytest.mark.parametrize("seed", range(60))
def test_partners_are_found_where_there_are_any_whatever_the_order(seed: int) -> None:
    dice = random.Random(seed)

    def moved(box: Box) -> Box:
        by = dice.uniform(-0.02, 0.02)
        return Box(box.x0 + by, box.y0, box.x1 + by, box.y1)

    left = [Box(x, 0.3, x + 0.1, 0.5) for x in (dice.uniform(0.1, 0.25) for _ in range(5))]  # crowded: most are near most
    right = (
        [moved(box) for box in left]
        if dice.random() < 0.5
        else [Box(x, 0.3, x + 0.1, 0.5) for x in (dice.uniform(0.1, 0.3) for _ in range(5))]
    )
    dice.shuffle(right)
    by_hand = any(all(iou(a, b) >= 0.5 for a, b in zip(left, order, strict=True)) for order in itertools.permutations(right))
    one, other = (correction(**found(*(Finding("bolt", box) for box in boxes))) for boxes in (left, right))
    assert (differences(one, other) == ()) == by_hand


def test_of_three_every_two_are_held_against_each_other() -> None:
    three = [correction(), correction(risk=Risk("high")), correction(risk=Risk("none"), violations=())]
    assert all_differences(three) == ("risk", "hazard:tool_at_edge")
    assert all_differences(three[:1] * 3) == ()
