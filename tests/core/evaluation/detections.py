"""Boxes as a detector would say them, drawn with a seed, and the judges that we must agree with. Holds no test."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.evaluation.overlaps import Boxes, Floats


@dataclass(frozen=True, slots=True)
class Drawn:
    """True boxes, said ones, and their scores; frames 0..n-1, labels 0..labels-1, pixels."""

    true: Boxes
    said: Boxes
    scores: Floats
    frames: int
    labels: int


def drawn(
    frames: int, labels: int = 17, per_frame: float = 5, seed: int = 0, *, ties: bool = False, side: tuple[int, int] = (20, 420)
) -> Drawn:
    """88 % of the true boxes said with a jitter, 8 % of them by another label, .6 a frame that are not there. `ties`: scores of one digit."""
    dice = np.random.default_rng(seed)
    of_true = np.repeat(np.arange(frames), dice.poisson(per_frame, frames))
    true = Boxes(of_true, dice.integers(0, labels, len(of_true)), _boxes(dice, len(of_true), side))
    kept = dice.random(len(of_true)) < 0.88
    jitter = dice.exponential(0.06, (len(of_true), 1)) * dice.normal(size=(len(of_true), 4))
    moved = true.xywh + jitter * true.xywh[:, [2, 3, 2, 3]]
    moved[:, 2:] = np.maximum(moved[:, 2:], 4)
    label = np.where(dice.random(len(of_true)) < 0.08, dice.integers(0, labels, len(of_true)), true.label)
    score = np.clip(0.95 - 1.6 * np.abs(jitter).mean(1) + dice.normal(0, 0.12, len(of_true)), 0.05, 0.999)
    false = int(0.6 * frames)
    frame = np.concatenate([of_true[kept], dice.integers(0, frames, false)])
    said_label = np.concatenate([label[kept], dice.integers(0, labels, false)])
    boxes = np.concatenate([moved[kept], _boxes(dice, false, (20, 220))]).round(2)
    scores = np.concatenate([score[kept], np.clip(dice.normal(0.35, 0.18, false), 0.05, 0.999)])
    order = np.argsort(frame, kind="stable")
    scores = np.round(scores[order], 1 if ties else 6)
    return Drawn(true, Boxes(frame[order], said_label[order], boxes[order]), scores, frames, labels)


def _boxes(dice: np.random.Generator, count: int, side: tuple[int, int]) -> Floats:
    size = dice.uniform(*side, (count, 2))
    corner = dice.uniform(0, 1, (count, 2)) * (np.array([1280, 960]) - size)
    return np.concatenate([corner, size], axis=1).round(2)


def coco(found: Drawn, *, fast: bool = False) -> Any:
    """The evaluation of pycocotools, or of faster-coco-eval; `.eval` holds precision and recall."""
    with contextlib.redirect_stdout(io.StringIO()):
        if fast:
            from faster_coco_eval import COCO  # type: ignore[import-untyped]  # it has no types
            from faster_coco_eval import COCOeval_faster as Evaluation
        else:
            from pycocotools.coco import COCO  # type: ignore[import-untyped]  # it has no types
            from pycocotools.cocoeval import COCOeval as Evaluation  # type: ignore[import-untyped]  # it has no types
        truth = COCO()
        truth.dataset = _truth(found)
        truth.createIndex()
        said = truth.loadRes(
            [
                {"image_id": int(f), "category_id": int(c), "bbox": box, "score": score}
                for f, c, box, score in zip(
                    found.said.frame, found.said.label, found.said.xywh.tolist(), found.scores.tolist(), strict=True
                )
            ]
        )
        made = Evaluation(truth, said, "bbox")
        made.evaluate()
        made.accumulate()
    return made


def _truth(found: Drawn) -> dict[str, Any]:
    return {
        "info": {},
        "images": [{"id": at, "width": 1280, "height": 960} for at in range(found.frames)],
        "categories": [{"id": at, "name": str(at)} for at in range(found.labels)],
        "annotations": [
            {"id": at + 1, "image_id": int(f), "category_id": int(c), "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for at, (f, c, box) in enumerate(zip(found.true.frame, found.true.label, found.true.xywh.tolist(), strict=True))
        ],
    }


def supervised(found: Drawn) -> Any:
    """supervision's confusion matrix."""
    import supervision as sv

    def rows(boxes: Boxes, scores: Floats | None) -> list[Any]:
        corners = np.concatenate([boxes.xywh[:, :2], boxes.xywh[:, :2] + boxes.xywh[:, 2:]], axis=1)
        order = np.argsort(boxes.frame, kind="stable")
        ends = np.searchsorted(boxes.frame[order], np.arange(found.frames + 1))
        parts = [order[ends[at] : ends[at + 1]] for at in range(found.frames)]
        return [sv.Detections(corners[p], class_id=boxes.label[p], confidence=None if scores is None else scores[p]) for p in parts]

    return sv.ConfusionMatrix.from_detections(
        predictions=rows(found.said, found.scores), targets=rows(found.true, None), classes=[str(at) for at in range(found.labels)]
    ).matrix
