"""Drifted: the frame looks like nothing that was ever labelled. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """1 - the largest cosine with anything labelled, 0..1; 0 where the frame has no vector yet."""
    return np.nan_to_num(pool.drifted, nan=0.0)
