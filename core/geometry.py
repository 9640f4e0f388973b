"""Unit space of the upright frame <-> every model family's way of writing a box, and IoU. Knows numbers only: no pictures, no JSON.

How a family writes boxes is a value (`BoxFormat`) with its source beside it. A wrong convention does not fail loudly, it
lowers IoU to .05-.9 in silence; so there is one codec, and every convention goes round in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.schema import Box

Size = tuple[int, int]
"""Width and height in pixels of the upright frame."""

MAX_SIDE = 20_000
"""Pixels. The largest number that a grammar lets a model say for a corner in pixels."""

_MAX_RATIO = 200  # of the sides, beyond which Qwen's resize refuses a frame


@dataclass(frozen=True, slots=True)
class BoxFormat:
    """How a model family writes a box. `scale` 1000: shares of 1000; 1: shares; None: pixels, of the resized frame when `resized`."""

    order: Literal["xyxy", "yxyx"] = "xyxy"
    scale: float | None = 1000
    resized: bool = False
    step: int = 1  # spacing of the numbers that the model was taught to say; the smallest side of a box
    bins: bool = False  # a number names one of `scale` bins, 0 the first, and stands for the middle of it
    factor: int = 28  # pixels; sides of a resized frame are multiples of it
    min_pixels: int = 56 * 56  # of a resized frame
    max_pixels: int = 1280 * 28 * 28  # of a resized frame; more of them the model does not look at

    def grid(self, size: Size) -> tuple[float, float]:
        """The numbers that stand for the right and the lower edge of a frame of `size`."""
        if self.scale is not None:
            return (self.scale, self.scale)
        return smart_resize(size, self.factor, self.min_pixels, self.max_pixels) if self.resized else size

    @property
    def most(self) -> float:
        """The largest number that a model may say, whatever the frame's size."""
        if self.scale is None:
            return MAX_SIDE
        return self.scale - self.bins


THOUSANDTHS = BoxFormat()
PIXELS = BoxFormat(scale=None)  # of the frame as it is: no family's, but what people and many fine-tuned models write
SHARES = BoxFormat(scale=1)
FAMILIES: Mapping[str, BoxFormat] = {
    # Ours: core/compact was taught to say every tenth number. It looks at 336 x 252 pixels, averaged over at least twice as many.
    "compact": BoxFormat(step=10, max_pixels=2 * 336 * 252),
    "qwen2-vl": THOUSANDTHS,  # arXiv 2409.12191, 2.1: "normalized within [0, 1000)"
    # arXiv 2502.13923, 2.1.2: "uses the actual dimensions"; of the frame as resized by the processor (cookbook: spatial_understanding).
    "qwen2.5-vl": BoxFormat(scale=None, resized=True),
    # QwenLM/Qwen3-VL, cookbooks/2d_grounding: "relative coordinates", 0 to 1000; patch 16, merge 2 (its preprocessor_config.json).
    "qwen3-vl": BoxFormat(factor=32, max_pixels=1280 * 32 * 32),
    # As Qwen3-VL: the same picture processor and the same vision config (transformers, models/qwen3_5).
    "qwen3.5": BoxFormat(factor=32, max_pixels=1280 * 32 * 32),
    "internvl": THOUSANDTHS,  # arXiv 2404.16821 and the model cards: [0, 1000]
    # transformers, processing_florence2: <loc_0> to <loc_999>, floor of x / width * 1000, read back as the middle of the bin.
    "florence-2": BoxFormat(bins=True),
    # arXiv 2407.07726, 3.2 and big_vision: <loc0000> to <loc1023>, ymin, xmin, ymax, xmax; some readers take the bin's left edge, half a bin off.
    "paligemma": BoxFormat("yxyx", 1024, bins=True),
    "llama-3.2": THOUSANDTHS,  # has no convention of its own: taught ours
}


def smart_resize(size: Size, factor: int = 28, min_pixels: int = 56 * 56, max_pixels: int = 1280 * 28 * 28) -> Size:
    """Width and height to which Qwen's processors bring a frame. Source: transformers, image_processing_qwen2_vl.smart_resize.

    Sides become multiples of `factor`, their product at most `max_pixels`. Raises ValueError beyond a ratio of 1:200.

    >>> smart_resize((1920, 1080))
    (1316, 728)
    """
    width, height = size
    if max(size) > _MAX_RATIO * min(size):
        raise ValueError(f"a frame of {width} x {height} is more than {_MAX_RATIO} times as long as it is wide")
    w, h = round(width / factor) * factor, round(height / factor) * factor
    if w * h > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        w = max(factor, math.floor(width / shrink / factor) * factor)
        h = max(factor, math.floor(height / shrink / factor) * factor)
    elif w * h < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        w = math.ceil(width * grow / factor) * factor
        h = math.ceil(height * grow / factor) * factor
    return w, h


