"""Tiny models are really taught: what counts in the loss, what is shown, and that each method changes the adapter and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core import sft
from core.backends.folder import read_folder
from core.errors import DatasetUnfit, TrainingError
from core.profile import Profile
from core.prompts import build
from core.training import checking, tutoring
from core.training.recipe import Recipe
from tests import training_sets

Teach = Callable[..., Any]


def learned(trainer: Any) -> float:
    """The largest change of a number of the adapter; every number beside it must have stayed."""
    before = {name: each.detach().clone() for name, each in trainer.model.named_parameters()}
    with tutoring.quietly():
        trainer.train()
    changed = {name: float((each.detach() - before[name]).abs().max()) for name, each in trainer.model.named_parameters()}
    assert all(change == 0 for name, change in changed.items() if "lora" not in name)
    return max(change for name, change in changed.items() if "lora" in name)


@pytest.mark.parametrize("method", ["sft", "dpo", "kto"])
def test_each_method_changes_the_adapter_and_nothing_else(method: str, teacher: Teach, base: Path, exported: Path) -> None:
    trainer = teacher(base, exported / "train", method=method, rate=1e-2)
    assert learned(trainer) > 1e-4
    assert trainer.state.global_step == 2


def test_answers_that_are_drawn_are_rewarded(teacher: Teach, base: Path, exported: Path) -> None:
    trainer = teacher(base, exported / "train", method="grpo", generations=2, rate=1e-2, longest_answer=6, most_steps=1)
    with tutoring.quietly():
        trainer.train()
    line = next(line for line in trainer.state.log_history if "reward" in line)
    assert {f"rewards/{name}/mean" for name in ("valid", "found", "judged", "too_many")} <= line.keys()


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "mllama"])
def test_each_family_is_shown_in_training_what_it_is_shown_in_use(
    kind: str, teacher: Teach, families: Mapping[str, Path], tmp_path: Path
) -> None:
    """`tutor` itself compares tokens and pictures with `Loaded.prepare`, and refuses when they differ."""
    family = {"qwen2_vl": "qwen2-vl", "qwen2_5_vl": "qwen2.5-vl", "qwen3_vl": "qwen3-vl", "mllama": "llama-3.2"}[kind]
    part = training_sets.exported(tmp_path / "set", family=family, train=2, test=0) / "train"
    trainer = teacher(families[kind], part, most_steps=1, warmup=0.0, rate=1e-2, vision=True, merger=True)
    assert learned(trainer) > 1e-5


def test_twenty_rows_count_exactly_their_answers_and_ends(teacher: Teach, base: Path, tmp_path: Path) -> None:
    part = training_sets.exported(tmp_path / "set", train=20, test=0) / "train"
    trainer = teacher(base, part)
    words = trainer.processing_class.tokenizer
    answers = [each.answer for each in sft.samples(part)]
    expected = sum(len(words(f"{each}<|im_end|>")["input_ids"]) for each in answers)
    labels = trainer.data_collator([trainer.train_dataset[n] for n in range(20)])["labels"]
    assert [words.decode(row[row != checking.IGNORED]) for row in labels] == [f"{each}<|im_end|>" for each in answers]
    assert int((labels != checking.IGNORED).sum()) == expected


def test_a_loss_that_falls_on_more_than_the_answer_is_refused(teacher: Teach, base: Path, exported: Path) -> None:
    trainer = teacher(base, exported / "train")
    honest = trainer.data_collator

    def greedy(rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch = honest(rows)
        return {**batch, "labels": batch["input_ids"]}

    trainer.data_collator = greedy
    loaded = type(
        "Known", (), {"processor": trainer.processing_class, "ends": frozenset({trainer.processing_class.tokenizer.eos_token_id})}
    )
    with pytest.raises(TrainingError, match="Row 1 of the set: the loss would fall on"):
        checking.refuse_loss_beside_answers(trainer, loaded)  # type: ignore[arg-type]


def test_a_picture_that_is_shown_otherwise_is_refused(teacher: Teach, base: Path, exported: Path, bench: Profile) -> None:
    """One pixel of one frame is enough, and one letter of the question."""
    trainer, part = teacher(base, exported / "train"), exported / "train"
    folder, raw = read_folder(base), [part / each.image for each in sft.samples(part)][:1]
    loaded, prompt = tutoring.pupil(folder, Recipe()), build(bench, folder.prompt_style, folder.box_format)
    checking.refuse_other_sight(trainer, loaded, prompt, raw)
    with pytest.raises(TrainingError, match="show this frame or ask its question otherwise"):
        checking.refuse_other_sight(trainer, loaded, replace(prompt, text=f"{prompt.text} "), raw)
    honest = trainer.data_collator

    def other(rows: list[dict[str, Any]]) -> dict[str, Any]:
        for row in rows:
            row["images"][0].putpixel((100, 100), (255, 0, 255))
        batch: dict[str, Any] = honest(rows)
        return batch

    trainer.data_collator = other
    with pytest.raises(TrainingError, match="show this frame or ask its question otherwise"):
        checking.refuse_other_sight(trainer, loaded, prompt, raw)


@pytest.mark.parametrize("given", [{"neighbours": 0.0}, {"class_weights": True, "neighbours": 1.0}, {"dora": True}, {"rslora": True}])
def test_what_the_recipe_says_is_what_the_trainer_does(given: dict[str, Any], teacher: Teach, base: Path, exported: Path) -> None:
    trainer = teacher(base, exported / "train", rate=1e-2, **given)
    config = trainer.model.peft_config["default"]
    assert (config.use_dora, config.use_rslora) == (given.get("dora", False), given.get("rslora", False))
    assert learned(trainer) > 1e-4


def test_four_bits_learn(teacher: Teach, families: Mapping[str, Path], tmp_path: Path) -> None:
    part = training_sets.exported(tmp_path / "set", family="qwen3-vl", train=2, test=0) / "train"
    trainer = teacher(families["qwen3_vl"], part, quantisation="nf4", rate=1e-2, gradient_checkpointing=True)
    assert any(type(each).__name__ == "Params4bit" for each in trainer.model.parameters())
    assert learned(trainer) > 1e-5


def test_a_set_for_another_family_or_with_too_few_frames_is_refused(teacher: Teach, base: Path, exported: Path, tmp_path: Path) -> None:
    other = training_sets.exported(tmp_path / "set", family="qwen3-vl", train=2, test=0) / "train"
    with pytest.raises(TrainingError, match="written for the family qwen3-vl"):
        teacher(base, other)
    with pytest.raises(DatasetUnfit, match="holds 8 rows and the recipe asks for 300"):
        teacher(base, exported / "train", least_frames=300)


def test_an_answer_with_an_end_in_it_is_refused(teacher: Teach, base: Path, exported: Path, tmp_path: Path) -> None:
    shutil.copytree(exported / "train", tmp_path / "train")
    file = tmp_path / "train" / sft.SAMPLES
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    lines[1]["messages"][1]["content"][0]["text"] += "<|im_end|>"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    with pytest.raises(DatasetUnfit, match="Row 2 of the set: the completion does not survive"):
        teacher(base, tmp_path / "train")


def test_nobody_reports_to_what_is_not_installed() -> None:
    with pytest.raises(TrainingError, match="mlflow is not installed here"):
        checking.refuse_reports(Recipe(report_to=("mlflow",)))
    checking.refuse_reports(Recipe(report_to=("tensorboard",)))
