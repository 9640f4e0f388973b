"""TRL's own way from a file to a batch, by the script that we ship for it. Runs in its environment, or with our own processor in the product's; trains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module, util
from pathlib import Path
from typing import Any

from tests.trainers.standing_in import answer, lines_of

SCRIPT = Path(__file__).resolve().parent.parent.parent / "deploy" / "trainers" / "trl" / "train.py"


def script() -> Any:
    """The script, as a module."""
    found = util.spec_from_file_location("shipped_for_trl", SCRIPT)
    assert found is not None
    assert found.loader is not None
    made = util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


def work(asked: Mapping[str, Any], processor: Any = None) -> dict[str, Any]:
    """The lines of one batch of everything that the script would train on; `file` in place of its own: what TRL makes of the file as it stands."""
    ours = script()
    words = ["--data", asked["folder"], "--model", asked["model"], "--out", asked["out"], "--method", asked["method"], "--cpu"]
    if asked.get("file"):
        ours.rows = lambda folder, method: _other(folder / asked["file"], apart=asked["apart"])
    training = ours.trainer(ours.wishes(words), processor)
    batch = training.data_collator(list(training.train_dataset))
    tokenizer = training.processing_class.tokenizer
    if "labels" not in batch:  # of pairs: what is learned is marked beside
        batch["labels"] = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    return {"lines": lines_of(batch, tokenizer), "frames": 0 if "image_grid_thw" not in batch else len(batch["image_grid_thw"])}


def _other(file: Path, *, apart: bool) -> Any:
    """Another file of samples, as it stands or with prompt and answer taken apart."""
    datasets = import_module("datasets")
    found = datasets.load_dataset("json", data_files=str(file), split="train")

    def line_of(line: dict[str, Any]) -> dict[str, Any]:
        line = {**line, "images": [str(file.parent / image) for image in line["images"]]}
        if apart:
            prompt, completion = line.pop("messages")
            line |= {"prompt": [prompt], "completion": [completion]}
        return line

    found = found.map(line_of, remove_columns=found.column_names)
    return found.cast_column("images", datasets.List(datasets.Image()))


if __name__ == "__main__":
    answer(work)
