"""Many boxes of many frames at once: which of them can be the same thing, and how far they overlap. Decides no match.

Boxes lie in flat arrays, a row each; only pairs of one frame are ever looked at, so 50,000 frames take the room of their pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Rows of boxes, in any order. `xywh`: left, top, width, height in any one unit."""

    frame: Ints
    label: Ints
    xywh: Floats

    @property
    def area(self) -> Floats:
        """Of each, in the unit squared."""
        found: Floats = self.xywh[:, 2] * self.xywh[:, 3]
        return found

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows of said and true boxes that could be one thing, and their IoU; by said row, then by true row."""

    said: Ints
    true: Ints
    iou: Floats

    def where(self, kept: NDArray[np.bool_]) -> Pairs:
        """Those that are kept."""
        return Pairs(self.said[kept], self.true[kept], self.iou[kept])


def pairs(said: Boxes, true: Boxes, *, same_label: bool) -> Pairs:
    """Every pair of one frame (and label) that overlaps at all."""
    wide = int(max(said.label.max(initial=0), true.label.max(initial=0))) + 1 if same_label else 1
    mine = said.frame * wide + (said.label if same_label else 0)
    theirs = true.frame * wide + (true.label if same_label else 0)
    order = np.argsort(theirs, kind="stable")
    groups = theirs[order]
    begins = np.searchsorted(groups, mine, "left")
    many = np.searchsorted(groups, mine, "right") - begins
    rows = np.repeat(np.arange(len(mine)), many)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(many) - many, many)
    columns = order[np.repeat(begins, many) + within]
    found = Pairs(rows, columns, iou(said.xywh[rows], true.xywh[columns]))
    return found.where(found.iou > 0)


def iou(a: Floats, b: Floats) -> Floats:
    """Of rows of left, top, width, height: area of the intersection over area of the union, as COCO's own code computes it."""
    width = np.minimum(a[:, 0] + a[:, 2], b[:, 0] + b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    height = np.minimum(a[:, 1] + a[:, 3], b[:, 1] + b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    both = np.maximum(width, 0) * np.maximum(height, 0)
    union = a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - both
    found: Floats = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return found
