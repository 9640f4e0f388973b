"""Every family's boxes go round; what is no box is told from one that is."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize as qwens_smart_resize

from core.geometry import FAMILIES, PIXELS, SHARES, BoxFormat, from_model, from_pixels, iou, smart_resize, to_model, to_pixels
from core.schema import Box

FORMATS = {
    **FAMILIES,
    "rows first": BoxFormat("yxyx"),
    "shares": SHARES,
    "pixels": PIXELS,
    "coarse": BoxFormat(step=25),
}

sizes = st.tuples(st.integers(40, 6000), st.integers(40, 6000)).filter(lambda s: max(s) <= 10 * min(s))
shares = st.floats(0, 1, allow_nan=False)


@st.composite
def boxes(draw: st.DrawFn, least: float = 1e-6) -> Box:
    """Boxes of at least a share of the frame's side."""
    (x0, x1), (y0, y1) = (sorted((draw(shares), draw(shares))) for _ in range(2))
    x0, y0 = min(x0, 1 - least), min(y0, 1 - least)
    return Box(x0, y0, min(1.0, max(x1, x0 + least)), min(1.0, max(y1, y0 + least)))


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS.keys())
@given(box=boxes(), size=sizes)
def test_a_box_goes_round_within_a_step(fmt: BoxFormat, box: Box, size: tuple[int, int]) -> None:
    back = from_model(to_model(box, fmt, size), fmt, size)
    grid = [edge if edge > 1 else 10_000 for edge in fmt.grid(size)] * 2
    for was, is_now, edge in zip(box.xyxy, back.xyxy, grid, strict=True):
        assert abs(was - is_now) <= 2 * fmt.step / edge  # a side that was thinner than a step was made one step wide


@pytest.mark.parametrize("family", FAMILIES)
@given(box=boxes(least=0.25), size=sizes.filter(lambda s: min(s) >= 320))
def test_a_large_box_loses_nothing_that_matters(family: str, box: Box, size: tuple[int, int]) -> None:
    fmt = FAMILIES[family]
    assert iou(box, from_model(to_model(box, fmt, size), fmt, size)) >= (0.97 if fmt.step == 1 else 0.92)


def test_the_mean_loss_is_under_one_in_a_hundred() -> None:
    box, sizes_tried = Box(0.31, 0.42, 0.53, 0.66), [(640, 480), (1280, 720), (1920, 1080), (4000, 3000), (720, 1280), (333, 3000)]
    for fmt in (fmt for fmt in FAMILIES.values() if fmt.step == 1):
        assert sum(iou(box, from_model(to_model(box, fmt, s), fmt, s)) for s in sizes_tried) / len(sizes_tried) >= 0.99


@pytest.mark.parametrize(
    ("fmt", "size", "numbers"),
    [
        pytest.param(BoxFormat(), (640, 480), (100, 200, 500, 600), id="thousandths"),
        pytest.param(BoxFormat("yxyx"), (640, 480), (200, 100, 600, 500), id="rows first"),
        pytest.param(BoxFormat(scale=None), (640, 480), (64, 96, 320, 288), id="pixels of the frame"),
        pytest.param(FAMILIES["qwen2.5-vl"], (1920, 1080), (132, 146, 658, 437), id="pixels of the resized frame, 1316 x 728"),
        pytest.param(BoxFormat(scale=1), (640, 480), (0.1, 0.2, 0.5, 0.6), id="shares"),
        pytest.param(FAMILIES["florence-2"], (640, 480), (100, 200, 500, 600), id="a thousand bins"),
        pytest.param(FAMILIES["paligemma"], (640, 480), (204, 102, 614, 512), id="1,024 bins, rows first"),
        pytest.param(BoxFormat(step=25), (640, 480), (100, 200, 500, 600), id="coarse"),
    ],
)
def test_each_convention_by_an_example(fmt: BoxFormat, size: tuple[int, int], numbers: tuple[float, ...]) -> None:
    assert to_model(Box(0.1, 0.2, 0.5, 0.6), fmt, size) == numbers
    assert all(isinstance(number, int) for number in numbers) or fmt.scale == 1


