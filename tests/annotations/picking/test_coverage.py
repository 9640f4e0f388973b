"""Blocked k-center picks what plain greedy picks, and what is near is kept up to date label by label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annotations.picking.coverage import k_center, nearest_cosine, uncertain_then_diverse


def rows(n: int, width: int, seed: int = 0) -> Any:
    dice = np.random.default_rng(seed)
    found = dice.normal(size=(12, width))[dice.integers(12, size=n)] + dice.normal(size=(n, width))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def plainly(vectors: Any, count: int, labelled: Any = None) -> list[int]:
    """Greedy as it is told in the books."""
    far = np.full(len(vectors), 9.0)
    if labelled is not None:
        far = 1 - (vectors @ labelled.T).max(axis=1).astype(np.float64)
    picks: list[int] = []
    while len(picks) < min(count, len(vectors)):
        picks.append(int(np.argmax(far)))
        far = np.minimum(far, 1 - vectors @ vectors[picks[-1]])
        far[picks] = -9
    return picks


@pytest.mark.parametrize(("n", "width", "count"), [(3000, 24, 300), (900, 8, 900), (50, 4, 60), (1, 3, 1), (0, 3, 2)])
def test_the_picks_are_those_of_plain_greedy(n: int, width: int, count: int) -> None:
    vectors = rows(n, width) if n else np.zeros((0, width), np.float32)
    assert k_center(vectors, count).tolist() == plainly(vectors, count)


def test_what_is_labelled_is_covered_already() -> None:
    vectors, labelled = rows(2500, 16), rows(40, 16, 1)
    assert k_center(vectors, 150, labelled).tolist() == plainly(vectors, 150, labelled)
    assert k_center(vectors, 5, vectors[:0]).tolist() == k_center(vectors, 5).tolist()


def test_equal_rows_are_each_picked_once() -> None:
    picks = k_center(np.repeat(np.eye(2, dtype=np.float32), 40, axis=0), 80).tolist()
    assert picks[:2] == [0, 40]
    assert sorted(picks) == list(range(80))


def test_uncertain_then_diverse_covers_the_uncertain_ones() -> None:
    vectors, measure = rows(2000, 16), np.random.default_rng(3).random(2000).astype(np.float32)
    picks = uncertain_then_diverse(measure, vectors, 20, keep=5)
    best = np.argsort(-measure, kind="stable")[:100]
    assert picks.tolist() == best[plainly(vectors[best], 20)].tolist()


def test_a_label_or_a_frame_more_gives_what_a_fresh_look_gives() -> None:
    vectors, labelled = rows(300, 8), rows(9, 8, 4)
    step_by_step = nearest_cosine(vectors[:299], labelled[:8])
    nearest_cosine(vectors[:299], labelled[8:], step_by_step)
    step_by_step = np.append(step_by_step, nearest_cosine(vectors[299:], labelled))
    np.testing.assert_allclose(step_by_step, nearest_cosine(vectors, labelled), atol=1e-6)
    assert nearest_cosine(vectors[:2], labelled[:0]).tolist() == [-2, -2]
