"""The draw keeps every probability that it writes down, and everything that it promises of one draw."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from annotations.picking.cells import take, whole_amounts
from annotations.picking.chances import chances
from annotations.picking.draw import draw, inclusion
from annotations.picking.policies import POLICIES
from annotations.picking.pool import Pool, strata, unknown
from annotations.picking.rounding import ONE
from annotations.samplers import SAMPLERS
from tests.annotations.picking.pools import pool_of

MIXED = {"risk": 0.5, "uncertain": 0.2, "diverse": 0.2, "garbled": 0.1}
DESIGNS: dict[str, tuple[Pool, int, dict[str, float], int | None]] = {
    "a mix": (pool_of(60, 1), 12, MIXED, None),
    "few a camera and hour": (pool_of(60, 2), 12, MIXED, 2),
    "one a camera and hour, scenes across them": (pool_of(60, 3, scattered=0.5, strata=(4, 4)), 12, MIXED, 1),
    "caps that take from the budget": (pool_of(40, 4, strata=(2, 2)), 12, {"risk": 1.0}, 2),
    "chance alone": (pool_of(40, 5), 7, {"random": 1.0}, None),
    "chance alone, few a camera and hour": (pool_of(60, 6, scattered=0.3), 10, {"random": 1.0}, 2),
    "nobody knows anything": (unknown(np.arange(30)), 6, {"risk": 0.5, "rare": 0.5}, None),
    "nearly everything": (pool_of(40, 7), 20, MIXED, None),
}


def worked_out(pool: Pool, budget: int, mix: dict[str, float], most: int | None) -> Any:
    total = sum(mix.values())
    return chances(pool, budget, {name: share / total for name, share in mix.items()}, floor=0.2, most_a_stratum=most)


@pytest.mark.parametrize("times", [1000, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("design", DESIGNS)
def test_frames_are_taken_as_often_as_their_probability_says(design: str, times: int) -> None:
    pool, budget, mix, most = DESIGNS[design]
    chance = worked_out(pool, budget, mix, most)
    amounts = whole_amounts(chance, most)
    dice, taken = np.random.default_rng(times), np.zeros(len(pool))
    for _ in range(times):
        taken[take(amounts, chance, dice, capped=most is not None)] += 1
    _agrees(taken, amounts / ONE, times)


@pytest.mark.parametrize("times", [200, pytest.param(4000, marks=pytest.mark.slow)])
def test_tasks_come_as_often_as_they_say(times: int) -> None:
    pool, budget, mix, most = DESIGNS["few a camera and hour"]
    probability = inclusion(pool, budget, mix, most_a_stratum=most)
    said = dict(zip(pool.frames.tolist(), probability.tolist(), strict=True))
    taken: Counter[int] = Counter()
    for seed in range(times):
        tasks = draw(pool, budget, mix, seed=seed, most_a_stratum=most)
        taken.update(task.frame for task in tasks)
        assert all(task.inclusion == said[task.frame] for task in tasks)
    _agrees(np.array([taken[frame] for frame in pool.frames.tolist()]), probability, times)


def _agrees(taken: Any, probability: Any, times: int) -> None:
    """Each frame as often as four standard errors allow (exactly: the binomial's tails of that size), and all together no farther off than chance."""
    counts = np.round(probability * times, 9), taken
    tails = np.minimum(binom.cdf(taken, times, probability), binom.sf(taken - 1, times, probability))
    assert (tails > norm.sf(4)).all(), counts
    sure = probability > 1 - 1e-6
    assert (taken[sure] == times).all()
    p = probability[~sure]
    assert np.mean((taken[~sure] - times * p) ** 2 / (times * p * (1 - p))) < 2


@pytest.mark.parametrize("design", DESIGNS)
def test_every_draw_keeps_its_promises(design: str) -> None:
    pool, budget, mix, most = DESIGNS[design]
    scene = dict(zip(pool.frames.tolist(), pool.scene.tolist(), strict=True))
    stratum = dict(zip(pool.frames.tolist(), strata(pool).tolist(), strict=True))
    probability = inclusion(pool, budget, mix, most_a_stratum=most)
    assert ((probability > 0) & (probability <= 1)).all()
    for seed in range(12):
        tasks = draw(pool, budget, mix, seed=seed, most_a_stratum=most)
        assert int(probability.sum() + 1e-9) <= len(tasks) <= np.ceil(probability.sum() - 1e-9)
        assert max(Counter(scene[task.frame] for task in tasks).values()) == 1
        assert max(Counter(stratum[task.frame] for task in tasks).values()) <= (most or budget)
        assert all(0 <= task.score <= 1 and task.sampler in SAMPLERS for task in tasks)
        assert all(task.sampler in task.why or task.sampler == "random" for task in tasks)
    if design != "caps that take from the budget":
        assert probability.sum() == pytest.approx(budget, abs=1e-6)


def test_a_cap_holds_where_only_the_floor_reaches_too() -> None:
    pool = pool_of(3000, 8, strata=(5, 40))
    stratum = dict(zip(pool.frames.tolist(), strata(pool).tolist(), strict=True))
    for seed in range(5):
        tasks = draw(pool, 150, {"risk": 0.2, "random": 0.8}, seed=seed, most_a_stratum=1)
        assert len(tasks) == 150
        assert max(Counter(stratum[task.frame] for task in tasks).values()) == 1


def test_clusters_are_met_within_one_by_every_draw() -> None:
    pool = pool_of(300, 9)
    chance = worked_out(pool, 40, {"uncertain": 1.0}, None)
    amounts = whole_amounts(chance, None)
    shares = np.bincount(chance.cluster, amounts / ONE)
    for seed in range(20):
        met = np.bincount(chance.cluster[take(amounts, chance, np.random.default_rng(seed), capped=False)], minlength=len(shares))
        assert (np.abs(met - shares) < 1).all()


def test_the_same_seed_gives_the_same_tasks_in_whatever_order_the_pool_stands() -> None:
    pool = pool_of(200, 10)
    turned = pool.take(np.random.default_rng(0).permutation(200))
    tasks = draw(pool, 20, POLICIES["usual"], seed=5)
    assert draw(turned, 20, POLICIES["usual"], seed=5) == tasks
    assert draw(pool, 20, POLICIES["usual"], seed=6) != tasks
    np.testing.assert_array_equal(
        inclusion(turned, 20, POLICIES["usual"])[np.argsort(turned.frames)], inclusion(pool, 20, POLICIES["usual"])
    )


def test_the_floor_reaches_every_scene_alike_and_the_rest_follows_the_measure() -> None:
    pool = unknown(np.arange(1000), uncertain=np.r_[np.full(20, 0.9), np.full(980, 0.0)] - np.r_[np.arange(20) / 100, np.zeros(980)])
    probability = inclusion(pool, 10, {"uncertain": 1.0})
    np.testing.assert_allclose(probability[20:], 0.2 * 10 / 1000, rtol=1e-6)
    np.testing.assert_allclose(probability[:20].sum(), 8 + 0.04, rtol=1e-6)
    assert (np.diff(probability[:20]) < 0).all()
    even = inclusion(pool, 10, {"random": 1.0})
    np.testing.assert_allclose(even, 0.01, rtol=1e-6)


def test_a_burst_of_near_duplicates_counts_as_one_frame() -> None:
    pool = unknown(np.arange(100), uncertain=np.full(100, 0.5), scene=np.r_[np.zeros(60), np.arange(60, 100)])
    probability = inclusion(pool, 10, {"random": 1.0})
    assert probability[:60].sum() == pytest.approx(10 / 41, rel=1e-6)
    assert probability[60] == pytest.approx(10 / 41, rel=1e-6)


def test_a_budget_over_the_pool_takes_every_scene_once() -> None:
    pool = pool_of(50, 12)
    tasks = draw(pool, 500, POLICIES["usual"], seed=0)
    assert len(tasks) == len(np.unique(pool.scene))
    assert inclusion(pool, 500, POLICIES["usual"]).sum() == pytest.approx(len(tasks), abs=1e-6)


def test_blind_and_double_tasks_have_their_shares_whatever_was_measured() -> None:
    pool = pool_of(400, 13)
    kinds: Counter[str] = Counter()
    for seed in range(100):
        of_one = Counter(task.kind for task in draw(pool, 30, {"risk": 1.0}, seed=seed))
        assert of_one["blind"] in (1, 2)
        assert of_one["double"] in (2, 3, 4)
        kinds += of_one
    assert kinds["blind"] / 3000 == pytest.approx(0.05, abs=0.006)
    assert kinds["double"] / 3000 == pytest.approx(0.10, abs=0.008)
    assert all(task.kind == "plain" for task in draw(pool, 30, {"risk": 1.0}, seed=1, blind=0, double=0))


def test_every_sampler_of_a_mix_takes_about_its_share() -> None:
    pool = pool_of(2000, 14)
    took = Counter(task.sampler for seed in range(20) for task in draw(pool, 50, {"risk": 3, "rare": 1}, seed=seed))
    assert took["random"] / 1000 == pytest.approx(0.2, abs=0.05)
    assert took["risk"] / 1000 == pytest.approx(0.6, abs=0.06)
    assert took["rare"] / 1000 == pytest.approx(0.2, abs=0.05)


def test_an_empty_pool_or_budget_gives_no_task() -> None:
    assert draw(pool_of(0), 10, POLICIES["usual"], seed=0) == ()
    assert draw(pool_of(9), 0, POLICIES["usual"], seed=0) == ()
    assert inclusion(pool_of(0), 3, POLICIES["usual"]).tolist() == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"mix": {"guess": 1.0}}, "no sampler guess"),
        ({"mix": {}}, "one of them more than 0"),
        ({"mix": {"risk": -1.0, "rare": 3.0}}, "0 or more"),
        ({"mix": {"risk": float("nan")}}, "0 or more"),
        ({"floor": 0.05}, "floor"),
        ({"floor": 1.5}, "floor"),
        ({"budget": -1}, "budget"),
        ({"most_a_stratum": 0}, "at least 1"),
        ({"blind": 0.7, "double": 0.7}, "together"),
    ],
)
def test_what_cannot_be_drawn_is_refused(asked: dict[str, Any], reason: str) -> None:
    given: dict[str, Any] = {"budget": 5, "mix": {"risk": 1.0}, **asked}
    with pytest.raises(ValueError, match=reason):
        draw(pool_of(20), given.pop("budget"), given.pop("mix"), seed=0, **given)


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_can_be_drawn(name: str) -> None:
    assert {"random", "uncertain", "risk", "usual"} <= set(POLICIES)
    assert len(draw(pool_of(100, 15), 10, POLICIES[name], seed=0)) == 10
