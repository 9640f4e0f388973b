"""Counting boxes: one to one, within a label, with nothing left out of a denominator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.boxes import Tally, matches, tally
from core.geometry import iou
from core.schema import Box, Finding

A, B, C = Box(0.0, 0.0, 0.4, 0.4), Box(0.5, 0.5, 0.9, 0.9), Box(0.0, 0.05, 0.4, 0.45)


def f(label: str, box: Box | None) -> Finding:
    return Finding(label, box)


@pytest.mark.parametrize(
    ("said", "true", "expected"),
    [
        ([f("hammer", A)], [f("hammer", A)], (1, 1, 1)),
        ([f("wrench", A)], [f("hammer", A)], (1, 1, 0)),
        ([], [f("hammer", A)], (1, 0, 0)),
        ([f("hammer", A), f("hammer", C)], [f("hammer", A)], (1, 2, 1)),  # one thing is found once
        ([f("hammer", B)], [f("hammer", A)], (1, 1, 0)),
        ([f("hammer", None)], [f("hammer", A)], (1, 0, 0)),  # said of the whole frame: no box
    ],
    ids=["right", "another label", "missed", "said twice", "elsewhere", "without a box"],
)
def test_true_said_matched(said: list[Finding], true: list[Finding], expected: tuple[int, int, int]) -> None:
    total = Tally()
    for one in tally(said, true).values():
        total.add(one)
    assert (total.true, total.said, len(total.matched)) == expected


def test_an_empty_answer_does_not_get_a_figure_it_did_not_earn() -> None:
    assert Tally(true=3).figures()["precision"] is None
    assert Tally(true=3).figures()["f1"] == 0


sides = st.tuples(st.floats(0, 0.7), st.floats(0, 0.7), st.floats(0.1, 0.3), st.floats(0.1, 0.3))
boxes = st.lists(sides.map(lambda s: Box(s[0], s[1], s[0] + s[2], s[1] + s[3])), max_size=6)


@given(boxes, boxes)
def test_no_pair_is_counted_that_is_not_within_reach(said: list[Box], true: list[Box]) -> None:
    found = matches(said, true)
    within = np.array([[iou(a, b) >= 0.5 for b in true] for a in said]).reshape(len(said), len(true))
    assert len(found) <= min(within.any(0).sum(), within.any(1).sum())
    assert all(0.5 <= value <= 1 for value in found)
    assert (len(found) == 0) == (not within.any())
