"""A frame decoded for who will not look at all of its pixels: the ratio stays, enough is left, and every pixel lies where it lay."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.backends.scripted import Scripted
from core.geometry import FAMILIES, PIXELS, BoxFormat, from_model, iou, smart_resize, to_model
from core.inspection import inspect_frame
from core.patience import Patience
from core.pixels import SIDEWAYS, upright, webp_size
from core.profile import read
from core.prompts import Prompt
from core.schema import Box, Reply
from core.settings import ASSETS
from tests import makers

PROFILE = read(ASSETS / "profiles" / "bench.toml")

BOXES = [((80, 160, 400, 320), "red"), ((480, 40, 760, 560), "blue")]


@pytest.mark.parametrize(
    ("size", "most", "wanted"),
    [
        pytest.param((800, 600), 800 * 600, (800, 600), id="all of them"),
        pytest.param((800, 600), 400 * 300 + 1, (800, 600), id="a half would be too few"),
        pytest.param((800, 600), 400 * 300, (400, 300), id="a half"),
        pytest.param((800, 600), 200 * 150, (200, 150), id="a quarter"),
        pytest.param((800, 612), 1, (200, 153), id="612 has no eighth"),
        pytest.param((800, 608), 1, (100, 76), id="an eighth, and no less"),
        pytest.param((801, 600), 1, (801, 600), id="an odd side is not parted"),
        pytest.param((640, 480), FAMILIES["compact"].max_pixels, (640, 480), id="a usual frame for the compact model"),
        pytest.param((4000, 3000), FAMILIES["compact"].max_pixels, (500, 375), id="12 megapixels for the compact model"),
    ],
)
def test_as_many_pixels_as_are_looked_at(size: tuple[int, int], most: int, wanted: tuple[int, int]) -> None:
    assert upright(makers.jpeg(*size), most_pixels=most).size == wanted


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("how", ["a quarter of it", "at a size"])
def test_what_is_left_shows_the_same_upright(orientation: int, how: str) -> None:
    content = makers.jpeg(800, 608, colour="black", rects=BOXES, exif_orientation=orientation)
    whole = upright(content)
    size = (152, 200) if orientation in SIDEWAYS else (200, 152)
    small = upright(content, most_pixels=200 * 152) if how.startswith("a quarter") else upright(content, at=size)
    assert (small.size, small.mode, small.info) == (size, "RGB", {})
    turned = upright(content, most_pixels=1).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    wanted, got, other = (np.asarray(picture.resize(size), np.int16) for picture in (whole, small, turned))
    assert np.abs(wanted - got).mean() < 3
    assert np.abs(wanted - other).mean() > 10, "another picture is far away"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_files_are_decoded_whole_or_at_the_size(kind: str) -> None:
    content = makers.encoded(makers.picture(800, 600, rects=BOXES), kind)
    assert upright(content, most_pixels=1).size == (800, 600)
    assert upright(content, at=(112, 84)).size == (112, 84)


class Eye(Scripted):
    """Remembers how large the picture was that it was shown."""

    seen: tuple[int, int] = (0, 0)

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        Eye.seen = picture.size
        return Scripted.ask(self, picture, prompt, patience)


@pytest.mark.parametrize(
    ("fmt", "size", "wanted"),
    [
        pytest.param(FAMILIES["compact"], (640, 480), (640, 480), id="a usual frame"),
        pytest.param(FAMILIES["compact"], (2400, 1608), (600, 402), id="the compact model"),
        pytest.param(FAMILIES["qwen2-vl"], (2448, 1648), (1224, 824), id="shares"),
        pytest.param(FAMILIES["qwen2.5-vl"], (2400, 1608), smart_resize((2400, 1608)), id="pixels of the resized frame"),
        pytest.param(PIXELS, (2448, 1648), (2448, 1648), id="pixels of the frame"),
    ],
)
def test_a_model_is_shown_the_pixels_that_its_boxes_are_counted_in(fmt: BoxFormat, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    said = f'{{"findings":[{{"box":{list(to_model(Box(0.25, 0.25, 0.5, 0.5), fmt, size))},"label":"hammer"}}]}}'
    content = makers.jpeg(size[1], size[0], exif_orientation=6)  # lies on its side
    frame = makers.frame(content, width=size[0], height=size[1])
    assessment = inspect_frame(frame, content, Eye("scripted", {"*": (said, ())}, fmt), PROFILE)
    assert Eye.seen == wanted
    (finding,) = assessment.findings
    assert finding.box is not None
    assert iou(finding.box, Box(0.25, 0.25, 0.5, 0.5)) > 0.9


def test_a_box_keeps_its_place_when_the_frame_is_decoded_at_the_size_the_model_counts_in() -> None:
    """Qwen2.5-VL: pixels of the resized frame, here of the very picture that it is handed."""
    fmt, frame = FAMILIES["qwen2.5-vl"], (2400, 1608)
    size = smart_resize(frame, fmt.factor, fmt.min_pixels, fmt.max_pixels)
    content = makers.jpeg(*frame, colour="black", rects=[((600, 402, 1800, 1206), "white")])
    picture = upright(content, at=size)
    assert picture.size == size == smart_resize(picture.size, fmt.factor, fmt.min_pixels, fmt.max_pixels)
    seen = np.asarray(picture.convert("L")) > 127
    columns, rows = np.flatnonzero(seen.any(0)), np.flatnonzero(seen.any(1))
    said = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
    box = Box(0.25, 0.25, 0.75, 0.75)
    assert iou(from_model(said, fmt, frame), box) > 0.99
    assert max(abs(a - b) for a, b in zip(said, to_model(box, fmt, frame), strict=True)) <= 1


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        pytest.param("RGB", {"quality": 50}, id="lossy"),
        pytest.param("RGB", {"lossless": True}, id="lossless"),
        pytest.param("RGBA", {"lossless": True}, id="clear"),
        pytest.param("RGBA", {"quality": 50}, id="lossy and clear"),
        pytest.param("RGB", {"quality": 50, "exif": b"Exif\0\0" + bytes(20)}, id="with metadata"),
    ],
)
def test_the_size_of_a_webp_is_known_before_it_is_opened(mode: str, options: dict[str, object]) -> None:
    for size in ((1, 1), (37, 411), (16_383, 2)):
        content = makers.encoded(Image.new(mode, size, "green"), "WEBP", **options)
        with Image.open(io.BytesIO(content)) as opened:
            assert webp_size(content) == opened.size == size
    assert webp_size(b"RIFF\x04\0\0\0WEBP") == (0, 0)
