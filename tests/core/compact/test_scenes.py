"""What the compact model is shown: exact, repeatable, and made from training frames only."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.answers import write
from core.compact.lessons import Material, gather, lesson
from core.compact.scenes import compose
from core.compact.split import GUARD_SECONDS, read_frames, split, taken_at
from core.geometry import FAMILIES
from core.judging import judge
from core.profile import read
from core.schema import Risk

ROOT = Path(__file__).parents[3]
FRAMES = ROOT / "assets" / "frames" / "tools_bench"


@pytest.fixture(scope="module")
def material() -> Material:
    cv2.setNumThreads(1)
    return gather(FRAMES, read(ROOT / "assets" / "profiles" / "bench.toml"))


def test_the_split_is_by_time_and_nobody_is_close_to_a_test_frame() -> None:
    names = [frame.path.name for frame in read_frames(FRAMES)]
    parts = split(names)
    times = {name: taken_at(name) for name in names}
    test, train = ([n for n in names if parts[n] == part] for part in ("test", "train"))
    assert (len(test), len(train), len(names)) == (50, 116, 172)
    assert min(abs((times[a] - times[b]).total_seconds()) for a in test for b in train) > GUARD_SECONDS


def test_the_test_file_that_ships_is_the_test_part() -> None:
    shipped = json.loads((FRAMES / "test.coco.json").read_text("utf-8"))
    parts = split([frame.path.name for frame in read_frames(FRAMES)])
    assert {image["file_name"] for image in shipped["images"]} == {name for name, part in parts.items() if part == "test"}


def test_no_test_frame_gives_anything_to_a_scene(material: Material) -> None:
    parts = split([frame.path.name for frame in read_frames(FRAMES)])
    assert {parts[frame.path.name] for frame in material.frames} == {"train"}


def test_all_eleven_classes_were_cut_out(material: Material) -> None:
    assert len(material.stock.tools) == 10
    assert all(len(cuts) >= 5 for cuts in material.stock.cutouts.values())


@pytest.mark.parametrize("seed", range(6))
def test_a_scene_is_a_function_of_its_seed_and_judged_by_the_rules(material: Material, seed: int) -> None:
    scene, again = compose(material.stock, seed), compose(material.stock, seed)
    assert np.array_equal(scene.picture, again.picture)
    assert scene.findings == again.findings
    assert scene.judged == judge(scene.findings, material.stock.profile)


def test_the_answer_of_a_lesson_says_what_is_in_it(material: Material) -> None:
    one = lesson(material, 3, 11)
    said = json.loads(one.answer)
    assert len(said["findings"]) == len(one.findings)
    assert {f["label"] for f in said["findings"]} == {f.label for f in one.findings}
    judged = judge(one.findings, material.stock.profile)
    size = (one.picture.shape[1], one.picture.shape[0])
    risk = Risk(level=judged.level)
    assert one.answer == write(one.findings, judged.step, judged.violations, risk, material.stock.profile, FAMILIES["compact"], size)
