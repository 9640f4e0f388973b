"""A real model of the true architecture: loaded from a folder, asked, its words and probabilities taken apart."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from core.backends.base import TOP
from core.backends.folder import MANIFEST, read_folder
from core.backends.local import LocalModel
from core.errors import ModelError, ModelMissing
from core.geometry import FAMILIES
from core.profile import Profile
from core.prompts import build
from tests import makers

PICTURE = makers.picture(160, 120, rects=[((20, 20, 60, 90), "red")])


def copied(tiny: Path, to: Path) -> Path:
    shutil.copytree(tiny, to)
    return to


def test_a_reply_is_its_tokens_and_says_how_likely_each_was(tiny: Path, bench: Profile) -> None:
    model = LocalModel(read_folder(tiny), threads=1)
    reply = model.ask(PICTURE, build(bench, model.prompt_style, model.box_format))
    raw = b"".join(t.text.encode("utf-8", "surrogateescape") for t in reply.tokens)
    assert reply.text == raw.decode("utf-8", "replace")
    assert 0 < len(reply.tokens) <= 24
    assert reply.masked
    for token in reply.tokens:
        assert token.top[0] == (token.text, token.logprob)  # the likeliest is what was said
        assert 1 <= len(token.top) <= TOP
        assert sum(math.exp(p) for _, p in token.top) <= 1 + 1e-6
        assert [p for _, p in token.top] == sorted((p for _, p in token.top), reverse=True)


def test_the_same_frame_gets_the_same_reply(tiny: Path, bench: Profile) -> None:
    model = LocalModel(read_folder(tiny), threads=1)
    prompt = build(bench, model.prompt_style, model.box_format)
    assert model.ask(PICTURE, prompt).text == model.ask(PICTURE, prompt).text


def test_another_picture_changes_the_probabilities(tiny: Path, bench: Profile) -> None:
    model = LocalModel(read_folder(tiny), threads=1)
    prompt = build(bench, model.prompt_style, model.box_format)
    other = Image.new("RGB", PICTURE.size, "black")
    assert model.ask(PICTURE, prompt).tokens[0].logprob != model.ask(other, prompt).tokens[0].logprob


def test_a_folder_as_a_hub_gives_it_speaks_its_family(tiny: Path, bench: Profile, tmp_path: Path) -> None:
    hub = copied(tiny, tmp_path / "Qwen2.5-VL-tiny")
    (hub / MANIFEST).unlink()
    described = read_folder(hub)
    assert (described.family, described.prompt_style, described.canvas) == ("qwen2.5-vl", "full", None)
    assert described.box_format.resized
    from dataclasses import replace

    model = LocalModel(replace(described, most_tokens=4), threads=1)
    assert len(model.ask(PICTURE, build(bench, model.prompt_style, model.box_format)).tokens) <= 4


def test_the_id_changes_with_the_weights(tiny: Path, tmp_path: Path) -> None:
    other = copied(tiny, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    name = sorted(weights)[0]
    weights[name] = weights[name] + 1
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    assert read_folder(other).model != read_folder(tiny).model
    assert read_folder(tiny).model.startswith("tiny@")


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{", "utf-8")


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def pickled_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def another_kind(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "gpt2"}), "utf-8")


@pytest.mark.parametrize(
    ("harm", "error", "word"),
    [
        (no_config, ModelMissing, "config.json"),
        (no_weights, ModelMissing, "safetensors"),
        (pickled_weights, ModelMissing, "safetensors"),
        (broken_config, ModelError, "JSON"),
        (another_kind, ModelError, "gpt2"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_folder_that_cannot_be_used_is_refused_in_words(
    tiny: Path, tmp_path: Path, harm: object, error: type[ModelError], word: str
) -> None:
    folder = copied(tiny, tmp_path / "harmed")
    harm(folder)  # type: ignore[operator]
    with pytest.raises(error, match=word):
        read_folder(folder)


def test_weights_that_are_cut_short_are_an_error_and_no_model(tiny: Path, tmp_path: Path) -> None:
    folder = copied(tiny, tmp_path / "cut")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="could not be loaded"):
        LocalModel(read_folder(folder), threads=1)


def test_the_compact_family_writes_every_tenth_number() -> None:
    assert FAMILIES["compact"].step == 10
