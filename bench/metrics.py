"""Detection metrics over many frames: ours beside faster-coco-eval, pycocotools and supervision on the same boxes, in the same run, with the same numbers.

Mean average precision over ten IoUs and 17 labels at 10,000 and 50,000 frames, a confusion matrix, and every interval of a report. Each
of the peers is handed what it asks for before the clock begins, and so are we.
"""

from __future__ import annotations

import contextlib
import io
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import Row, in_turns, median
from core.evaluation.confusing import confusion
from core.evaluation.counting import count
from core.evaluation.metrics import METRICS
from core.evaluation.overlaps import Boxes, Floats
from core.evaluation.precision import average_precision
from core.evaluation.predictions import Gold, Prediction
from core.evaluation.resampling import draws
from core.schema import Box, Finding, Step, Value

LABELS, PER_FRAME = 17, 5
SIDES = (1280, 960)
FRAMES, MANY = 10_000, 50_000
GOALS = {FRAMES: 0.25, MANY: 1.2}
"""CPU seconds."""

FAST, SLOW = "faster-coco-eval", "pycocotools"
SLOW_RUNS = 1
"""Of what takes a minute a run."""

Coco = Any


class Scene:
    """Boxes of many frames, drawn: 88 % of the true ones said with a jitter, 8 % of them by another label, .6 a frame that are not there."""

    def __init__(self, frames: int, seed: int = 0) -> None:
        dice = np.random.default_rng(seed)
        self.frames = frames
        frame = np.repeat(np.arange(frames), PER_FRAME)
        self.true = Boxes(frame, dice.integers(0, LABELS, len(frame)), _drawn(dice, len(frame), 420))
        kept = dice.random(len(frame)) < 0.88
        jitter = dice.exponential(0.06, (len(frame), 1)) * dice.normal(size=(len(frame), 4))
        moved = self.true.xywh + jitter * self.true.xywh[:, [2, 3, 2, 3]]
        moved[:, 2:] = np.maximum(moved[:, 2:], 4)
        label = np.where(dice.random(len(frame)) < 0.08, dice.integers(0, LABELS, len(frame)), self.true.label)
        score = np.clip(0.95 - 1.6 * np.abs(jitter).mean(1) + dice.normal(0, 0.12, len(frame)), 0.05, 0.999)
        false = int(0.6 * frames)
        where = np.concatenate([frame[kept], dice.integers(0, frames, false)])
        order = np.argsort(where, kind="stable")
        boxes = np.concatenate([moved[kept], _drawn(dice, false, 220)]).round(2)[order]
        self.said = Boxes(where[order], np.concatenate([label[kept], dice.integers(0, LABELS, false)])[order], boxes)
        self.scores: Floats = np.concatenate([score[kept], np.clip(dice.normal(0.35, 0.18, false), 0.05, 0.999)])[order].round(6)

    def ours(self) -> float | None:
        """Mean average precision."""
        return average_precision(self.true, self.said, self.scores, LABELS).mean()

    def for_coco(self, name: str) -> tuple[Coco, Coco]:
        """Truth and answers as a peer's own objects."""
        if name == FAST:
            from faster_coco_eval import COCO  # type: ignore[import-untyped]  # it has no types
        else:
            from pycocotools.coco import COCO  # type: ignore[import-untyped]  # it has no types
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO()
            truth.dataset = self._dataset()
            truth.createIndex()
            rows = zip(self.said.frame.tolist(), self.said.label.tolist(), self.said.xywh.tolist(), self.scores.tolist(), strict=True)
            said = truth.loadRes([{"image_id": f, "category_id": c, "bbox": box, "score": score} for f, c, box, score in rows])
        return truth, said

    def for_supervision(self) -> tuple[list[Any], list[Any]]:
        """Answers and truth, a list of detections a frame."""
        import supervision as sv

        made = []
        for boxes, scores in ((self.said, self.scores), (self.true, None)):
            corners = np.concatenate([boxes.xywh[:, :2], boxes.xywh[:, :2] + boxes.xywh[:, 2:]], axis=1)
            ends = np.searchsorted(boxes.frame, np.arange(self.frames + 1))
            cuts = [slice(ends[at], ends[at + 1]) for at in range(self.frames)]
            made.append(
                [sv.Detections(corners[c], class_id=boxes.label[c], confidence=None if scores is None else scores[c]) for c in cuts]
            )
        return made[0], made[1]

    def _dataset(self) -> dict[str, Any]:
        rows = zip(self.true.frame.tolist(), self.true.label.tolist(), self.true.xywh.tolist(), strict=True)
        return {
            "info": {},
            "images": [{"id": at, "width": SIDES[0], "height": SIDES[1]} for at in range(self.frames)],
            "categories": [{"id": at, "name": str(at)} for at in range(LABELS)],
            "annotations": [
                {"id": at + 1, "image_id": f, "category_id": c, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
                for at, (f, c, box) in enumerate(rows)
            ],
        }


def measure(work: Path, runs: int) -> list[Row]:
    """CPU seconds of one evaluation; MiB where it says so."""
    rows = [*_precision(FRAMES, runs), *_precision(MANY, min(runs, 3)), _memory(Scene(MANY)), _confusion(runs)]
    return [*rows, _intervals(runs)]


def _precision(frames: int, runs: int) -> list[Row]:
    scene = Scene(frames)
    told: dict[str, float | None] = {}

    def ours() -> None:
        told["ours"] = scene.ours()

    def peer(name: str, truth: Coco, said: Coco) -> None:
        told[name] = _coco(truth, said, name)

    few = in_turns({"ours": ours, FAST: partial(peer, FAST, *scene.for_coco(FAST))}, runs, warm=0)
    slow = in_turns({SLOW: partial(peer, SLOW, *scene.for_coco(SLOW))}, SLOW_RUNS, warm=0)
    for name in (FAST, SLOW):
        assert abs((told[name] or 0) - (told["ours"] or 0)) < 1e-9, f"another number than {name}'s"
    cpu = {name: median([seconds for _, seconds in times]) for name, times in (few | slow).items()}
    what = f"mAP, 10 IoUs, {LABELS} labels, {frames} frames"
    return [Row(what, cpu["ours"], cpu[name], name, "s", runs, absolute_goal=GOALS[frames]) for name in (FAST, SLOW)]


def _coco(truth: Coco, said: Coco, name: str) -> float:
    if name == FAST:
        from faster_coco_eval import COCOeval_faster as Evaluation
    else:
        from pycocotools.cocoeval import COCOeval as Evaluation  # type: ignore[import-untyped]  # it has no types
    with contextlib.redirect_stdout(io.StringIO()):
        made = Evaluation(truth, said, "bbox")
        made.params.areaRng, made.params.areaRngLbl = (
            made.params.areaRng[:1],
            made.params.areaRngLbl[:1],
        )  # the only one that we are timed for
        made.params.maxDets = [100]
        made.evaluate()
        made.accumulate()
    cells = np.asarray(made.eval["precision"])[:, :, :, 0, -1]
    return float(cells[cells > -1].mean())


def _memory(scene: Scene) -> Row:
    """The most that ours holds beyond what it was handed; the other is the boxes themselves."""
    handed = sum(array.nbytes for boxes in (scene.true, scene.said) for array in (boxes.frame, boxes.label, boxes.xywh)) / 2**20
    return Row(f"memory of the same, {scene.frames} frames", _held(scene.ours), handed, "the boxes alone", "MiB", 1, absolute_goal=102)


def _held(work: Callable[[], object]) -> float:
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def _confusion(runs: int) -> Row:
    import supervision as sv

    scene = Scene(FRAMES)
    said, true = scene.for_supervision()
    names = [str(at) for at in range(LABELS)]

    def ours() -> Any:
        return confusion(scene.true, scene.said, scene.scores, LABELS)

    def theirs() -> Any:
        return sv.ConfusionMatrix.from_detections(predictions=said, targets=true, classes=names).matrix

    assert (ours() == theirs()).all(), "other counts than supervision's"
    taken = in_turns({"ours": ours, "supervision": theirs}, runs)
    cpu = {name: median([seconds for _, seconds in times]) for name, times in taken.items()}
    return Row(f"confusion matrix, {FRAMES} frames", cpu["ours"], cpu["supervision"], "supervision", "s", runs, absolute_goal=0.2)


def _intervals(runs: int) -> Row:
    """2,000 resamples by scene of every named metric at 1,000 frames, beside drawing 20 times frame by frame (times 100)."""
    dice = np.random.default_rng(0)
    box = Box(0.1, 0.1, 0.5, 0.5)
    gold, said = [], []
    for at in range(1000):
        step = Step(*(Value(str(dice.choice(list("abcdefgh")))) for _ in range(4)))
        gold.append(Gold(str(at), at // 2, (Finding("hammer", box),), step, (), str(dice.choice(["none", "high"]))))
        right = dice.random() < 0.7
        said.append(Prediction(str(at), at // 2, (Finding("hammer", box),), step if right else Step(), (), "none"))
    counted = count(gold, said)
    metrics = [named.make(counted) for named in METRICS.values()]

    def ours() -> None:
        made = draws(counted.scenes, 2000).resampled(counted.sums)
        for metric in metrics:
            metric(made)

    def plainly() -> None:
        for counts in draws(counted.scenes, 20).counts:
            rows = np.repeat(np.arange(1000), counts[np.array(counted.scenes)].astype(int))
            again = count([gold[at] for at in rows], [said[at] for at in np.unique(rows)])
            for named in METRICS.values():
                named.make(again)(again.sums.total)

    taken = in_turns({"ours": ours, "plainly": plainly}, runs)
    cpu = {name: median([seconds for _, seconds in times]) for name, times in taken.items()}
    return Row(
        "2,000 resamples, every metric, 1,000 frames",
        cpu["ours"],
        100 * cpu["plainly"],
        "counted anew each time",
        "s",
        runs,
        absolute_goal=1.0,
    )


def _drawn(dice: np.random.Generator, count: int, most: int) -> Floats:
    size = dice.uniform(20, most, (count, 2))
    made: Floats = np.concatenate([dice.uniform(0, 1, (count, 2)) * (np.array(SIDES) - size), size], axis=1).round(2)
    return made
