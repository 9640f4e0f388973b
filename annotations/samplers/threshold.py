"""Near the promise's threshold: the label of such a frame tells most about where the threshold of high risk should stand. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """1 at the threshold, falling to 0 away from it; 0 where there is no promise yet."""
    return np.nan_to_num(pool.threshold, nan=0.0)
