"""What the trainers are handed: a training set exported from a real record, with preference pairs, and a model folder that looks like the hub's. No fixture."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotations import pairing
from annotations.desk import Desk
from annotations.formats import dpo_lf, dpo_swift, dpo_trl, kto_trl, sft_parts, sft_qwen, sft_swift_grounding, sft_tag
from annotations.store import FILE, Store
from core.frames import Vault
from core.patience import Patience
from core.profile import read
from core.schema import FIELDS, Assessment, Box, Finding, Frame, Pair, Reply, Risk, Sample, Step, Value, Violation
from core.settings import ASSETS
from tests import makers, tiny

BENCH = read(ASSETS / "profiles" / "bench.toml")
SIZES = ((640, 480), (1920, 1080), (480, 853), (1283, 719))
"""Pixels of the frames as they come in; the second is larger than LLaMA-Factory lets through by itself."""


@dataclass(frozen=True)
class Exported:
    """A folder, and what its files hold by our own readers."""

    folder: Path
    samples: tuple[Sample, ...]
    pairs: tuple[Pair, ...]
    verdicts: tuple[tuple[Sample, bool], ...]


def exported(folder: Path, *, frames: int = 6, family: str = "qwen2.5-vl", sizes: tuple[tuple[int, int], ...] = SIZES) -> Exported:
    """A record is filled, reviewed and exported: every second correction changes the machine's answer."""
    dice = random.Random(5)
    boxes: dict[str, list[Box]] = {}

    def says(frame: Frame, content: bytes, patience: Patience | None = None) -> Assessment:
        findings = tuple(Finding(label, box, 0.9) for label, box in zip(("hand", "hammer", "bolt"), boxes[frame.id], strict=True))
        risk = Risk("low", {}, ("model",))
        return makers.assessment(frame, model="eye:1", findings=findings, risk=risk, reply=Reply("{}", "eye:1", "prompt", 0.1))

    with Store(folder / "data" / FILE) as store:
        desk = Desk(store, Vault(folder / "data"), BENCH, says, "eye:1", "prompt")
        for number in range(frames):
            width, height = sizes[number % len(sizes)]
            content = makers.jpeg(width, height, rects=[((20, 30, 60, 90), "navy"), ((0, 0, 3 + number, 9), "orange")])
            frame = desk.receive(content, f"{number}.jpg", by="cam")
            boxes[frame.id] = [_box(dice) for _ in range(3)]
            said, _ = desk.assess(frame.id)
            desk.correct(_corrected(said, frame, dice, changed=number % 2 == 0))
        out = folder / "set"
        desk.export_sft(out, family=family, formats=("sft_tag", "sft_parts", "sft_qwen"))
        samples = sft_parts.read(out)
        sft_swift_grounding.write(samples, out)
        pairs = [each for each in pairing.pairs_of(store, BENCH, family) if isinstance(each, Pair)]
        verdicts = [each for each in pairing.verdicts_of(store, BENCH, family) if not isinstance(each, pairing.Skipped)]
    for way in (dpo_lf, dpo_swift, dpo_trl):
        way.write(pairs, out)
    kto_trl.write(verdicts, out)
    assert sft_tag.read(out) == sft_qwen.read(out) == samples
    return Exported(out, samples, tuple(pairs), tuple(verdicts))


def _box(dice: random.Random) -> Box:
    x, y = dice.uniform(0, 0.6), dice.uniform(0, 0.6)
    return Box(x, y, x + dice.uniform(0.2, 0.39), y + dice.uniform(0.2, 0.39))


def _corrected(said: Assessment, frame: Frame, dice: random.Random, *, changed: bool) -> Any:
    findings = [replace(each, confidence=None, said_by="confirmed") for each in said.findings]
    step = Step(*(Value(said.step[name].value, said_by="confirmed") for name in FIELDS))
    if changed:
        findings[1] = Finding("pliers", _box(dice), said_by="person")
        step = replace(step, tool=Value("pliers", said_by="person"))
    risk = Risk("high" if changed else "low", said_by="person")
    violations = tuple(Violation(each.hazard, each.risk, said_by="confirmed") for each in said.violations)
    return makers.correction(frame, findings=tuple(findings), step=step, risk=risk, violations=violations, saw_model="eye:1")


HUB_MARKS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>",
    "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
"""The special tokens of Qwen2.5-VL's tokenizer, in their order."""
FIRST_MARK = 151_643
"""The number of the first of them: ms-swift takes these numbers for granted (template/templates/qwen.py)."""


def hub_like(folder: Path, corpus: str) -> Path:
    """A folder like Qwen2.5-VL's on the hub, without weights: its configuration, its picture processor, its chat template, its special tokens at
    their numbers, and a byte-level vocabulary learned from `corpus`; the numbers between are tokens that no text has."""
    vocabulary, merges = tiny._learned(corpus)
    words = dict(vocabulary)
    words.update({f"Ġ·{number}": number for number in range(len(words), FIRST_MARK)})
    marks = [{"id": FIRST_MARK + at, "content": mark, "special": True, **_PLAIN} for at, mark in enumerate(HUB_MARKS)]
    tokenizer = {
        "version": "1.0",
        "added_tokens": marks,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [_SPLIT, {"type": "ByteLevel", **_BYTES}]},
        "decoder": {"type": "ByteLevel", **_BYTES},
        "model": {"type": "BPE", "vocab": words, "merges": merges, "byte_fallback": False},
    }
    number = {mark.strip("<|>"): FIRST_MARK + at for at, mark in enumerate(HUB_MARKS)}
    pictures = {"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}
    files = {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {
            "tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "model_max_length": 131072,
            "chat_template": tiny.QWEN_TEMPLATE, "processor_class": "Qwen2_5_VLProcessor", "additional_special_tokens": list(HUB_MARKS[1:]),
        },
        "preprocessor_config.json": {
            **pictures, "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor",
            "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
        },
        "chat_template.json": {"chat_template": tiny.QWEN_TEMPLATE},
        "generation_config.json": {"eos_token_id": [number["im_end"], number["endoftext"]], "pad_token_id": number["endoftext"]},
        "config.json": _hub_config(number),
    }  # fmt: skip
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), "utf-8")
    return folder


_BYTES = {"add_prefix_space": False, "trim_offsets": False, "use_regex": False}
_SPLIT = {  # as Qwen's own tokenizer.json has it
    "type": "Split",
    "pattern": {"Regex": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"},
    "behavior": "Isolated",
    "invert": False,
}
_PLAIN = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def _hub_config(number: dict[str, int]) -> dict[str, object]:
    """As the hub has it, but narrow."""
    return {
        "architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl", "hidden_size": 64, "intermediate_size": 128,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 128000, "rms_norm_eps": 1e-6,
        "vocab_size": 151936, "tie_word_embeddings": True, "torch_dtype": "float32", "hidden_act": "silu", "rope_theta": 1000000.0,
        "rope_scaling": {"type": "mrope", "mrope_section": [6, 5, 5]}, "bos_token_id": number["endoftext"], "eos_token_id": number["im_end"],
        "image_token_id": number["image_pad"], "video_token_id": number["video_pad"],
        "vision_start_token_id": number["vision_start"], "vision_end_token_id": number["vision_end"],
        "vision_token_id": number["vision_pad"],
        "vision_config": {
            "model_type": "qwen2_5_vl", "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 64,
            "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112, "fullatt_block_indexes": [1],
            "hidden_act": "silu", "in_chans": 3, "spatial_patch_size": 14, "tokens_per_second": 2,
        },
    }  # fmt: skip
