"""How like two texts are by BERTScore, where somebody has installed it and brought a model; a sentence where not. Never downloads anything."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

PACKAGE = "bert_score"


def likeness(said: Sequence[str], true: Sequence[str], model: Path | None) -> dict[str, Any]:
    """Mean precision, recall and F1 (Zhang et al. 2020, arXiv 1904.09675), without rescaling. `model`: the folder of an encoder.

    Our answers are keys and numbers, of which the other figures say more; this one is for comparing with what others report.
    """
    if find_spec(PACKAGE) is None:
        return {"shown": False, "why": "not shown: the package bert-score is not installed here"}
    if model is None or not model.is_dir():
        return {"shown": False, "why": "not shown: no folder of a model was named for it"}
    if not said:
        return {"shown": False, "why": "not shown: there are no answers"}
    score = import_module(PACKAGE).score
    found = score(list(said), list(true), model_type=str(model), num_layers=_layers(model), verbose=False)
    return {"shown": True, "n": len(said)} | {
        name: float(each.mean()) for name, each in zip(("precision", "recall", "f1"), found, strict=True)
    }


def _layers(model: Path) -> int:
    """Of the encoder, the last."""
    return int(orjson.loads((model / "config.json").read_bytes())["num_hidden_layers"])
