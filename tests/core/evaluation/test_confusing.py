"""Our confusion matrix beside supervision's: the same counts in every cell."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.confusing import confusion
from core.evaluation.overlaps import Boxes
from tests.core.evaluation.detections import Drawn, drawn, supervised

CASES = {
    "a bench": drawn(150, seed=1),
    "crowded": drawn(10, labels=3, per_frame=60, seed=2, side=(40, 300)),
    "many of one score": drawn(40, labels=2, per_frame=12, seed=3, ties=True),
}


@pytest.mark.parametrize("found", CASES.values(), ids=CASES.keys())
def test_it_has_supervisions_counts(found: Drawn) -> None:
    ours = confusion(found.true, found.said, found.scores, found.labels)
    np.testing.assert_array_equal(ours, supervised(found))
    assert ours.sum(axis=1)[: found.labels].sum() == len(found.true)


def test_the_last_row_is_not_there_and_the_last_column_was_missed() -> None:
    true = Boxes(np.array([0, 0]), np.array([0, 1]), np.array([[0.0, 0, 10, 10], [50, 50, 10, 10]]))
    said = Boxes(np.array([0, 0]), np.array([1, 0]), np.array([[0.0, 0, 10, 10], [80, 80, 5, 5]]))
    assert confusion(true, said, np.array([0.9, 0.9]), 2).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
