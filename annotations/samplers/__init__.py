"""What makes a frame worth a person's look: pure functions, pool in, one number 0..1 a frame out. They neither pick nor shuffle.

A sampler of your own: a file beside these with `measure(pool)`, a line in the dict below, and its name in `core.terms.SAMPLERS`, so that a profile
may say it. It must keep 0..1, know no NaN, take an empty pool and not care in which order the frames stand; tests hold every line of the dict to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from annotations.picking.pool import Pool
from annotations.samplers import (
    chance,
    disagreement,
    diverse,
    drifted,
    entropy,
    garbled,
    margin,
    missed,
    rare,
    risk,
    threshold,
    uncertain,
)

Sampler = Callable[[Pool], NDArray[np.float32]]

SAMPLERS: Mapping[str, Sampler] = {
    "random": chance.measure,
    "uncertain": uncertain.measure,  # least confident
    "margin": margin.measure,
    "entropy": entropy.measure,
    "missed": missed.measure,  # closing bracket
    "risk": risk.measure,  # risk-weighted
    "disagreement": disagreement.measure,
    "diverse": diverse.measure,
    "rare": rare.measure,
    "threshold": threshold.measure,  # near the promise's threshold
    "drifted": drifted.measure,
    "garbled": garbled.measure,
}
"""By the name that a mix says."""
