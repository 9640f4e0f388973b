"""What stands in, in another trainer's environment, for compiled parts that its CPU build lacks, and what its batches are told as. Runs inside that environment."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

KEPT: list[object] = []
"""Definitions last as long as what made them."""


def compiled_parts() -> None:
    """torchvision's own operators (boxes of its detectors) are declared where its library does not load beside this torch; its transforms are plain
    Python and are the real ones. torchaudio is an empty module where there is none: no sound is read here."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        declared = importlib.import_module("torch").library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(declared)
        importlib.import_module("torchvision")
    if importlib.util.find_spec("torchaudio") is None:
        silence = types.ModuleType("torchaudio")
        silence.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
        sys.modules["torchaudio"] = silence


def lines_of(batch: Mapping[str, Any], words: Any) -> list[dict[str, Any]]:
    """Of each line of a batch: how many picture tokens it has, the text that is learned, and all its text without padding and picture tokens."""
    mark, empty = words.convert_tokens_to_ids("<|image_pad|>"), words.pad_token_id
    lines = []
    for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        text = words.decode([each for each in ids if each not in (mark, empty)])
        lines.append({"pictures": ids.count(mark), "learned": words.decode([each for each in labels if each >= 0]), "text": text})
    return lines


def answer(work: Callable[[Mapping[str, Any]], Any]) -> None:
    """Do each piece of work that the file of the first argument asks, by name, and write what came of it, or the error, into that of the second."""
    asked, told = map(Path, sys.argv[1:3])
    compiled_parts()
    came: dict[str, Any] = {}
    for name, question in json.loads(asked.read_text("utf-8")).items():
        try:
            came[name] = work(question)
        except Exception as error:  # noqa: BLE001 - what another trainer refuses is what is asked here
            came[name] = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()[-3000:]}
    told.write_text(json.dumps(came), "utf-8")
