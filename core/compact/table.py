"""Lays things on a bench without painting them: which, turned how, where. Knows sizes and places, no rules and no light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator

from core.compact.cutouts import Cutout, Picture
from core.compact.parts import draw_part
from core.judging import gap
from core.profile import Profile
from core.schema import Box


@dataclass(frozen=True, slots=True)
class Stock:
    """What scenes are made of."""

    cutouts: Mapping[str, Sequence[Cutout]]
    benches: Sequence[Picture]
    profile: Profile

    @property
    def tools(self) -> tuple[str, ...]:
        """Labels of the tools that were cut out, sorted."""
        known = {term.key for term in self.profile.tools}
        return tuple(sorted(label for label in self.cutouts if label in known))


@dataclass(frozen=True, slots=True)
class Laid:
    """A thing in its place: its warped pixels, and where their upper left corner comes to lie."""

    label: str
    rgba: Picture
    x: int
    y: int

    def box(self, size: tuple[int, int]) -> Box | None:
        """Its extent inside the frame; None when nothing of it is inside."""
        width, height = size
        h, w = self.rgba.shape[:2]
        x0, y0, x1, y1 = max(0, self.x), max(0, self.y), min(width, self.x + w), min(height, self.y + h)
        return Box(x0 / width, y0 / height, x1 / width, y1 / height) if x1 - x0 > 3 and y1 - y0 > 3 else None


class Table:
    """Lays things down one after the other. Each `lay_*` gives back None when no place was found."""

    def __init__(self, stock: Stock, dice: Generator, size: tuple[int, int]) -> None:
        self.stock, self.dice, self.size = stock, dice, size
        self.scale = float(dice.uniform(0.85, 1.6))
        self.laid: list[Laid] = []

    def warp(self, label: str, turn: float | None = None) -> Laid:
        """A random thing of a label, turned (degrees; None: any way), scaled, mirrored, lighted; not yet anywhere."""
        dice, cuts = self.dice, self.stock.cutouts.get(label)
        cut = cuts[int(dice.integers(len(cuts)))] if cuts else draw_part(label, dice)
        scale = self.scale * float(dice.uniform(0.88, 1.12))
        return Laid(
            label, _turned(cut.rgba, float(dice.uniform(0, 360)) if turn is None else turn, scale, bool(dice.random() < 0.5), dice), 0, 0
        )

    def put(self, thing: Laid, x: float, y: float) -> Laid:
        """Its middle at x, y (pixels)."""
        h, w = thing.rgba.shape[:2]
        return replace(thing, x=round(x - w / 2), y=round(y - h / 2))

    def free(self, thing: Laid, away_from: Sequence[Laid], distance: float) -> Laid | None:
        """Somewhere inside, at least `distance` (share of the side) from the others and 0.035 from the edges."""
        h, w = thing.rgba.shape[:2]
        left, top = 0.036 * self.size[0], 0.036 * self.size[1]
        if w + 2 * left >= self.size[0] or h + 2 * top >= self.size[1]:
            return None
        others = [box for other in away_from if (box := other.box(self.size)) is not None]
        for _ in range(12):
            there = replace(
                thing, x=int(self.dice.uniform(left, self.size[0] - w - left)), y=int(self.dice.uniform(top, self.size[1] - h - top))
            )
            box = there.box(self.size)
            if box is not None and all(gap(box, other) >= distance for other in others):
                return there
        return None

    def any_tool(self) -> str:
        return str(self.dice.choice(self.stock.tools))

    def bystanders(self, most: int, distance: float = -0.06, least: int = 0) -> None:
        """Tools that lie about, a little over one another at times; away from all that matters."""
        matters = list(self.laid)
        for _ in range(int(self.dice.integers(least, most + 1))):
            thing = self.free(self.warp(self.any_tool()), matters, 0.03)
            if thing is None:
                continue
            box = thing.box(self.size)
            boxes = [other.box(self.size) for other in self.laid[len(matters) :]]
            if box is not None and all(gap(box, other) >= distance for other in boxes if other is not None):
                self.laid.append(thing)

    def spare_parts(self, most: int) -> None:
        """Parts that lie about, touching nothing."""
        for _ in range(int(self.dice.integers(0, most + 1))):
            thing = self.free(self.warp(str(self.dice.choice(("bolt", "plate", "bearing")))), self.laid, 0.03)
            if thing is not None:
                self.laid.append(thing)

    def hand(self) -> tuple[Laid, tuple[float, float]]:
        """A hand that comes in from the side it came from in life, and the tip of it in pixels. Not laid down yet: it lies on top."""
        dice, (width, height) = self.dice, self.size
        cuts = self.stock.cutouts[self.stock.profile.hands[0]]
        cut = cuts[int(dice.integers(len(cuts)))]
        mirror = bool(dice.random() < 0.5)
        edges = {{"left": "right", "right": "left"}.get(e, e) if mirror else e for e in cut.edges}
        rgba = _turned(cut.rgba, float(dice.uniform(-18, 18)), self.scale * float(dice.uniform(0.85, 1.1)), mirror, dice)
        h, w = rgba.shape[:2]
        x, y = dice.uniform(0.05, 0.95) * width - w / 2, dice.uniform(0.1, 0.9) * height - h / 2
        out = float(dice.uniform(2, 14))
        x = -out if "left" in edges else width - w + out if "right" in edges else x
        y = -out if "top" in edges else height - h + out if "bottom" in edges else y
        thing = Laid(self.stock.profile.hands[0], rgba, round(x), round(y))
        return thing, _tip(thing, edges)

    def in_hand(self, label: str, tip: tuple[float, float]) -> Laid:
        """A tool whose handle, or whatever end it has, lies at the tip of the hand."""
        thing = self.warp(label)
        h, w = thing.rgba.shape[:2]
        return self.put(thing, tip[0] + w * float(self.dice.uniform(-0.34, 0.34)), tip[1] + h * float(self.dice.uniform(-0.34, 0.34)))

    def at_work(self, label: str, tool: Laid, hand: Laid) -> Laid:
        """A part at the end of the tool that points away from the hand."""
        th, tw = tool.rgba.shape[:2]
        hh, hw = hand.rgba.shape[:2]
        middle, grip = (tool.x + tw / 2, tool.y + th / 2), (hand.x + hw / 2, hand.y + hh / 2)
        way = np.array([middle[0] - grip[0], middle[1] - grip[1]])
        way /= float(np.hypot(*way)) or 1.0
        return self.put(self.warp(label), middle[0] + way[0] * tw * 0.5, middle[1] + way[1] * th * 0.5)


def _tip(hand: Laid, edges: set[str]) -> tuple[float, float]:
    """The tenth of the hand that is farthest from the sides it comes in by."""
    ys, xs = np.nonzero(hand.rgba[:, :, 3] > 127)
    reach = np.zeros(len(xs))
    for side, axis, sign in (("left", xs, 1), ("right", xs, -1), ("top", ys, 1), ("bottom", ys, -1)):
        if side in edges:
            reach = reach + sign * axis
    far = reach >= np.quantile(reach, 0.9) if edges else np.ones(len(xs), bool)
    return float(xs[far].mean() + hand.x), float(ys[far].mean() + hand.y)


def _turned(rgba: Picture, degrees: float, scale: float, mirror: bool, dice: Generator) -> Picture:
    """Turned, scaled, perhaps mirrored, cropped to what is left of it, in a light a little different."""
    source = np.ascontiguousarray(rgba[:, ::-1] if mirror else rgba)
    h, w = source.shape[:2]
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, scale)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    wide, high = int(h * sin + w * cos) + 2, int(h * cos + w * sin) + 2
    turn[0, 2] += wide / 2 - w / 2
    turn[1, 2] += high / 2 - h / 2
    out = cv2.warpAffine(source, turn, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    ys, xs = np.nonzero(out[:, :, 3] > 127)
    out = out[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    light = dice.uniform(0.82, 1.18) * (1 + dice.normal(0, 0.03, 3))
    out[:, :, :3] = np.clip(out[:, :, :3] * light, 0, 255)
    return np.ascontiguousarray(out)


def inside(thing: Laid, size: tuple[int, int]) -> float:
    """The share of a thing's extent that lies inside the frame."""
    box = thing.box(size)
    h, w = thing.rgba.shape[:2]
    return 0.0 if box is None else (box.x1 - box.x0) * (box.y1 - box.y0) * size[0] * size[1] / (w * h)
