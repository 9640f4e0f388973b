"""How much memory a model will need, from the heads of its files, and how much is free. A rough sum made before anything is loaded."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.backends.adapters import WEIGHTS
from core.backends.folder import ModelFolder
from core.backends.weights import Tensor, read_json, shards, tensors
from core.errors import ModelError, ModelUnfit

GIB = 1024**3
WAY_OUT = "Load it in 4 bits (nf4), answer fewer frames at once (batch), take a smaller model, or leave it to a server."

_NF4_BYTES = (4 + 8 / 64 + 32 / (64 * 256)) / 8  # a number: 4 bits, a scale of 8 bits for 64, and a scale of 32 bits for 256 of those
_KEPT_WIDE = ("visual", "vision_model", "multi_modal_projector", "lm_head", "embed_tokens", "embedding")
_PROMPT_TOKENS = 1500  # of the words of a question


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes."""

    weights: int
    answering: int  # keys and values of every token, and the widest layer, for a whole batch

    @property
    def total(self) -> int:
        return self.weights + self.answering


def saved_dtype(folder: ModelFolder) -> str:
    """In which kind of number most weights are saved, as safetensors writes it."""
    many: Counter[str] = Counter()
    for tensor in tensors(shards(folder.path)).values():
        many[tensor.dtype] += tensor.numbers
    return many.most_common(1)[0][0]


def need(folder: ModelFolder, device: str = "cpu", batch: int | None = None) -> Need:
    """What the model takes on this device when it answers `batch` frames at once (None: as many as it was told)."""
    config = read_json(folder.path / "config.json")
    width = _width(folder, device)
    weights = sum(_nbytes(name, each, folder.quantisation, width) for name, each in tensors(shards(folder.path)).items())
    if folder.adapter is not None and not folder.merge:
        weights += (folder.adapter / WEIGHTS).stat().st_size
    try:
        answering = _answering(folder, config, width, batch or folder.batch)
    except (ValueError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ModelError(f"{folder.path.name}/config.json cannot be used: {error}. Copy the model again.") from error
    return Need(int(weights), answering)


def free(device: str) -> int:
    """Bytes that can be had now on a device: the GPU's, or the machine's within the limit of our container."""
    if device != "cpu":
        import torch

        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    return min(_machine_free(), _container_free(Path("/sys/fs/cgroup")))


def refuse_too_large(folder: ModelFolder, device: str, free_bytes: int | None = None) -> None:
    """Raise ModelUnfit with the numbers and a way out when the model has no room. `free_bytes`: None asks the machine."""
    wanted, there = need(folder, device), free(device) if free_bytes is None else free_bytes
    if wanted.total <= there:
        return
    frames = "a frame" if folder.batch == 1 else f"{folder.batch} frames at once"
    where = "on this machine" if device == "cpu" else "on the GPU"
    ways = []
    if folder.batch > 1 and (alone := need(folder, device, batch=1)).total <= there:
        ways.append(f"frame by frame (batch 1) it needs {_gib(alone.total)}")
    if folder.quantisation == "none" and not folder.merge:
        small = sum(_nbytes(n, t, "nf4", _width(folder, device)) for n, t in tensors(shards(folder.path)).items())
        ways.append(f"in 4 bits (nf4) its weights take {_gib(small)}")
    hint = f" For example, {' and '.join(ways)}." if ways else ""
    raise ModelUnfit(
        f"{folder.path.name} needs about {_gib(wanted.weights)} for its weights and {_gib(wanted.answering)} to answer {frames}; "
        f"{_gib(there)} are free {where}. {WAY_OUT}{hint}"
    )


def _width(folder: ModelFolder, device: str) -> int | None:
    """Bytes of a number as loaded; None: as saved. Follows what loading does."""
    return None if device == "cpu" or folder.own else 2


def _nbytes(name: str, tensor: Tensor, quantisation: str, width: int | None) -> float:
    is_matrix = len(tensor.shape) == 2 and name.endswith(".weight")
    if quantisation == "nf4" and is_matrix and not any(part in _KEPT_WIDE for part in name.split(".")):
        return tensor.numbers * _NF4_BYTES
    return tensor.numbers * width if width else tensor.nbytes


def _answering(folder: ModelFolder, config: dict[str, Any], width: int | None, batch: int) -> int:
    text: dict[str, Any] = {**config, **(config.get("text_config") or {})}
    seeing: dict[str, Any] = config.get("vision_config") or {}
    wide = width or (4 if saved_dtype(folder) == "F32" else 2)
    layers, hidden, heads = (int(text.get(key) or 1) for key in ("num_hidden_layers", "hidden_size", "num_attention_heads"))
    pair = 2 * int(text.get("num_key_value_heads") or heads) * int(text.get("head_dim") or hidden // heads) * wide
    seen, patches = _picture_tokens(folder, seeing)
    tokens = _PROMPT_TOKENS + folder.most_tokens + seen
    looking = len(text.get("cross_attention_layers") or ())  # layers that keep keys of the picture instead of the text
    kept = pair * ((layers - looking) * tokens + looking * patches)
    eyes = int(seeing.get("embed_dim") or seeing.get("hidden_size") or hidden)
    saw = (
        patches * (6 * eyes + 2 * int(seeing.get("intermediate_size") or 4 * eyes)) * wide + 2 * patches * 1536 * 4
    )  # cut pixels, and a copy
    thought = (_PROMPT_TOKENS + seen) * (4 * hidden + 2 * int(text.get("intermediate_size") or 4 * hidden)) * wide
    return batch * (kept + max(saw, thought) + 8 * int(text.get("vocab_size") or 0))


def _picture_tokens(folder: ModelFolder, seeing: dict[str, Any]) -> tuple[int, int]:
    """Of the largest frame: tokens among the words, and patches before the eyes."""
    if folder.kind == "mllama":
        side = int(seeing.get("image_size") or 560) // int(seeing.get("patch_size") or 14)
        return 1, int(seeing.get("max_num_tiles") or 4) * (side * side + 1)
    pixels = folder.canvas[0] * folder.canvas[1] if folder.canvas else folder.box_format.max_pixels
    tokens = pixels // folder.box_format.factor**2
    return tokens, 4 * tokens


def _machine_free() -> int:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):  # not Linux: all there is, of which we cannot tell what is free
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _container_free(cgroup: Path) -> int:
    """What the container's limit leaves (cgroup v2, then v1); a huge number without one. Its file cache counts as free."""
    for limit, used, cache in (
        ("memory.max", "memory.current", "file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "cache"),
    ):
        try:
            most, now = int((cgroup / limit).read_text("ascii")), int((cgroup / used).read_text("ascii"))
            stat = (cgroup / used).with_name("memory.stat").read_text("ascii")
        except (OSError, ValueError):  # no such file, or "max"
            continue
        cached = next((int(line.split()[1]) for line in stat.splitlines() if line.split()[0] == cache), 0)
        return max(0, most - now + cached)
    return 2**62


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB"
