"""The record itself, without a server: acknowledged corrections a second, rows a second in bulk, and a reader beside eight writers.

`python -m bench.storing PATH SECONDS` is that reader: a process of its own, as a report or an export beside a running server is.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
from sqlite_utils import Database

from annotations import opinions, rows
from annotations.bringing import loading
from annotations.store import FILE, Store
from bench.annotators import at_once
from bench.figures import Figure
from bench.measure import median, percentile
from bench.population import AT_ONCE, BEGIN, Pictures, brought, populate, told_of
from core.schema import Correction

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def transactions(work: Path, rounds: int) -> Iterator[Figure]:
    """Row 11: one correction a transaction, by one writer, beside one insert a transaction by sqlite-utils, in turns."""
    data, frames = work / "store", 1800 * rounds
    with Store(data / FILE) as store:
        dice, none = random.Random(5), Pictures(data, 0)
        batches = [
            [brought(number + begin, none, dice, 0.3, 3, frames) for number in range(AT_ONCE)] for begin in range(0, 5 * AT_ONCE, AT_ONCE)
        ]
        wall, cpu = time.perf_counter(), time.process_time()
        for batch in batches:
            with store.writing() as connection:
                loading.load(connection, batch, by="bench", now=BEGIN)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        every = _rows_of(store)
        note = f"{every / cpu:,.0f} a second of CPU; {len(batches) * AT_ONCE:,} frames, with audit and summaries"
        yield Figure("11", "rows in bulk, 2,000 frames a transaction", every / wall, "rows/s", 120_000, "more", n=every, note=note)
    populate(data / "single", frames)
    with Store(data / "single" / FILE) as store:
        waiting = _corrections(store)
        for how, goal, each in (("NORMAL", 8000.0, 1500), ("FULL", None, 300)):
            mine, theirs = [], []
            peer = _sqlite_utils(work / f"{how}.sqlite3", how)
            store._writer.execute(f"PRAGMA synchronous = {how}")  # the record itself knows FULL only
            spent = 0.0
            for turn in range(rounds):
                began = time.process_time()
                mine.append(_correct(store, waiting, each))
                spent += time.process_time() - began
                theirs.append(_insert(peer, turn, each))
            peer.close()
            times = tuple(round(own / other, 2) for own, other in zip(mine, theirs, strict=True))
            note = f"{rounds * each / spent:,.0f} a second of CPU; with audit, summaries and triggers" + (
                "; the default" if how == "FULL" else ""
            )
            yield Figure(
                "11", f"acknowledged corrections, synchronous {how}", median(mine), "a second", goal, "more", median(theirs),
                "sqlite-utils, one bare insert each", times, n=rounds * each, note=note,
            )  # fmt: skip


def disk(work: Path) -> Iterator[Figure]:
    """How long the disk takes to keep 4 KiB for good. Whatever is acknowledged pays for it at least once, in any program."""
    taken = []
    with (work / "flushed").open("wb", buffering=0) as file:
        for _ in range(200):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            taken.append(1000 * (time.perf_counter() - began))
    yield Figure("disk", "4 KiB written and flushed, p50", median(taken), "ms", n=len(taken))
    yield Figure("disk", "4 KiB written and flushed, p95", percentile(taken, 0.95), "ms", n=len(taken))


def reader(work: Path, seconds: float) -> Iterator[Figure]:
    """Row 12: a reader of single frames beside eight writers."""
    data = work / "readers"
    populate(data, 4000)
    waits: list[list[float]] = [[] for _ in range(8)]
    with Store(data / FILE) as store:
        waiting = _corrections(store)
        line = [sys.executable, "-m", "bench.storing", str(data / FILE), str(seconds)]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + seconds + 1

        def write(taken: list[float]) -> None:
            while time.monotonic() < end:
                try:
                    told = next(waiting)
                except (StopIteration, ValueError):  # a generator that another thread just asks
                    time.sleep(0.0005)
                    continue
                began = time.perf_counter()
                with store.writing() as connection:
                    opinions.add_correction(connection, told, at=BEGIN)
                taken.append(time.perf_counter() - began)

        at_once([lambda taken=taken: write(taken) for taken in waits])  # type: ignore[misc]
        out, _ = process.communicate(timeout=60)
    taken = [1000 * each for each in orjson.loads(out)]
    writers = [each for some in waits for each in some]
    yield Figure("12", "a frame's latest correction, read beside 8 writers, p99", percentile(taken, 0.99), "ms", 1, n=len(taken))
    yield Figure("12", "the same, p50", median(taken), "ms", n=len(taken))
    yield Figure("12", "the longest that one of 8 writers waited", max(writers), "s", 2, n=len(writers))


def _correct(store: Store, waiting: Iterator[Correction], many: int) -> float:
    """How many a second."""
    began = time.perf_counter()
    for _ in range(many):
        with store.writing() as connection:
            opinions.add_correction(connection, next(waiting), at=BEGIN)
    return many / (time.perf_counter() - began)


def _corrections(store: Store) -> Iterator[Correction]:
    """A first correction of every frame that waits, ready to be written."""
    dice = random.Random(3)
    with store.reading() as connection:
        ids = [row["id"] for row in connection.execute("SELECT id FROM frames ORDER BY seq")]
        told = [told_of(said, dice) for frame_id in ids if (said := opinions.assessment_of(connection, frame_id, tokens=False)) is not None]
    yield from told


def _sqlite_utils(path: Path, how: str) -> Database:
    peer = Database(path)
    peer.enable_wal()
    peer.execute(f"PRAGMA synchronous = {how}")
    peer.table("told").create({"seq": int, "frame": str, "author": str, "at": str, "body": str}, pk="seq")
    return peer


def _insert(peer: Database, turn: int, many: int) -> float:
    """How many a second."""
    began = time.perf_counter()
    body = orjson.dumps({"findings": [{"label": "hand", "box": [0.1, 0.2, 0.3, 0.4], "said_by": "person"}] * 3}).decode()
    for number in range(many):
        peer.table("told").insert({"frame": f"{turn}-{number}", "author": "li", "at": rows.moment(BEGIN), "body": body})
    return many / (time.perf_counter() - began)


def _rows_of(store: Store) -> int:
    with store.reading() as connection:
        names = [row["name"] for row in connection.execute(TABLES)]
        return sum(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names)


def _read(path: Path, seconds: float) -> list[float]:
    """Seconds of each read of one frame, for so long, one a millisecond at most, as a person's screen or a report would ask."""
    dice, taken = random.Random(1), []
    with Store.open_readonly(path) as record:
        with record.reading() as connection:
            ids = [row["id"] for row in connection.execute("SELECT id FROM frames")]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            asked = dice.choice(ids)
            began = time.perf_counter()
            with record.reading() as connection:
                opinions.correction_of(connection, asked)
            taken.append(time.perf_counter() - began)
            time.sleep(0.001)
    return taken


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(_read(Path(sys.argv[1]), float(sys.argv[2]))))
