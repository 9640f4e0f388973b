"""Tiny models of the true architecture, made on the spot with random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.backends.folder import MANIFEST
from core.compact.network import Shape
from core.compact.pupil import Pupil, Recipe
from core.compact.ship import write_folder
from core.profile import Profile, read
from tests import tiny as makers_of_models

TINY = Shape(hidden=48, layers=1, heads=2, kv_heads=1, mlp=64, vision_hidden=32, vision_layers=1, vision_heads=2, vision_mlp=48)


@pytest.fixture(scope="session")
def bench() -> Profile:
    return read(Path(__file__).parents[3] / "assets" / "profiles" / "bench.toml")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, bench: Profile) -> Path:
    """A compact model that learned nothing, with answers cut after 24 tokens."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_folder(Pupil(Recipe(shape=TINY), bench), folder, folder / "no-log")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**manifest, "name": "tiny", "most_tokens": 24, "guided": True}), "utf-8")
    return folder


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By `model_type`: a folder as the hub has it. Copy one before you change it."""
    root = tmp_path_factory.mktemp("families")
    return {kind: makers_of_models.make(kind, root / name) for kind, name in makers_of_models.NAMES.items()}


@pytest.fixture(scope="session")
def loras(tmp_path_factory: pytest.TempPathFactory, families: Mapping[str, Path]) -> Mapping[str, Path]:
    """By `model_type`: a folder of a LoRA adapter for it."""
    root = tmp_path_factory.mktemp("loras")
    return {kind: makers_of_models.adapter(model, root / f"{kind}-bench") for kind, model in families.items()}
