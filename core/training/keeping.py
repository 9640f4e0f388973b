"""What a training leaves on the disk: checkpoints that are whole or not taken, an adapter that is there whole or not. Trains nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import durable
from core.backends.adapters import CONFIG, MANIFEST, WEIGHTS, read_adapter
from core.backends.folder import ModelFolder

WHOLE = "whole"
"""A file of this name is put into a checkpoint when all of it is on the disk."""

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


def mark_whole(checkpoint: Path) -> None:
    """Everything of it reaches the disk, then the mark."""
    if not checkpoint.is_dir():
        return
    for each in checkpoint.rglob("*"):
        if each.is_file():
            _flush(each)
    durable.write(checkpoint / WHOLE, b"")
    durable.flush(checkpoint.parent)


def latest(checkpoints: Path) -> Path | None:
    """The whole checkpoint of the latest step; halves, which a kill left, are removed."""
    if not checkpoints.is_dir():
        return None
    found: list[tuple[int, Path]] = []
    for each in checkpoints.iterdir():
        step = _CHECKPOINT.fullmatch(each.name)
        if step and (each / WHOLE).exists():
            found.append((int(step.group(1)), each))
        elif each.is_dir() and step:
            shutil.rmtree(each)
    return max(found)[1] if found else None


def keep_adapter(model: Any, place: Path, base: ModelFolder, manifest: Mapping[str, Any]) -> Path:
    """Write a PEFT model's adapter as a folder: config, safetensors, our manifest. Read once as a backend would read it, then it takes its name.

    Raises ModelUnfit when it could not be used for that base; then nothing is there.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        model.save_pretrained(made, safe_serialization=True)
        for each in made.iterdir():
            if each.name not in (CONFIG, WEIGHTS):
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        config = json.loads((made / CONFIG).read_text("utf-8"))
        config["base_model_name_or_path"] = base.base  # not a folder of this machine
        (made / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")
        hashes = {name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in (CONFIG, WEIGHTS)}
        manifest = {**manifest, "base": base.base, "hashes": hashes}
        (made / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
        read_adapter(made, base.names, base.base)
        made.chmod(0o755)
        for each in made.iterdir():
            each.chmod(0o644)
            _flush(each)
        durable.flush(made)
        made.replace(place)
        durable.flush(place.parent)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return place


def drop_checkpoints(checkpoints: Path) -> None:
    """When the adapter is there nobody needs them, and they hold the trainer's own pickles."""
    shutil.rmtree(checkpoints, ignore_errors=True)


def drop_halves(checkpoints: Path) -> None:
    """Make room: a checkpoint that could not be written to its end."""
    latest(checkpoints)


def digest(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def tidy(folder: Path) -> None:
    """Remove what a kill left of an adapter that was being written."""
    for each in folder.glob(".adapter.*"):
        shutil.rmtree(each, ignore_errors=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
