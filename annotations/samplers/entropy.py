"""Entropy: how evenly the machine's belief is spread over the values of a field. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """The largest over the fields of entropy / log(choices), 0..1 (Shannon 1948); 0 where nobody knows."""
    return np.nan_to_num(pool.entropy, nan=0.0)
