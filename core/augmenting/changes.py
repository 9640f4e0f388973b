"""One change of a frame a function: pixels and boxes in, pixels and boxes out. None when the frame does not bear it. Chooses nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.augmenting.colours import Pixels, turned
from core.schema import Box, Finding

KEPT = 0.90
"""A crop or a turn that leaves less of any box inside the frame is not made."""

DEGREES = 5.0
"""The most a frame is turned: the box around a turned thing grows with the turn."""

HUE_DEGREES = 14.0


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame and what is true of it."""

    pixels: Pixels
    findings: tuple[Finding, ...]


Change = Callable[[Shown, Generator], Shown | None]


def brightness(shown: Shown, dice: Generator) -> Shown:
    """Times .7 to 1.3."""
    return _lit(shown, shown.pixels * np.float32(dice.uniform(0.7, 1.3)))


def contrast(shown: Shown, dice: Generator) -> Shown:
    """Around the mean, times .8 to 1.2."""
    mean = float(shown.pixels.mean())
    return _lit(shown, (shown.pixels - np.float32(mean)) * np.float32(dice.uniform(0.8, 1.2)) + np.float32(mean))


def blur(shown: Shown, dice: Generator) -> Shown:
    """A lens out of focus: sigma .5 to 2 pixels at 640 pixels of width, in proportion beyond."""
    sigma = float(dice.uniform(0.5, 2.0)) * shown.pixels.shape[1] / 640
    return replace(shown, pixels=cv2.GaussianBlur(shown.pixels, (0, 0), sigma).astype(np.uint8))


def noise(shown: Shown, dice: Generator) -> Shown:
    """A sensor in bad light: sigma 2 to 9 grey steps."""
    grain = dice.standard_normal(shown.pixels.shape, dtype=np.float32) * np.float32(dice.uniform(2, 9))
    return _lit(shown, shown.pixels + grain)


def hue(shown: Shown, dice: Generator) -> Shown:
    """Another white balance; safety colours stay what they are."""
    return replace(shown, pixels=turned(shown.pixels, float(dice.uniform(-HUE_DEGREES, HUE_DEGREES))))


def mirror(shown: Shown, dice: Generator) -> Shown:
    """Left and right, up and down, or both exchanged: for a bench seen from above. Not for frames in which anything is to be read."""
    across, down = ((True, False), (False, True), (True, True))[int(dice.integers(3))]
    pixels = shown.pixels[:: -1 if down else 1, :: -1 if across else 1]
    return Shown(np.ascontiguousarray(pixels), tuple(_mirrored(f, across, down) for f in shown.findings))


def rotation(shown: Shown, dice: Generator) -> Shown | None:
    """A camera held askew, up to DEGREES; the corners are filled by what lies beside them."""
    height, width = shown.pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), float(dice.uniform(-DEGREES, DEGREES)), 1.0)
    return _moved(shown, np.asarray(turn, np.float64), (width, height))


def crop(shown: Shown, dice: Generator) -> Shown | None:
    """A window of 70 to 95 % of the sides."""
    height, width = shown.pixels.shape[:2]
    wide, high = (round(side * float(dice.uniform(0.7, 0.95))) for side in (width, height))
    x, y = int(dice.integers(width - wide + 1)), int(dice.integers(height - high + 1))
    return _moved(shown, np.array([[1.0, 0, -x], [0, 1.0, -y]]), (wide, high))


def padding(shown: Shown, dice: Generator) -> Shown | None:
    """The bench goes on: 4 to 15 % more at each side, a blurred mirror image of what lies there, so that no bar of one colour tells the change."""
    height, width = shown.pixels.shape[:2]
    left, right = (round(width * float(dice.uniform(0.04, 0.15))) for _ in range(2))
    top, bottom = (round(height * float(dice.uniform(0.04, 0.15))) for _ in range(2))
    if _reaches_rim(shown.findings, max(left, right) / width, max(top, bottom) / height):
        return None  # its mirror image would be a thing that nobody named
    soft = cv2.GaussianBlur(shown.pixels, (0, 0), max(2.0, width / 80))
    wider = cv2.copyMakeBorder(soft, top, bottom, left, right, cv2.BORDER_REFLECT_101)
    wider[top : top + height, left : left + width] = shown.pixels
    size = (width + left + right, height + top + bottom)
    moved = tuple(_placed(f, np.array([[1.0, 0, left], [0, 1.0, top]]), (width, height), size)[0] for f in shown.findings)
    return Shown(wider.astype(np.uint8), moved)


CHANGES: Mapping[str, Change] = {
    "brightness": brightness,
    "contrast": contrast,
    "blur": blur,
    "noise": noise,
    "hue": hue,
    "mirror": mirror,
    "rotation": rotation,
    "crop": crop,
    "padding": padding,
}
"""By name. A new one: a function here and its line."""


def _lit(shown: Shown, light: NDArray[np.float32]) -> Shown:
    return replace(shown, pixels=np.clip(np.rint(light), 0, 255).astype(np.uint8))


def _moved(shown: Shown, matrix: NDArray[np.float64], size: tuple[int, int]) -> Shown | None:
    """Pixels and boxes by one matrix (2 x 3, of pixel centres), into a frame of `size`; None when a box would lose more than it may."""
    height, width = shown.pixels.shape[:2]
    placed = [_placed(f, matrix, (width, height), size) for f in shown.findings]
    if any(kept < KEPT for _, kept in placed):
        return None
    pixels = cv2.warpAffine(shown.pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return Shown(pixels.astype(np.uint8), tuple(finding for finding, _ in placed))


def _placed(finding: Finding, matrix: NDArray[np.float64], size: tuple[int, int], into: tuple[int, int]) -> tuple[Finding, float]:
    """A finding where the matrix puts it, cut at the new frame's sides, and the share of it that lies inside."""
    if finding.box is None:
        return finding, 1.0
    x0, y0, x1, y1 = (corner * side for corner, side in zip(finding.box.xyxy, size * 2, strict=True))
    corners = np.array([[x0, y0, 1], [x1, y0, 1], [x1, y1, 1], [x0, y1, 1]])
    half = np.array([0.5, 0.5])  # a pixel's centre lies half a pixel behind its edge
    there = (corners - np.array([0.5, 0.5, 0])) @ matrix.T + half
    (left, top), (right, bottom) = there.min(axis=0), there.max(axis=0)
    cut = [float(np.clip(v, 0, side)) for v, side in zip((left, top, right, bottom), into * 2, strict=True)]
    area = (right - left) * (bottom - top)
    kept = max(0.0, cut[2] - cut[0]) * max(0.0, cut[3] - cut[1]) / area
    if kept < KEPT:
        return finding, kept
    unit = (min(max(v / side, 0.0), 1.0) for v, side in zip(cut, into * 2, strict=True))
    return replace(finding, box=Box(*unit)), kept


def _mirrored(finding: Finding, across: bool, down: bool) -> Finding:
    if finding.box is None:
        return finding
    x0, y0, x1, y1 = finding.box.xyxy
    x0, x1 = (1 - x1, 1 - x0) if across else (x0, x1)
    y0, y1 = (1 - y1, 1 - y0) if down else (y0, y1)
    return replace(finding, box=Box(x0, y0, x1, y1))


def _reaches_rim(findings: Sequence[Finding], wide: float, high: float) -> bool:
    """Whether something lies so near a side that a mirror image of the rim would show it again."""
    boxes = [f.box for f in findings if f.box is not None]
    return any(b.x0 < wide or b.x1 > 1 - wide or b.y0 < high or b.y1 > 1 - high for b in boxes)