@given(box=boxes(), size=sizes)
def test_a_coarse_model_is_taught_multiples_of_its_step(box: Box, size: tuple[int, int]) -> None:
    assert all(number % 25 == 0 for number in to_model(box, BoxFormat(step=25), size))


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ([1, 2, 3], "four numbers"),
        ([1, 2, 3, 4, 5], "four numbers"),
        ("1,2,3,4", "four numbers"),
        ({"x0": 1}, "four numbers"),
        ([1, 2, "3", 4], "not a number"),
        ([1, 2, None, 4], "not a number"),
        ([1, 2, True, 4], "not a number"),
        ([1, 2, math.nan, 4], "not a number"),
        ([1, 2, math.inf, 4], "not a number"),
        ([1, 2, 10**400, 4], "not a number"),
        ([300, 2, 200, 4], "no area"),
        ([5, 5, 5, 9], "no area"),
        ([-20, 0, 100, 100], "outside"),
        ([0, 0, 1002, 100], "outside"),
        ([640, 100, 1280, 720], "outside"),
    ],
)
def test_what_is_no_box_is_refused_with_the_reason(numbers: list[object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_model(numbers, BoxFormat(), (1280, 720))


@pytest.mark.parametrize("edge", [0.0, 0.3141, 0.9999, 1.0])
def test_a_bin_is_named_and_read_as_florences_own_processor_does(edge: float) -> None:
    """transformers, processing_florence2: floor, clamp to 999, read as the middle."""
    import torch
    from transformers.models.florence2.processing_florence2 import Florence2PostProcessor

    fmt, size = FAMILIES["florence-2"], (640, 480)
    box = Box(0.0, 0.0, edge or 0.001, 1.0)
    theirs = Florence2PostProcessor.__new__(Florence2PostProcessor)
    theirs.quantize_bins = (1000, 1000)
    named = theirs.quantize(torch.tensor([to_pixels(box, size)], dtype=torch.float64), size)[0].tolist()
    if named[2] > named[0]:  # a side without area we make one bin wide
        assert list(to_model(box, fmt, size)) == named
        read = theirs.dequantize(torch.tensor([named]), size)[0].tolist()
        assert list(to_pixels(from_model([int(n) for n in named], fmt, size), size)) == pytest.approx(
            read, abs=1
        )  # theirs are cut to whole pixels


def test_one_step_beyond_the_edge_is_rounding() -> None:
    assert from_model([-1, 0, 1001, 500], BoxFormat(), (640, 480)) == Box(0, 0, 1, 0.5)


numbers = st.one_of(st.none(), st.text(), st.booleans(), st.integers(), st.floats(), st.lists(st.integers()))


@given(said=st.one_of(numbers, st.lists(numbers, max_size=6), st.lists(st.integers(-5, 1005), min_size=4, max_size=4)))
def test_whatever_is_said_is_a_box_or_a_reason(said: list[object]) -> None:
    for fmt in FORMATS.values():
        try:
            box = from_model(said, fmt, (640, 480))
        except ValueError as reason:
            assert str(reason)  # noqa: PT017
        else:
            assert isinstance(box, Box)


@pytest.mark.parametrize(("factor", "least", "most"), [(28, 56 * 56, 1280 * 28 * 28), (32, 256 * 256, 1280 * 32 * 32)], ids=["28", "32"])
def test_a_resized_frame_is_what_qwens_own_processor_makes_of_two_thousand_sizes(factor: int, least: int, most: int) -> None:
    dice, tried = random.Random(28), 0
    while tried < 2_000:
        width, height = (round(math.exp(dice.uniform(0, math.log(20_000)))) for _ in range(2))
        if max(width, height) > 200 * min(width, height):
            continue
        their_height, their_width = qwens_smart_resize(height, width, factor, least, most)
        assert smart_resize((width, height), factor, least, most) == (their_width, their_height)
        tried += 1


@given(size=st.tuples(st.integers(20, 20_000), st.integers(20, 20_000)).filter(lambda s: max(s) <= 20 * min(s)))
def test_to_resize_a_resized_frame_changes_nothing(size: tuple[int, int]) -> None:
    once = smart_resize(size)
    assert smart_resize(once) == once
    assert once[0] % 28 == once[1] % 28 == 0
    assert once[0] * once[1] <= 1280 * 28 * 28


def test_a_frame_like_a_thread_is_refused() -> None:
    with pytest.raises(ValueError, match="200 times"):
        smart_resize((201, 1))


@given(a=boxes(), b=boxes())
def test_iou_is_a_symmetric_share(a: Box, b: Box) -> None:
    assert 0 <= iou(a, b) == iou(b, a) <= 1 + 1e-9
    assert iou(a, a) == 1


def test_iou_falls_as_boxes_part() -> None:
    still = Box(0.2, 0.2, 0.6, 0.6)
    moved = [iou(still, Box(0.2 + d, 0.2, 0.6 + d, 0.6)) for d in (0, 0.1, 0.2, 0.3, 0.4)]
    assert all(near > far for near, far in pairwise(moved))
    assert moved[-1] == 0


@given(box=boxes(least=0.01), size=sizes)
def test_pixels_of_the_frame_go_round(box: Box, size: tuple[int, int]) -> None:
    assert from_pixels(to_pixels(box, size), size).xyxy == pytest.approx(box.xyxy)


def test_this_file_knows_no_pictures_and_no_json() -> None:
    text = (Path(__file__).parents[2] / "core" / "geometry.py").read_text("utf-8")
    assert not any(f"import {name}" in text for name in ("json", "orjson", "PIL", "numpy"))
