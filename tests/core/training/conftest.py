"""Tiny models that can be taught in seconds, and sets to teach them with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.backends.catalogue import LocalSpec
from core.backends.folder import MANIFEST, read_folder, read_spec
from core.compact.network import Shape
from core.compact.pupil import Pupil
from core.compact.pupil import Recipe as Shown
from core.compact.ship import write_folder
from core.profile import Profile, read
from core.prompts import build
from core.training.recipe import recipe_of
from core.training.tutoring import Lesson, pupil, quietly, tutor
from tests import tiny, training_sets

SMALL = Shape(hidden=48, layers=1, heads=2, kv_heads=1, mlp=64, vision_hidden=32, vision_layers=2, vision_heads=2, vision_mlp=48)

Teach = Callable[..., Any]


@pytest.fixture(scope="session")
def bench() -> Profile:
    return read(training_sets.PROFILE)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, bench: Profile) -> Path:
    """A compact model that learned nothing; its answers are cut after 16 tokens."""
    folder = tmp_path_factory.mktemp("models") / "small"
    write_folder(Pupil(Shown(shape=SMALL), bench), folder, folder / "no-log")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**manifest, "name": "small", "most_tokens": 16}), "utf-8")
    return folder


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By `model_type`: a folder as the hub has it."""
    root = tmp_path_factory.mktemp("families")
    return {kind: tiny.make(kind, root / name) for kind, name in tiny.NAMES.items()}


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight frames that teach and four that measure, for the compact family. Copy it before you change it."""
    return training_sets.exported(tmp_path_factory.mktemp("sets") / "drawn")


@pytest.fixture
def teacher(tmp_path: Path, bench: Profile) -> Teach:
    """A trainer for a model's folder, a part's folder and what the recipe is to say."""

    def make(model: Path, part: Path, **given: Any) -> Any:
        family = read_folder(model).family
        recipe = recipe_of(
            {"least_frames": 1, "most_steps": 2, "batch": 2, "accumulation": 1, "rank": 4, "gradient_checkpointing": False, **given},
            frames=8,
            family=family,
        )
        folder = read_spec(model.name, LocalSpec(str(model), quantisation=recipe.quantisation))
        lesson = Lesson(part, pupil(folder, recipe), build(bench, folder.prompt_style, folder.box_format), bench, recipe)
        with quietly():
            return tutor(lesson, tmp_path / "checkpoints")

    return make
