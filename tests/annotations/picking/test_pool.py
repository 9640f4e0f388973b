"""A pool is refused when its columns do not fit together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annotations.picking.pool import strata, unknown
from tests.annotations.picking.pools import pool_of

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a column is too short": ({"high": [0.1]}, '"high" has 1 entries for 2 frames'),
    "a share over 1": ({"missed": [0.1, 1.5]}, '"missed" holds a number outside 0..1'),
    "a share below 0": ({"rare": [-0.1, 0.5]}, '"rare" holds a number outside 0..1'),
    "vectors of another length": ({"vectors": [[1.0, 1.0], [1.0, 0.0]]}, "neither of length 1"),
    "a vector that is no number": ({"vectors": [[np.nan, 1.0], [1.0, 0.0]]}, "neither of length 1"),
    "a vector too few": ({"vectors": [[1.0, 0.0]]}, '"vectors" has 1 entries for 2 frames'),
    "vectors in a line": ({"vectors": [1.0, 0.0]}, "must be a table"),
    "a column that is a table": ({"high": [[0.1], [0.2]]}, "one entry a frame"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_pool_that_does_not_fit_together_is_refused(case: str) -> None:
    columns, reason = REFUSED[case]
    with pytest.raises(ValueError, match=reason):
        unknown([4, 9], **columns)


def test_a_frame_is_in_a_pool_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        unknown([4, 4])


def test_a_frame_without_a_vector_may_stand_beside_others() -> None:
    assert len(unknown([4, 9], vectors=[[0.0, 1.0], [0.0, 0.0]])) == 2


def test_rows_can_be_taken_in_any_order() -> None:
    pool = pool_of(30)
    turned = pool.take(np.arange(30)[::-1])
    assert turned.frames.tolist() == pool.frames.tolist()[::-1]
    assert turned.vectors is not None
    assert pool.vectors is not None
    np.testing.assert_array_equal(turned.vectors[0], pool.vectors[-1])
    assert len(pool.take(pool.high > 2)) == 0


def test_a_stratum_is_a_camera_and_an_hour() -> None:
    assert strata(unknown([1, 2, 3, 4], camera=[1, 0, 1, 1], hour=[7, 7, -3, 7])).tolist() == [2, 0, 1, 2]
    assert strata(unknown([])).tolist() == []
