"""What labels bought: gains, the random arm beside them, and the stop sign."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from annotations.learning.efficiency import Point, beside_random, curves, expected, gains


def point(policy: str, labels: int, score: float, half: float = 0.02, hours: float | None = None) -> Point:
    return Point(policy, labels, labels / 100 if hours is None else hours, score, score - half, score + half, f"{policy}-{labels}")


BEFORE = point("", 0, 0.5)


def test_each_curve_begins_with_the_model_as_it_was() -> None:
    found = curves([point("usual", 80, 0.7), BEFORE, point("usual", 40, 0.6), point("random", 40, 0.55)])
    assert {name: [p.labels for p in curve] for name, curve in found.items()} == {"usual": [0, 40, 80], "random": [0, 40]}


def test_a_gain_is_told_by_the_hundred_and_by_the_hour() -> None:
    (gain,) = gains([BEFORE, point("usual", 50, 0.6, hours=0.5)])
    assert (gain.before, gain.after) == (0, 50)
    assert gain.a_hundred == pytest.approx(0.2)
    assert gain.an_hour == pytest.approx(0.2)
    assert gain.low < gain.a_hundred < gain.high
    (timeless,) = gains([BEFORE, point("usual", 50, 0.6, hours=0.0)])
    assert timeless.an_hour is None


@pytest.mark.parametrize(
    ("lead", "word"), [(0.2, "better"), (0.001, "no better"), (-0.2, "worse")], ids=["far ahead", "a hair ahead", "far behind"]
)
def test_a_policy_is_better_than_random_only_when_the_interval_says_so(lead: float, word: str) -> None:
    labels = (40, 80, 120)
    points = [BEFORE, *(point("random", n, 0.6) for n in labels), *(point("usual", n, 0.6 + lead) for n in labels)]
    (found,) = beside_random(points)
    assert (found.policy, found.word) == ("usual", word)


def test_without_a_random_arm_nothing_is_claimed() -> None:
    assert beside_random([BEFORE, point("usual", 40, 0.9), point("usual", 80, 0.95)]) == []


def test_a_curve_that_lies_flat_says_stop_and_one_that_rises_does_not() -> None:
    flat = [BEFORE, *(point("usual", n, 0.8, 0.001) for n in (100, 200, 300, 400))]
    rising = [BEFORE, *(point("usual", n, 0.3 + 0.08 * math.log(n), 0.001) for n in (100, 200, 300, 400))]
    assert [each.stop for each in expected(flat)] == [True]
    (more,) = expected(rising)
    assert not more.stop
    assert more.gain == pytest.approx(0.08 * math.log(500 / 400), rel=0.01)
    wide = [BEFORE, *(point("usual", n, 0.8, 0.2) for n in (100, 200, 300, 400))]
    assert [each.stop for each in expected(wide)] == [False]  # nobody knows is no stop
    assert expected(flat[:3]) == []


def test_arms_of_other_numbers_of_labels_are_held_against_each_other_between_their_points() -> None:
    def line(policy: str, lead: float, *labels: int) -> list[Point]:
        return [point(policy, n, 0.4 + 0.001 * n + lead) for n in labels]

    (found,) = beside_random([*line("random", 0.0, 40, 80, 120), *line("usual", 0.1, 43, 78, 131)])
    assert found.difference == pytest.approx(0.1)  # everywhere between 43 and 120
    assert found.word == "better"
    (same,) = beside_random([*line("random", 0.0, 40, 80, 120), *line("usual", 0.1, 40, 80, 120)])
    assert found.high - found.low == pytest.approx(same.high - same.low, rel=0.15)  # a point between two is no surer than they are together
    assert beside_random([*line("random", 0.0, 40, 80), *line("usual", 0.1, 90, 130)]) == []  # they share no span


def test_a_point_between_two_has_the_error_of_both() -> None:
    arms = [point("random", 0, 0.5, 0.06), point("random", 100, 0.7, 0.08), point("usual", 50, 0.65, 0.0), point("usual", 100, 0.75, 0.0)]
    (found,) = beside_random([replace(each, policy=each.policy if each.labels else "") for each in arms])
    assert found.difference == pytest.approx((0.0 + 0.05) / 2 / 2 + (0.05 + 0.05) / 2 / 2)
    assert found.high - found.difference == pytest.approx(math.hypot(0.06 / 4, 0.08 / 2))  # the start is of both curves: a part falls out
