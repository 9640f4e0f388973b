"""What a mistake costs: frames with rare words, coordinates beside the true one, masks as long as their rows."""

from __future__ import annotations

import json

import pytest
import torch

from core.training.feeding import frame_weights
from core.training.weighing import costs, lengthened


def said(tool: str, *labels: str) -> str:
    return json.dumps({"findings": [{"box": [0, 0, 10, 10], "label": label} for label in labels], "tool": tool})


def test_a_rare_word_makes_its_frame_count_more_and_at_most_four_times() -> None:
    weights = frame_weights([said("none", "bolt")] * 99 + [said("drill", "bolt")])
    assert weights[99] / weights[0] == pytest.approx(4 / (100 / 99) ** 0.5)
    assert sum(weights) == pytest.approx(100)


def test_frames_that_say_the_same_count_the_same() -> None:
    assert frame_weights([said("none", "bolt")] * 5 + ["broken"]) == pytest.approx([1] * 6, abs=0.1)
    assert frame_weights([]) == []


def test_plain_costs_are_cross_entropy_on_the_answers_tokens() -> None:
    dice = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 5, 9, generator=dice)
    labels = torch.tensor([[-100, 3, 4, -100, -100], [-100, -100, 8, 0, 1]])
    cost, counts = costs(logits, labels, None, 0)
    wanted = torch.nn.functional.cross_entropy(logits.reshape(-1, 9), labels.reshape(-1), reduction="sum")
    assert cost.sum() == pytest.approx(float(wanted), abs=1e-5)
    assert counts.sum() == 5


def test_a_neighbouring_coordinate_costs_less_than_one_far_away() -> None:
    bins = torch.tensor([2, 3, 4, 5, 6])
    labels = torch.tensor([[4, 1]])

    def cost(guess: int) -> float:
        logits = torch.zeros(1, 2, 9)
        logits[0, 0, guess] = 5.0
        return float(costs(logits, labels, bins, 1.0)[0][0])

    assert cost(4) < cost(3) < cost(2) < cost(8)
    assert cost(3) == pytest.approx(cost(5))
    words = torch.zeros(1, 2, 9)
    assert float(costs(words, labels, bins, 1.0)[0][1]) == pytest.approx(float(torch.tensor(9.0).log()))  # a word's target is not spread


def test_an_answers_tokens_see_the_tiles_that_the_question_saw() -> None:
    batch = {"input_ids": torch.zeros(1, 5), "cross_attention_mask": torch.arange(3)[None, :, None, None].expand(1, 3, 1, 2)}
    made = lengthened(batch)["cross_attention_mask"]
    assert made.shape == (1, 5, 1, 2)
    assert made[0, :, 0, 0].tolist() == [0, 1, 2, 2, 2]
    assert lengthened({"input_ids": torch.zeros(1, 5)}).keys() == {"input_ids"}
