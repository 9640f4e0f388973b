"""What a model folder says of itself, read from its JSON files alone: family, prompt, boxes, a name that changes with its content. Loads nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import ModelError, ModelMissing
from core.geometry import FAMILIES, BoxFormat

MANIFEST = "gembalens.json"
"""Only our own models have one: family, prompt style, canvas, most tokens of an answer."""

MOST_PIXELS = 1280 * 28 * 28
"""To which we bring a frame for a family that takes any size; about 1,280 picture tokens."""

_FAMILY_OF = {"qwen2_vl": "qwen2-vl", "qwen2_5_vl": "qwen2.5-vl"}
_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A local model. `canvas` (width, height in pixels) is where it sees at one size only; frames are stretched to it."""

    path: Path
    model: str  # name@fingerprint
    family: str
    prompt_style: str
    box_format: BoxFormat
    canvas: tuple[int, int] | None
    most_tokens: int


def read_folder(path: Path) -> ModelFolder:
    """Describe a model folder. Raises ModelMissing when there is none, ModelError when it is of a kind that we cannot run."""
    config = path / "config.json"
    if not config.exists():
        raise ModelMissing(
            f"There is no model in {path.name or path}: config.json is missing. Give --model a folder, or make the compact model with `make model`."
        )
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise ModelMissing(f"The model folder {path.name} has no weights as .safetensors; other kinds of weights are not opened.")
    kind = str(_json(config).get("model_type"))
    manifest = _json(path / MANIFEST) if (path / MANIFEST).exists() else {}
    family = str(manifest.get("family", _FAMILY_OF.get(kind)))
    if family not in FAMILIES or kind not in _FAMILY_OF:
        raise ModelError(f'{path.name} is a "{kind}" model. This version runs Qwen2-VL and Qwen2.5-VL folders.')
    canvas = manifest.get("canvas")
    return ModelFolder(
        path=path,
        model=f"{manifest.get('name', path.name)}@{fingerprint([*weights, *sorted(path.glob('*.json'))])}",
        family=family,
        prompt_style=str(manifest.get("prompt_style", "full")),
        box_format=_box_format(path, family),
        canvas=(int(canvas[0]), int(canvas[1])) if canvas else None,
        most_tokens=int(manifest.get("most_tokens", 2048)),
    )


def fingerprint(files: list[Path]) -> str:
    """Twelve hex digits that change with weights, tokenizer and settings: SHA-256 over names, sizes and 256 blocks spread over each file (small files whole)."""
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.name}:{size};".encode())
        with file.open("rb") as stream:
            if size <= 256 * _BLOCK:
                digest.update(stream.read())
                continue
            for k in range(256):
                stream.seek(k * (size - _BLOCK) // 255)
                digest.update(stream.read(_BLOCK))
    return digest.hexdigest()[:12]


def _box_format(path: Path, family: str) -> BoxFormat:
    """The family's format, with the size limits of this folder's own processor where boxes are pixels of the resized frame."""
    fmt = FAMILIES[family]
    if not fmt.resized:
        return fmt
    settings = _json(path / "preprocessor_config.json") if (path / "preprocessor_config.json").exists() else {}
    size = settings.get("size") or {}
    least = int(settings.get("min_pixels") or size.get("shortest_edge") or fmt.min_pixels)
    most = int(settings.get("max_pixels") or size.get("longest_edge") or MOST_PIXELS)
    return replace(fmt, min_pixels=least, max_pixels=min(most, MOST_PIXELS))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.parent.name}/{path.name} cannot be read as JSON: {error}.") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path.parent.name}/{path.name} is not a JSON object.")
    return found
