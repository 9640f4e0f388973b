"""Which policy finds what is worth a label: `python -m bench.policies`. Every one beside chance on the same made-up benches; no policy is called better that is not.

Writes bench/results/policies.md and policies.json. Deterministic: the same seeds give the same figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.picking.draw import Task, draw, inclusion
from annotations.picking.estimates import Estimate, hajek, over_rounds, ratio, weighted
from annotations.picking.policies import POLICIES
from bench.composed import TOOLS, Said, World, features, learn, pool_of, say, targets, world
from bench.policy_report import CONTROL, HEAD, Course, held_to_the_truth, told

RESULTS = Path(__file__).resolve().parent / "results"
SEEDS, ROUNDS, BUDGET = 20, 6, 50
ALARMS = 0.1
"""High-risk recall is read where one frame of ten raises an alarm."""
SINGLE = ("margin", "entropy", "missed", "disagreement", "rare", "threshold", "drifted")
MIXES: Mapping[str, Mapping[str, float]] = {**POLICIES, **{name: {name: 1.0} for name in SINGLE}}


def main() -> int:
    """0."""
    parser = argparse.ArgumentParser(prog="python -m bench.policies", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="benches of each kind, at least 20 for the report (default %(default)s)")
    asked = parser.parse_args()
    kinds = {"usual": (MIXES, False), "hard": (POLICIES, True)}
    text, figures = report({kind: play(range(asked.seeds), mixes, hard=hard) for kind, (mixes, hard) in kinds.items()})
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "policies.md").write_text(text, "utf-8")
    (RESULTS / "policies.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print(text)
    return 0


def play(seeds: Sequence[int], mixes: Mapping[str, Mapping[str, float]], *, hard: bool) -> dict[str, list[Course]]:
    """Every policy on the bench of every seed, two benches at a time."""
    with ProcessPoolExecutor(2) as workers:
        played = list(workers.map(partial(_bench, mixes, hard), seeds))
    return {name: [each[name] for each in played] for name in mixes}


def _bench(mixes: Mapping[str, Mapping[str, float]], hard: bool, seed: int) -> dict[str, Course]:
    there = world(seed, hard=hard)
    return {name: course(there, mix, seed) for name, mix in mixes.items()}


def report(played: Mapping[str, Mapping[str, Sequence[Course]]]) -> tuple[str, dict[str, Any]]:
    """The words, and the same as figures."""
    seeds = len(next(iter(played.values()))[CONTROL])
    share = float(np.mean([truth for kind in played.values() for each in kind[CONTROL] for _, _, truth in each.told[-1:]]))
    parts, figures = [HEAD.format(seeds=seeds, high=share, rounds=ROUNDS, budget=BUDGET)], {}
    for kind, courses in played.items():
        text, curves = told(courses, kind, ALARMS, BUDGET)
        estimated, truths = held_to_the_truth({name: courses[name] for name in POLICIES if name in courses}, kind, ROUNDS, BUDGET)
        parts += [text, estimated]
        figures[kind] = {"curves": curves, "estimates": truths}
    return "".join(parts), {"seeds": seeds, "rounds": ROUNDS, "budget": BUDGET, **figures}


def course(there: World, mix: Mapping[str, float], seed: int, rounds: int = ROUNDS, budget: int = BUDGET) -> Course:
    """Draw, label, learn, again. The labels of a round are all frames that were drawn; who labels knows the truth."""
    rows = {name: features(there, seen.vectors) for name, seen in (("pool", there.pool), ("test", there.test), ("before", there.before))}
    truth, known = targets(there.pool), targets(there.before)
    labelled = np.zeros(0, np.int64)
    model = learn(rows["before"], known, rows["pool"][labelled], truth[labelled])
    first = say(rows["pool"], model, hard=there.hard)
    curves, found = [figures_of(there, say(rows["test"], model, hard=there.hard))], [0]
    estimates: list[tuple[str, Estimate, float]] = []
    drawn: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for turn in range(rounds):
        said = say(rows["pool"], model, hard=there.hard)
        pool = pool_of(there, said, first, labelled)
        tasks = draw(pool, budget, mix, seed=1000 * seed + turn)
        new = np.asarray([task.frame for task in tasks])
        estimates += _estimates(there, said, pool.frames, tasks)
        of_scenes = np.bincount(pool.scene, inclusion(pool, budget, mix))
        drawn.append((new, np.minimum(of_scenes[there.pool.scene[new]], 1.0)))
        labelled = np.r_[labelled, new]
        model = learn(rows["before"], known, rows["pool"][labelled], truth[labelled])
        curves.append(figures_of(there, say(rows["test"], model, hard=there.hard)))
        found.append(int(there.pool.high[labelled].sum()))
    estimates.append(_over_rounds(there, drawn))
    return Course(tuple(each[0] for each in curves), tuple(each[1] for each in curves), tuple(found), tuple(estimates))


def figures_of(there: World, said: Said) -> tuple[float, float]:
    """Macro accuracy of the tool, and recall of high risk where ALARMS of the frames raise an alarm."""
    right = said.tools.argmax(axis=1) == there.test.tool
    per_tool = [float(right[there.test.tool == tool].mean()) for tool in range(TOOLS) if (there.test.tool == tool).any()]
    alarmed = np.argsort(-said.high, kind="stable")[: round(ALARMS * len(said.high))]
    return float(np.mean(per_tool)), float(there.test.high[alarmed].sum() / max(there.test.high.sum(), 1))


def _estimates(there: World, said: Said, pool: NDArray[np.int64], tasks: Sequence[Task]) -> Iterator[tuple[str, Estimate, float]]:
    """What this draw says of its pool, and what is so."""
    seen, rows = there.pool, np.asarray([task.frame for task in tasks])
    chances = [task.inclusion for task in tasks]
    right = (said.tools.argmax(axis=1) == seen.tool).astype(float)
    yield "accuracy of the tool", hajek(right[rows], chances), float(right[pool].mean())
    yield "share of high risk", hajek(seen.high[rows].astype(float), chances), float(seen.high[pool].mean())
    caught = (seen.high & (said.high > 0.5)).astype(float)
    truth = float(caught[pool].sum() / max(seen.high[pool].sum(), 1))
    yield "recall of high risk", ratio(caught[rows], seen.high[rows].astype(float), chances), truth


def _over_rounds(there: World, drawn: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> tuple[str, Estimate, float]:
    """What all draws together say of the scenes that there were at first; a scene is gone once one of its frames was seen."""
    seen = there.pool
    high = np.concatenate([seen.high[rows] for rows, _ in drawn]).astype(float)
    first = np.unique(seen.scene, return_index=True)[1]
    weights = np.concatenate(over_rounds([chances for _, chances in drawn]))
    return "share of high risk, all draws", weighted(high, np.ones(len(high)), weights), float(seen.high[first].mean())


if __name__ == "__main__":
    sys.exit(main())
