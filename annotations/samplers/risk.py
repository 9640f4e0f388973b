"""Risk-weighted: doubt counts more where the risk may be high, and where something may have been left out. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool

BETA = 6.0
"""How much more a frame counts whose risk is surely high."""
GAMMA = 1.0
"""How much more a frame counts of which the machine believes that it left something out. Our choice: twice as much."""
LEFT_OUT = 0.2
"""From this probability of "," at the closing bracket on."""


def measure(pool: Pool) -> NDArray[np.float32]:
    """g = U (1 + BETA sqrt p_high) (1 + GAMMA [p(",") > LEFT_OUT]), divided by the largest g there can be: 0..1 (our hypothesis).

    U unknown: 0. What is not known of the risk, or of the bracket, adds nothing.
    """
    doubt, high = np.nan_to_num(pool.uncertain, nan=0.0), np.nan_to_num(pool.high, nan=0.0)
    left_out = np.nan_to_num(pool.missed, nan=0.0) > LEFT_OUT
    worth = doubt * (1 + BETA * np.sqrt(high)) * (1 + GAMMA * left_out)
    return np.minimum(worth / ((1 + BETA) * (1 + GAMMA)), 1.0).astype(np.float32)
