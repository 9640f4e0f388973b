"""Adapters for tests of the registry: folders that are read like true ones and hold random numbers, of trainings with what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BASE = "tiny@0a1b2c3d4e5f"
PASSED: Mapping[str, Any] = {"key": "better", "passed": True, "words": "Field F1 rose by +3.0 points.", "values": {}}
LOST: Mapping[str, Any] = {"key": "boxes", "passed": False, "words": "Box F1 fell by 7.0 points.", "values": {}}


def adapter(folder: Path, *, base: str = BASE, seed: int = 1, **more: Any) -> Path:
    """An adapter's folder with its manifest; other numbers for another seed."""
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": 2, "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    head = json.dumps({"x.lora_A.weight": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + seed.to_bytes(8, "little"))
    manifest = {"base": base, "recipe": {"method": "sft", "rank": 2}, "recipe_digest": "r", "prompt_id": "prompt", "schema_id": "s", **more}
    (folder / "gembalens.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def training(
    folder: Path,
    *,
    against: str = BASE,
    passed: bool = True,
    reasons: Sequence[Mapping[str, Any]] | None = None,
    figures: Mapping[str, Any] | None = None,
    **more: Any,
) -> Path:
    """A training's folder at its end: its adapter, what the model in use had said, and the gate."""
    adapter(folder / "adapter", **more)
    (folder / "job.json").write_text(json.dumps({"id": folder.name, "against": None}), "utf-8")
    (folder / "before.jsonl").write_text(json.dumps({"frame_id": "f", "scene": 1, "model": against}) + "\n", "utf-8")
    said = [PASSED] if passed else [PASSED, LOST]
    gate = {"passed": passed, "reasons": list(said if reasons is None else reasons)}
    (folder / "report.json").write_text(json.dumps({"figures": figures or {"field_f1": 0.8}, "gate": gate}), "utf-8")
    return folder
