"""LLaMA-Factory's own way from a file to a batch: its argument parser, its loader, its template, its collator. Runs in its environment and trains nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.trainers.standing_in import answer, lines_of


def work(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`configs`: files of ours, one after the other; `changed`: what is said otherwise here. The lines of one batch of everything, and what the parser made of the file."""
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    data, hparams = import_module("llamafactory.data"), import_module("llamafactory.hparams")
    config = {
        key: value for path in asked["configs"] for key, value in import_module("yaml").safe_load(Path(path).read_text("utf-8")).items()
    }
    said = {**config, **asked["changed"]}
    model, rows, training, tuning, _ = hparams.get_train_args(said)
    parts = import_module("llamafactory.model").load_tokenizer(model)
    template = data.get_template_and_fix_tokenizer(parts["tokenizer"], rows)
    ranked = tuning.stage == "dpo"
    found = data.get_dataset(template, model, rows, training, stage="rm" if ranked else tuning.stage, **parts)["train_dataset"]
    collator = data.PairwiseDataCollatorWithPadding if ranked else data.SFTDataCollatorWith4DAttentionMask
    batch = collator(template=template, model=None, pad_to_multiple_of=8, label_pad_token_id=-100, **parts)(list(found))
    return {
        "lines": lines_of(batch, parts["tokenizer"]),
        "frames": 0 if "image_grid_thw" not in batch else len(batch["image_grid_thw"]),
        "kept": {key: value for key, value in config.items() if _of(key, (model, rows, training, tuning)) == value},
        "config": config,
    }


def _of(key: str, places: tuple[Any, ...]) -> Any:
    """What the parser holds under a key of the file."""
    found = next((getattr(place, key) for place in places if hasattr(place, key)), None)
    if key in ("lora_target", "dataset", "report_to") and isinstance(found, list):
        found = found[0] if found else "none"
    return getattr(found, "value", found)


if __name__ == "__main__":
    answer(work)
