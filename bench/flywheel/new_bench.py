"""A bench that the compact model has never seen: other ground, other light, another tool. Composes its frames, and says what is true of each.

Its tools and hands are cut out of the photographs that taught the compact model nothing (`core.compact.split`); the utility knife, which no
photograph shows, is drawn. Nothing else of the compact model's scenes is used: no bench, no light, no seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from core.compact.cutouts import Cutout, Picture, cut_out
from core.compact.layouts import LAYOUTS
from core.compact.painting import paint
from core.compact.scenes import arrange
from core.compact.split import read_frames, split
from core.compact.table import Stock
from core.judging import Judged
from core.profile import Profile
from core.schema import Finding

KNIVES = 24
"""Drawn utility knives: as many as there are photographs of a usual tool."""

SHARES = {
    "idle": 0.27,
    "crowded": 0.03,
    "finished": 0.09,
    "reaching": 0.12,
    "holding": 0.16,
    "working": 0.13,
    "gripping": 0.04,
    "cutting": 0.05,
    "striking": 0.025,
    "striking with a second hand": 0.03,
    "inserting": 0.05,
    "near a blade": 0.01,
    "at the edge": 0.01,
}
"""How often each kind of scene is drawn here. High risk is rare, as it is in a plant."""

MOST_THINGS = 9
"""Of a frame: a bench that is kept in order."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame of the new bench and the truth of it."""

    name: str
    jpeg: bytes
    findings: tuple[Finding, ...]
    judged: Judged
    burst: int  # frames of one burst show the same scene


def stock(photographs: Path, profile: Profile) -> Stock:
    """Cut-outs of the photographs that taught nothing, and the knife that none of them shows."""
    frames = read_frames(photographs)
    parts = split([frame.path.name for frame in frames])
    cuts = cut_out([frame for frame in frames if parts[frame.path.name] != "train"], profile)
    dice = np.random.default_rng(11)
    return Stock({**cuts, "utility_knife": [_knife(dice) for _ in range(KNIVES)]}, (), profile)


def shots(material: Stock, seed: int, count: int, bursts: float = 0.0) -> list[Shot]:
    """`count` frames; of the scenes a share of `bursts` was photographed three times in a row."""
    dice = np.random.default_rng(seed)
    made: list[Shot] = []
    burst = 0
    while len(made) < count:
        scene = _scene(material, dice)
        if scene is None:
            continue
        picture, findings, judged = scene
        times = 3 if dice.random() < bursts else 1
        for _ in range(min(times, count - len(made))):
            made.append(Shot(f"bench2-{seed}-{len(made):05d}.jpg", _photographed(picture, dice), findings, judged, burst))
        burst += 1
    return made


def _scene(material: Stock, dice: Generator) -> tuple[Picture, tuple[Finding, ...], Judged] | None:
    layout = LAYOUTS[str(dice.choice(list(SHARES), p=np.array(list(SHARES.values())) / sum(SHARES.values())))]
    arranged = arrange(material, layout, dice)
    if arranged is None or len(arranged.findings) > MOST_THINGS:
        return None
    picture = paint(arranged.laid, _ground(dice, arranged.size), dice)
    return None if picture is None else (_lit(picture, dice), arranged.findings, arranged.judged)


def _ground(dice: Generator, size: tuple[int, int]) -> Picture:
    """A cutting mat with its grid, or a bench of planks."""
    width, height = size
    ground: NDArray[Any]
    if dice.random() < 0.6:
        tone = np.array((38, 92, 74), np.float32) + dice.normal(0, 6, 3)
        ground = np.broadcast_to(tone, (height, width, 3)).astype(np.float32).copy()
        step, across, down = int(dice.integers(34, 46)), int(dice.integers(40)), int(dice.integers(40))
        for n, x in enumerate(range(across, width, step)):
            ground[:, x : x + (2 if n % 5 == 0 else 1)] += 46
        for n, y in enumerate(range(down, height, step)):
            ground[y : y + (2 if n % 5 == 0 else 1)] += 46
    else:
        tone = np.array((122, 82, 48), np.float32) + dice.normal(0, 10, 3)
        grain = cv2.GaussianBlur(dice.standard_normal((height, width)).astype(np.float32), (0, 0), sigmaX=28, sigmaY=1.1) * 90
        ground = tone[None, None, :] + grain[:, :, None]
        for y in range(int(dice.integers(60)), height, int(dice.integers(80, 120))):
            ground[y : y + 3] *= 0.45
    ground = ground + dice.standard_normal((height, width, 1), dtype=np.float32) * np.float32(dice.uniform(1, 5))
    made: Picture = np.clip(ground, 0, 255).astype(np.uint8)
    return made


