"""Random: every frame is worth the same. The control beside which every other sampler is held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """1 for every frame."""
    return np.ones(len(pool), np.float32)
