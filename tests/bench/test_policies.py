"""The bench of policies judges fairly: the same seeds the same figures, chance against itself is nothing, and a made-up bench is as it says."""

from __future__ import annotations

import numpy as np

from annotations.picking.estimates import hajek
from annotations.picking.policies import POLICIES
from bench.composed import TOOLS, features, learn, pool_of, say, targets, world
from bench.policies import course, play, report
from bench.policy_report import Course, by_resampling, told


def test_a_bench_is_the_same_each_time_and_high_risk_is_rare_on_it() -> None:
    first, second, hard = world(3), world(3), world(3, hard=True)
    np.testing.assert_array_equal(first.pool.vectors, second.pool.vectors)
    for there in (first, hard):
        assert 0.01 < there.pool.high.mean() < 0.08
        assert len(np.unique(there.pool.scene)) < 0.7 * len(there.pool.scene)
        assert set(np.unique(there.pool.tool)) <= set(range(TOOLS))


def test_the_model_learns_from_labels_and_its_pool_holds_no_scene_that_was_seen() -> None:
    there = world(1)
    rows, known = features(there, there.pool.vectors), features(there, there.before.vectors)
    labelled = np.arange(0, len(rows), 20)
    models = [learn(known, targets(there.before), rows[some], targets(there.pool)[some]) for some in (labelled[:0], labelled)]
    before, after = (say(rows, model, hard=False) for model in models)
    right = [(said.tools.argmax(axis=1) == there.pool.tool).mean() for said in (before, after)]
    assert right[1] > right[0] + 0.1
    pool = pool_of(there, after, before, labelled)
    assert not np.isin(there.pool.scene[pool.frames], there.pool.scene[labelled]).any()
    assert len(pool) > 0.5 * len(rows)


def test_the_same_seed_gives_the_same_course_and_every_figure_stands_beside_the_truth() -> None:
    there = world(2)
    one, again = (course(there, POLICIES["risk"], 2, rounds=2, budget=30) for _ in range(2))
    assert one == again
    assert len(one.accuracy) == len(one.recall) == len(one.found) == 3
    assert {name for name, _, _ in one.told} == {
        "accuracy of the tool",
        "share of high risk",
        "recall of high risk",
        "share of high risk, all draws",
    }


def test_the_report_says_of_every_policy_what_it_is_worth() -> None:
    mixes = {name: POLICIES[name] for name in ("random", "risk")}
    text, figures = report({"usual": play(range(2), mixes, hard=False)})
    assert "| random | " in text
    assert "| risk | " in text
    assert figures["usual"]["curves"]["random"]["accuracy"]["gain"] == 0
    assert figures["usual"]["curves"]["risk"]["found"]["times"] > 0


def test_better_is_only_said_of_what_is_better_on_the_same_benches() -> None:
    dice = np.random.default_rng(0)
    sure = hajek([1, 0], [1.0, 1.0])

    def courses(gain: float) -> list[Course]:
        return [Course((0.0, level + gain), (0.5, 0.5), (0, 1, 3), (("x", sure, 0.5),)) for level in dice.random(20).tolist()]

    chance = courses(0.0)
    better = [Course((0.0, each.accuracy[1] + 0.01 + 0.001 * i), each.recall, each.found, each.told) for i, each in enumerate(chance)]
    text, _ = told({"random": chance, "shifted": better, "another": courses(0.0)}, "usual", 0.1, 50)
    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines()}
    assert "**better**" in lines["shifted"]
    assert "better" not in lines["another"]
    assert "worse" not in lines["another"]
    assert "better" not in lines["random"]


def test_an_interval_over_benches_is_the_same_each_time() -> None:
    values = np.random.default_rng(1).normal(size=30)
    low, high = by_resampling(values, lambda some: float(some.mean()))
    assert (low, high) == by_resampling(values, lambda some: float(some.mean()))
    assert low < values.mean() < high
