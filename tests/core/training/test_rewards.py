"""What an answer is worth: a table, and that more boxes are never a way to more."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.geometry import FAMILIES
from core.profile import Profile
from core.schema import Box, Finding
from core.training.rewards import Rewards, functions
from tests import training_sets

FMT, SIZE = FAMILIES["compact"], (160, 120)
HAMMER, BOLT = Finding("hammer", Box(0.1, 0.1, 0.4, 0.4)), Finding("bolt", Box(0.6, 0.6, 0.8, 0.8))


def written(bench: Profile, *findings: Finding) -> str:
    return training_sets.answer(findings, bench, FMT, SIZE)


@pytest.fixture
def rewards(bench: Profile) -> Rewards:
    return Rewards(bench, FMT)


def test_the_true_answer_is_worth_most(bench: Profile, rewards: Rewards) -> None:
    true = written(bench, HAMMER, BOLT)
    assert (rewards.valid(true, true, SIZE), rewards.found(true, true, SIZE), rewards.judged(true, true, SIZE)) == (1, 1, 1)
    assert rewards.too_many(true, true, SIZE) == 0


@pytest.mark.parametrize("said", ["", "no idea", '{"findings":[{"box":[10', "[]"], ids=["nothing", "chatter", "cut off", "a list"])
def test_what_cannot_be_read_is_worth_nothing(said: str, bench: Profile, rewards: Rewards) -> None:
    true = written(bench, HAMMER)
    assert rewards.valid(said, true, SIZE) < 1
    assert rewards.found(said, true, SIZE) == 0
    assert rewards.judged(said, true, SIZE) < 1


def test_half_of_it_is_worth_two_thirds(bench: Profile, rewards: Rewards) -> None:
    assert rewards.found(written(bench, HAMMER), written(bench, HAMMER, BOLT), SIZE) == pytest.approx(2 / 3)


def test_more_boxes_cost(bench: Profile, rewards: Rewards) -> None:
    true = written(bench, HAMMER)
    many = [Finding("bolt", Box(0.1 * n, 0.5, 0.1 * n + 0.08, 0.6)) for n in range(9)]
    costs = [rewards.too_many(written(bench, HAMMER, *many[:n]), true, SIZE) for n in (0, 1, 2, 5, 9)]
    assert costs == [0, -1, -2, -2, -2]
    assert rewards.found(written(bench, HAMMER, *many), true, SIZE) < 0.3


def test_a_frame_on_which_nothing_lies(bench: Profile, rewards: Rewards) -> None:
    nothing = written(bench)
    assert rewards.found(nothing, nothing, SIZE) == 1
    assert rewards.found(written(bench, HAMMER), nothing, SIZE) == 0


def test_trl_calls_them_with_columns(bench: Profile, rewards: Rewards, tmp_path: Path) -> None:
    told, weights = functions(rewards)
    true = written(bench, HAMMER)
    said = [[{"role": "assistant", "content": true}], "nothing"]
    got = {each.__name__: each(completions=said, prompts=[None, None], answer=[true, true], size=[[160, 120]] * 2) for each in told}
    assert got == {"valid": [1, 0], "found": [1, 0], "judged": [1, 0], "too_many": [0, 0]}
    assert len(weights) == 4
