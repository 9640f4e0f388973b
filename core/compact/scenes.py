"""Scenes for the compact model: real cut-outs laid on real and made-up benches, judged by the profile's own rules, so every label is exact.

A scene is a pure function of its seed. A scene whose verdict a hair's breadth would change is not taught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from core.compact.cutouts import Picture
from core.compact.layouts import LAYOUTS, SHARES
from core.compact.painting import ground, paint
from core.compact.table import Laid, Stock, Table
from core.judging import Judged, judge
from core.profile import Profile
from core.schema import Box, Finding

HAIR = 0.008
"""How far the sides of the boxes are moved, in shares of the frame, to see whether the verdict stands."""

SIZES = ((640, 480), (640, 480), (640, 480), (640, 360), (480, 480), (420, 480))


@dataclass(frozen=True, slots=True)
class Scene:
    """A composed frame and the truth of it."""

    picture: Picture
    findings: tuple[Finding, ...]
    judged: Judged


@dataclass(frozen=True, slots=True)
class Arranged:
    """What lies where, and what the rules say of it."""

    laid: tuple[Laid, ...]  # in the order in which they lie over one another
    size: tuple[int, int]  # width, height in pixels
    findings: tuple[Finding, ...]
    judged: Judged


def compose(stock: Stock, seed: int) -> Scene:
    """The scene of a seed."""
    dice = np.random.default_rng(seed)
    layout = LAYOUTS[str(dice.choice(list(LAYOUTS), p=SHARES))]
    while True:
        scene = _attempt(stock, layout, dice)
        if scene is not None:
            return scene


def _attempt(stock: Stock, layout: Callable[[Table], list[Laid] | None], dice: Generator) -> Scene | None:
    """One throw of the dice; None when things do not fit, would hide each other, or leave the verdict open."""
    arranged = arrange(stock, layout, dice)
    if arranged is None:
        return None
    picture = paint(arranged.laid, ground(stock.benches, dice, arranged.size), dice)
    return None if picture is None else Scene(picture, arranged.findings, arranged.judged)


def arrange(stock: Stock, layout: Callable[[Table], list[Laid] | None], dice: Generator) -> Arranged | None:
    """Things laid out and judged, not yet painted; None when they do not fit or leave the verdict open."""
    size = SIZES[int(dice.integers(len(SIZES)))]
    laid = layout(Table(stock, dice, size))
    if laid is None:
        return None
    findings = tuple(Finding(thing.label, box) for thing in laid if (box := thing.box(size)) is not None)
    judged = judge(findings, stock.profile)
    if len(findings) < len(laid) or not _stands(findings, judged, stock.profile, dice):
        return None
    return Arranged(tuple(laid), size, findings, judged)


def _stands(findings: tuple[Finding, ...], judged: Judged, profile: Profile, dice: Generator) -> bool:
    """Whether small movements of the boxes leave step and hazards as they are."""
    told = (judged.step, tuple(v.hazard for v in judged.violations))
    for _ in range(3):
        moved = tuple(replace(f, box=_nudged(f.box, dice)) for f in findings if f.box is not None)
        again = judge(moved, profile)
        if (again.step, tuple(v.hazard for v in again.violations)) != told:
            return False
    return True


def _nudged(box: Box, dice: Generator) -> Box:
    x0, y0, x1, y1 = np.clip(np.asarray(box.xyxy) + dice.uniform(-HAIR, HAIR, 4), 0, 1)
    return Box(float(x0), float(y0), float(max(x1, x0 + 0.004)), float(max(y1, y0 + 0.004))) if x0 < 0.99 and y0 < 0.99 else box
