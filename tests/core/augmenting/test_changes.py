"""Further frames: boxes go where the pixels go, safety colours stay, what the rules would judge otherwise is not made."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.augmenting.changes import CHANGES, KEPT, Shown
from core.augmenting.colours import SAFETY, classes, turned
from core.augmenting.plan import Plan, further
from core.errors import Malformed
from core.profile import read
from core.schema import Box, Finding
from core.settings import ASSETS

BENCH = read(ASSETS / "profiles" / "bench.toml")
MOVING = ("mirror", "rotation", "crop", "padding")
GREY = 70


def one_thing(x0: int = 250, y0: int = 180, x1: int = 390, y1: int = 290) -> Shown:
    """A white thing on grey, 640 x 480, and its box."""
    pixels = np.full((480, 640, 3), GREY, np.uint8)
    pixels[y0:y1, x0:x1] = 255
    return Shown(pixels, (Finding("hammer", Box(x0 / 640, y0 / 480, x1 / 640, y1 / 480), said_by="person"),))


@pytest.mark.parametrize("name", CHANGES)
def test_a_box_goes_where_its_pixels_go(name: str) -> None:
    made = changed = 0
    for seed in range(60):
        after = CHANGES[name](one_thing(), np.random.default_rng(seed))
        if after is None:
            continue
        made += 1
        height, width = after.pixels.shape[:2]
        box = after.findings[0].box
        assert box is not None
        told = np.array(box.xyxy) * (width, height, width, height)
        ys, xs = np.nonzero(after.pixels[:, :, 0] > (GREY + 255) / 2) if name in MOVING else np.nonzero(np.ones((1, 1)))
        if name in MOVING:
            seen = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
            assert np.abs(told - seen).max() <= 1.0, (seed, told, seen)
        else:
            assert after.findings == one_thing().findings
            assert after.pixels.shape == (480, 640, 3)
            changed += bool((after.pixels != one_thing().pixels).any())
    assert made >= 20
    assert changed >= 50 or name in (*MOVING, "hue")  # grey has no hue


def test_a_cut_that_takes_a_part_of_a_thing_is_not_made() -> None:
    at_the_side = one_thing(0, 180, 60, 290)
    for seed in range(200):
        after = CHANGES["crop"](at_the_side, np.random.default_rng(seed))
        if after is not None:
            box = after.findings[0].box
            assert box is not None
            area = (box.x1 - box.x0) * after.pixels.shape[1] * (box.y1 - box.y0) * after.pixels.shape[0]
            assert area >= KEPT * 60 * 110 - 1


def test_padding_shows_no_thing_twice() -> None:
    assert all(CHANGES["padding"](one_thing(5, 180, 60, 290), np.random.default_rng(seed)) is None for seed in range(20))


def test_safety_colours_keep_their_class_under_any_turn_of_hue() -> None:
    dice = np.random.default_rng(3)
    hsv = np.dstack([dice.uniform(0, 360, (200, 300)), dice.uniform(0, 1, (200, 300)), dice.uniform(0, 1, (200, 300))]).astype(np.float32)
    pixels = np.rint(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255).astype(np.uint8)
    before = classes(pixels)
    assert set(np.unique(before)) == {-1, *range(len(SAFETY))}
    for degrees in (-14.0, -3.6, 3.6, 14.0, 90.0):
        after = turned(pixels, degrees)
        assert (classes(after)[before >= 0] == before[before >= 0]).mean() >= 0.99
        assert (classes(after)[before < 0] < 0).mean() >= 0.99  # and nothing becomes one
        assert (after != pixels).any()


def test_the_same_plan_makes_the_same_frames_and_only_those_that_mean_the_same() -> None:
    shown = one_thing()
    plan = Plan(("noise", "blur", "rotation"), times=6, seed=5)
    first, again = (list(further(shown, plan, BENCH, 7)) for _ in range(2))
    assert [each.changes for each in first] == [each.changes for each in again]
    assert all((a.shown.pixels == b.shown.pixels).all() for a, b in zip(first, again, strict=True))
    assert first
    assert list(further(shown, plan, BENCH, 7, answer=lambda seen: seen.pixels.tobytes())) == []  # a model that says another thing of each
    assert len(list(further(shown, plan, BENCH, 7, answer=lambda seen: "the same"))) == len(first)


def test_no_frame_is_made_twice() -> None:
    made = list(further(one_thing(), Plan(("mirror",), times=12, seed=1), BENCH, 3))
    assert 0 < len(made) <= 3
    assert len({each.shown.pixels.tobytes() for each in made}) == len(made)


def test_a_frame_that_the_rules_would_judge_otherwise_is_not_made() -> None:
    """A tool hard by the edge of the bench is a hazard; a crop that brings another tool there makes one."""
    near = one_thing(100, 200, 160, 290)
    hazards = set()
    for seed in range(80):
        for made in further(near, Plan(("crop",), times=3, seed=seed), BENCH, 1):
            from core.judging import judge

            hazards.add(tuple(v.hazard for v in judge(made.shown.findings, BENCH).violations))
    assert hazards == {()}


def test_a_plan_of_unknown_changes_is_refused() -> None:
    with pytest.raises(Malformed, match="no change"):
        Plan(("sepia",))
    with pytest.raises(Malformed):
        Plan(times=0)
