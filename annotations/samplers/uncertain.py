"""Least confident: how unsure the machine is of the field that it is least sure of. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """The largest of 1 - calibrated confidence over the fields, 0..1 (Lewis and Gale 1994); 1 where no machine spoke, 0 where nobody knows."""
    return np.nan_to_num(pool.uncertain, nan=0.0)
