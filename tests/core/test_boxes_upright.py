"""From the pixels of a turned frame to a family's numbers and back: every orientation, two hundred sizes, every family."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from core.geometry import FAMILIES, PIXELS, SHARES, BoxFormat, Size, from_model, from_pixels, iou, to_model, to_pixels
from core.pixels import SIDEWAYS, upright
from tests import makers

FORMATS = {**FAMILIES, "pixels": PIXELS, "shares": SHARES}
Corners = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

TURNS: dict[int, Callable[[int, int, int, int, int, int], Corners]] = {
    1: lambda x0, y0, x1, y1, w, h: (x0, y0, x1, y1),
    2: lambda x0, y0, x1, y1, w, h: (w - x1, y0, w - x0, y1),
    3: lambda x0, y0, x1, y1, w, h: (w - x1, h - y1, w - x0, h - y0),
    4: lambda x0, y0, x1, y1, w, h: (x0, h - y1, x1, h - y0),
    5: lambda x0, y0, x1, y1, w, h: (y0, x0, y1, x1),
    6: lambda x0, y0, x1, y1, w, h: (h - y1, x0, h - y0, x1),
    7: lambda x0, y0, x1, y1, w, h: (h - y1, w - x1, h - y0, w - x0),
    8: lambda x0, y0, x1, y1, w, h: (y0, w - x1, y1, w - x0),
}
"""EXIF 2.32, table 6: where the stored corners lie when the frame of stored width w and height h is held upright."""


def two_hundred_sizes() -> list[Size]:
    """Ratios from 1:10 to 10:1, evenly on a logarithmic scale; small, so that real files are cheap."""
    dice = random.Random(57)
    sizes = []
    for number in range(200):
        ratio = 10 ** (-1 + 2 * number / 199)
        long = dice.randrange(200, 640)
        sizes.append((long, max(20, round(long / ratio))) if ratio >= 1 else (max(20, round(long * ratio)), long))
    return sizes


SIZES = two_hundred_sizes()


def test_the_sizes_are_two_hundred_of_every_ratio() -> None:
    ratios = [width / height for width, height in SIZES]
    assert (len(SIZES), len(set(SIZES))) == (200, 200)
    assert (min(ratios), max(ratios)) == pytest.approx((0.1, 10), rel=0.03)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_thing_keeps_its_place_through_upright_and_every_family(orientation: int) -> None:
    """Drawn in the stored pixels of a JPEG with EXIF; sought in the upright picture; said and read in every family's convention."""
    dice, tried, as_good = random.Random(orientation), 0, 0
    for width, height in SIZES:
        x0, y0 = dice.randrange(width // 2), dice.randrange(height // 2)
        drawn = (x0, y0, dice.randrange(x0 + width // 4, width) + 1, dice.randrange(y0 + height // 4, height) + 1)
        content = makers.jpeg(width, height, colour="black", rects=[(drawn, "white")], exif_orientation=orientation, quality=90)
        picture = upright(content)
        assert picture.size == ((height, width) if orientation in SIDEWAYS else (width, height))
        seen = np.asarray(picture.convert("L")) > 127
        columns, rows = np.flatnonzero(seen.any(0)), np.flatnonzero(seen.any(1))
        found = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        wanted = TURNS[orientation](*drawn, width, height)
        assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= 1, "upright pixels are not where they belong"
        for family, fmt in FORMATS.items():
            as_good += goes_round(wanted, picture.size, fmt, family)
            tried += 1
    assert tried == 200 * len(FORMATS)
    assert as_good >= 200 * 4


@pytest.mark.parametrize("family", FORMATS)
def test_boxes_on_frames_of_any_size_go_round(family: str) -> None:
    """The numbers alone, on frames as large as cameras make them: 200 ratios, five scales, three boxes each."""
    dice, fmt, as_good = random.Random(5), FORMATS[family], 0
    for width, height in SIZES:
        for scale in (1, 2, 4, 7, 10):
            w, h = width * scale, height * scale
            for _ in range(3):
                x0, y0 = dice.randrange(w // 2), dice.randrange(h // 2)
                box = (x0, y0, dice.randrange(x0 + w // 4, w) + 1, dice.randrange(y0 + h // 4, h) + 1)
                as_good += goes_round(box, (w, h), fmt, family)
    assert as_good >= (0 if fmt.step > 1 else 1000)


def goes_round(xyxy: Corners, size: Size, fmt: BoxFormat, family: str) -> bool:
    """Whether the box had 200 numbers a side, where no rounding can cost more than .01 of IoU; then it is held to that too.

    Every corner comes back within a pixel, .2 % of the side, or half of the family's own step where that is coarser.
    """
    box = from_pixels(xyxy, size)
    back = from_model(to_model(box, fmt, size), fmt, size)
    grid = fmt.grid(size)
    for side, (was, now) in enumerate(zip(xyxy, to_pixels(back, size), strict=True)):
        edge = size[side % 2]
        coarse = fmt.step / 2 / grid[side % 2] if fmt.step > 1 else 0.0
        assert abs(was - now) <= max(1, 0.002 * edge, coarse * edge) + 1e-6, (family, xyxy, size)
    per_step = 10_000 if grid[0] <= 1 else 1 / fmt.step
    wide, high = (box.x1 - box.x0) * grid[0] * per_step, (box.y1 - box.y0) * grid[1] * per_step
    if min(wide, high) < 200:
        return False
    assert iou(box, back) >= 0.99, (family, xyxy, size)
    return True


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_can_say_goes_round_without_loss(family: str) -> None:
    """Boxes on the family's own grid, the compact model's coarse one too."""
    dice, fmt = random.Random(3), FAMILIES[family]
    for size in SIZES:
        right, lower = (int(edge) for edge in fmt.grid(size))
        (x0, x1), (y0, y1) = (sorted(dice.sample(range(0, edge - fmt.bins + 1, fmt.step), 2)) for edge in (right, lower))
        said = (x0, y0, x1, y1) if fmt.order == "xyxy" else (y0, x0, y1, x1)
        assert to_model(from_model(said, fmt, size), fmt, size) == said
