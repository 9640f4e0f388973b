"""LoRA on an exported training set with TRL alone, on one machine or many: `accelerate launch --config_file FILE deploy/trainers/trl/train.py ...`.

It reads one part of a set (`export/train`): `sft.parts.jsonl` for --method sft, `dpo.trl.jsonl` for dpo, `kto.trl.jsonl` for kto. It measures nothing and lets no
adapter speak; the built-in trainer does. Written for TRL 1.16.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

TARGETS = r".*language_model\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)"
"""The language model's linear layers; the eyes stay as they are."""
FILES = {"sft": "sft.parts.jsonl", "dpo": "dpo.trl.jsonl", "kto": "kto.trl.jsonl"}
COLUMNS = ("images", "prompt", "completion", "chosen", "rejected", "label")


def rows(folder: Path, method: str) -> Any:
    """The lines of the set, their frames opened when they are looked at. Prompt and answer apart: the loss is on the answer alone."""
    from datasets import Image, List, load_dataset

    found = load_dataset("json", data_files=str(folder / FILES[method]), split="train")

    def apart(line: dict[str, Any]) -> dict[str, Any]:
        line = {**line, "images": [str(folder / image) for image in line["images"]]}
        if method == "sft":
            asked, said = line.pop("messages")
            line |= {"prompt": [asked], "completion": [said]}
        return line

    found = found.map(apart, remove_columns=[name for name in found.column_names if name not in COLUMNS])
    return found.cast_column("images", List(Image()))


def trainer(asked: argparse.Namespace, processor: Any = None) -> Any:
    """TRL's trainer, ready to train."""
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

    whole = torch.float32 if asked.cpu else torch.bfloat16
    model = AutoModelForImageTextToText.from_pretrained(asked.model, dtype=whole)
    targets = [name for name, _ in model.named_modules() if re.fullmatch(TARGETS, name)]
    lora = LoraConfig(r=asked.rank, lora_alpha=2 * asked.rank, target_modules=targets, task_type="CAUSAL_LM")
    shared: dict[str, Any] = {
        "output_dir": asked.out, "per_device_train_batch_size": 1, "gradient_accumulation_steps": asked.accumulate,
        "learning_rate": asked.rate, "lr_scheduler_type": "cosine", "warmup_steps": 0.05, "num_train_epochs": asked.epochs,
        "max_steps": asked.steps, "max_length": None,  # TRL's own 1,024 cuts frames in two
        "bf16": not asked.cpu, "use_cpu": asked.cpu, "activation_checkpointing": not asked.cpu, "logging_steps": 1, "save_strategy": "no",
        "report_to": "none", "seed": 7, "remove_unused_columns": False, "dataloader_num_workers": 0,
    }  # fmt: skip
    given: dict[str, Any] = {
        "model": model,
        "train_dataset": rows(Path(asked.data), asked.method),
        "processing_class": processor or AutoProcessor.from_pretrained(asked.model),
        "peft_config": lora,
    }
    if asked.method == "sft":
        return SFTTrainer(args=SFTConfig(completion_only_loss=True, **shared), **given)
    if asked.method == "kto":  # good and bad answers are held against each other inside a batch
        return KTOTrainer(args=KTOConfig(beta=0.1, **{**shared, "per_device_train_batch_size": 4}), **given)
    # The second loss is plain learning of the chosen answer: without it both answers may become less likely.
    return DPOTrainer(args=DPOConfig(loss_type=["sigmoid", "sft"], loss_weights=[1.0, 1.0], beta=0.1, **shared), **given)


def wishes(words: list[str] | None = None) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="a part of an exported set: export/train")
    parser.add_argument("--model", required=True, help="a model folder or its name on the hub")
    parser.add_argument("--out", required=True, help="where the adapter is written")
    parser.add_argument("--method", choices=tuple(FILES), default="sft")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-4, help="5e-6 for dpo and kto")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--steps", type=int, default=-1, help="stop after so many; -1: after the epochs")
    parser.add_argument("--accumulate", type=int, default=8, help="lines of a step and process")
    parser.add_argument("--cpu", action="store_true", help="train on the CPU, with 32 bits a number")
    return parser.parse_args(words)


def main() -> None:
    """Train, and write the adapter once."""
    asked = wishes()
    training = trainer(asked)
    training.train()
    training.save_model(asked.out)  # the first process writes
    training.save_state()


if __name__ == "__main__":
    main()
