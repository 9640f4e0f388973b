"""Boxes said against boxes true: who matches whom, and what follows. An answer that could not be read has no boxes, and its true ones count as missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.geometry import iou
from core.schema import Box, Finding

MATCH = 0.5
"""The IoU from which on two boxes are one thing."""

Size = Literal["small", "medium", "large"]
SIZES: tuple[tuple[Size, float], ...] = (("small", 0.01), ("medium", 0.09), ("large", 1.0))
"""Buckets, each up to a share of the frame's area: below 1 %, below 9 % (a third of the sides), all above."""


@dataclass(slots=True)
class Tally:
    """Counts, and the IoU of each match."""

    true: int = 0
    said: int = 0
    matched: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take another's counts in."""
        self.true += other.true
        self.said += other.said
        self.matched += other.matched

    def figures(self) -> dict[str, float | int | None]:
        """Precision, recall, F1 at IoU .5 and mean IoU of the matched; None where the denominator is 0."""
        hits = len(self.matched)
        both = self.true + self.said
        return {
            "precision": hits / self.said if self.said else None,
            "recall": hits / self.true if self.true else None,
            "f1": 2 * hits / both if both else None,
            "mean_iou": float(np.mean(self.matched)) if hits else None,
            "true": self.true,
            "said": self.said,
            "matched": hits,
        }


def tally(said: Iterable[Finding], true: Iterable[Finding]) -> dict[str, Tally]:
    """One frame, by label. Boxes match within a label, one to one, so that the sum of IoU is largest (Hungarian method)."""
    return {label: Tally(len(t), len(s), matches(s, t)) for label, (s, t) in by_label(said, true).items()}


def by_label(said: Iterable[Finding], true: Iterable[Finding]) -> dict[str, tuple[list[Box], list[Box]]]:
    """The boxes of one frame, said and true, under the label they have; what has no box is left out."""
    boxes: dict[str, tuple[list[Box], list[Box]]] = {}
    for place, findings in enumerate((said, true)):
        for finding in findings:
            if finding.box is not None:
                boxes.setdefault(finding.label, ([], []))[place].append(finding.box)
    return boxes


def matches(said: Sequence[Box], true: Sequence[Box]) -> list[float]:
    """The IoU of each pair that matches at MATCH or better.

    >>> matches([Box(0, 0, 0.5, 1)], [Box(0, 0, 0.5, 0.9), Box(0.6, 0, 1, 1)])
    [0.9]
    """
    return [round(value, 12) for _, _, value in pairs(said, true)]


def pairs(said: Sequence[Box], true: Sequence[Box], least: float = MATCH) -> list[tuple[int, int, float]]:
    """Which said box is which true one, and their IoU, for all that match at `least` or better; one to one, the sum of IoU largest."""
    if not said or not true:
        return []
    if len(said) == len(true) == 1:  # most often
        value = iou(said[0], true[0])
        return [(0, 0, value)] if value >= least else []
    overlaps = np.array([[iou(a, b) for b in true] for a in said])
    reachable = np.where(overlaps >= least, overlaps, 0.0)  # so that a pair out of reach never costs one within
    rows, columns = linear_sum_assignment(-reachable)
    return [(int(r), int(c), float(reachable[r, c])) for r, c in zip(rows, columns, strict=True) if reachable[r, c] >= least]


def size_of(box: Box) -> Size:
    """The bucket of a box, by its share of the frame's area.

    >>> size_of(Box(0, 0, 0.1, 0.09)), size_of(Box(0, 0, 0.5, 0.5))
    ('small', 'large')
    """
    area = (box.x1 - box.x0) * (box.y1 - box.y0)
    return next((name for name, most in SIZES if area < most), "large")
