"""Rare: what the frame seems to show is seldom among what is labelled. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """1 - the share of labelled frames that show the rarest of its labels, 0..1; 0 where nobody knows what it shows."""
    return np.nan_to_num(pool.rare, nan=0.0)
