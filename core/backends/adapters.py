"""What a PEFT adapter's folder says of itself, and whether it belongs to a base model. Loads nothing; an adapter that is in doubt is an error."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.backends.fingerprints import fingerprint
from core.backends.weights import pickles, plain, read_json, refuse_code, refuse_ways_out, tensors
from core.errors import ModelMissing, ModelUnfit

CONFIG, WEIGHTS, MANIFEST = "adapter_config.json", "adapter_model.safetensors", "gembalens.json"
"""The manifest is ours; where it says `base`, the adapter belongs to the base of exactly this NAME@FINGERPRINT."""


@dataclass(frozen=True, slots=True)
class AdapterFolder:
    """A LoRA adapter on disk whose files agree with each other."""

    path: Path
    name: str  # NAME@FINGERPRINT
    fingerprint: str  # twelve hex digits
    rank: int
    tensors: int  # in its weights


def read_adapter(path: Path, base_names: tuple[str, ...], base: str) -> AdapterFolder:
    """Describe the adapter in a folder for a base model (`base`: NAME@FINGERPRINT, `base_names`: what else it may be called).

    Raises ModelMissing when it is not there, ModelUnfit when it is damaged, holds code, or belongs to another base or rank.
    """
    if not (path / CONFIG).exists():
        raise ModelMissing(
            f"There is no adapter in {path}: {CONFIG} is missing. Give the folder of a PEFT adapter, or leave the adapter out."
        )
    refuse_ways_out(path)
    refuse_code(path)
    unsafe = pickles(path)
    if unsafe:
        raise ModelUnfit(
            f"The adapter {path.name} holds {unsafe[0]}, which may run code when it is read, so nothing of the folder is opened. "
            f"Put {CONFIG} and {WEIGHTS} alone into a folder."
        )
    if not (path / WEIGHTS).exists():
        raise ModelMissing(f"The adapter {path.name} has no {WEIGHTS}; other kinds of weights are not opened.")
    config = read_json(path / CONFIG)
    _check_kind(path, config)
    _check_base(path, config, base_names, base)
    found = tensors([path / WEIGHTS])
    _check_ranks(path, config, {name: tensor.shape for name, tensor in found.items()})
    mark = fingerprint([path / CONFIG, path / WEIGHTS])
    return AdapterFolder(path, f"{plain(path.resolve().name)}@{mark}", mark, int(config["r"]), len(found))


def _check_kind(path: Path, config: dict[str, Any]) -> None:
    if config.get("peft_type") != "LORA" or not isinstance(config.get("r"), int):
        raise ModelUnfit(f"The adapter {path.name} is of the kind {config.get('peft_type')}; this version loads LoRA adapters.")
    more = ("modules_to_save", "trainable_token_indices", "layer_replication")
    if config.get("bias", "none") != "none" or any(config.get(each) for each in more):
        raise ModelUnfit(
            f"The adapter {path.name} changes more of the base model than LoRA does (bias, {', '.join(more[:-1])} or {more[-1]}), "
            "so it cannot be switched. Train it with LoRA alone, or merge it into a model of its own where it was trained."
        )
    begun = config.get("init_lora_weights", True)
    if begun is not None and not isinstance(begun, bool) and begun != "gaussian":
        raise ModelUnfit(
            f'The adapter {path.name} was begun with init_lora_weights "{begun}". Laying it over a model may rewrite the model\'s own weights, '
            "so it cannot be switched. Convert it to plain LoRA where it was trained (PEFT: save_pretrained with "
            "path_initial_model_for_weight_conversion), or merge it into a model of its own there."
        )


def _check_base(path: Path, config: dict[str, Any], base_names: tuple[str, ...], base: str) -> None:
    """By the manifest where there is one, else by the base's name as PEFT keeps it: a hub id, or a folder on the machine where it was trained."""
    exact = read_json(path / MANIFEST).get("base") if (path / MANIFEST).exists() else None
    if exact is not None and exact != base:
        raise ModelUnfit(f"The adapter {path.name} was made for {exact} and this is {base}. Give the adapter its own base model.")
    said = str(config.get("base_model_name_or_path") or "")
    if exact is None and not said:
        line = json.dumps({"base": base})
        raise ModelUnfit(
            f"The adapter {path.name} does not say which base model it was made for, so nobody knows whether it fits {base}. "
            f"If it was made for this one, write {line} into {MANIFEST} in its folder."
        )
    if exact is None and _last(said) not in {_last(name) for name in base_names}:
        raise ModelUnfit(
            f"The adapter {path.name} was made for {said} and this is {base}. Give the adapter its own base model; if it is the same "
            f"model under another name, write that name as base_model_name_or_path into {CONFIG}."
        )


def _last(name: str) -> str:
    """What of a hub id, a path or a place in a hub cache names the model.

    >>> _last("/home/li/.cache/hub/models--Qwen--Qwen2.5-VL-7B-Instruct/snapshots/0123456789abcdef0123456789abcdef01234567/")
    'qwen2.5-vl-7b-instruct'
    """
    cached = re.search(r"models--[^/]+?--([^/]+)/snapshots/", name)
    last = cached.group(1) if cached else re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return re.sub(r"~[0-9a-f]{12}$", "", last).lower()


def _check_ranks(path: Path, config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    """Every pair of matrices has the rank that the config says; those with a rank of their own are checked when they are put in."""
    if not any(".lora_" in name for name in shapes):
        raise ModelUnfit(f"The adapter {path.name} holds no LoRA weights.")
    if config.get("rank_pattern"):
        return
    for name, shape in sorted(shapes.items()):
        part = re.search(r"\.lora_(A|B|embedding_A|embedding_B)(?:\.weight)?$", name)
        rank = shape[0 if part.group(1).endswith("A") else 1] if part and len(shape) >= 2 else None
        if rank is not None and rank != config["r"]:
            raise ModelUnfit(
                f"The adapter {path.name} says it has rank {config['r']} and {name} has rank {rank}. It is damaged or mixed of two."
            )
