"""What a confidence is worth when a model may leave frames to people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.evaluation.counting import count
from core.evaluation.predictions import Prediction
from core.evaluation.resampling import draws
from core.evaluation.selecting import augrc, risk_at, selective
from core.schema import Step, Value
from tests.core.evaluation.judged import changed, said, truth

GOLD = truth(60)


def told(predictions: tuple[Prediction, ...]) -> dict[str, Any]:
    counted = count(GOLD, predictions)
    return selective(counted, draws(counted.scenes, 100))


def test_the_area_is_the_mean_of_kept_and_wrong_over_all_coverages() -> None:
    dice = np.random.default_rng(0)
    p, wrong = dice.random(4000), (dice.random(4000) < 0.3).astype(float)
    plain = np.ones((1, 4000))
    order = np.argsort(-p)
    by_hand = np.mean(np.cumsum(wrong[order]) / 4000)
    assert augrc(p, wrong, plain)[0] == pytest.approx(by_hand, abs=1e-3)
    assert augrc(p, wrong, plain)[0] == pytest.approx(wrong.mean() / 2, abs=0.01)  # a confidence that tells nothing
    assert augrc(1 - wrong, wrong, plain)[0] == pytest.approx(wrong.mean() ** 2 / 2)  # one that knows
    assert augrc(np.ones(4000), wrong, plain)[0] == pytest.approx(wrong.mean() / 2)  # one that says one thing only


def test_among_equals_the_last_place_is_shared() -> None:
    wrong = np.array([1.0, 0, 0, 0])
    assert risk_at(np.full(4, 0.5), wrong, np.ones(4), 0.5) == pytest.approx(0.25)
    assert risk_at(np.array([0.1, 0.9, 0.9, 0.9]), wrong, np.ones(4), 0.75) == 0


def test_who_is_sure_where_it_is_right_needs_fewer_people() -> None:
    truly = {g.frame_id: g.risk_level for g in GOLD}

    def knowing(p: Prediction) -> Prediction:
        return replace(p, risk_probabilities={"high": 0.9 if truly[p.frame_id] == "high" else 0.1}, risk_level="medium")

    share = sum(level == "high" for level in truly.values()) / 60
    found = told(changed(said(GOLD), knowing))["review"]
    assert found["for_95_percent"]["value"] == pytest.approx(share)
    blind = told(changed(said(GOLD), lambda p: replace(p, risk_probabilities={}, risk_level="medium")))["review"]
    assert blind["for_95_percent"]["value"] == 1
    assert found["for_99_percent"]["low"] <= found["for_99_percent"]["value"] <= found["for_99_percent"]["high"]


def test_a_model_that_does_not_say_how_sure_it_is_gets_no_curve() -> None:
    silent = changed(
        said(GOLD),
        lambda p: replace(
            p, step=Step(*(Value(p.step[name].value) for name in ("tool", "part", "action", "phase"))), risk_probabilities={}
        ),
    )
    found = told(silent)
    assert found["augrc"] is None
    assert found["why"] == "The model does not say of every frame how sure it is."
    assert len(told(said(GOLD))["curve"]) == 10


def test_without_anything_high_there_is_nothing_to_review_for() -> None:
    calm = tuple(replace(g, risk_level="none") for g in GOLD)
    counted = count(calm, said(calm))
    assert selective(counted, draws(counted.scenes, 20))["review"]["for_95_percent"] is None
