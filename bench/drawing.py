"""A draw of the queue out of a record of 100,000 frames with vectors of 384 numbers: read cold, read warm, and after one frame more. CPU time.

Cold: a process that has read nothing parses every assessment once. Warm, and with one frame more, is what a server does: to read what came since, to
measure, to rank, to draw and to write the tasks down. Scenes are those of prints made up so that a tenth of all frames have a near-duplicate.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from annotations import opinions
from annotations.picking.drawn import Picking
from annotations.picking.scenes import Scenes
from annotations.queueing import leases
from annotations.store import FILE, Store
from bench.measure import Row, median
from bench.population import BEGIN, populate
from core.frames import Vault
from core.profile import read
from core.schema import Frame, Risk
from core.settings import ASSETS

FRAMES, NUMBERS, BUDGET = 100_000, 384, 200
EYES = "bench"
GOAL = 2.0  # seconds


def measure(work: Path, runs: int) -> list[Row]:
    """CPU seconds; the other column is the goal."""
    populate(work, FRAMES, corrected=0.02)
    profile = read(ASSETS / "profiles" / "bench.toml")
    with Store(work / FILE) as store:
        looked = _cpu(lambda: fill(store, FRAMES))
        picking = Picking(store, Vault(work), profile, eyes_id=EYES)
        cold = _cpu(picking.pool)
        pools = [_cpu(picking.pool) for _ in range(runs)]
        warm = [_cpu(lambda: picking.draw(BUDGET, by="bench", seed=turn)) for turn in range(runs)]  # noqa: B023 - called at once
        added = []
        for turn in range(runs):
            add(store, turn)
            added.append(_cpu(lambda: picking.draw(BUDGET, by="bench", seed=turn)))  # noqa: B023 - called at once
        picking.draw(10_000, "random", by="bench", seed=1)
        given = _given(store, 60 * runs)
    return [
        Row(f"prints and vectors of {FRAMES:,} into the record, scenes", looked, looked, "itself", "s", 1),
        Row("the pool, read cold", cold, cold, "itself", "s", 1),
        Row("the pool, read warm", median(pools), GOAL, "the goal", "s", runs, absolute_goal=GOAL),
        Row(f"a draw of {BUDGET} of {FRAMES:,}, warm", median(warm), GOAL, "the goal", "s", runs, absolute_goal=GOAL),
        Row("the same after one frame more", median(added), GOAL, "the goal", "s", runs, absolute_goal=GOAL),
        Row("the next task of 10,000, reserved", given, 2.0, "the goal", "ms", runs, absolute_goal=2.0),
    ]


def fill(store: Store, frames: int) -> None:
    """Made-up prints and vectors for the first frames of a record, and the scenes of those prints. The same every time."""
    dice = np.random.default_rng(7)
    prints = dice.integers(-(2**63), 2**63, frames)
    again = dice.choice(frames, frames // 10, replace=False)
    prints[again] = prints[dice.choice(frames, len(again))] ^ 3  # two bits apart
    with store.writing() as connection:
        numbers = [row["seq"] for row in connection.execute("SELECT seq FROM frames ORDER BY seq LIMIT ?", (frames,))]
        connection.executemany("INSERT INTO prints (frame, phash) VALUES (?, ?)", zip(numbers, prints.tolist(), strict=True))
        centres = dice.normal(size=(200, NUMBERS)).astype(np.float32)
        for begin in range(0, frames, 5000):
            some = numbers[begin : begin + 5000]
            vectors = centres[dice.integers(0, len(centres), len(some))] + dice.normal(size=(len(some), NUMBERS)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            made = [(number, EYES, row.tobytes()) for number, row in zip(some, vectors.astype("<f2"), strict=True)]
            connection.executemany("INSERT INTO embeddings (frame, eyes, vector) VALUES (?, ?, ?)", made)
        Scenes().extend(connection)


def add(store: Store, turn: int) -> None:
    """One frame more, assessed and with a print and a vector."""
    at = BEGIN + timedelta(days=70)
    with store.writing() as connection:
        frame = Frame(f"{turn:064x}", 640, 480, f"more {turn}.jpg", "image/jpeg", at)
        opinions.add_frame(connection, frame, by="bench")
        known = connection.execute("SELECT id FROM frames WHERE seq = 1").fetchone()["id"]
        said = opinions.assessment_of(connection, known)
        assert said is not None
        high = Risk("high", {"none": 0.2, "high": 0.8})
        opinions.add_assessment(connection, replace(said, frame_id=frame.id, risk=high), uncertainty=0.7, at=at)
        number = opinions.number_of(connection, frame.id)
        connection.execute("INSERT INTO prints (frame, phash) VALUES (?, ?)", (number, turn))
        vector = np.eye(1, NUMBERS, turn % NUMBERS).astype("<f2").tobytes()
        connection.execute("INSERT INTO embeddings (frame, eyes, vector) VALUES (?, ?, ?)", (number, EYES, vector))


def _given(store: Store, times: int) -> float:
    """CPU milliseconds until a task is reserved, the transaction included; fifty people in turns."""
    after: dict[int, str | None] = {}

    def reserve(turn: int) -> None:
        with store.writing(durable=False) as connection:
            now = BEGIN + timedelta(days=90, seconds=turn)
            found = leases.reserve(connection, by=f"person {turn % 50}", tab="1", now=now, after=after.get(turn % 50))
        after[turn % 50] = None if found is None else found.frame_id

    return 1000 * median([_cpu(lambda turn=turn: reserve(turn)) for turn in range(times)])  # type: ignore[misc]


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
