"""Clusters are found in bounded time and are the same each time; a cold start takes one of every kind and every camera."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annotations.picking.clusters import cluster, cold_start, nearest
from annotations.picking.pool import unknown


def kinds(sizes: list[int], width: int = 12) -> tuple[Any, Any]:
    dice = np.random.default_rng(5)
    kind = np.repeat(np.arange(len(sizes)), sizes)
    found = np.eye(width)[kind] + 0.02 * dice.normal(size=(len(kind), width))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32), kind


def test_kinds_that_lie_apart_are_told_apart() -> None:
    vectors, kind = kinds([200, 50, 10, 3])
    found = cluster(vectors, 4)
    assert len(set(zip(kind.tolist(), found.member.tolist(), strict=True))) == 4
    assert (found.cosine > 0.9).all()
    np.testing.assert_allclose(np.linalg.norm(found.middles, axis=1), 1, rtol=1e-5)


def test_the_same_rows_give_the_same_clusters_and_a_new_one_finds_its_own() -> None:
    vectors, _ = kinds([300, 100, 20])
    first, second = cluster(vectors, 7), cluster(vectors, 7)
    assert first.member.tolist() == second.member.tolist()
    member, cosine = nearest(vectors[5:6], first.middles)
    assert (member[0], cosine[0]) == (first.member[5], pytest.approx(first.cosine[5], abs=1e-6))


@pytest.mark.parametrize(("n", "k"), [(0, 3), (1, 5), (4, 4), (4, 9), (6, 0)])
def test_few_rows_and_many_clusters_are_no_trouble(n: int, k: int) -> None:
    vectors = kinds([3, 3])[0][:n]
    found = cluster(vectors, k)
    assert len(found.member) == (n if k else 0)
    assert len(found.middles) <= max(k, 0)


def test_rows_that_are_all_the_same_are_no_trouble() -> None:
    found = cluster(np.repeat(np.eye(1, 6, dtype=np.float32), 40, axis=0), 5)
    assert found.cosine.min() == pytest.approx(1)


def test_a_big_pool_is_clustered_on_a_sample_and_every_row_has_its_nearest_middle() -> None:
    vectors = np.random.default_rng(1).normal(size=(9000, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = cluster(vectors, 20)
    assert found.member.tolist() == (vectors @ found.middles.T).argmax(axis=1).tolist()


def test_a_cold_start_takes_one_of_every_kind_and_near_duplicates_once() -> None:
    vectors, kind = kinds([60, 20, 10, 5])
    scene = np.arange(95)
    scene[90:] = 90
    pool = unknown(np.arange(95), vectors=vectors, scene=scene)
    picked = cold_start(pool, 4)
    assert sorted(kind[picked].tolist()) == [0, 1, 2, 3]
    assert len(cold_start(pool, 500)) == len(np.unique(scene))
    assert cold_start(pool, 4).tolist() == picked.tolist()


def test_a_cold_start_gives_every_camera_its_share() -> None:
    vectors, _ = kinds([40, 40])
    pool = unknown(np.arange(80), vectors=vectors, camera=np.arange(80) % 4 == 0)
    assert np.bincount(pool.camera[cold_start(pool, 8)]).tolist() == [6, 2]


def test_a_cold_start_without_vectors_is_refused() -> None:
    with pytest.raises(ValueError, match="vectors"):
        cold_start(unknown([1, 2]), 1)
