"""Figures for all frames from drawn ones: right on average, inside their interval, and beside them how wrong the naive figure is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from annotations.picking.draw import draw
from annotations.picking.estimates import hajek, over_rounds, ratio, weighted
from annotations.picking.pool import unknown


def skewed(seed: int = 0, n: int = 800) -> tuple[Any, Any, Any]:
    """A pool in which the machine is wrong where it doubts, and what it found and missed."""
    dice = np.random.default_rng(seed)
    doubt = dice.beta(1, 4, n)
    wrong = (dice.random(n) < doubt).astype(float)
    return unknown(np.arange(n), uncertain=doubt), wrong, dice.random(n) < 0.3


def test_the_mean_of_a_draw_by_doubt_is_right_and_the_naive_one_is_not() -> None:
    pool, wrong, _ = skewed()
    means, naive, covered = [], [], []
    for seed in range(150):
        tasks = draw(pool, 80, {"uncertain": 1.0}, seed=seed)
        found = hajek([wrong[task.frame] for task in tasks], [task.inclusion for task in tasks])
        means.append(found.mean)
        naive.append(found.naive)
        covered.append(found.low <= wrong.mean() <= found.high)
    assert abs(np.mean(means) - wrong.mean()) < 0.02
    assert np.mean(naive) > wrong.mean() + 0.1
    assert np.mean(covered) >= 0.9


def test_a_ratio_counts_only_what_belongs_to_it() -> None:
    pool, wrong, high = skewed(1)
    truth = (wrong * high).sum() / high.sum()
    found = []
    for seed in range(100):
        tasks = draw(pool, 120, {"uncertain": 1.0}, seed=seed)
        rows = np.array([task.frame for task in tasks])
        found.append(ratio(wrong[rows] * high[rows], high[rows], [task.inclusion for task in tasks]))
    assert abs(np.mean([each.mean for each in found]) - truth) < 0.03
    assert np.mean([each.low <= truth <= each.high for each in found]) >= 0.9
    assert found[0].n == high[[task.frame for task in draw(pool, 120, {"uncertain": 1.0}, seed=0)]].sum()


def test_several_draws_of_one_pool_speak_for_all_of_it() -> None:
    pool, wrong, _ = skewed(2)
    means, covered = [], []
    for seed in range(60):
        left, inclusions, values = pool, [], []
        for turn in range(3):
            tasks = draw(left, 40, {"uncertain": 1.0}, seed=10 * seed + turn)
            inclusions.append([task.inclusion for task in tasks])
            values += [wrong[task.frame] for task in tasks]
            left = left.take(~np.isin(left.frames, [task.frame for task in tasks]))
        weights = np.concatenate(over_rounds(inclusions))
        found = weighted(values, np.ones(len(values)), weights)
        means.append(found.mean)
        covered.append(found.low <= wrong.mean() <= found.high)
    assert abs(np.mean(means) - wrong.mean()) < 0.02
    assert np.mean(covered) >= 0.9


def test_what_was_drawn_evenly_gives_the_naive_figure() -> None:
    found = hajek([1, 0, 0, 1, 0] * 40, [1e-9] * 200)
    assert (found.mean, found.low, found.high) == pytest.approx((found.naive, found.naive_low, found.naive_high), rel=1e-3)
    assert found.mean == pytest.approx(0.4)
    assert found.effective == pytest.approx(199, rel=1e-6)


def test_the_interval_of_a_share_on_which_all_agree_is_not_empty() -> None:
    found = hajek([0] * 30, [0.1] * 30)
    assert (found.mean, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 30))


def test_who_was_surely_drawn_leaves_nothing_to_guess() -> None:
    found = hajek([1, 0, 0, 0], [1.0] * 4)
    assert (found.mean, found.low, found.high) == (0.25, 0.25, 0.25)


def test_a_mean_of_measures_has_an_interval_around_it() -> None:
    found = hajek([0.2, 0.9, 0.4, 0.5], [0.5, 0.1, 0.2, 0.4])
    assert found.low < found.mean < found.high
    assert found.mean == pytest.approx((0.2 / 0.5 + 0.9 / 0.1 + 0.4 / 0.2 + 0.5 / 0.4) / (2 + 10 + 5 + 2.5))
    alone = hajek([0.3], [0.5])
    assert (alone.low, alone.high) == (-math.inf, math.inf)


def test_nothing_to_divide_by_is_no_number() -> None:
    assert math.isnan(ratio([0, 0], [0, 0], [0.5, 0.5]).mean)
    assert hajek([], []).n == 0


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.1, float("nan")])
def test_a_probability_that_is_none_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        hajek([1.0, 0.0], [0.5, probability])


def test_every_label_needs_its_weight() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        hajek([1.0, 0.0], [0.5])
    with pytest.raises(ValueError, match="over 0"):
        weighted([1.0], [1.0], [0.0])
