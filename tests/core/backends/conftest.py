"""Tiny models of the true architecture, made on the spot with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.backends.folder import MANIFEST
from core.compact.network import Shape
from core.compact.pupil import Pupil, Recipe
from core.compact.ship import write_folder
from core.profile import Profile, read

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
    (folder / MANIFEST).write_text(json.dumps({**manifest, "name": "tiny", "most_tokens": 24}), "utf-8")
    return folder
