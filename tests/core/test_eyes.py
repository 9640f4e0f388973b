"""A vision tower alone: the same numbers as inside its model, a name that changes with what it sees by, vectors of length 1."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backends.folder import read_folder
from core.errors import ModelUnfit
from core.eyes import Eyes, Tower, can_see, eyes_of, fingerprint
from core.settings import ASSETS, Settings
from tests import tiny
from tests.makers import jpeg, picture

RED = picture(320, 240, rects=[((40, 40, 160, 200), "red")])
PICTURES = [RED, picture(320, 240, rects=[((200, 100, 300, 140), "blue")]), picture(200, 320, colour="white")]


@pytest.fixture(scope="module", params=["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(request.param, tmp_path_factory.mktemp("tiny") / request.param)


def test_the_tower_alone_sees_what_the_model_sees(folder: Path) -> None:
    import torch

    from core.backends.loading import load

    known = read_folder(folder)
    tower, whole = Tower(known, 1), load(known, 1)
    asked: dict[str, Any] = whole.prepare([RED], "what is seen here")
    with torch.inference_mode():
        seen = whole.net.model.visual(asked["pixel_values"], asked["image_grid_thw"]).pooler_output
    seen = torch.cat(list(seen)) if isinstance(seen, tuple | list) else seen
    expected = torch.cat([seen.float().mean(0), seen.float().std(0)]).numpy()
    assert np.allclose(tower._pooled([RED])[0], expected, atol=1e-4)


def test_vectors_are_of_length_1_and_do_not_depend_on_the_company(folder: Path) -> None:
    tower = Tower(read_folder(folder), 1)
    together = tower.see(PICTURES)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together[1], tower.see(PICTURES[1:2])[0], atol=1e-4)
    assert float(together[0] @ together[1]) < 0.9999


def test_the_name_changes_with_the_tower_and_not_with_what_the_model_says(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    one = tiny.make("qwen2_5_vl", tmp_path / "one")
    two = Path(shutil.copytree(one, tmp_path / "two"))
    file = two / "model.safetensors"
    weights = load_file(file)
    said = next(name for name in weights if "visual" not in name and name.endswith("weight"))
    seen = next(name for name in weights if "visual" in name and name.endswith("weight"))
    save_file({**weights, said: weights[said] + 1}, file, {"format": "pt"})
    known = read_folder(one)
    assert fingerprint(read_folder(two)) == fingerprint(known)
    save_file({**weights, seen: weights[seen] + 1}, file, {"format": "pt"})
    assert fingerprint(read_folder(two)) != fingerprint(known)
    assert fingerprint(replace(known, box_format=replace(known.box_format, max_pixels=28 * 28 * 4))) != fingerprint(known)


def test_a_model_that_cannot_see_alone_is_refused_in_a_sentence(tmp_path: Path) -> None:
    llama = read_folder(tiny.make("mllama", tmp_path / "llama"))
    assert not can_see(llama)
    with pytest.raises(ModelUnfit, match="cannot be used alone"):
        Eyes(llama)


def test_where_the_model_is_at_a_server_the_one_that_ships_lends_its_eyes(tmp_path: Path) -> None:
    shipped = fingerprint(read_folder(ASSETS / "models" / "compact"))
    for name in ("compact", "scripted:replies.json", "nowhere"):
        lent = eyes_of(Settings(data=tmp_path, model=name))
        assert lent is not None
        assert lent.id == shipped
    own = eyes_of(Settings(data=tmp_path), tiny.make("qwen2_5_vl", tmp_path / "own"))
    assert own is not None
    assert own.id != shipped


@pytest.mark.slow  # a process of its own imports torch anew
def test_the_process_ends_when_it_is_let_go_and_begins_again() -> None:
    with Eyes(read_folder(ASSETS / "models" / "compact")) as eyes:
        first = eyes([jpeg(320, 240), jpeg(320, 240, rects=[((40, 40, 160, 200), "red")])])
        eyes.close()
        again = eyes([jpeg(320, 240)])
    assert first.shape == (2, 384)
    assert np.allclose(first[0], again[0], atol=1e-5)
    assert eyes._process is None
