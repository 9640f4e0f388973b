"""Figures about claims, against brute force and against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.certainty import auroc, brier, ece, interval, log_loss, noise_floor

DICE = np.random.default_rng(5)
CLAIMED = np.round(DICE.random(400), 2)  # with ties
RIGHT = DICE.random(400) < CLAIMED


def test_they_are_what_their_definitions_say() -> None:
    pairs = [(a > b) + (a == b) / 2 for a in CLAIMED[RIGHT] for b in CLAIMED[~RIGHT]]
    assert auroc(CLAIMED, RIGHT) == pytest.approx(np.mean(pairs))
    assert brier(CLAIMED, RIGHT) == pytest.approx(np.mean([(p - r) ** 2 for p, r in zip(CLAIMED, RIGHT, strict=True)]))
    inside = np.clip(CLAIMED, 1e-6, 1 - 1e-6)
    assert log_loss(CLAIMED, RIGHT) == pytest.approx(np.mean([-np.log(p if r else 1 - p) for p, r in zip(inside, RIGHT, strict=True)]))


def test_where_nothing_is_wrong_nothing_can_be_told_apart() -> None:
    assert np.isnan(auroc([0.5, 0.6], [True, True]))


def test_a_perfect_claim_shows_the_noise_of_its_size() -> None:
    """Claims spread evenly, fifteen bins: what looks like an error of .16 at 50 labels is none."""
    dice = np.random.default_rng(1)
    floors = []
    for n in (50, 200, 1000):
        claimed = dice.random(n)
        floors.append(noise_floor(claimed, dice))
        perfect = [ece(claimed, dice.random(n) < claimed) for _ in range(50)]
        assert np.mean(perfect) == pytest.approx(floors[-1], rel=0.15)
    assert floors == pytest.approx([0.16, 0.085, 0.039], rel=0.15)


def test_a_claim_that_is_too_sure_shows_by_how_much() -> None:
    assert ece([0.9] * 1000, [True] * 600 + [False] * 400) == pytest.approx(0.3)


def test_an_interval_is_wider_when_frames_stand_or_fall_together() -> None:
    claimed, right = np.repeat(CLAIMED[:80], 5), np.repeat(RIGHT[:80], 5)
    alone = interval(auroc, [claimed, right], np.arange(400), np.random.default_rng(0), draws=300)
    together = interval(auroc, [claimed, right], np.repeat(np.arange(80), 5), np.random.default_rng(0), draws=300)
    assert alone[0] < auroc(claimed, right) < alone[1]
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])
