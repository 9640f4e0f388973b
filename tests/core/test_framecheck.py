from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from core import framecheck
from core.framecheck import COLOURS, SIZES, UNTOLD, Convention, Fit, Known, Told, convention_of, conventions, fit
from core.geometry import FAMILIES, BoxFormat, Size, smart_resize, to_model
from core.schema import Box

UNITS: tuple[tuple[float | None, bool], ...] = ((None, False), (None, True), (1000, False), (100, False), (1, False))
FRAMES = [Convention(order, scale, resized) for order in ("xyxy", "yxyx") for scale, resized in UNITS]
IDS = [f"{'pixels' if c.scale is None else c.scale}{' resized' if c.resized else ''} {c.order}" for c in FRAMES]
PIXELS = FAMILIES["qwen2.5-vl"]
drawn = functools.cache(framecheck.drawn)  # megapixels, the same for every model
OTHER_SIZES: tuple[Size, ...] = ((800, 600), (2000, 1125), (1500, 1500), (700, 400), (1080, 1920), (600, 800))


def speaks(
    known: Sequence[Known], convention: Convention, dice: random.Random, *, noise: float = 0.015, missing: float = 0.25, wrong: float = 0.15
) -> list[Told]:
    """A model that sees rectangles: some it misses, some it puts elsewhere, and every corner is a little off (`noise`, of the sides)."""
    heard = []
    for one in known:
        size = one.picture.size
        most = convention.most_pixels or PIXELS.max_pixels
        grid = smart_resize(size, max_pixels=most) if convention.resized else size
        right, lower = (convention.scale, convention.scale) if convention.scale is not None else grid
        said = []
        for label, box in one.true:
            if dice.random() < missing:
                continue
            corners = box.xyxy
            if dice.random() < wrong:
                x, y = dice.uniform(0, 0.6), dice.uniform(0, 0.6)
                corners = (x, y, x + dice.uniform(0.1, 0.4), y + dice.uniform(0.1, 0.4))
            x0, y0, x1, y1 = (min(1.0, max(0.0, corner + dice.gauss(0, noise))) for corner in corners)
            digits = 3 if convention.scale == 1 else 0
            a, b, c, d = (round(n, digits) for n in (x0 * right, y0 * lower, x1 * right, y1 * lower))
            numbers = {"xyxy": (a, b, c, d), "yxyx": (b, a, d, c), "xywh": (a, b, c - a, d - b)}[convention.order]
            said.append((label, numbers))
        heard.append(Told(size, one.true, tuple(said)))
    return heard


@pytest.mark.parametrize("spoken", FRAMES, ids=IDS)
@pytest.mark.parametrize("declared", ["qwen2.5-vl", "qwen2-vl", "qwen3-vl"])
def test_every_frame_is_named_and_only_the_declared_one_passes(spoken: Convention, declared: str) -> None:
    fmt = FAMILIES[declared] if declared != "qwen3-vl" else replace(FAMILIES["qwen3-vl"], factor=28, max_pixels=PIXELS.max_pixels)
    for seed in range(6):
        for sizes in (SIZES, OTHER_SIZES):
            found = fit(speaks(drawn(seed, sizes), spoken, random.Random(seed)), fmt)
            assert found.convention == spoken, (seed, found)
            assert found.verdict == ("fits" if spoken == convention_of(fmt) else "other"), (seed, found)
            assert found.scale is not None
            assert found.scale == pytest.approx((1.0, 1.0), abs=0.02)


@pytest.mark.parametrize("order", ["xyxy", "yxyx"])
@pytest.mark.parametrize(("scale", "resized"), UNITS)
def test_a_perfect_model_that_is_declared_right_has_a_scale_of_one_and_gains_nothing(
    order: str, scale: float | None, resized: bool
) -> None:
    fmt = BoxFormat("yxyx" if order == "yxyx" else "xyxy", scale, resized)
    heard = [
        Told(one.picture.size, one.true, tuple((label, _four(to_model(box, fmt, one.picture.size))) for label, box in one.true))
        for one in drawn()
    ]
    found = fit(heard, fmt)
    assert found.verdict == "fits"
    assert found.declared_iou is not None
    assert found.declared_iou > (0.97 if scale != 100 else 0.9)  # whole percents are coarse
    assert found.scale == pytest.approx((1.0, 1.0), abs=0.02)
    assert found.gain is not None
    assert found.gain < 0.01


def _four(numbers: tuple[float, ...]) -> tuple[float, float, float, float]:
    a, b, c, d = numbers
    return (a, b, c, d)


def test_left_top_width_height_is_named_although_no_family_writes_so() -> None:
    for seed in range(6):
        found = fit(speaks(drawn(seed), Convention("xywh", 1000), random.Random(seed)), FAMILIES["qwen2-vl"])
        assert (found.verdict, found.convention) == ("other", Convention("xywh", 1000))
    assert "left, top, width, height" in found.words
    assert "No family here writes boxes so" in found.words


def test_a_server_that_resizes_to_another_limit_is_told_the_limit() -> None:
    for seed in range(6):
        found = fit(speaks(drawn(seed), Convention("xyxy", None, True, 512 * 28 * 28), random.Random(seed)), PIXELS)
        assert (found.verdict, found.convention) == ("other", Convention("xyxy", None, True, 512 * 28 * 28))
    assert f"Set the picture's limit to {512 * 28 * 28} pixels" in found.words


