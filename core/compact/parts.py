"""Parts drawn from nothing: bolts, plates, bearings. The bench photographs show none, so the compact model knows drawn ones only."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from core.compact.cutouts import Cutout, Picture

FINE = 3
"""Parts are drawn this many times larger and then made smaller, which gives them soft rims."""


def draw_part(label: str, dice: Generator) -> Cutout:
    """One part of a random size, colour of metal and wear. Raises KeyError for a part that nobody has drawn yet."""
    rgba = {"bolt": _bolt, "plate": _plate, "bearing": _bearing}[label](dice)
    small = cv2.resize(rgba, (rgba.shape[1] // FINE, rgba.shape[0] // FINE), interpolation=cv2.INTER_AREA)
    return Cutout(label, small.astype(np.uint8), (0.5, 0.5), frozenset())


def _metal(dice: Generator, height: int, width: int) -> Picture:
    """A sheet of brushed metal: a tone, a gradient of light, fine stripes."""
    tint = np.array(
        [(196, 200, 204), (160, 164, 170), (120, 122, 126), (206, 180, 110), (88, 88, 92), (150, 110, 84)][int(dice.integers(6))],
        np.float32,
    )
    tint += dice.normal(0, 8, 3).astype(np.float32)
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * float(dice.normal(0, 22))
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * float(dice.normal(0, 22))
    stripes = cv2.GaussianBlur(14 * dice.standard_normal((height, width), dtype=np.float32), (0, 0), sigmaX=9, sigmaY=0.8)
    light = (across + down + stripes)[:, :, None]
    sheet: Picture = np.clip(tint[None, None, :] + light, 0, 255).astype(np.uint8)
    return sheet


def _bolt(dice: Generator) -> Picture:
    """From the side (head and threaded shaft) or from above (a hexagon, sometimes with a socket)."""
    if dice.random() < 0.6:
        length, thick = int(dice.integers(34, 62)) * FINE, int(dice.integers(8, 13)) * FINE
        head, head_thick = int(thick * dice.uniform(0.6, 0.9)), int(thick * dice.uniform(1.7, 2.1))
        rgb, alpha = _metal(dice, head_thick, length), np.zeros((head_thick, length), np.uint8)
        top = (head_thick - thick) // 2
        alpha[:, :head] = 255
        alpha[top : top + thick, head:] = 255
        for x in range(head + 3 * FINE, length, max(2, int(1.8 * FINE))):
            cv2.line(rgb, (x, top), (x - FINE, top + thick), (50, 50, 54), FINE // 2)
        shade = np.abs(np.linspace(-1, 1, head_thick))[:, None, None] * 90
        return np.dstack([np.clip(rgb - shade, 0, 255).astype(np.uint8), alpha])
    size = int(dice.integers(26, 40)) * FINE
    rgb, alpha = _metal(dice, size, size), np.zeros((size, size), np.uint8)
    corners = [(size / 2 + size / 2.1 * np.cos(a), size / 2 + size / 2.1 * np.sin(a)) for a in np.arange(6) * np.pi / 3]
    cv2.fillPoly(alpha, [np.rint(corners).astype(np.int32)], 255)
    middle = (size // 2, size // 2)
    cv2.polylines(rgb, [np.rint(corners).astype(np.int32)], True, (40, 40, 44), 2 * FINE)
    cv2.circle(rgb, middle, int(size * 0.36), (70, 70, 74), FINE)
    if dice.random() < 0.5:
        cv2.circle(rgb, middle, int(size * 0.17), (22, 22, 24), -1)
    return np.dstack([rgb, alpha])


def _plate(dice: Generator) -> Picture:
    """A flat rectangle with rounded corners and drilled holes."""
    width, height = int(dice.integers(110, 200)) * FINE, int(dice.integers(70, 130)) * FINE
    rgb, alpha = _metal(dice, height, width), np.zeros((height, width), np.uint8)
    radius = int(dice.integers(2, 14)) * FINE
    cv2.rectangle(alpha, (radius, 0), (width - radius, height), 255, -1)
    cv2.rectangle(alpha, (0, radius), (width, height - radius), 255, -1)
    for x, y in ((radius, radius), (width - radius, radius), (radius, height - radius), (width - radius, height - radius)):
        cv2.circle(alpha, (x, y), radius, 255, -1)
    outline, _ = cv2.findContours(alpha, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(rgb, outline, -1, (70, 72, 76), 2 * FINE)
    hole, inset = int(dice.integers(3, 8)) * FINE, int(dice.integers(14, 24)) * FINE
    spots = [(inset, inset), (width - inset, inset), (inset, height - inset), (width - inset, height - inset), (width // 2, height // 2)]
    for spot in spots[: int(dice.integers(0, 6))]:
        cv2.circle(rgb, spot, hole, (38, 38, 40), -1)
        cv2.circle(rgb, spot, hole, (200, 202, 204), FINE)
    return np.dstack([rgb, alpha])


def _bearing(dice: Generator) -> Picture:
    """A ring in a ring with balls between, from above."""
    size = int(dice.integers(48, 86)) * FINE
    rgb, alpha = _metal(dice, size, size), np.zeros((size, size), np.uint8)
    middle, outer = (size // 2, size // 2), size // 2 - FINE
    inner = int(outer * dice.uniform(0.38, 0.52))
    cv2.circle(alpha, middle, outer, 255, -1)
    cv2.circle(alpha, middle, inner, 0, -1)
    ring = int((outer + inner) / 2)
    cv2.circle(rgb, middle, ring, (58, 58, 62), int((outer - inner) * 0.45))
    balls = int(dice.integers(7, 13))
    for a in np.arange(balls) * 2 * np.pi / balls + dice.uniform(0, 1):
        spot = (int(middle[0] + ring * np.cos(a)), int(middle[1] + ring * np.sin(a)))
        cv2.circle(rgb, spot, int((outer - inner) * 0.19), (214, 216, 220), -1)
    for radius in (outer, inner):
        cv2.circle(rgb, middle, radius, (52, 52, 56), 2 * FINE)
    return np.dstack([rgb, alpha])
