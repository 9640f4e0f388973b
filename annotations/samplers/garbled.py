"""Garbled: the machine was asked and was not understood whole. What nobody could judge goes to a person. Picks nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool


def measure(pool: Pool) -> NDArray[np.float32]:
    """1 where the reply was not understood whole or none came, otherwise 0."""
    return pool.garbled.astype(np.float32)
