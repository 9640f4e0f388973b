"""Resamples of whole scenes: the same as going through frames one draw at a time, and as wide as they should be."""

from __future__ import annotations

import time

import numpy as np
import pytest

from core.evaluation.counting import count
from core.evaluation.metrics import METRICS
from core.evaluation.resampling import Sums, draws, interval, least, mean_of, share
from tests.core.evaluation.judged import said, truth


def test_a_resample_is_what_adding_up_its_frames_gives() -> None:
    dice = np.random.default_rng(0)
    scenes, table = dice.integers(0, 9, 40), dice.random((40, 3))
    drawn = draws(scenes, 20, seed=1)
    made = drawn.resampled(Sums({"a": 0, "b": 1, "c": 2}, table))
    assert drawn.counts.sum(axis=1).tolist() == [drawn.scenes] * 20
    for row, counts in zip(made.table, drawn.counts, strict=True):
        by_hand = sum(counts[np.unique(scenes).tolist().index(scene)] * table[at] for at, scene in enumerate(scenes))
        np.testing.assert_allclose(row, by_hand)


def test_frames_that_are_alike_make_an_interval_wider() -> None:
    dice = np.random.default_rng(0)
    right = np.repeat(dice.random(50) < 0.7, 10).astype(float)
    names, table = {"right": 0, "n": 1}, np.stack([right, np.ones(500)], axis=1)

    def width(scenes: np.ndarray) -> float:
        made = draws(scenes, 1000, seed=2).resampled(Sums(names, table))
        low, high = interval(share(made["right"], made["n"]))
        assert low is not None
        assert high is not None
        return high - low

    assert width(np.repeat(np.arange(50), 10)) > 2 * width(np.arange(500))


def test_an_interval_holds_what_is_true_about_as_often_as_it_says() -> None:
    dice, held = np.random.default_rng(0), 0
    for seed in range(100):
        right = (dice.random(80) < 0.7).astype(float)
        made = draws(np.arange(80), 300, seed).resampled(Sums({"right": 0, "n": 1}, np.stack([right, np.ones(80)], axis=1)))
        low, high = interval(share(made["right"], made["n"]))
        assert low is not None
        assert high is not None
        held += low <= 0.7 <= high
    assert 88 <= held <= 100


def test_the_lower_bound_is_below_the_percentile_where_scenes_are_few() -> None:
    values = np.random.default_rng(0).normal(0.1, 0.05, 2000)
    few, many = least(values, 0.1, 5), least(values, 0.1, 10_000)
    assert few is not None
    assert many is not None
    assert few < many <= float(np.quantile(values, 0.05))
    assert least(np.full(5, np.nan), 0.1, 5) is None


def test_what_is_not_defined_is_left_out_and_never_zero() -> None:
    assert np.isnan(share(np.array(0.0), np.array(0.0)))
    assert mean_of(np.array([0.5, np.nan])) == 0.5
    assert interval(np.array([np.nan])) == (None, None)


@pytest.mark.parametrize("name", ["field_f1", "box_f1", "risk_kappa", "risk_cost", "joint"])
def test_a_metric_works_on_one_sum_and_on_many_alike(name: str) -> None:
    gold = truth(40)
    counted = count(gold, said(gold))
    metric, drawn = METRICS[name].make(counted), draws(counted.scenes, 30)
    made = metric(drawn.resampled(counted.sums))
    assert made.shape == (30,)
    one = Sums(counted.sums.names, drawn.resampled(counted.sums).table[3])
    assert metric(one) == pytest.approx(made[3])


@pytest.mark.slow
def test_two_thousand_resamples_of_a_thousand_frames_take_less_than_a_second() -> None:
    gold = truth(1000)
    counted = count(gold, said(gold))
    began = time.process_time()
    made = draws(counted.scenes, 2000).resampled(counted.sums)
    for named in METRICS.values():
        named.make(counted)(made)
    assert time.process_time() - began < 1
