"""Shares become whole numbers with exactly their expectation, and sums stay within one of what they were."""

from __future__ import annotations

import numpy as np
import pytest

from annotations.picking.rounding import ONE, round_flow, systematic


def network(rows: int, columns: int, seed: int) -> tuple[list[int], list[int], list[int]]:
    """source 0 -> rows -> columns -> sink 1 -> 0, a random share in each cell."""
    shares = np.random.default_rng(seed).integers(0, 2 * ONE, (rows, columns))
    edges = [(2 + i, 2 + rows + j, int(shares[i, j])) for i in range(rows) for j in range(columns)]
    edges += [(2 + rows + j, 1, int(shares[:, j].sum())) for j in range(columns)]
    edges += [(0, 2 + i, int(shares[i].sum())) for i in range(rows)]
    edges.append((1, 0, int(shares.sum())))
    tails, heads, amounts = zip(*edges, strict=True)
    return list(tails), list(heads), list(amounts)


@pytest.mark.parametrize("seed", range(5))
def test_a_flow_is_rounded_up_or_down_everywhere_and_nothing_is_lost(seed: int) -> None:
    tails, heads, amounts = network(4, 5, seed)
    whole = round_flow(tails, heads, amounts, np.random.default_rng(seed))
    assert all(amount // ONE <= found <= -(-amount // ONE) for amount, found in zip(amounts, whole, strict=True))
    balance = np.zeros(11, np.int64)
    np.add.at(balance, heads, whole)
    np.subtract.at(balance, tails, whole)
    assert not balance.any()


def test_every_edge_has_its_amount_on_average() -> None:
    tails, heads, amounts = network(3, 3, 7)
    dice, times = np.random.default_rng(0), 3000
    found = np.mean([round_flow(tails, heads, amounts, dice) for _ in range(times)], axis=0)
    share = np.array(amounts) / ONE % 1
    assert (np.abs(found - np.array(amounts) / ONE) <= 4 * np.sqrt(share * (1 - share) / times) + 1e-9).all()


def test_a_vertex_that_loses_something_is_refused() -> None:
    with pytest.raises(ValueError, match="flow out"):
        round_flow([0], [1], [ONE // 2], np.random.default_rng(0))


def test_what_is_whole_stays_and_nothing_is_nothing() -> None:
    assert round_flow([0, 1], [1, 0], [3 * ONE, 3 * ONE], np.random.default_rng(0)) == [3, 3]
    assert round_flow([], [], [], np.random.default_rng(0)) == []


def test_systematic_takes_each_with_its_amount_and_runs_within_one() -> None:
    amounts = np.random.default_rng(2).integers(1, ONE, 12)
    dice, times = np.random.default_rng(1), 4000
    total, taken = int(amounts.sum()), np.zeros(12)
    for _ in range(times):
        count = total // ONE + int(dice.random() < total % ONE / ONE)
        picked = systematic(amounts, count, dice)
        taken[picked] += 1
        assert len(set(picked.tolist())) == count
        run = int(amounts[3:8].sum())
        assert run // ONE <= np.isin(picked, np.arange(3, 8)).sum() <= -(-run // ONE)
    share = amounts / ONE
    assert (np.abs(taken / times - share) <= 4 * np.sqrt(share * (1 - share) / times)).all()
