"""The recipe on a tiny network: the loss is on the answer only, a batch can be learned, an interrupted run goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.compact.learn import run
from core.compact.lessons import Lesson, Material, gather, lesson
from core.compact.network import CANVAS, CELL, PATCH, Shape, on_canvas
from core.compact.pupil import Pupil, Recipe, cell_targets, collate
from core.compact.tokens import tokenizer
from core.profile import Profile, read
from core.schema import Box, Finding

ROOT = Path(__file__).parents[3]
TINY = Shape(hidden=48, layers=1, heads=2, kv_heads=1, mlp=64, vision_hidden=32, vision_layers=2, vision_heads=2, vision_mlp=48)


@pytest.fixture(scope="module")
def bench() -> Profile:
    return read(ROOT / "assets" / "profiles" / "bench.toml")


@pytest.fixture(scope="module")
def material(bench: Profile) -> Material:
    cv2.setNumThreads(0)
    return gather(ROOT / "assets" / "frames" / "tools_bench", bench)


def test_the_ruler_says_where_each_patch_lies() -> None:
    seen = on_canvas(np.full((480, 640, 3), 77, np.uint8))
    corners = seen[::PATCH, ::PATCH]
    assert seen.shape == (CANVAS[1], CANVAS[0], 3)
    assert (np.diff(corners[0, :, 0].astype(int)) > 0).all()
    assert (np.diff(corners[:, 0, 1].astype(int)) > 0).all()
    assert (seen == 77).all(axis=2).mean() == pytest.approx(1 - 4 / PATCH**2)


def test_the_loss_is_on_the_answer_and_its_end_only(bench: Profile, material: Material) -> None:
    pupil = Pupil(Recipe(shape=TINY), bench)
    taught = [lesson(material, 1, n) for n in range(2)]
    batch = collate(taught, pupil)
    for row, one in zip(batch["labels"], taught, strict=True):
        assert pupil.words.decode(row[row != -100]) == one.answer + "<|im_end|>"


def test_our_forward_is_the_model_s_own(bench: Profile, material: Material) -> None:
    pupil = Pupil(Recipe(shape=TINY), bench)
    batch = collate([lesson(material, 1, n) for n in range(2)], pupil)
    names = ("input_ids", "pixel_values", "image_grid_thw", "mm_token_type_ids", "attention_mask")
    with torch.no_grad():
        _, ours = pupil._forward(batch, alone=False)
        theirs = pupil.net(**{name: batch[name] for name in names}).logits[:, int(batch["answer_at"]) - 1 : -1]
    assert ours is not None
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_batch_can_be_learned(bench: Profile, material: Material) -> None:
    pupil = Pupil(Recipe(shape=TINY, eyes_first=0, warmup=1, rate=3e-3), bench)
    batch = collate([lesson(material, 1, n) for n in range(4)], pupil)
    first = pupil.learn(batch)["answer"]
    for _ in range(30):
        last = pupil.learn(batch)["answer"]
    assert last < first * 0.6


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, material: Material) -> None:
    once = run(tmp_path / "once", material, Recipe(scenes=48, eyes_first=16, shape=TINY), save_every=2)
    (tmp_path / "twice").mkdir()
    run(tmp_path / "twice", material, Recipe(scenes=32, eyes_first=16, shape=TINY), save_every=2)
    twice = run(tmp_path / "twice", material, Recipe(scenes=48, eyes_first=16, shape=TINY), save_every=2)
    log = [json.loads(line)["scenes"] for line in (tmp_path / "twice" / "log.jsonl").read_text("utf-8").splitlines()]
    assert once.shown == twice.shown == 48
    assert log == [16, 32, 48]


def test_a_small_thing_on_a_large_one_wins_its_cells(bench: Profile) -> None:
    labels = [term.key for term in bench.labels]
    plate, bolt = Finding("plate", Box(0.0, 0.0, 0.9, 0.9)), Finding("bolt", Box(0.4, 0.4, 0.5, 0.5))
    cells, edges = cell_targets(Lesson(np.zeros((4, 4, 3), np.uint8), "", (bolt, plate)), labels)
    row, column = int(0.45 * CANVAS[1] / CELL), int(0.45 * CANVAS[0] / CELL)
    assert cells[row, column] == labels.index("bolt") + 1
    assert (cells == labels.index("plate") + 1).sum() > 9
    assert edges[row, column].tolist() == pytest.approx([0.4 * 12, 0.4 * 9, 0.5 * 12, 0.5 * 9])


def test_an_answer_is_a_handful_of_tokens_and_comes_back_whole(bench: Profile) -> None:
    words = tokenizer(bench, "Inspect this frame of the workbench.")
    answer = '{"findings":[{"box":[100,200,300,400],"label":"hammer"}],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'
    assert len(words.encode(answer)) == 24
    assert words.decode(words.encode(answer + " 未见风险")) == answer + " 未见风险"
