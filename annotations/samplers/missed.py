"""Closing bracket: the machine's own belief that it left something out, at the place where a list ends. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """The probability of "," where the machine wrote "]", 0..1 (our hypothesis); 0 where the back end gives no probabilities."""
    return np.nan_to_num(pool.missed, nan=0.0)
