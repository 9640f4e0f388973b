"""Pixels for things that were laid on a table: ground, shadows, light, blur, noise of the camera. Decides nothing about what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.compact.cutouts import Picture
from core.compact.table import Laid

Light = NDArray[np.float32]
"""height x width x 3, 0..255 before it becomes a picture."""


def paint(laid: Sequence[Laid], ground: Picture, dice: Generator) -> Picture | None:
    """The pixels of a frame as large as its ground; None when something would be hidden by half."""
    canvas = ground.astype(np.float32)
    owner = np.full(canvas.shape[:2], -1, np.int16)
    whole: list[int] = []
    way, depth = dice.uniform(-6, 6, 2), float(dice.uniform(0.1, 0.5))
    for number, thing in enumerate(laid):
        whole.append(_lay(canvas, owner, thing, number, way, depth))
    seen = np.bincount(owner[owner >= 0], minlength=len(laid))
    if any(seen[k] < 0.55 * whole[k] for k in range(len(laid))):
        return None
    return _photographed(canvas, dice)


def _lay(canvas: Light, owner: NDArray[np.int16], thing: Laid, number: int, way: NDArray[np.float64], depth: float) -> int:
    """Blend a thing and its shadow into the canvas; gives the pixels of it inside the frame."""
    height, width = owner.shape
    h, w = thing.rgba.shape[:2]
    x0, y0, x1, y1 = max(0, thing.x), max(0, thing.y), min(width, thing.x + w), min(height, thing.y + h)
    piece = thing.rgba[y0 - thing.y : y1 - thing.y, x0 - thing.x : x1 - thing.x]
    alpha = piece[:, :, 3:].astype(np.float32) / 255
    sx, sy = int(np.clip(x0 + way[0], 0, width - (x1 - x0))), int(np.clip(y0 + way[1], 0, height - (y1 - y0)))
    shadow = cv2.blur(alpha[:, :, 0], (9, 9))[:, :, None] * depth
    under = canvas[sy : sy + y1 - y0, sx : sx + x1 - x0]
    under *= 1 - shadow
    there = canvas[y0:y1, x0:x1]
    there *= 1 - alpha
    there += piece[:, :, :3] * alpha
    solid = piece[:, :, 3] > 127
    owner[y0:y1, x0:x1][solid] = number
    return int(solid.sum())


def ground(benches: Sequence[Picture], dice: Generator, size: tuple[int, int]) -> Picture:
    """What things are laid on, of `size` (width, height): three times in four a real empty bench, otherwise a surface made up."""
    width, height = size
    if dice.random() < 0.75:
        bench = benches[int(dice.integers(len(benches)))]
        if dice.random() < 0.5:
            bench = bench[:, ::-1]
        y, x = int(dice.integers(bench.shape[0] - height + 1)), int(dice.integers(bench.shape[1] - width + 1))
        return bench[y : y + height, x : x + width]
    base = dice.uniform(40, 225) + dice.normal(0, 14, 3)
    coarse = dice.normal(0, 1, (max(2, height // int(dice.integers(8, 120))), max(2, width // int(dice.integers(8, 120))), 1))
    grain = cv2.resize(coarse.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)[:, :, None] * float(dice.uniform(2, 22))
    fine = dice.standard_normal((height, width, 1), dtype=np.float32) * np.float32(dice.uniform(0, 9))
    surface: Picture = np.clip(base + grain + fine, 0, 255).astype(np.uint8)
    return surface


def _photographed(canvas: Light, dice: Generator) -> Picture:
    """Light that falls from a side, colour of the lamp, blur, noise of the sensor, JPEG."""
    height, width = canvas.shape[:2]
    slope = np.linspace(-1, 1, width)[None, :] * dice.normal(0, 0.07) + np.linspace(-1, 1, height)[:, None] * dice.normal(0, 0.07)
    lamp = dice.uniform(0.75, 1.2) * (1 + slope[:, :, None]) * (1 + dice.normal(0, 0.025, 3))
    lit: NDArray[Any] = canvas * lamp.astype(np.float32)
    lit = (lit - 128) * float(dice.uniform(0.85, 1.15)) + 128
    if dice.random() < 0.4:
        lit = cv2.GaussianBlur(lit, (0, 0), float(dice.uniform(0.3, 1.1)))
    if dice.random() < 0.6:
        lit = lit + dice.standard_normal((height, width, 1), dtype=np.float32) * np.float32(dice.uniform(1, 6))
    pixels = np.clip(lit, 0, 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(45, 96))])
    again = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert again is not None  # what was just encoded
    return again.astype(np.uint8)
