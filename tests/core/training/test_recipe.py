"""A recipe is refused before anything is loaded, and follows the number of frames where nobody said otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import TrainingError
from core.training.recipe import Recipe, read, recipe_of
from core.training.targets import PLACES, targets


@pytest.mark.parametrize(
    ("frames", "rank", "alpha", "epochs", "a_step"),
    [(300, 16, 32, 3, 8), (999, 16, 32, 3, 8), (1000, 32, 64, 2, 16), (10_000, 32, 64, 2, 16)],
)
def test_a_hub_model_learns_by_the_number_of_frames(frames: int, rank: int, alpha: int, epochs: float, a_step: int) -> None:
    made = recipe_of({}, frames=frames, family="qwen2.5-vl")
    assert (made.rank, made.alpha, made.epochs, made.batch * made.accumulation) == (rank, alpha, epochs, a_step)
    assert (made.rate, made.schedule, made.language, made.vision, made.attention, made.mlp) == (1e-4, "cosine", True, False, True, True)


def test_what_a_person_says_stands(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('rank = 8\nrslora = true\nreport_to = ["tensorboard"]\n', "utf-8")
    made = recipe_of(read(tmp_path / "mine.toml"), frames=500, family="qwen3-vl")
    assert (made.rank, made.alpha, made.rslora, made.report_to) == (8, 16, True, ("tensorboard",))
    (tmp_path / "mine.json").write_text(json.dumps(made.as_json()), "utf-8")
    assert recipe_of(read(tmp_path / "mine.json"), frames=5, family="compact") == made


def test_its_digest_changes_with_every_number() -> None:
    plain = Recipe()
    others = [Recipe(rank=17), Recipe(rate=1.1e-4), Recipe(vision=True), Recipe(seed=8), Recipe(report_to=("wandb",))]
    assert len({each.digest for each in (plain, *others)}) == 6
    assert plain.digest == Recipe().digest


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ranks": 8}, 'has no "ranks"'),
        ({"rank": "8"}, "rank cannot be '8'; it is a whole number"),
        ({"rank": 0}, "rank is 0; it must lie between 1 and 512"),
        ({"rank": True}, "rank cannot be True"),
        ({"rslora": 1}, "rslora cannot be 1; it is true or false"),
        ({"method": "ppo"}, "one of sft, dpo, kto, grpo"),
        ({"language": False}, "changes nothing"),
        ({"attention": False, "mlp": False}, "changes nothing of the layers"),
        ({"report_to": ["email"]}, 'report to "email"'),
        ({"method": "grpo", "batch": 3, "accumulation": 1, "generations": 2}, "multiple of generations"),
        ({"method": "dpo", "neighbours": 1.0}, "belong to the method sft"),
        ({"rate": float("nan")}, "rate"),
    ],
    ids=lambda given: str(given)[:30],
)
def test_what_cannot_be_is_refused_with_a_sentence(given: dict[str, Any], says: str) -> None:
    with pytest.raises(TrainingError, match=re.escape(says)):
        recipe_of(given, frames=500, family="qwen2.5-vl")


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_each_switch_reaches_layers_of_each_family(kind: str, families: Mapping[str, Path]) -> None:
    from transformers import AutoModelForImageTextToText

    net: Any = AutoModelForImageTextToText.from_pretrained(families[kind], local_files_only=True)
    layers = dict(net.named_modules())
    off = {"language": False, "vision": False, "merger": False}
    reached: dict[str, set[str]] = {}
    for switch in off:
        for part in ("attention", "mlp"):
            asked = Recipe(**{**off, switch: True, "attention": part == "attention", "mlp": part == "mlp"})  # type: ignore[arg-type]
            reached[f"{switch} {part}"] = {name for name in layers if re.fullmatch(targets(kind, asked), name)}
    assert all(reached.values())
    assert all(isinstance(layers[name], torch.nn.Linear) for names in reached.values() for name in names)
    assert not reached["language attention"] & reached["language mlp"]
    assert all(
        "visual" in name or "vision" in name or "projector" in name for what in ("vision", "merger") for name in reached[f"{what} mlp"]
    )
    both = {name for name in layers if re.fullmatch(targets(kind, Recipe(vision=True, merger=True)), name)}
    assert both == set.union(*reached.values())


def test_a_family_that_nobody_wrote_down_is_refused() -> None:
    with pytest.raises(TrainingError, match='Nobody wrote down which layers of a "phi" model'):
        targets("phi", Recipe())
