"""Disagreement: two models, or samples of one, do not say the same of the frame. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """The share of fields on which they differ, 0..1 (query by committee, Seung et al. 1992); 0 where only one spoke once."""
    return np.nan_to_num(pool.disagreement, nan=0.0)
