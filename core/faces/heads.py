"""Heads, drawn: a displaced surface, turned, lit and splatted, so that a detector can learn faces without one photograph of a person.

Units are half head heights (some 115 mm); x to the right, y up, z towards the camera. The proportions are those of drawing manuals: eyes at half
the height, the nose's tip a third below, and everything is varied. It refuses to be a portrait of anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]  # of 32 bits where it matters

SIDE = 112  # pixels of a drawn head's square
_REACH = 1.75  # half of that square in half head heights
_ROWS, _COLUMNS = 230, 300

_SKINS = np.array(
    [(62, 38, 28), (96, 62, 46), (141, 94, 70), (180, 128, 98), (213, 165, 135), (236, 196, 170), (246, 215, 196)], np.float32
)
_HAIRS = np.array([(18, 15, 14), (30, 24, 20), (62, 42, 28), (110, 80, 50), (150, 145, 140), (215, 210, 205)], np.float32)
_HELMETS = np.array(
    [(250, 205, 20), (245, 245, 240), (30, 80, 190), (225, 60, 30), (250, 120, 20), (40, 150, 70), (25, 25, 28)], np.float32
)


@dataclass(frozen=True, slots=True)
class Head:
    """`rgb` and `alpha` 0..1, SIDE x SIDE; `box` is the face, chin to hairline, as x0, y0, x1, y1 in 0..1 of that square; None: seen from behind."""

    rgb: Floats
    alpha: Floats
    box: tuple[float, float, float, float] | None


def draw_head(dice: np.random.Generator, *, behind: bool = False) -> Head:
    """Another head each time: skin, hair, beard, glasses, helmet, mask, expression, turn and light by the dice."""
    angle, height = np.meshgrid(np.linspace(-np.pi, np.pi, _COLUMNS, dtype=np.float32), np.linspace(-1, 1.02, _ROWS, dtype=np.float32))
    x, z = _skull(dice, angle, height)
    front = np.cos(angle) > 0
    colour, relief = _features(dice, x, height, angle, front)
    out, colour = _worn(dice, x, height, angle, front, colour)
    lift = relief + out
    points = np.stack([x + lift * np.sin(angle), height + np.maximum(out, 0) * np.maximum(height, 0) * 1.1, z + lift * np.cos(angle)], -1)
    neck_points, neck_colour = _neck(dice, colour)
    turn = _turn(dice, behind=behind)
    turned = points @ turn.T
    light = _lit(dice, turned)
    lit = colour * light[..., None]
    every = np.concatenate([turned.reshape(-1, 3), neck_points @ turn.T])
    paint = np.concatenate([lit.reshape(-1, 3), neck_colour * float(light.mean())])
    rgb, alpha = _splat(every, paint)
    face = turned[(np.abs(angle) < 1.25) & (height < 0.6)]
    box = None if behind else _extent(face)
    return Head(rgb, alpha, box)


def _bump(x: Floats, y: Floats, at: tuple[float, float], size: tuple[float, float]) -> Floats:
    return np.exp(-(((x - at[0]) / size[0]) ** 2) - ((y - at[1]) / size[1]) ** 2).astype(np.float32)


def _skull(dice: np.random.Generator, angle: Floats, height: Floats) -> tuple[Floats, Floats]:
    wide, deep, jaw = dice.uniform(0.6, 0.74), dice.uniform(0.74, 0.88), dice.uniform(0.12, 0.38)
    ring = np.clip(1 - np.abs(np.clip(height, -1, 1)) ** dice.uniform(2.3, 3), 0, 1) ** 0.5
    narrow = 1 - jaw * np.clip((-height - 0.15) / 0.85, 0, 1) ** 1.5
    back = np.where(np.cos(angle) < 0, 1 - 0.35 * np.clip(-height, 0, 1), 1)  # the skull is short behind
    return (wide * ring * narrow * np.sin(angle)).astype(np.float32), (deep * ring * back * np.cos(angle)).astype(np.float32)


def _features(dice: np.random.Generator, x: Floats, y: Floats, angle: Floats, front: Floats) -> tuple[Floats, Floats]:
    """Colours 0..255 and the relief of eyes, nose, mouth, ears, hair and beard."""
    place = dice.random() * (len(_SKINS) - 1)
    low = int(place)
    skin = _SKINS[low] + (place - low) * (_SKINS[min(low + 1, len(_SKINS) - 1)] - _SKINS[low]) + dice.normal(0, 8, 3)
    colour = np.ones((*x.shape, 3), np.float32) * skin.astype(np.float32)
    eye_y, eye_x, tip, mouth_y = dice.uniform(0, 0.1), dice.uniform(0.24, 0.31), dice.uniform(-0.38, -0.27), dice.uniform(-0.62, -0.5)
    nose = dice.uniform(0.14, 0.26)
    side = np.abs(x)
    relief = nose * _bump(x, y, (0, tip), (0.1, 0.1)) + 0.5 * nose * _bump(x, y, (0, tip + 0.17), (0.07, 0.17))
    relief += 0.07 * _bump(side, y, (0.12, tip - 0.03), (0.06, 0.06)) - 0.1 * _bump(side, y, (eye_x, eye_y), (0.15, 0.1))
    relief += 0.06 * _bump(side, y, (0.26, eye_y + 0.19), (0.22, 0.07)) + 0.05 * _bump(side, y, (0.38, tip + 0.02), (0.15, 0.15))
    relief += 0.07 * _bump(x, y, (0, mouth_y), (0.2, 0.11)) + 0.08 * _bump(x, y, (0, -0.88), (0.2, 0.13))
    relief *= front
    lips = np.clip(_bump(x, y, (0, mouth_y), (dice.uniform(0.15, 0.24), 0.06)) * 1.4, 0, 1) * front
    colour += (lips * dice.uniform(0.2, 0.7))[..., None] * (skin * (0.85, 0.55, 0.55) - colour)
    _paint(colour, _bump(side, y, (0.06, tip - 0.08), (0.045, 0.03)) * front, skin * 0.25, 0.8)
    opened = dice.uniform(0.012, 0.09) if dice.random() < 0.5 else 0.014
    inside = np.array((235, 230, 220)) if opened > 0.03 and dice.random() < 0.6 else skin * 0.25
    bend = dice.uniform(-0.1, 0.9) * x**2
    _paint(colour, np.exp(-(((x / 0.2) ** 2) ** 2) - ((y - mouth_y - bend) / opened) ** 2) * front, inside, 0.9)
    _eyes(dice, colour, side, x, y, (eye_x, eye_y), front, skin)
    ears = 0.16 * _bump(np.abs(angle), y, (1.6, eye_y - 0.1), (0.14, 0.22))
    hair = _HAIRS[min(int(dice.exponential(1.2)), len(_HAIRS) - 1)] + dice.normal(0, 6, 3)
    line = dice.uniform(0.5, 0.75) + 0.9 * dice.uniform(0.3, 1) * -(np.abs(np.sin(angle)) ** 4) * front
    grown = (np.where(front, y > line, y > dice.uniform(-0.9, -0.4)) & (dice.random() > 0.08)).astype(np.float32)
    grown = np.maximum(grown, ((np.abs(angle) > 1.25) & (np.abs(angle) < 1.9) & (y > dice.uniform(-0.2, 0.5))) * (grown.max() > 0))
    _paint(colour, grown, hair, 0.95)
    _beard(dice, colour, x, y, front, hair, mouth_y)
    noise = cv2.GaussianBlur(dice.normal(0, 1, x.shape).astype(np.float32), (0, 0), dice.uniform(0.8, 3))
    colour *= (1 + noise / max(float(noise.std()), 1e-6) * dice.uniform(0.01, 0.06))[..., None]
    return colour, (relief + ears + 0.07 * grown).astype(np.float32)


def _paint(colour: Floats, where: Floats, paint: Floats, share: float) -> None:
    colour += (np.clip(where, 0, 1) * share)[..., None] * (paint - colour)


def _eyes(
    dice: np.random.Generator,
    colour: Floats,
    side: Floats,
    x: Floats,
    y: Floats,
    at: tuple[float, float],
    front: Floats,
    skin: Floats,
) -> None:
    """Sockets, lids, whites, irises and brows, or glasses over them."""
    eye_x, eye_y = at
    _paint(colour, _bump(side, y, at, (0.17, 0.12)) * front, skin * 0.5, dice.uniform(0.2, 0.8))
    wide, tall = dice.uniform(0.1, 0.14), dice.uniform(0.015, 0.06)
    almond = ((side - eye_x) / wide) ** 2 + ((y - eye_y) / tall) ** 2
    _paint(colour, np.clip(1.8 - almond, 0, 1) * front, skin * 0.22, 0.85)  # lashes and lids
    _paint(colour, (almond < 0.8) * front, np.array((215, 210, 205), np.float32), dice.uniform(0.3, 0.8))
    look = dice.uniform(-0.04, 0.04)
    iris = (x - np.sign(x) * eye_x - look) ** 2 + (y - eye_y) ** 2 < 0.055**2
    _paint(colour, (iris & (almond < 1)) * front, np.array(dice.uniform(10, 70, 3), np.float32), 0.95)
    arch = eye_y + dice.uniform(0.13, 0.22) - 0.6 * (side - eye_x) ** 2
    brow = np.exp(-(((side - eye_x - 0.02) / 0.17) ** 4) - ((y - arch) / dice.uniform(0.025, 0.055)) ** 2)
    _paint(colour, brow * front, skin * 0.2, dice.uniform(0.3, 0.95))
    if (kind := dice.random()) < 0.3:
        lens = ((side - eye_x) / 0.21) ** 4 + ((y - eye_y + 0.02) / dice.uniform(0.11, 0.17)) ** 4
        bridge = (np.abs(y - eye_y - 0.03) < 0.025) & (side < 0.75)
        if kind < 0.12:
            _paint(colour, (lens < 1) * front, np.array(dice.uniform(5, 60, 3), np.float32), dice.uniform(0.7, 1))
        _paint(colour, (((lens > 0.7) & (lens < 1.3)) | (bridge & (lens > 1))) * front, np.array(dice.uniform(5, 80, 3), np.float32), 0.9)


def _beard(dice: np.random.Generator, colour: Floats, x: Floats, y: Floats, front: Floats, hair: Floats, mouth_y: float) -> None:
    kind = dice.random()
    if kind > 0.5:
        return
    lip = _bump(x, y, (0, mouth_y + 0.12), (0.22, 0.06))
    cheek = ((y < mouth_y + 0.1 + 0.9 * np.clip(np.abs(x) - 0.25, 0, 1)) & (_bump(x, y, (0, mouth_y), (0.2, 0.07)) < 0.4)).astype(
        np.float32
    )
    where = lip if kind < 0.12 else np.maximum(lip, cheek)
    _paint(colour, np.clip(where * 1.3, 0, 1) * front, hair, dice.uniform(0.3, 0.97))


def _worn(dice: np.random.Generator, x: Floats, y: Floats, angle: Floats, front: Floats, colour: Floats) -> tuple[Floats, Floats]:
    """What is pulled over: a helmet with its brim, a cap or a turban, a mask; outward displacement and colours."""
    out = np.zeros_like(x)
    if (kind := dice.random()) < 0.55:
        edge = dice.uniform(0.3, 0.6)
        paint = (_HELMETS[dice.integers(len(_HELMETS))] if kind < 0.4 else dice.uniform(10, 230, 3)) + dice.normal(0, 8, 3)
        shell = y > edge - (0.15 * ~front if kind < 0.4 else 0.4 * np.sin(np.abs(angle)) * 0.5)
        colour = np.where(shell[..., None], paint.astype(np.float32), colour)
        out = np.where(shell, dice.uniform(0.08, 0.24), out)
        if kind < 0.4:
            brim = (y > edge) & (y < edge + 0.07)
            out = np.where(brim, out + 0.1 + dice.uniform(0, 0.3) * np.clip(np.cos(angle), 0, 1), out)
            ridge = (np.abs(x) < 0.06) & shell & ~brim
            out = np.where(ridge, out + 0.05, out)
    if dice.random() < 0.13:
        cloth = front & (y < dice.uniform(-0.25, -0.02)) & (np.abs(angle) < dice.uniform(1.0, 1.5))
        paint = np.array([(225, 230, 232), (110, 170, 210), (25, 25, 28)])[dice.integers(3)] + dice.normal(0, 10, 3)
        colour = np.where(cloth[..., None], paint.astype(np.float32), colour)
        out = np.where(cloth, 0.05 + 0.08 * _bump(x, y, (0, -0.35), (0.2, 0.3)), out)
    return out.astype(np.float32), colour.astype(np.float32)


def _neck(dice: np.random.Generator, colour: Floats) -> tuple[Floats, Floats]:
    angle, down = np.meshgrid(np.linspace(-np.pi, np.pi, 120), np.linspace(-1.7, -0.7, 90))
    wide = dice.uniform(0.36, 0.5)
    points = np.stack([wide * np.sin(angle), down, wide * np.cos(angle) - 0.2], -1).reshape(-1, 3).astype(np.float32)
    skin = colour[70:90, _COLUMNS // 2 - 40].mean(0)
    return points, np.ones_like(points) * skin * (0.55 + 0.25 * np.cos(angle.reshape(-1, 1))).astype(np.float32)


def _turn(dice: np.random.Generator, *, behind: bool) -> Floats:
    yaw = np.pi + dice.uniform(-0.9, 0.9) if behind else (dice.normal(0, 0.35) if dice.random() < 0.6 else dice.uniform(-1.5, 1.5))
    pitch, roll = dice.normal(0.12, 0.25), dice.normal(0, 0.18)
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turn: Floats = about_z @ about_x @ about_y
    return turn.astype(np.float32)


def _lit(dice: np.random.Generator, points: Floats) -> Floats:
    """One lamp, the sky and a little shine; 0.1..1.6."""
    normal = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9
    lamp = np.array([dice.normal(0, 0.7), dice.uniform(-0.2, 1.2), dice.uniform(0.2, 1.2)])
    lamp /= np.linalg.norm(lamp)
    ambient = dice.uniform(0.35, 0.95)
    sky = ambient * (0.75 + 0.25 * normal[..., 1])
    shine = dice.uniform(0, 0.35) * np.clip(normal @ lamp, 0, 1) ** 12
    light: Floats = np.clip(sky + (1.3 - ambient) * np.clip(normal @ lamp, 0, 1) + shine, 0.1, 1.6)
    return light.astype(np.float32)


def _splat(points: Floats, paint: Floats) -> tuple[Floats, Floats]:
    """The nearest point of each pixel; holes are closed from their neighbours."""
    column = np.rint((points[:, 0] / _REACH + 1) * (SIDE - 1) / 2).astype(np.int64)
    row = np.rint((1 - (points[:, 1] + 0.15) / _REACH) * (SIDE - 1) / 2).astype(np.int64)
    inside = (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
    order = np.argsort(points[inside, 2], kind="stable")  # the nearest is written last
    place = (row[inside] * SIDE + column[inside])[order]
    rgb: Floats = np.zeros((SIDE, SIDE, 3), np.float32)
    alpha: Floats = np.zeros((SIDE, SIDE), np.float32)
    rgb.reshape(-1, 3)[place], alpha.reshape(-1)[place] = paint[inside][order] / 255, 1
    closed = cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    weight = cv2.blur(alpha, (5, 5)) + 1e-6
    filled = cv2.blur(rgb, (5, 5)) / weight[..., None]
    rgb = np.where(alpha[..., None] > 0, 0.5 * rgb + 0.5 * filled, filled)
    return np.clip(rgb, 0, 1).astype(np.float32), cv2.GaussianBlur(closed, (3, 3), 0)


def _extent(face: Floats) -> tuple[float, float, float, float]:
    x = (face[:, 0] / _REACH + 1) / 2
    y = (1 - (face[:, 1] + 0.15) / _REACH) / 2
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())
