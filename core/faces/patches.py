"""What the detector learns from: small patches with drawn heads before real and drawn clutter. No photograph of a person is among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.faces.heads import SIDE, Head

PATCH = 128  # pixels a side
SMALLEST, LARGEST = 12.0, 52.0  # pixels of face height that the network must find; others are neither right nor wrong

Bytes = NDArray[np.uint8]
Floats = NDArray[Any]  # of 32 bits where it matters


@dataclass(frozen=True, slots=True)
class Patch:
    """`pixels` PATCH x PATCH x 3; `faces` as rows of x0, y0, x1, y1 in pixels, those behind clutter too; `unsure` likewise: not to be judged."""

    pixels: Bytes
    faces: Floats
    unsure: Floats


def compose(dice: np.random.Generator, heads: Sequence[Head], frames: Sequence[Bytes]) -> Patch:
    """A patch; `frames` are photographs without people."""
    canvas = _ground(dice, frames)
    faces: list[tuple[float, ...]] = []
    unsure: list[tuple[float, ...]] = []
    for _ in range(int(dice.choice([0, 1, 2, 3], p=[0.25, 0.4, 0.25, 0.1]))):
        head = heads[int(dice.integers(len(heads)))]
        tall = float(np.exp(dice.uniform(np.log(10), np.log(64))))
        box = _paste(dice, canvas, head, tall, [*faces, *unsure])
        if box is not None:
            (faces if head.box is not None and SMALLEST <= box[3] - box[1] <= LARGEST else unsure).append(box)
    if dice.random() < 0.5:
        _litter(dice, canvas, int(dice.integers(1, 5)), [*faces, *unsure])
    return Patch(_camera(dice, canvas), _rows(faces), _rows(unsure))


def _rows(boxes: list[tuple[float, ...]]) -> Floats:
    return np.array(boxes, np.float32).reshape(-1, 4)


def _ground(dice: np.random.Generator, frames: Sequence[Bytes]) -> Floats:
    """0..1; half from photographs, half drawn: clouds, bricks, stripes, plain walls."""
    if frames and dice.random() < 0.55:
        frame = frames[int(dice.integers(len(frames)))]
        size = int(np.clip(PATCH / np.exp(dice.uniform(np.log(0.3), np.log(2))), 48, min(frame.shape[:2])))
        y, x = (int(dice.integers(0, edge - size + 1)) for edge in frame.shape[:2])
        cut = cv2.resize(frame[y : y + size, x : x + size], (PATCH, PATCH), interpolation=cv2.INTER_AREA)
        turned = np.rot90(cut, int(dice.integers(4)))
        return np.ascontiguousarray(turned[:, :: dice.choice([-1, 1])], np.float32) / 255
    ground: Floats = np.ones((PATCH, PATCH, 3), np.float32) * dice.uniform(0, 1, 3).astype(np.float32)
    for octave in (4, 12, 40):
        cloud = cv2.resize(dice.normal(0, 1, (octave, octave, 3)).astype(np.float32), (PATCH, PATCH), interpolation=cv2.INTER_CUBIC)
        ground += cloud * (0.3 * cloud.mean(2, keepdims=True) + 0.7) * dice.uniform(0, 0.12)
    kind = dice.random()
    if kind < 0.3:
        _bricks(dice, ground)
    elif kind < 0.5:
        wave = np.sin(np.arange(PATCH) * dice.uniform(0.1, 1.2))[None, :, None] * dice.uniform(0.05, 0.3)
        ground += (wave if dice.random() < 0.5 else wave.transpose(1, 0, 2)).astype(np.float32)
    _litter(dice, ground, int(dice.integers(0, 12)), [])
    grey = ground.mean(2, keepdims=True)
    ground = grey + (ground - grey) * dice.uniform(0, 1)  # walls are seldom as gaudy as dice make them
    walls: Floats = np.clip(ground, 0, 1)
    return walls


def _bricks(dice: np.random.Generator, ground: Floats) -> None:
    tall = int(dice.integers(4, 20))
    wide, joint = int(tall * dice.uniform(1.8, 3)), dice.uniform(0, 1, 3)
    for row, y in enumerate(range(0, PATCH, tall)):
        for x in range(-(row % 2) * wide // 2, PATCH, wide):
            ground[y : y + tall, max(x, 0) : x + wide] += dice.normal(0, 0.07)
            ground[y : y + tall, max(x, 0) : max(x, 0) + 1] = joint
        ground[y : y + 1] = joint


def _litter(dice: np.random.Generator, canvas: Floats, count: int, spare: list[tuple[float, ...]]) -> None:
    """Shapes of any colour, skin's too: arms, balls, boxes, rods. Of a face at most its lower or upper third is covered."""
    for _ in range(count):
        colour = dice.uniform(0, 1, 3) if dice.random() < 0.6 else np.array((0.75, 0.5, 0.38)) * dice.uniform(0.35, 1.25)
        x, y = (int(v) for v in dice.integers(0, PATCH, 2))
        a, b = (int(v) for v in np.exp(dice.uniform(np.log(3), np.log(34), 2)))
        if any(x0 - a < x < x1 + a and y0 + (y1 - y0) * 0.3 - b < y < y1 - (y1 - y0) * 0.3 + b for x0, y0, x1, y1 in spare):
            continue
        layer, kind, shade = canvas.copy(), dice.random(), tuple(float(c) for c in colour)
        if kind < 0.4:
            cv2.ellipse(layer, (x, y), (a, b), float(dice.uniform(0, 180)), 0, 360, shade, -1, cv2.LINE_AA)
        elif kind < 0.7:
            cv2.rectangle(layer, (x - a, y - b), (x + a, y + b), shade, -1)
        else:
            end = (int(x + dice.normal(0, 40)), int(y + dice.normal(0, 40)))
            cv2.line(layer, (x, y), end, shade, max(1, min(a, b) // 2), cv2.LINE_AA)
        light = 1 + np.linspace(-1, 1, PATCH, dtype=np.float32)[:, None, None] * dice.uniform(-0.3, 0.3)
        canvas[:] = np.where(np.abs(layer - canvas).sum(2, keepdims=True) > 0.02, layer * light, canvas)
        if spare and kind >= 0.7:
            break  # one rod before a face is enough


def _paste(
    dice: np.random.Generator, canvas: Floats, head: Head, tall: float, taken: list[tuple[float, ...]]
) -> tuple[float, float, float, float] | None:
    """The head and shoulders below it; None when there was no room."""
    x0, y0, x1, y1 = head.box or (0.3, 0.25, 0.7, 0.72)
    side = max(8, round(tall / (y1 - y0)))
    mirrored = dice.random() < 0.5
    if mirrored:
        x0, x1 = 1 - x1, 1 - x0
    at_x, at_y = int(dice.integers(-side // 4, PATCH - 3 * side // 4 + 1)), int(dice.integers(-side // 4, PATCH - side // 2 + 1))
    box = (at_x + x0 * side, at_y + y0 * side, at_x + x1 * side, at_y + y1 * side)
    if box[0] < 0 or box[1] < -1 or box[2] > PATCH or box[3] > PATCH + 1:
        return None
    if any(min(box[2], t[2]) > max(box[0], t[0]) - 3 and min(box[3], t[3]) > max(box[1], t[1]) - 3 for t in taken):
        return None
    if dice.random() < 0.75:
        _shoulders(dice, canvas, (box[0] + box[2]) / 2, box[3], box[3] - box[1], taken)
    way = cv2.INTER_AREA if side < SIDE else cv2.INTER_LINEAR
    rgb, alpha = (cv2.resize(part[:, ::-1] if mirrored else part, (side, side), interpolation=way) for part in (head.rgb, head.alpha))
    left, top, right, bottom = max(at_x, 0), max(at_y, 0), min(at_x + side, PATCH), min(at_y + side, PATCH)
    cut = (slice(top - at_y, bottom - at_y), slice(left - at_x, right - at_x))
    here, clear = canvas[top:bottom, left:right], alpha[cut][..., None]
    here[:] = here * (1 - clear) + np.clip(rgb[cut] * dice.uniform(0.6, 1.35), 0, 1) * clear
    return box


def _shoulders(dice: np.random.Generator, canvas: Floats, x: float, chin: float, tall: float, taken: list[tuple[float, ...]]) -> None:
    if any(t[1] > chin - tall for t in taken):
        return  # would cover who stands lower
    wide, top = tall * dice.uniform(0.9, 1.5), chin + tall * dice.uniform(0.05, 0.3)
    shape = np.array(
        [
            (x - wide, top + tall * 0.5),
            (x - wide * 0.4, top),
            (x + wide * 0.4, top),
            (x + wide, top + tall * 0.5),
            (x + wide, 400),
            (x - wide, 400),
        ]
    )
    colour = tuple(float(c) for c in dice.uniform(0, 1, 3))
    cv2.fillPoly(canvas, [np.rint(shape).astype(np.int32)], colour, cv2.LINE_AA)
    if dice.random() < 0.5:
        for side in (-1, 1):
            strap = (round(x + side * wide * 0.45), round(top)), (round(x + side * wide * 0.3), 400)
            cv2.line(canvas, *strap, tuple(float(c) for c in dice.uniform(0, 1, 3)), max(1, round(tall * 0.18)), cv2.LINE_AA)


def _camera(dice: np.random.Generator, canvas: Floats) -> Bytes:
    """Light, white balance, blur, noise and JPEG."""
    seen: Floats = np.clip(canvas, 0, 1) ** dice.uniform(0.6, 1.6) * dice.uniform(0.85, 1.15, 3).astype(np.float32)
    seen = seen * (dice.uniform(0.2, 0.7) if dice.random() < 0.2 else dice.uniform(0.75, 1.2)) + dice.uniform(-0.04, 0.08)
    if dice.random() < 0.12:
        seen = np.repeat(seen.mean(2, keepdims=True), 3, 2)
    if dice.random() < 0.5:
        seen = cv2.GaussianBlur(seen, (0, 0), dice.uniform(0.3, 1.3))
    seen = seen + dice.normal(0, dice.uniform(0, 0.04), seen.shape)
    pixels = (np.clip(seen, 0, 1) * 255).astype(np.uint8)
    if dice.random() < 0.5:
        done, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(35, 95))])
        pixels = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8) if done else pixels
    return pixels
