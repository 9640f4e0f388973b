"""What of a model or adapter folder may be opened: safetensors and JSON. Code, pickles and links that lead out are refused before a byte is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError, ModelMissing, ModelUnfit

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
"""Endings of files that may execute what they hold when they are read."""

INDEX = "model.safetensors.index.json"
_MOST_HEADER = 100_000_000  # bytes; the format's own limit
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as the head of a file announces it."""

    dtype: str  # as safetensors writes it: F32, BF16 ...
    shape: tuple[int, ...]

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        many = 1
        for side in self.shape:
            many *= side
        return many

    @property
    def nbytes(self) -> int:
        """Its size in the file."""
        return self.numbers * _BYTES.get(self.dtype, 1)


def refuse_ways_out(folder: Path) -> None:
    """Raise ModelUnfit for a link that leads out of the folder. In a hub cache links into the same model's `blobs` are how it is built."""
    inside = [folder.resolve()]
    if inside[0].parent.name == "snapshots" and inside[0].parents[1].name.startswith("models--"):
        inside.append(inside[0].parents[1] / "blobs")
    for path in folder.rglob("*"):
        target = path.resolve()
        if path.is_symlink() and not any(target.is_relative_to(place) for place in inside):
            raise ModelUnfit(f"{path.name} in {folder.name} is a link to a place outside the folder. Put the file itself there.")


def refuse_code(folder: Path) -> None:
    """Raise ModelUnfit when a JSON file of the folder asks for Python code of its own (`auto_map`)."""
    for path in sorted(folder.glob("*.json")):
        try:
            asks = path.name not in ("tokenizer.json", "vocab.json", INDEX) and _asks_for_code(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, RecursionError):  # what cannot be read asks for nothing; who needs it will say so
            asks = False
        if asks:
            raise ModelUnfit(
                f"{folder.name}/{path.name} asks for Python code that comes with the model (auto_map), which is never run here."
            )


def _asks_for_code(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value.get("auto_map")) or any(_asks_for_code(each) for each in value.values())
    return isinstance(value, list) and any(_asks_for_code(each) for each in value)


def pickles(folder: Path) -> list[str]:
    """Names of the files in the folder that are never opened."""
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICKLES)


def shards(folder: Path) -> list[Path]:
    """The weight files of a model folder. Raises ModelMissing when there are none, or when the index names one that is not there."""
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        others = f" It has {', '.join(pickles(folder)[:3])};" if pickles(folder) else ""
        raise ModelMissing(
            f"The model folder {folder.name} has no weights as .safetensors.{others} Other kinds of weights may run code and are not opened."
        )
    if (folder / INDEX).exists():
        named = set(map(str, read_json(folder / INDEX).get("weight_map", {}).values()))
        lost = sorted(named - {path.name for path in found})
        if lost:
            raise ModelMissing(f"{folder.name} is not whole: {INDEX} names {lost[0]}, which is not there. Copy the model again.")
        found = [path for path in found if path.name in named] or found
    elif folder / "model.safetensors" in found:
        found = [folder / "model.safetensors"]
    return found


def tensors(files: Iterable[Path]) -> dict[str, Tensor]:
    """Every tensor that the files announce; none is loaded. Raises ModelUnfit for a file that is damaged or cut short."""
    return {name: tensor for file in files for name, tensor in _head(file)}


def _head(file: Path) -> Iterator[tuple[str, Tensor]]:
    """Source: the format's own page, huggingface/safetensors: 8 bytes of length, a JSON object, then the numbers."""
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 2 <= length <= min(_MOST_HEADER, size - 8):
                raise ValueError("its head is cut short")
            head: Mapping[str, Any] = json.loads(stream.read(length))
        last = 8 + length
        for name, said in head.items():
            if name == "__metadata__":
                continue
            last = max(last, 8 + length + int(said["data_offsets"][1]))
            yield name, Tensor(str(said["dtype"]), tuple(map(int, said["shape"])))
        if last > size:
            raise ValueError(f"it has {size:,} bytes and announces {last:,}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ModelUnfit(f"{file.parent.name}/{file.name} could not be loaded, it is damaged: {error}. Copy it again.") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a model folder. Raises ModelError."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path.parent.name}/{path.name} cannot be read as JSON: {error}.") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path.parent.name}/{path.name} is not a JSON object.")
    return found


def plain(name: str) -> str:
    """A name without the characters that have a meaning in a model's id.

    >>> plain("bench+7b: second try")
    'bench-7b-second-try'
    """
    return re.sub(r"[^\w./~-]+", "-", name).strip("-") or "unnamed"
