"""Every line of the dict keeps what a sampler promises; each measures what it says."""

from __future__ import annotations

import numpy as np
import pytest

from annotations.picking.pool import Pool, unknown
from annotations.samplers import SAMPLERS
from core.terms import SAMPLERS as WORDS
from tests.annotations.picking.pools import pool_of

POOLS = {
    "usual": pool_of(200, 1),
    "half unknown": pool_of(200, 2, known=0.5),
    "nothing known": unknown(np.arange(50) * 3),
    "no vectors": unknown(np.arange(60), camera=np.arange(60) % 3, uncertain=np.full(60, 0.5)),
    "one frame": pool_of(1),
    "one vector missing": unknown([2, 5, 6], vectors=[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]),
    "no vector there": unknown([2, 5, 6], vectors=np.zeros((3, 2))),
    "no frame": pool_of(0),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("case", POOLS)
def test_a_sampler_gives_each_frame_a_number_from_0_to_1(name: str, case: str) -> None:
    found = SAMPLERS[name](POOLS[case])
    assert found.dtype == np.float32
    assert found.shape == (len(POOLS[case]),)
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("case", POOLS)
def test_a_sampler_does_not_care_in_which_order_frames_stand(name: str, case: str) -> None:
    pool = POOLS[case]
    turned = np.random.default_rng(3).permutation(len(pool))
    np.testing.assert_array_equal(SAMPLERS[name](pool.take(turned)), SAMPLERS[name](pool)[turned])


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_leaves_the_pool_as_it_is(name: str) -> None:
    pool, other = pool_of(80, 4, known=0.8), pool_of(80, 4, known=0.8)
    found = SAMPLERS[name](pool)
    found += 1
    for column in Pool.__slots__:
        np.testing.assert_array_equal(getattr(pool, column), getattr(other, column))


def test_the_words_of_a_profile_are_the_samplers_that_are_there() -> None:
    assert tuple(SAMPLERS) == WORDS


@pytest.mark.parametrize(
    ("name", "column", "measured"),
    [
        ("uncertain", "uncertain", [0.1, 0.9, 0.0]),
        ("margin", "margin", [0.9, 0.1, 0.0]),
        ("entropy", "entropy", [0.1, 0.9, 0.0]),
        ("missed", "missed", [0.1, 0.9, 0.0]),
        ("disagreement", "disagreement", [0.1, 0.9, 0.0]),
        ("rare", "rare", [0.1, 0.9, 0.0]),
        ("threshold", "threshold", [0.1, 0.9, 0.0]),
        ("drifted", "drifted", [0.1, 0.9, 0.0]),
    ],
)
def test_a_sampler_of_one_column_says_what_stands_there_and_0_where_nobody_knows(name: str, column: str, measured: list[float]) -> None:
    pool = unknown([1, 2, 3], **{column: [0.1, 0.9, np.nan]})
    np.testing.assert_allclose(SAMPLERS[name](pool), measured, atol=1e-6)
    others = [SAMPLERS[other](pool).max() for other in SAMPLERS if other not in (name, "random", "diverse")]
    assert max(others) < 1e-6 or name == "uncertain"  # the risk-weighted one asks for doubt too


def test_doubt_counts_seven_times_where_the_risk_is_surely_high_and_twice_where_something_is_left_out() -> None:
    pool = unknown([1, 2, 3, 4, 5], uncertain=[0.5] * 5, high=[0, 1, 0, 0.25, np.nan], missed=[0, 0, 0.21, 0.2, np.nan])
    worth = SAMPLERS["risk"](pool)
    np.testing.assert_allclose(worth / worth[0], [1, 7, 2, 4, 1], rtol=1e-5)
    np.testing.assert_allclose(worth[1], 0.25, rtol=1e-5)


def test_garbled_is_what_could_not_be_read() -> None:
    assert SAMPLERS["garbled"](unknown([1, 2], garbled=[True, False])).tolist() == [1, 0]


def test_diverse_takes_one_of_each_kind_first_and_of_near_duplicates_only_one() -> None:
    kinds = np.repeat(np.eye(4, 8, dtype=np.float32), [30, 20, 5, 1], axis=0)
    noisy = kinds + 0.01 * np.random.default_rng(0).normal(size=kinds.shape)
    vectors = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    scene = np.arange(56)
    scene[50:55] = 50  # the third kind is one burst
    worth = SAMPLERS["diverse"](unknown(np.arange(56), vectors=vectors, scene=scene))
    assert (worth[50:55] > 0).sum() == 1
    few = unknown(np.arange(4), camera=[0, 0, 1, 1])  # without vectors: camera by camera
    assert sorted(SAMPLERS["diverse"](few)[:2].tolist()) == sorted(SAMPLERS["diverse"](few)[2:].tolist()) == [0.5, 1.0]
