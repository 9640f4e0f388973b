"""What follows from doubtful findings is as doubtful as the rules make it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.consequences import DRAWS, Doubt, consequences
from core.corners import Belief
from core.geometry import THOUSANDTHS
from core.profile import read
from core.schema import Box, Finding
from core.settings import ASSETS

BENCH = read(ASSETS / "profiles" / "bench.toml")
SIZE = (1000, 1000)
HAND = Finding("hand", Box(0.1, 0.1, 0.5, 0.5))
HAMMER = Finding("hammer", Box(0.3, 0.3, 0.6, 0.6))
BOLT = Finding("bolt", Box(0.5, 0.5, 0.7, 0.7))
LEAST = 0.5 / (DRAWS + 1)


def doubt(finding: Finding, there: float = 1.0, corners: list[Belief] | None = None, **labels: float) -> Doubt:
    return Doubt(finding, there, labels or {finding.label: 1.0}, corners)


def test_what_was_certain_stays_as_certain_as_the_draws_can_tell() -> None:
    got = consequences([doubt(HAND), doubt(HAMMER), doubt(BOLT, there=0.9999)], BENCH, THOUSANDTHS, SIZE)
    assert got is not None
    assert got.of_field("action", "strike") == pytest.approx(1 - LEAST)
    assert got.of_field("action", "cut") == pytest.approx(LEAST)
    assert got.of_level("none") == pytest.approx(1 - LEAST)


def test_another_label_makes_another_tool_and_another_hazard() -> None:
    got = consequences([doubt(HAND), doubt(HAMMER, hammer=0.5, drill=0.5), doubt(BOLT)], BENCH, THOUSANDTHS, SIZE)
    assert got is not None
    assert got.of_field("tool", "hammer") == pytest.approx(0.5, abs=0.2)
    assert got.of_field("tool", "hammer") + got.of_field("tool", "drill") == pytest.approx(1)
    assert got.of_hazard("hand_at_work_of_blade") == got.of_field("action", "drill") == got.of_level("high")


def test_labels_that_do_not_sum_to_one_leave_room_for_nothing() -> None:
    got = consequences([doubt(HAND, there=0.9999), doubt(HAMMER, hammer=0.5)], BENCH, THOUSANDTHS, SIZE)
    gone = consequences([doubt(HAND), doubt(HAMMER, there=0.5)], BENCH, THOUSANDTHS, SIZE)
    assert got is not None
    assert gone is not None
    for one in (got, gone):
        assert one.of_field("tool", "none") == pytest.approx(0.5, abs=0.2)


def test_a_corner_that_may_lie_elsewhere_may_let_go_of_the_part() -> None:
    left = [(np.array([n]), np.array([1.0])) for n in (300.0, 300.0)]
    right = (np.array([600.0, 400.0]), np.array([0.5, 0.5]))
    bottom = (np.array([600.0]), np.array([1.0]))
    got = consequences([doubt(HAND), doubt(HAMMER, corners=[*left, right, bottom]), doubt(BOLT)], BENCH, THOUSANDTHS, SIZE)
    assert got is not None
    assert got.of_field("action", "strike") == pytest.approx(0.5, abs=0.2)
    assert got.of_field("action", "grasp") == pytest.approx(0.5, abs=0.2)


def test_corners_that_make_no_box_are_as_they_were_said() -> None:
    crossed = [(np.array([300.0, 900.0]), np.array([0.5, 0.5])), *[(np.array([n]), np.array([1.0])) for n in (300.0, 600.0, 600.0)]]
    got = consequences([doubt(HAND), doubt(HAMMER, corners=crossed), doubt(BOLT)], BENCH, THOUSANDTHS, SIZE)
    assert got is not None
    assert got.of_field("action", "strike") == pytest.approx(1 - LEAST)


def test_the_same_reply_is_always_as_sure() -> None:
    doubts = [doubt(HAND), doubt(HAMMER, hammer=0.5, drill=0.5), doubt(BOLT, there=0.5)]
    first, second = (consequences(doubts, BENCH, THOUSANDTHS, SIZE) for _ in range(2))
    assert first == second


def test_without_rules_or_doubts_nothing_follows() -> None:
    assert consequences([doubt(HAND)], BENCH, THOUSANDTHS, SIZE) is None
    assert consequences([doubt(HAND, there=0.5)], replace(BENCH, steps=(), hazards=()), THOUSANDTHS, SIZE) is None


def test_a_crowd_is_drawn_less_often() -> None:
    crowd = consequences([doubt(HAND, there=0.5)] * 100, BENCH, THOUSANDTHS, SIZE)
    assert crowd is not None
    assert len(crowd.judged) == 16
