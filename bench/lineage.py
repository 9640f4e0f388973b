"""From a verdict back to who taught it, and from a bad correction on to every adapter that ate it, at 100,000 corrections, in CPU time. The goals are absolute.

Six frozen sets of 10,000 to 100,000 frames, eight adapters of which each was trained from the one before, one of them live, and one that was
trained from the base by the largest set. Every answer is checked: it names as many corrections, sets and adapters as were written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import orjson

from annotations import rows
from annotations.learning import known, lineage, promotions
from annotations.store import FILE, Store
from bench.measure import Row, median
from bench.population import BEGIN, populate

FRAMES = 100_000
SETS = (10_000, 20_000, 40_000, 60_000, 80_000, FRAMES)
ADAPTERS = 8
BASE = "compact@0a1b2c3d4e5f"
GOAL = 200.0  # milliseconds


def measure(work: Path, runs: int) -> list[Row]:
    """CPU milliseconds; the other column is the goal."""
    populate(work, FRAMES, corrected=1.0)
    with Store(work / FILE) as store:
        model, alone = _taught(store)
        with store.reading() as connection:
            number = connection.execute("SELECT max(seq) FROM assessments").fetchone()[0]
            bad = connection.execute("SELECT correction FROM dataset_frames WHERE dataset = 1 AND part = 'train' LIMIT 1").fetchone()[0]
            frame = connection.execute(
                "SELECT f.id FROM corrections c JOIN frames f ON f.seq = c.frame WHERE c.seq = ?", (bad,)
            ).fetchone()[0]

        def back() -> None:
            with store.reading() as connection:
                found = lineage.of_model(connection, model)
            assert (len(found.datasets), found.corrections) == (len(SETS), _train(FRAMES)), found.corrections

        def once() -> None:
            with store.reading() as connection:
                found = lineage.of_model(connection, alone)
            assert (len(found.datasets), found.corrections) == (1, _train(FRAMES)), found.corrections

        def verdict() -> None:
            with store.reading() as connection:
                assert lineage.of_assessment(connection, number).adapter is None

        def on() -> None:
            with store.reading() as connection:
                found = lineage.of_correction(connection, lineage.number_of(connection, frame, 1))
            assert (len(found.datasets), len({each.name for each in found.adapters}), found.live) == (len(SETS), ADAPTERS + 1, True), found

        return [
            _goal("verdict to those who taught it", once, runs),
            _goal("the same through six adapters", back, runs),
            _goal("verdict of the base", verdict, runs),
            _goal("bad correction to all that ate it", on, runs),
        ]


def _goal(what: str, work: Callable[[], None], runs: int) -> Row:
    work()
    found = []
    for _ in range(max(5, runs)):
        began = time.process_time()
        work()
        found.append(1000 * (time.process_time() - began))
    return Row(f"{what}, of {FRAMES:,}", median(found), GOAL, "the goal", "ms", len(found), absolute_goal=GOAL)


def _train(frames: int) -> int:
    """Frames of a set that teach: of ten, two judge."""
    return frames - 2 * (frames // 10)


def _taught(store: Store) -> tuple[str, str]:
    """The sets and the adapters; the ids of the model that learned from all of them, and of one that learned from the largest alone."""
    at, mark = rows.moment(BEGIN), ""
    with store.writing() as connection:
        held = connection.execute("SELECT frame, max(seq) FROM corrections GROUP BY frame ORDER BY frame").fetchall()
        for number, frames in enumerate(SETS, 1):
            body = orjson.dumps({"parts": {}, "split": {"kept": None}}).decode()
            values = (number, f"set-{number}", f"{number:064x}", "bench", frames, "", body, "boss", at)
            connection.execute("INSERT INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            connection.executemany(
                "INSERT INTO dataset_frames (dataset, frame, correction, part, scene) VALUES (?, ?, ?, ?, ?)",
                ((number, row[0], row[1], "test" if n % 10 > 7 else "train", row[0]) for n, row in enumerate(held[:frames])),
            )
        for number in range(1, ADAPTERS + 1):
            before, mark = mark, f"{number:012x}"
            told = orjson.dumps({"trained_from": before if number > 1 else None}).decode()
            taught = min(number, len(SETS))
            row = (f"a-{number}", mark, BASE, taught, told, "{}", f"a-{number}", "lead", at)
            columns = ("name", "fingerprint", "base", "dataset", "recipe", "metrics", "folder", "who", "at")
            values_of = dict(zip(columns, row, strict=True))
            known.vouched(connection, "adapters", values_of, "adapter registered", subject=f"a-{number}", after={})
        values_of |= {"name": "alone", "fingerprint": "f" * 12, "dataset": len(SETS), "recipe": '{"trained_from":null}', "folder": "alone"}
        known.vouched(connection, "adapters", values_of, "adapter registered", subject="alone", after={})
        adapter = known.one(connection, f"a-{ADAPTERS}")
        gate = {"adapter": adapter.number, "against": BASE, "passed": 1, "body": '{"reasons":[]}', "who": "lead", "at": at}
        known.vouched(connection, "gates", gate, "gate", subject=adapter.name, after={})
        promotions.write(connection, adapter, known.gates_of(connection, adapter)[0], why="bench", by="lead", at=at, model="")
    return f"{BASE}+{adapter.id}:guided", f"{BASE}+alone@{'f' * 12}"
