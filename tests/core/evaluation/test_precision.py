"""Our mean average precision beside the two judges of the field: the same numbers, whatever contests, ties or sizes there are."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.overlaps import Boxes
from core.evaluation.precision import COCO_AREAS, average_precision, of_predictions
from tests.core.evaluation.detections import Drawn, coco, drawn
from tests.core.evaluation.judged import changed, said, truth

CASES = {
    "a bench": drawn(60, seed=1),
    "crowded, one label": drawn(6, labels=1, per_frame=60, seed=2, side=(20, 200)),
    "many of one score": drawn(40, labels=3, per_frame=12, seed=3, ties=True),
    "small and large": drawn(40, labels=2, per_frame=8, seed=4, side=(8, 200)),
    "more than a hundred of a label": drawn(2, labels=1, per_frame=150, seed=5, ties=True, side=(20, 90)),
}


def measured(found: Drawn) -> tuple[np.ndarray, np.ndarray]:
    made = average_precision(found.true, found.said, found.scores, found.labels, COCO_AREAS)
    return made.precision, made.recall


@pytest.mark.parametrize("found", CASES.values(), ids=CASES.keys())
def test_it_is_pycocotools_number_for_number(found: Drawn) -> None:
    judge = coco(found).eval
    precision, recall = measured(found)
    np.testing.assert_allclose(precision, judge["precision"][..., -1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(recall, judge["recall"][..., -1], rtol=0, atol=1e-9)


def test_it_is_faster_coco_evals_number_too() -> None:
    found = CASES["a bench"]
    judge = coco(found, fast=True).eval
    np.testing.assert_allclose(measured(found)[0], np.asarray(judge["precision"])[..., -1], rtol=0, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_it_is_pycocotools_number_on_many_draws(seed: int) -> None:
    found = drawn(40, labels=1 + seed % 4, per_frame=2 + 2 * seed, seed=seed, ties=bool(seed % 2), side=(10, 60 + 20 * seed))
    np.testing.assert_allclose(measured(found)[0], coco(found).eval["precision"][..., -1], rtol=0, atol=1e-9)


def test_nothing_said_is_no_precision_and_nothing_true_is_no_figure() -> None:
    none, some = Boxes(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4))), CASES["a bench"]
    assert average_precision(some.true, none, np.zeros(0), some.labels).mean() == 0
    assert average_precision(none, some.said, some.scores, some.labels).mean() is None


def test_a_box_without_a_score_gets_no_figure() -> None:
    gold = truth(20)
    answers = said(gold, skill=1.0)
    assert of_predictions(gold, answers)["map"] == 1
    silent = changed(answers, lambda p: type(p)(p.frame_id, p.scene, tuple(type(f)(f.label, f.box) for f in p.findings)))
    assert of_predictions(gold, silent)["map"] is None
