"""The colours that mean something at a plant, and a change of hue that leaves them what they are. Knows no boxes."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""height x width x 3, RGB."""

SAFETY = {"red": (350.0, 14.0), "orange": (14.0, 40.0), "yellow": (40.0, 68.0), "green": (95.0, 175.0), "blue": (195.0, 250.0)}
"""Hue in degrees, from and to. The names are those of ISO 3864-1 and ISO 20471; the ranges are ours, around the chromaticities given there."""

LEAST_SATURATION, LEAST_VALUE = 0.45, 0.25
"""Below, a pixel has no colour that a person would name."""


def classes(pixels: Pixels) -> NDArray[np.int8]:
    """Of each pixel the place of its safety colour in SAFETY, or -1. height x width.

    >>> classes(np.array([[[255, 120, 0], [90, 90, 90]]], np.uint8)).tolist()
    [[1, -1]]
    """
    hue, saturation, value = _hsv(pixels)
    found = np.full(hue.shape, -1, np.int8)
    vivid = (saturation >= LEAST_SATURATION) & (value >= LEAST_VALUE)
    for place, (low, high) in enumerate(SAFETY.values()):
        inside = (hue >= low) & (hue < high) if low < high else (hue >= low) | (hue < high)
        found[vivid & inside] = place
    return found


def turned(pixels: Pixels, degrees: float) -> Pixels:
    """Every hue turned by so many degrees, but for pixels of a safety colour and those that would become one."""
    hue, saturation, value = _hsv(pixels)
    before = classes(pixels)
    stacked = np.dstack([(hue + degrees) % 360.0, saturation, value]).astype(np.float32)
    made = np.clip(np.rint(cv2.cvtColor(stacked, cv2.COLOR_HSV2RGB) * 255), 0, 255).astype(np.uint8)
    kept = (before >= 0) | (classes(made) != before)
    made[kept] = pixels[kept]
    return made


def _hsv(pixels: Pixels) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Hue 0..360, saturation and value 0..1."""
    hue, saturation, value = cv2.split(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2HSV))
    return hue, saturation, value
