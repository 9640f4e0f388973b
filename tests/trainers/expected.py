"""What a trainer has to make of our files, worked out without it. No fixture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from core.geometry import FAMILIES, from_model, iou
from core.schema import Pair, Sample

END = "<|im_end|>"
SIDE = 28  # pixels of a Qwen2.5-VL picture token
QWEN = FAMILIES["qwen2.5-vl"]


def picture_tokens(lines: Sequence[Sample | Pair]) -> list[int]:
    """How many picture tokens each frame has: its file is at the model's own size, so nobody has to resize it."""
    assert all(each.width % SIDE == each.height % SIDE == 0 for each in lines)
    return [each.width // SIDE * (each.height // SIDE) for each in lines]


def same_answers(told: Sequence[dict[str, Any]], answers: Sequence[str], lines: Sequence[Sample | Pair], *, spaces: bool = False) -> None:
    """What is learned is exactly the answer and the end of the turn. `spaces`: but for spaces behind the commas of boxes."""
    assert len(told) == len(answers) == len(lines)
    for line, answer, each in zip(told, answers, lines, strict=True):
        learned = line["learned"].removesuffix("\n").removesuffix(END)
        assert learned != line["learned"]
        if not spaces:
            assert learned == answer
        assert json.loads(learned) == json.loads(answer)
        for found, true in zip(json.loads(learned)["findings"], json.loads(answer)["findings"], strict=True):
            boxes = [from_model(one["box"], QWEN, (each.width, each.height)) for one in (found, true)]
            assert iou(*boxes) >= 0.99
