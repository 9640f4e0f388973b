"""Levels of risk against what is true: kappa as scikit-learn has it, costs, and the line of the most urgent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.risks import alarm_rate, at_rate, cost, kappa, urgency
from core.profile import LEVELS
from tests.core.evaluation.judged import said, truth


def test_kappa_of_a_small_table_worked_out_by_hand() -> None:
    table = np.zeros((4, 5))
    table[0, 0], table[0, 1], table[3, 3] = 2, 1, 1  # three are none, one high; one none was called low
    observed = 1 / 9
    by_chance = (3 * 1 * 1 / 9 + 3 * 1 * 1 + 1 * 2 * 1 + 1 * 1 * 4 / 9) / 4
    assert kappa(table) == pytest.approx(1 - observed / by_chance)


@pytest.mark.slow
def test_kappa_is_scikit_learns() -> None:
    from sklearn.metrics import cohen_kappa_score  # type: ignore[import-untyped]  # it has no types

    dice = np.random.default_rng(0)
    true, told = dice.integers(0, 4, 300), dice.integers(0, 4, 300)
    told[:200] = true[:200]
    table = np.zeros((4, 5))
    np.add.at(table, (true, told), 1)
    assert kappa(table) == pytest.approx(cohen_kappa_score(true, told, weights="quadratic"))
    assert kappa(np.stack([table, table])).shape == (2,)


def test_a_constant_level_has_a_kappa_of_nothing_and_undetermined_is_as_bad_as_the_worst() -> None:
    constant = np.zeros((4, 5))
    constant[:, 0] = (10, 5, 5, 5)
    assert kappa(constant) == pytest.approx(0)
    agreed = np.zeros((4, 5))
    np.fill_diagonal(agreed, 10)
    unsure = agreed.copy()
    unsure[3, 3], unsure[3, 4] = 0, 10
    assert kappa(unsure) < kappa(agreed) == 1


def test_what_is_missed_costs_more_than_what_is_called_for_nothing() -> None:
    assert [cost("high", level) for level in LEVELS] == [20, 10, 4, 0]
    assert [cost("none", level) for level in LEVELS] == [0, 1, 2, 3]
    assert cost("none", None) > cost("none", "high")
    assert cost("high", None) == 1
    for true in LEVELS[1:]:
        below = [cost(true, level) for level in LEVELS[: LEVELS.index(true) + 1]]
        assert below == sorted(below, reverse=True)


def test_as_many_as_asked_are_alarmed_and_equals_share_the_rest() -> None:
    gold = truth(40)
    answers = tuple(replace(p, risk_level="high" if n < 10 else "low", risk_probabilities={}) for n, p in enumerate(said(gold, blanks=0)))
    weights = np.ones(40)
    assert alarm_rate(answers, weights) == 0.25
    assert at_rate(answers, weights, 0.25).tolist() == [1.0] * 10 + [0.0] * 30
    assert at_rate(answers, weights, 0.125)[:10].tolist() == [0.5] * 10
    assert at_rate(answers, weights, 1.0).sum() == 40


def test_an_answer_nobody_could_read_takes_its_place_and_finds_nothing() -> None:
    gold = truth(10)
    answers = tuple(replace(p, readable=n > 4, risk_level="high" if n == 9 else "low") for n, p in enumerate(said(gold, blanks=0)))
    assert urgency(answers[0]) > urgency(answers[9])
    found = at_rate(answers, np.ones(10), 0.5)
    assert found.sum() == 0
    assert at_rate(answers, np.ones(10), 0.6)[9] == 1