def to_model(box: Box, fmt: BoxFormat, size: Size) -> tuple[float, ...]:
    """The four numbers a model of this family says for `box` on a frame of `size`; whole numbers unless `fmt.scale` is 1 or less.

    >>> to_model(Box(0.1, 0.2, 0.5, 0.6), FAMILIES["qwen2-vl"], (640, 480))
    (100, 200, 500, 600)
    """
    right, lower = fmt.grid(size)
    x0, x1 = _rounded(box.x0, box.x1, right, fmt)
    y0, y1 = _rounded(box.y0, box.y1, lower, fmt)
    return (x0, y0, x1, y1) if fmt.order == "xyxy" else (y0, x0, y1, x1)


def from_model(numbers: Sequence[object], fmt: BoxFormat, size: Size) -> Box:
    """The box that a model's numbers stand for. Raises ValueError with the reason when they stand for none.

    A number at most one step beyond the frame is rounding and is brought back to the edge; further out the box is refused:
    clipping it would hide that the model speaks in another convention.
    """
    return on_grid(_checked(numbers), fmt, fmt.grid(size))


def on_grid(numbers: tuple[float, float, float, float], fmt: BoxFormat, grid: tuple[float, float]) -> Box:
    """`from_model` for who has many boxes of one frame: four numbers that are numbers, and `fmt.grid` of its size."""
    x0, y0, x1, y1 = numbers if fmt.order == "xyxy" else _swapped(numbers)
    right, lower = grid
    if x1 <= x0 or y1 <= y0:
        raise ValueError("the corners are not in order: the box has no area")
    slack = fmt.step if right > 1 else 0.001
    if x0 < -slack or y0 < -slack or x1 > right + slack or y1 > lower + slack:
        raise ValueError(f"outside the frame, whose right lower corner is {right:g}, {lower:g}")
    if fmt.bins:
        x0, y0, x1, y1 = x0 + 0.5, y0 + 0.5, x1 + 0.5, y1 + 0.5
    return Box(
        x0 / right if x0 > 0 else 0.0,
        y0 / lower if y0 > 0 else 0.0,
        x1 / right if x1 < right else 1.0,
        y1 / lower if y1 < lower else 1.0,
    )


def to_pixels(box: Box, size: Size) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in pixels of a frame of `size`, not rounded."""
    width, height = size
    return (box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height)


def from_pixels(xyxy: Sequence[float], size: Size) -> Box:
    """The box of left, top, right, bottom in pixels of a frame of `size`. Raises ValueError when it is none."""
    width, height = size
    x0, y0, x1, y1 = xyxy
    return Box(x0 / width, y0 / height, x1 / width, y1 / height)


def iou(a: Box, b: Box) -> float:
    """Area of the intersection over area of the union, 0..1, on unit squares (the frame's ratio cancels out).

    >>> iou(Box(0, 0, 0.5, 1), Box(0.25, 0, 0.75, 1))
    0.3333333333333333
    """
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    union = (a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - both
    return both / union if union > 0 else 1.0  # two boxes too small for their areas to be told from 0, and they overlap


def _rounded(low: float, high: float, edge: float, fmt: BoxFormat) -> tuple[float, float]:
    """Both ends of a side on the grid, at least one step apart."""
    if edge <= 1:
        a, b = round(low * edge, 4), round(high * edge, 4)
        return (a, b) if a < b else (min(a, round(edge - 0.0001, 4)), min(a, round(edge - 0.0001, 4)) + 0.0001)
    last = int(edge) // fmt.step * fmt.step - (fmt.step if fmt.bins else 0)
    nearest = math.floor if fmt.bins else round  # a bin is named by its lower end
    first, second = (min(last, nearest(share * edge / fmt.step) * fmt.step) for share in (low, high))
    if first == second:
        first = min(first, last - fmt.step)
        second = first + fmt.step
    return first, second


def _checked(numbers: Sequence[object]) -> tuple[float, float, float, float]:
    if not isinstance(numbers, list | tuple) or len(numbers) != 4:
        raise ValueError("a box takes four numbers")
    values: list[float] = []
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float) or not -1e9 < number < 1e9:
            raise ValueError("a corner is not a number")
        values.append(float(number))
    return (values[0], values[1], values[2], values[3])


def _swapped(yxyx: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    y0, x0, y1, x1 = yxyx
    return x0, y0, x1, y1
