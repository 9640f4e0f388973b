"""Pools of every odd kind, made of a seed. Tests nothing itself."""

from __future__ import annotations

import numpy as np

from annotations.picking.pool import Pool, unknown


def pool_of(
    n: int, seed: int = 0, *, width: int = 16, strata: tuple[int, int] = (3, 4), scattered: float = 0.0, known: float = 1.0
) -> Pool:
    """n frames: bursts of one to four near-duplicates, `scattered` of them under another camera and hour; `known`: share of numbers that are not NaN."""
    dice = np.random.default_rng(seed)
    frames = np.cumsum(dice.integers(1, 4, n))
    first = np.maximum.accumulate(np.where(dice.random(n) < 0.6, np.arange(n), 0))
    first = np.where(np.arange(n) - first > 3, np.arange(n), first)
    kinds = dice.normal(size=(5, width))
    kind = dice.integers(5, size=n)[first] if n else np.zeros(0, np.int64)
    vectors = kinds[kind] + 0.6 * dice.normal(size=(n, width))[first] + 0.05 * dice.normal(size=(n, width))
    alone = dice.random(n) < scattered
    camera, hour = dice.integers(strata[0], size=n), dice.integers(strata[1], size=n)
    shares = {
        name: np.where(dice.random(n) < known, dice.beta(1, 3, n), np.nan)
        for name in ("uncertain", "margin", "entropy", "missed", "high", "disagreement", "rare", "drifted", "threshold")
    }
    return unknown(
        frames,
        **shares,
        garbled=dice.random(n) < 0.1,
        camera=np.where(alone, camera, camera[first]),
        hour=np.where(alone, hour, hour[first]),
        scene=frames[first],
        vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
    )
