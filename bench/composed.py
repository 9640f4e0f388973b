"""A bench that is made up, for trying policies: kinds of scenes, near-duplicate bursts, rare high risk, a model that meets it for the first time. Judges no policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from annotations.picking.coverage import nearest_cosine
from annotations.picking.pool import Pool, unknown

WIDTH, KINDS, TOOLS, FEATURES = 32, 24, 10, 160
POOL, TEST, BEFORE = 3000, 2500, 400
"""Scenes of the pool (in some 6,000 frames), frames of the test, scenes that the model was trained on elsewhere."""
RISKY = (15, 18, 21, 23)
"""Rare kinds that are mostly of high risk."""
AMBIGUOUS = (1, 4, 8)
"""Common kinds in which, on a hard bench, half of the frames cannot be told by anybody: doubt that no label can mend."""
SHARPENED = {False: 0.5, True: 0.25}
"""The model claims its probabilities to the power of 1/this: it is too sure of itself, as models are; on a hard bench much too sure."""

Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Frames and what is true of them."""

    vectors: Table
    tool: NDArray[np.int64]
    high: NDArray[np.bool_]
    second: NDArray[np.bool_]  # a second violation is there, which is easily overlooked
    scene: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One seed: the pool, a test of scenes of their own, what the model knew before, and the model's own features."""

    pool: Seen
    test: Seen
    before: Seen
    camera: NDArray[np.int64]
    hour: NDArray[np.int64]
    missed: Table  # what the model believes to have left out: right more often than not
    directions: Table
    phases: Table
    hard: bool


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What the model says of frames: probabilities of tools (n x TOOLS) and of high risk, sharpened."""

    tools: NDArray[np.float64]
    high: NDArray[np.float64]


def world(seed: int, *, hard: bool = False) -> World:
    """The same seed, the same world."""
    dice = np.random.default_rng([seed, 5, hard])
    middles = dice.normal(size=(KINDS, WIDTH)) / np.sqrt(WIDTH) * 2.2
    slopes = dice.normal(size=(KINDS, WIDTH)) / np.sqrt(WIDTH)
    share = 1 / np.arange(1, KINDS + 1) ** 0.9
    pool = _seen(dice, middles, slopes, share, POOL, bursts=True, hard=hard)
    known = np.where(np.arange(KINDS) % 5 < 3, share, 0.0)  # it never saw two kinds of five
    elsewhere = middles + 0.35 * dice.normal(size=WIDTH) / np.sqrt(WIDTH)  # other light
    when = dice.integers(240, size=POOL)[np.unique(pool.scene, return_inverse=True)[1]]
    believed = 1 / (1 + np.exp(-(3.0 * pool.second - 2.5 + dice.normal(size=len(pool.scene)))))
    return World(
        pool=pool,
        test=_seen(dice, middles, slopes, share, TEST, bursts=False, hard=hard),
        before=_seen(dice, elsewhere, slopes, known, BEFORE, bursts=False, hard=False),
        camera=pool.scene % 4,
        hour=when,
        missed=believed.astype(np.float32),
        directions=(1.6 * dice.normal(size=(WIDTH, FEATURES))).astype(np.float32),
        phases=dice.uniform(0, 2 * np.pi, FEATURES).astype(np.float32),
        hard=hard,
    )


def _seen(dice: Generator, middles: Any, slopes: Any, share: Any, scenes: int, *, bursts: bool, hard: bool) -> Seen:
    """Two scenes of five come as a burst of two to nine frames."""
    kind = dice.choice(KINDS, scenes, p=share / share.sum())
    inside = dice.normal(size=(scenes, WIDTH))
    along = (inside * slopes[kind]).sum(axis=1)
    tool = np.where(along > 0.9, (kind + 3) % TOOLS, kind % TOOLS)
    if hard:
        tool = np.where(np.isin(kind, AMBIGUOUS) & (dice.random(scenes) < 0.5), dice.integers(TOOLS, size=scenes), tool)
    high = np.where(np.isin(kind, RISKY), along < 0.1, along > 2.4)
    high &= ~(dice.random(scenes) < 0.1)
    second = dice.random(scenes) < np.where(high, 0.5, 0.08)
    often = np.where(dice.random(scenes) < 0.4, 1 + dice.geometric(0.45, scenes).clip(1, 8), 1) if bursts else np.ones(scenes, np.int64)
    of = np.repeat(np.arange(scenes), often)
    vectors = middles[kind][of] + (0.5 * inside / np.sqrt(WIDTH) * 1.4)[of] + 0.02 * dice.normal(size=(len(of), WIDTH)) / np.sqrt(WIDTH)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Seen(vectors.astype(np.float32), tool[of], high[of], second[of], of)


def features(there: World, vectors: Table) -> NDArray[np.float64]:
    """Random Fourier features (Rahimi and Recht 2007): a model that bends, trained in closed form."""
    return np.asarray(np.cos(vectors @ there.directions + there.phases) * np.sqrt(2 / FEATURES), np.float64)


def learn(before: Any, said_before: Any, new: Any, said_new: Any) -> NDArray[np.float64]:
    """Ridge regression on what was known before and on the new labels, which count three times. Rows are features, columns tools and high risk."""
    rows, wanted = np.vstack([before, new]), np.vstack([said_before, said_new])
    weight = np.r_[np.ones(len(before)), np.full(len(new), 3.0)][:, None]
    return np.linalg.solve(rows.T @ (weight * rows) + 0.3 * np.eye(rows.shape[1]), rows.T @ (weight * wanted))


def targets(seen: Seen) -> NDArray[np.float64]:
    """What is true, as the model learns it."""
    return np.hstack([np.eye(TOOLS)[seen.tool], seen.high[:, None].astype(np.float64)])


def say(rows: NDArray[np.float64], model: NDArray[np.float64], *, hard: bool) -> Said:
    """Probabilities, sharpened."""
    found, sharpened = rows @ model, SHARPENED[hard]
    tools = np.exp((found[:, :TOOLS] - found[:, :TOOLS].max(axis=1, keepdims=True)) * 4 / sharpened)
    high = 1 / (1 + np.exp(-(found[:, TOOLS] - 0.45) * 5 / sharpened))
    return Said(tools / tools.sum(axis=1, keepdims=True), high)


def pool_of(there: World, said: Said, first: Said, labelled: NDArray[np.int64]) -> Pool:
    """The pool of all frames whose scene nobody has seen yet, with everything that the record would know of them."""
    seen = there.pool
    left = ~np.isin(seen.scene, seen.scene[labelled])
    ordered = np.sort(said.tools, axis=1)
    spread = -(said.tools * np.log(np.maximum(said.tools, 1e-12))).sum(axis=1) / np.log(TOOLS)
    doubt = np.maximum(1 - ordered[:, -1], np.minimum(said.high, 1 - said.high))
    common = np.bincount(seen.tool[labelled], minlength=TOOLS) / max(len(labelled), 1)
    near = nearest_cosine(seen.vectors, seen.vectors[labelled]) if len(labelled) else np.zeros(len(left))
    return unknown(
        np.arange(len(left)),
        uncertain=doubt.clip(0, 1),
        margin=(ordered[:, -1] - ordered[:, -2]).clip(0, 1),
        entropy=spread.clip(0, 1),
        missed=there.missed,
        high=said.high.clip(0, 1),
        disagreement=(np.abs(said.tools - first.tools).sum(axis=1) / 2).clip(0, 1),
        rare=1 - common[said.tools.argmax(axis=1)],
        drifted=(1 - near).clip(0, 1),
        threshold=(1 - np.abs(said.high - 0.5) * 2).clip(0, 1),
        camera=there.camera,
        hour=there.hour,
        scene=seen.scene,
        vectors=seen.vectors,
    ).take(left)