@pytest.mark.parametrize("times", [0.4, 0.5, 0.85, 1.3, 2.5])
def test_a_model_that_learned_on_frames_of_another_size_is_refused_with_its_constant(times: float) -> None:
    right = speaks(drawn(3), Convention(), random.Random(3), noise=0.01)
    heard = [replace(one, said=tuple((label, _four(tuple(n * times for n in numbers))) for label, numbers in one.said)) for one in right]
    found = fit(heard, FAMILIES["qwen2-vl"])
    assert found.verdict == "scaled"
    assert found.scale == pytest.approx((1 / times, 1 / times), rel=0.02)
    assert "multiplied by" in found.words


def blind(kind: str, known: Sequence[Known], dice: random.Random) -> list[Told]:
    """Models that see nothing."""

    def numbers() -> tuple[float, float, float, float]:
        if kind == "always the middle":
            return (250, 250, 750, 750)
        if kind == "always the whole":
            return (0, 0, 1000, 1000)
        x, y = dice.uniform(0, 800), dice.uniform(0, 800)
        return (x, y, x + dice.uniform(50, 400), y + dice.uniform(50, 400))

    silent = kind == "says nothing"
    return [Told(one.picture.size, one.true, () if silent else tuple((label, numbers()) for label in COLOURS)) for one in known]


@pytest.mark.parametrize("kind", ["says nothing", "always the middle", "always the whole", "guesses"])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_model_that_sees_no_rectangles_neither_passes_nor_fails(kind: str, family: str) -> None:
    for seed in range(8):
        found = fit(blind(kind, drawn(seed), random.Random(seed)), FAMILIES[family])
        assert found.verdict == "undecided", (seed, found)
        assert found.words.startswith(UNTOLD)
        assert (found.convention, found.iou, found.scale, found.gain) == (None, None, None, None)


def test_things_of_one_label_are_matched_as_they_lie() -> None:
    """Of five hammers in each frame the model says four, in another order, and one that is not there."""
    dice, heard = random.Random(5), []
    for size in SIZES:
        true = tuple(("hammer", Box(x, y, x + 0.15, y + 0.2)) for x, y in ((0.02, 0.1), (0.3, 0.15), (0.55, 0.05), (0.8, 0.5), (0.2, 0.7)))
        said = [(label, _four(to_model(box, PIXELS, size))) for label, box in dice.sample(true, 4)]
        heard.append(Told(size, true, (*said, ("hammer", (5.0, 5.0, 30.0, 30.0)))))
    assert fit(heard, PIXELS).verdict == "fits"
    found = fit(heard, FAMILIES["qwen2-vl"])
    assert (found.verdict, found.convention) == ("other", convention_of(PIXELS))
    assert (found.seen, found.true, found.said) == (24, 30, 30)


def test_what_one_size_cannot_tell_apart_is_said_and_the_declared_passes() -> None:
    """Of 1290 x 730 pixels the resized frame has 1288 x 728."""
    for seed in range(6):
        found = fit(speaks(drawn(seed, ((1290, 730),) * 6), Convention("xyxy", None), random.Random(seed), noise=0.0, wrong=0.0), PIXELS)
        assert (found.verdict, found.convention) == ("fits", convention_of(PIXELS))
        assert Convention("xyxy", None) in found.like


def test_the_sentence_says_which_frame_it_is_and_which_family_to_declare() -> None:
    found = fit(speaks(drawn(), Convention(), random.Random(2)), PIXELS)
    assert "its boxes are in thousandths of the picture (0 to 1000)" in found.words
    assert "pixels of the picture as the model resizes it are declared" in found.words
    assert "Declare the family" in found.words
    assert "Declare the family qwen2-vl (" in found.words
    found = fit(speaks(drawn(), convention_of(PIXELS), random.Random(2)), FAMILIES["qwen2-vl"])
    assert "Declare the family qwen2.5-vl and" in found.words


def test_every_family_is_among_what_is_tried() -> None:
    for fmt in FAMILIES.values():
        assert conventions(fmt)[0] == convention_of(fmt)
        others = conventions(PIXELS)
        assert fmt.scale not in (1, 100, 1000, None) or convention_of(fmt) in others


def test_drawn_pictures_hold_what_is_known_of_them() -> None:
    known = drawn()
    assert len({one.picture.size[0] / one.picture.size[1] for one in known}) == 3
    assert len({one.picture.size for one in known}) == 6
    for one in known:
        width, height = one.picture.size
        assert len({label for label, _ in one.true}) == len(one.true) == 4
        for label, box in one.true:
            part = one.picture.crop((round(box.x0 * width), round(box.y0 * height), round(box.x1 * width), round(box.y1 * height)))
            assert part.getcolors() == [(part.width * part.height, _rgb(COLOURS[label]))]
            grown = one.picture.crop((round(box.x0 * width) - 1, round(box.y0 * height), round(box.x1 * width), round(box.y1 * height)))
            assert len(grown.getcolors() or []) >= 2


def test_drawn_pictures_are_the_same_again() -> None:
    again = framecheck.drawn(4)
    assert [(one.picture.tobytes(), one.true) for one in drawn(4)] == [(one.picture.tobytes(), one.true) for one in again]
    assert again[0].true != drawn(5)[0].true


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def test_a_little_that_a_constant_gains_is_no_alarm() -> None:
    right = speaks(drawn(3), Convention(), random.Random(3), noise=0.0, wrong=0.0)
    heard = [replace(one, said=tuple((label, _four(tuple(n * 1.004 for n in numbers))) for label, numbers in one.said)) for one in right]
    found: Fit = fit(heard, FAMILIES["qwen2-vl"])
    assert found.verdict == "fits"
    assert found.scale == pytest.approx((1 / 1.004, 1 / 1.004), abs=0.002)
