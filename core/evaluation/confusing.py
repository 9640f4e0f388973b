"""What is taken for what: a confusion matrix of labels over matched boxes, with the same counts as supervision 0.31.2. Judges no label alone.

Pairs of a frame above the IoU are taken one by one, those of one label first, then by falling IoU, each box once. Taken all together:
a pair is a match when it is the first of both its boxes, and what is left of the others goes on, until nothing is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.evaluation.overlaps import Boxes, Floats, Pairs, pairs

Counts = NDArray[np.int64]


def confusion(true: Boxes, said: Boxes, scores: Floats, labels: int, *, least_iou: float = 0.5, least_score: float = 0.3) -> Counts:
    """(labels + 1, labels + 1): true labels down, said labels across; the last row are boxes that are not there, the last column those that were missed.

    A pair must overlap by more than `least_iou`; boxes with a score below `least_score` are left out.
    """
    kept = scores >= least_score
    said = Boxes(said.frame[kept], said.label[kept], said.xywh[kept])
    near = pairs(said, true, same_label=False)
    overlap = near.iou.astype(np.float32)  # the precision in which supervision compares
    near = near.where(overlap > least_iou)
    order = np.lexsort((near.said, near.true, -near.iou.astype(np.float32), said.label[near.said] != true.label[near.true]))
    mine, theirs = first_come(Pairs(near.said[order], near.true[order], near.iou[order]), len(said), len(true))
    matrix = np.zeros((labels + 1, labels + 1), np.int64)
    np.add.at(matrix, (true.label[theirs], said.label[mine]), 1)
    alone, missed = np.ones(len(said), bool), np.ones(len(true), bool)
    alone[mine], missed[theirs] = False, False
    matrix[labels, :labels] += np.bincount(said.label[alone], minlength=labels)
    matrix[:labels, labels] += np.bincount(true.label[missed], minlength=labels)
    return matrix


def first_come(near: Pairs, said: int, true: int) -> tuple[Counts, Counts]:
    """Rows of said and true boxes that match when the pairs are taken in their order, each box once."""
    mine, theirs = list[Counts](), list[Counts]()
    left = np.arange(len(near.said))
    while len(left):
        first_of_said, first_of_true = np.full(said, len(near.said)), np.full(true, len(near.said))
        np.minimum.at(first_of_said, near.said[left], left)
        np.minimum.at(first_of_true, near.true[left], left)
        taken = left[(first_of_said[near.said[left]] == left) & (first_of_true[near.true[left]] == left)]
        mine.append(near.said[taken])
        theirs.append(near.true[taken])
        gone_said, gone_true = np.zeros(said, bool), np.zeros(true, bool)
        gone_said[near.said[taken]], gone_true[near.true[taken]] = True, True
        left = left[~gone_said[near.said[left]] & ~gone_true[near.true[left]]]
    none = np.zeros(0, np.int64)
    return np.concatenate([none, *mine]), np.concatenate([none, *theirs])
