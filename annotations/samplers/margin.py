"""Margin: how close the second likeliest value came to the likeliest. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """1 - the smallest margin over the fields, 0..1 (Scheffer et al. 2001); 0 where nobody knows."""
    return np.asarray(np.nan_to_num(1 - pool.margin, nan=0.0), np.float32)
