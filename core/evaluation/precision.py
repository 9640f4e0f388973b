"""Mean average precision of scored boxes, equal to pycocotools' to 1e-9: ten IoUs, 101 recalls, areas; no crowds. Scores that are no probabilities rank all the same.

Matching is COCO's greedy one: boxes of a frame and label by falling score, each takes the best true box that is left, and of equals the
last; a true box outside the asked areas is taken only when no other is left, and neither helps nor harms. A said box that could be only
one true box, which could be no other, needs no such order and is most often the case; the others go a rank at a time, all frames together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.overlaps import Boxes, Floats, Ints, Pairs, pairs
from core.evaluation.predictions import Gold, Prediction
from core.schema import Finding

Bools = NDArray[np.bool_]
Range = tuple[float, float]

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST = 100
"""Said boxes of a frame and label; those with a lower score are left out."""

EVERY: Range = (0.0, 1e10)
COCO_AREAS: tuple[Range, ...] = (EVERY, (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))
"""All, small, medium, large, in pixels squared."""


@dataclass(frozen=True, slots=True)
class Precisions:
    """`precision`: (IoUs, recalls, labels, areas); -1 where a label has no true box in an area. `recall`: (IoUs, labels, areas)."""

    precision: Floats
    recall: Floats

    def mean(self, area: int = 0, iou: int | None = None) -> float | None:
        """Over IoUs (or one of them), recalls and labels; None where nothing is true."""
        cells = self.precision[:, :, :, area] if iou is None else self.precision[iou, :, :, area]
        known = cells[cells > -1]
        return float(known.mean()) if len(known) else None

    def of_label(self, label: int, area: int = 0) -> float | None:
        """Of one label."""
        cells = self.precision[:, :, label, area]
        return float(cells.mean()) if (cells > -1).any() else None


def average_precision(true: Boxes, said: Boxes, scores: Floats, labels: int, areas: Sequence[Range] = (EVERY,)) -> Precisions:
    """All of it. Labels are numbers below `labels`; frames are taken in the order of their numbers."""
    kept, group = _ranked(said, scores, labels)
    said, scores = Boxes(said.frame[kept], said.label[kept], said.xywh[kept]), scores[kept]
    near = pairs(said, true, same_label=True)
    near = near.where(near.iou >= IOUS[0])
    order = np.lexsort((-scores, said.label))  # stable: of equal scores the frame with the lower number comes first
    ends = np.searchsorted(said.label[order], np.arange(labels + 1))
    precision = np.full((len(IOUS), len(RECALLS), labels, len(areas)), -1.0)
    recall = np.full((len(IOUS), labels, len(areas)), -1.0)
    for at, (least, most) in enumerate(areas):
        outside = (true.area < least) | (true.area > most)
        hit, beside = _matched(near, group, outside, len(said))
        beside |= ~hit & ((said.area < least) | (said.area > most))
        positives = np.bincount(true.label[~outside], minlength=labels)
        for label in np.flatnonzero(positives):
            rows = order[ends[label] : ends[label + 1]]
            found = _curve(hit[:, rows] & ~beside[:, rows], beside[:, rows], int(positives[label]))
            precision[:, :, label, at], recall[:, label, at] = found
    return Precisions(precision, recall)


def of_predictions(gold: Sequence[Gold], said: Sequence[Prediction]) -> dict[str, Any]:
    """`map`, `map50` and by label, of frames in their order; a sentence instead where a box was said without a score."""
    names = sorted({f.label for g in gold for f in g.findings if f.box is not None})
    place = {name: at for at, name in enumerate(names)}
    mine = [(at, f) for at, p in enumerate(said) if p.readable for f in p.findings if f.box is not None and f.label in place]
    theirs = [(at, f) for at, g in enumerate(gold) for f in g.findings if f.box is not None]
    scores = [f.confidence for _, f in mine]
    if any(score is None for score in scores):
        return {"map": None, "why": "not shown: boxes were said without a score"}
    found = average_precision(_rows(theirs, place), _rows(mine, place), np.array(scores, float), len(names))
    return {"map": found.mean(), "map50": found.mean(iou=0), "average_precision": {name: found.of_label(at) for name, at in place.items()}}


def _rows(found: Sequence[tuple[int, Finding]], place: dict[str, int]) -> Boxes:
    corners = np.array([f.box.xyxy for _, f in found if f.box is not None], float).reshape(-1, 4)
    xywh = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return Boxes(np.array([at for at, _ in found], np.int64), np.array([place[f.label] for _, f in found], np.int64), xywh)


def _ranked(said: Boxes, scores: Floats, labels: int) -> tuple[Ints, Ints]:
    """Rows by frame, label and falling score, at most MOST of a frame and label; and the number of the frame and label of each."""
    order = np.lexsort((-scores, said.label, said.frame))
    group = (said.frame * labels + said.label)[order]
    new = np.append(True, group[1:] != group[:-1]) if len(group) else np.zeros(0, bool)
    begins = np.flatnonzero(new)
    number = np.cumsum(new) - 1
    within = np.arange(len(group)) - (begins[number] if len(group) else 0)
    kept = within < MOST
    return order[kept].astype(np.int64), number[kept].astype(np.int64)


def _matched(near: Pairs, group: Ints, outside: Bools, count: int) -> tuple[Bools, Bools]:
    """(IoUs, said rows): whether each found a true box, and whether that one does not count."""
    hit, beside = np.zeros((len(IOUS), count), bool), np.zeros((len(IOUS), count), bool)
    least = np.minimum(IOUS, 1 - 1e-10)
    contested = (np.bincount(near.said, minlength=count) > 1)[near.said] | (np.bincount(near.true, minlength=len(outside)) > 1)[near.true]
    hard = np.zeros(int(group.max(initial=-1)) + 1, bool)
    hard[group[near.said[contested]]] = True
    apart = hard[group[near.said]]
    plain = near.where(~apart)
    hit[:, plain.said] = plain.iou >= least[:, None]
    beside[:, plain.said] = hit[:, plain.said] & outside[plain.true]
    rest = near.where(apart)
    if len(rest.said):
        _in_turn(rest, group, outside, least, hit, beside)
    return hit, beside


def _in_turn(near: Pairs, group: Ints, outside: Bools, least: Floats, hit: Bools, beside: Bools) -> None:
    """The groups in which boxes contest each other, those of a like size together in one padded block."""
    _, number = np.unique(group[near.said], return_inverse=True)
    rank, said_rows = _places(number, near.said)
    column, true_rows = _places(number, near.true)
    groups = int(number.max()) + 1
    ranks, columns = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
    np.maximum.at(ranks, number, rank + 1)
    np.maximum.at(columns, number, column + 1)
    size = np.ceil(np.log2(np.maximum(ranks, columns))).astype(np.int64)
    for each in np.unique(size):
        chosen = np.flatnonzero(size == each)
        to = np.full(groups, -1)
        to[chosen] = np.arange(len(chosen))
        inside = to[number] >= 0
        block = np.full((len(chosen), int(ranks[chosen].max()), int(columns[chosen].max())), -1.0)
        block[to[number[inside]], rank[inside], column[inside]] = near.iou[inside]
        away = np.zeros(block.shape[::2], bool)
        away[to[number[inside]], column[inside]] = outside[true_rows[inside]]
        found, not_counted = _greedy(block, away, least)
        rows = said_rows[inside]
        hit[:, rows] = found[:, to[number[inside]], rank[inside]]
        beside[:, rows] = not_counted[:, to[number[inside]], rank[inside]]


def _places(number: NDArray[np.intp], rows: Ints) -> tuple[Ints, Ints]:
    """Of each pair the place of its row among the rows of its group, in their order; and the row."""
    key = number.astype(np.int64) * (int(rows.max()) + 1) + rows
    known, back = np.unique(key, return_inverse=True)
    of_group = known // (int(rows.max()) + 1)
    begins = np.searchsorted(of_group, of_group, "left")
    return (np.arange(len(known)) - begins)[back].astype(np.int64), rows


def _greedy(block: Floats, away: Bools, least: Floats) -> tuple[Bools, Bools]:
    """`block`: IoU (groups, ranks, columns), -1 for none. One step a rank, for all groups and IoUs at once."""
    groups, ranks, columns = block.shape
    free = np.ones((len(least), groups, columns), bool)
    hit, beside = np.zeros((len(least), groups, ranks), bool), np.zeros((len(least), groups, ranks), bool)
    for rank in range(ranks):
        row = block[None, :, rank, :]
        open_to = np.where(free & (row >= least[:, None, None]), row, -1.0)
        counting = np.where(away[None], -1.0, open_to)
        any_counting = counting.max(axis=-1) >= 0
        open_to = np.where(any_counting[..., None], counting, open_to)
        best = columns - 1 - np.argmax(open_to[..., ::-1], axis=-1)  # of equals the last
        taken = np.take_along_axis(open_to, best[..., None], axis=-1)[..., 0] >= 0
        hit[:, :, rank] = taken
        beside[:, :, rank] = taken & ~any_counting
        which, where = np.nonzero(taken)
        free[which, where, best[which, where]] = False
    return hit, beside


def _curve(right: Bools, beside: Bools, positives: int) -> tuple[Floats, Floats]:
    """Precision at each recall (IoUs, recalls) and the recall reached, of one label's boxes by falling score."""
    count = right.shape[1]
    at_recall = np.zeros((len(IOUS), len(RECALLS)))
    if not count:
        return at_recall, np.zeros(len(IOUS))
    hits = np.cumsum(right, axis=1, dtype=float)
    counted = np.cumsum(~beside, axis=1, dtype=float)
    recall = hits / positives
    precision = hits / (counted + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    for at in range(len(IOUS)):
        where = np.searchsorted(recall[at], RECALLS, side="left")
        reached = where < count
        at_recall[at, reached] = envelope[at, where[reached]]
    return at_recall, recall[:, -1]
