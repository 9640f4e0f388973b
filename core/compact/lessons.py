"""What the compact model is shown: mostly composed scenes, some real training frames, as pixels on its canvas with the answer it should give.

Lesson number n of a seed is always the same one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from core.answers import write
from core.compact.cutouts import Picture, benches, cut_out, load
from core.compact.network import on_canvas
from core.compact.scenes import Scene, compose
from core.compact.split import Annotated, read_frames, split
from core.compact.table import Stock
from core.geometry import FAMILIES
from core.judging import judge
from core.profile import Profile
from core.schema import Box, Finding, Risk

REAL_SHARE = 0.3
MOST_FINDINGS = 22
"""A real frame with more is cropped until it has no more: an answer of forty findings would cost more than it teaches."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """`picture` height x width x 3 on the canvas; `answer` the JSON; `findings` for the dense head."""

    picture: Picture
    answer: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """The stock for scenes and the real frames that may teach."""

    stock: Stock
    frames: Sequence[Annotated]


def gather(folder: Path, profile: Profile) -> Material:
    """Everything from the training part of the annotated frames in `folder`."""
    frames = read_frames(folder)
    parts = split([frame.path.name for frame in frames])
    teaching = [frame for frame in frames if parts[frame.path.name] == "train"]
    return Material(Stock(cut_out(teaching, profile), benches(teaching), profile), teaching)


def lessons(material: Material, seed: int, first: int, stride: int = 1) -> Iterator[Lesson]:
    """Lessons `first`, `first + stride`, ... without end."""
    number = first
    while True:
        yield lesson(material, seed, number)
        number += stride


def lesson(material: Material, seed: int, number: int) -> Lesson:
    """One lesson."""
    dice = np.random.default_rng((seed, number))
    if material.frames and dice.random() < REAL_SHARE:
        scene = _real(material, dice)
    else:
        scene = compose(material.stock, int(dice.integers(2**62)))
    return _lesson(scene, material.stock.profile)


def _lesson(scene: Scene, profile: Profile) -> Lesson:
    size = (scene.picture.shape[1], scene.picture.shape[0])
    judged = scene.judged
    answer = write(scene.findings, judged.step, judged.violations, Risk(level=judged.level), profile, FAMILIES["compact"], size)
    return Lesson(on_canvas(scene.picture), answer, scene.findings)


def _real(material: Material, dice: Generator) -> Scene:
    """A real frame, cropped a little or more, perhaps mirrored, in a light a little different."""
    profile = material.stock.profile
    while True:
        frame = material.frames[int(dice.integers(len(material.frames)))]
        pixels = load(frame)
        crop = _crop(frame, dice)
        findings = _inside(frame, crop, profile)
        if len(findings) <= MOST_FINDINGS:
            break
    x0, y0, x1, y1 = crop
    picture = pixels[y0:y1, x0:x1]
    for axis, chance in ((1, 0.5), (0, 0.3)):
        if dice.random() < chance:
            picture = np.flip(picture, axis)
            findings = [Finding(f.label, _mirrored(f.box, axis)) for f in findings if f.box]
    light = dice.uniform(0.8, 1.2) * (1 + dice.normal(0, 0.03, 3))
    lit = np.clip((picture.astype(np.float32) - 128) * dice.uniform(0.88, 1.12) + 128 + dice.normal(0, 4), 0, 255) * light
    return Scene(np.clip(lit, 0, 255).astype(np.uint8), tuple(findings), judge(findings, profile))


def _crop(frame: Annotated, dice: Generator) -> tuple[int, int, int, int]:
    """Half the time the whole frame, otherwise a window of 55 to 100 % of its sides. Pixels."""
    if dice.random() < 0.5 and len(frame.objects) <= MOST_FINDINGS:
        return 0, 0, frame.width, frame.height
    wide, high = (int(side * dice.uniform(0.55, 1.0)) for side in (frame.width, frame.height))
    x, y = int(dice.integers(frame.width - wide + 1)), int(dice.integers(frame.height - high + 1))
    return x, y, x + wide, y + high


def _inside(frame: Annotated, crop: tuple[int, int, int, int], profile: Profile) -> list[Finding]:
    """The objects of which at least two fifths are inside the window, in unit space of it."""
    x0, y0, x1, y1 = crop
    found: list[Finding] = []
    for name, (a, b, c, d), _ in frame.objects:
        label = profile.key_of("label", name)
        left, top, right, bottom = max(a, x0), max(b, y0), min(c, x1), min(d, y1)
        if label is None or right - left < 4 or bottom - top < 4 or (right - left) * (bottom - top) < 0.4 * (c - a) * (d - b):
            continue
        wide, high = x1 - x0, y1 - y0
        found.append(Finding(label, Box((left - x0) / wide, (top - y0) / high, (right - x0) / wide, (bottom - y0) / high)))
    return found


def _mirrored(box: Box, axis: int) -> Box:
    x0, y0, x1, y1 = box.xyxy
    return Box(1 - x1, y0, 1 - x0, y1) if axis == 1 else Box(x0, 1 - y1, x1, 1 - y0)