def _lit(picture: Picture, dice: Generator) -> Picture:
    """A warm lamp at one side, dim at the other."""
    height, width = picture.shape[:2]
    warm = np.array((1.12, 0.92, 0.62), np.float32) * (1 + dice.normal(0, 0.03, 3)).astype(np.float32)
    from_left = dice.random() < 0.5
    fall = np.linspace(1.05, 0.5, width, dtype=np.float32)[None, :, None]
    fall = fall if from_left else fall[:, ::-1]
    down = np.linspace(1.0, float(dice.uniform(0.8, 1.0)), height, dtype=np.float32)[:, None, None]
    lit = picture.astype(np.float32) * warm * fall * down
    made: Picture = np.clip(lit, 0, 255).astype(np.uint8)
    return made


def _photographed(picture: Picture, dice: Generator) -> bytes:
    """One exposure as JPEG: the sensor's noise and the camera's small differences of light from one to the next."""
    noise = dice.standard_normal((*picture.shape[:2], 1), dtype=np.float32) * np.float32(dice.uniform(1, 4))
    taken = np.clip(picture.astype(np.float32) * float(dice.uniform(0.96, 1.04)) + noise, 0, 255).astype(np.uint8)
    done, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(taken[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(70, 92))])
    assert done
    return jpeg.tobytes()


def _knife(dice: Generator) -> Cutout:
    """A utility knife from above: a bright handle with a slider, a scored blade out of its end."""
    fine = 3  # drawn larger, then made smaller: soft rims
    long, thick = int(dice.integers(92, 128)) * fine, int(dice.integers(15, 21)) * fine
    blade = int(dice.integers(24, 44)) * fine
    rgb = np.zeros((thick, long + blade, 3), np.uint8)
    alpha = np.zeros((thick, long + blade), np.uint8)
    colour = ((232, 176, 20), (214, 60, 40), (40, 90, 190), (236, 120, 24))[int(dice.integers(4))]
    rgb[:, :long] = np.clip(np.array(colour) + dice.normal(0, 10, 3), 0, 255)
    shade = (np.abs(np.linspace(-1, 1, thick)) * 60)[:, None, None]
    rgb[:, :long] = np.clip(rgb[:, :long] - shade, 0, 255)
    cv2.rectangle(rgb, (int(long * 0.12), thick // 3), (int(long * 0.8), 2 * thick // 3), (52, 54, 58), -1)
    slider = int(long * dice.uniform(0.45, 0.7))
    cv2.rectangle(rgb, (slider, thick // 4), (slider + 9 * fine, 3 * thick // 4), (24, 24, 26), -1)
    cv2.rectangle(alpha, (0, 0), (long, thick), 255, -1)
    inset = thick // 6
    point = np.array([(long, inset), (long + blade - thick // 2, inset), (long + blade, thick - inset), (long, thick - inset)])
    cv2.fillPoly(rgb, [point], (206, 210, 214))
    cv2.fillPoly(alpha, [point], 255)
    for x in range(long + 6 * fine, long + blade - thick // 2, 7 * fine):
        cv2.line(rgb, (x, inset), (x + 3 * fine, thick - inset), (120, 124, 130), fine // 2 + 1)
    rgba = np.dstack([rgb, alpha])
    small = cv2.resize(rgba, (rgba.shape[1] // fine, rgba.shape[0] // fine), interpolation=cv2.INTER_AREA)
    return Cutout("utility_knife", small.astype(np.uint8), (0.5, 0.5), frozenset())
