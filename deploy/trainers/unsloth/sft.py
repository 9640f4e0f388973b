"""Unsloth's LoRA on an exported training set: python deploy/trainers/unsloth/sft.py export/train runs/unsloth-sft

Never run by us: it needs an NVIDIA GPU and an environment of its own (pip install unsloth). Written after Unsloth's documentation of vision
fine-tuning. Two things are not its defaults and must stay: `resize="max"` (its collator shrinks frames, and the boxes would lie beside them) and
`train_on_responses_only` (the loss is on the answer alone).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

MODEL = "unsloth/Qwen2.5-VL-7B-Instruct"


def lines(folder: Path) -> list[dict[str, Any]]:
    """Questions and answers; a frame is a path that is opened when its batch is made."""
    found = []
    for line in (folder / "sft.parts.jsonl").read_text("utf-8").splitlines():
        said = json.loads(line)
        (frame,) = said["images"]
        said["messages"][0]["content"][0] = {"type": "image", "image": str(folder / frame)}
        found.append({"messages": said["messages"]})
    return found


def main() -> None:
    """Train and write the adapter."""
    from unsloth import FastVisionModel, is_bf16_supported  # first: it changes what is imported after it
    from unsloth.trainer import UnslothVisionDataCollator

    from trl import SFTConfig, SFTTrainer  # isort: skip

    data, out = Path(sys.argv[1]).resolve(), sys.argv[2]
    model, processor = FastVisionModel.from_pretrained(MODEL, load_in_4bit=True, max_seq_length=4096, use_gradient_checkpointing="unsloth")
    model = FastVisionModel.get_peft_model(
        model,
        finetune_vision_layers=False,
        finetune_language_layers=True,
        finetune_attention_modules=True,
        finetune_mlp_modules=True,
        r=16,
        lora_alpha=32,
        lora_dropout=0,
        bias="none",
        random_state=7,
    )
    FastVisionModel.for_training(model)
    collator = UnslothVisionDataCollator(
        model,
        processor,
        resize="max",
        train_on_responses_only=True,
        instruction_part="<|im_start|>user\n",
        response_part="<|im_start|>assistant\n",
    )
    training = SFTTrainer(
        model=model,
        processing_class=processor,
        data_collator=collator,
        train_dataset=lines(data),
        args=SFTConfig(
            output_dir=out, per_device_train_batch_size=1, gradient_accumulation_steps=8, learning_rate=1e-4, lr_scheduler_type="cosine",
            warmup_steps=10, num_train_epochs=3, bf16=is_bf16_supported(), fp16=not is_bf16_supported(), optim="adamw_8bit", logging_steps=5,
            save_strategy="epoch", seed=7, report_to="none", remove_unused_columns=False, dataset_text_field="",
            dataset_kwargs={"skip_prepare_dataset": True}, max_length=4096,
        ),
    )  # fmt: skip
    training.train()
    model.save_pretrained(out)
    processor.save_pretrained(out)


if __name__ == "__main__":
    main()
