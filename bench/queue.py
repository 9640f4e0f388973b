"""The queue over 100,000 frames of 384 numbers: frames that cover the others, beside scikit-activeml and beside plain greedy; ranked and drawn; one more frame."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skactiveml.pool import CoreSet  # type: ignore[import-untyped]

from annotations.picking.clusters import cluster, nearest
from annotations.picking.coverage import k_center, nearest_cosine, uncertain_then_diverse
from annotations.picking.draw import draw
from annotations.picking.policies import POLICIES
from annotations.picking.pool import Pool, unknown
from bench.measure import Row, in_turns, median

FRAMES, FEWER, WIDTH, PICKS, LABELLED = 100_000, 20_000, 384, 1000, 2000
Vectors = NDArray[np.float32]


def vectors_of(frames: int, seed: int = 0) -> Vectors:
    """Frames of 200 kinds in bursts of up to three, as cameras give them."""
    dice = np.random.default_rng(seed)
    kinds = dice.normal(size=(200, WIDTH)).astype(np.float32)
    found = kinds[dice.integers(200, size=frames)] * np.float32(0.6) + dice.normal(size=(frames, WIDTH)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def pool_of(vectors: Vectors, seed: int = 1) -> Pool:
    """20 cameras, 30 days, a third of the frames near-duplicates of one before."""
    dice, n = np.random.default_rng(seed), len(vectors)
    first = np.maximum.accumulate(np.where(dice.random(n) < 2 / 3, np.arange(n), 0))
    shares = {name: dice.beta(1, 4, n).astype(np.float32) for name in ("uncertain", "missed", "rare", "drifted", "margin", "entropy")}
    camera, hour = dice.integers(20, size=n)[first], dice.integers(720, size=n)[first]
    high = dice.beta(0.3, 6, n).astype(np.float32)
    return unknown(np.arange(1, n + 1), **shares, high=high, scene=first + 1, camera=camera, hour=hour, vectors=vectors)


def measure(work: Path, runs: int) -> list[Row]:
    """CPU seconds, and MiB held beside the vectors."""
    vectors = vectors_of(FRAMES)
    return [*_covering(vectors, runs), *_ranked(vectors, runs), *_one_more(vectors, runs)]


def _covering(vectors: Vectors, runs: int) -> list[Row]:
    """The peer looks at all frames for 80 seconds: once over all, in turns over a fifth of them."""
    fewer = vectors[:FEWER]
    taken = in_turns({"ours": partial(_ours, fewer), "theirs": partial(_theirs, fewer), "plain": partial(_plain, fewer)}, runs, warm=0)
    once = in_turns({"ours": partial(_ours, vectors), "plain": partial(_plain, vectors)}, min(runs, 3), warm=0)
    (_, theirs), *_ = in_turns({"theirs": partial(_theirs, vectors)}, 1, warm=0)["theirs"]
    ours = median([cpu for _, cpu in once["ours"]])
    doubt = np.random.default_rng(2).random(FRAMES).astype(np.float32)
    ten = vectors[np.argsort(-doubt, kind="stable")[: 10 * PICKS]]
    ranked = in_turns({"ours": partial(uncertain_then_diverse, doubt, vectors, PICKS), "plain": partial(_plain, ten)}, runs)
    _same_picks(fewer)
    name = f"{PICKS} k-centers of"
    peer = "scikit-activeml 1.0.1"
    return [
        Row(f"{name} {FEWER}", *_two(taken, "theirs"), peer, "s", runs),
        Row(f"{name} {FEWER}", *_two(taken, "plain"), "plain greedy", "s", runs),
        Row(f"{name} {FRAMES}", ours, theirs, f"{peer}, one run", "s", min(runs, 3), absolute_goal=4.0),
        Row(f"{name} {FRAMES}", ours, median([cpu for _, cpu in once["plain"]]), "plain greedy", "s", min(runs, 3)),
        Row(f"{name} {FRAMES}, memory", _peak(_ours, vectors), _peak(_plain, vectors), "plain greedy", "MiB", 1, absolute_goal=100.0),
        Row(f"{name} {FEWER}, memory", _peak(_ours, fewer), _peak(_theirs, fewer), peer, "MiB", 1),
        Row("uncertain, then diverse", *_two(ranked, "plain"), "plain greedy on the 10,000", "s", runs, absolute_goal=0.4),
    ]


def _ranked(vectors: Vectors, runs: int) -> list[Row]:
    pool = pool_of(vectors)
    cases: dict[str, Callable[[], object]] = {
        "usual": partial(draw, pool, PICKS, POLICIES["usual"], seed=1),
        "capped": partial(draw, pool, PICKS, POLICIES["usual"], seed=1, most_a_stratum=2),
        "random": partial(draw, pool, PICKS, POLICIES["random"], seed=1),
    }
    taken = in_turns(cases, runs)
    return [
        Row(f"{FRAMES} ranked, {PICKS} drawn", *_two(taken, "random", "usual"), "by chance alone", "s", runs, absolute_goal=2.0),
        Row("the same, 2 a camera and hour", *_two(taken, "random", "capped"), "by chance alone", "s", runs, absolute_goal=2.0),
    ]


def _one_more(vectors: Vectors, runs: int) -> list[Row]:
    """A frame more looks at the labels, a label more looks at the frames; neither looks at what was compared before."""
    labelled, middles = vectors[:LABELLED], cluster(vectors, 128).middles
    known = nearest_cosine(vectors, labelled)
    frame = vectors_of(1, 9)
    cases: dict[str, Callable[[], object]] = {
        "frame": lambda: (nearest_cosine(frame, labelled), nearest(frame, middles)),
        "label": lambda: nearest_cosine(vectors, frame, known),
        "all": lambda: nearest_cosine(vectors, labelled),
    }
    milliseconds = {name: [(1e3 * wall, 1e3 * cpu) for wall, cpu in times] for name, times in in_turns(cases, max(runs, 5)).items()}
    return [
        Row("one frame more", *_two(milliseconds, "all", "frame"), "all frames anew", "ms", max(runs, 5)),
        Row("one label more", *_two(milliseconds, "all", "label"), "all labels anew", "ms", max(runs, 5)),
    ]


def _two(taken: dict[str, list[tuple[float, float]]], other: str, ours: str = "ours") -> tuple[float, float]:
    first, second = (median([cpu for _, cpu in taken[name]]) for name in (ours, other))
    return first, second


def _ours(vectors: Vectors) -> Any:
    return k_center(vectors, PICKS, vectors[:1])


def _theirs(vectors: Vectors) -> Any:
    said = np.full(len(vectors), np.nan)
    said[0] = 0
    return CoreSet(random_state=0).query(vectors, said, batch_size=PICKS)


def _plain(vectors: Vectors) -> Any:
    """One look at all frames a pick."""
    closest, picks = vectors @ vectors[0], []
    for _ in range(PICKS):
        picks.append(int(np.argmin(closest)))
        np.maximum(closest, vectors @ vectors[picks[-1]], out=closest)
    return np.asarray(picks)


def _same_picks(vectors: Vectors) -> None:
    """Raises when ours are not those of plain greedy, or when the peer's cover better."""
    assert _ours(vectors).tolist() == _plain(vectors).tolist(), "other picks than plain greedy's"
    radii = [float(nearest_cosine(vectors, vectors[picks]).min()) for picks in (_ours(vectors), _theirs(vectors))]
    assert radii[0] >= radii[1] - 1e-3, f"the peer covers better: {radii}"


def _peak(case: Callable[[Vectors], object], vectors: Vectors) -> float:
    """The most memory that was held at once beside the vectors, in MiB."""
    tracemalloc.start()
    case(vectors)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20
