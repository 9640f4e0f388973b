"""What the record can do, beside Label Studio where that does the same work: `python -m bench.record`. Writes bench/results/record.json and record.md.

Both servers run on this machine on loopback, each with SQLite, and work in turns. Without Label Studio there are only our own figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench import busy_day, label_studio, large, moving, side_by_side, storing
from bench.figures import Figure, line, table
from bench.population import annotate, populate
from bench.servers import ours
from bench.start import REPLY
from tests.serving import scripted

RESULTS = Path(__file__).resolve().parent / "results"
CACHE = Path(__file__).resolve().parent.parent / ".cache"
SMALL, LARGE, FINDINGS = 10_000, 100_000, 10
CASES = ("store", "import", "cycles", "lists", "load", "search", "export")


@dataclass(frozen=True, slots=True)
class Asked:
    """How much is measured, and where."""

    cases: tuple[str, ...]
    rounds: int
    day_seconds: float
    frames: int  # of the large record
    work: Path  # gone afterwards
    peer: Path | None  # Label Studio's environment


def main() -> int:
    """0, also when a goal was missed; 2 when nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.record", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"which (default all): {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default %(default)s)")
    parser.add_argument(
        "--day", type=float, default=60, metavar="SECONDS", help="how long the busy day is (default %(default)s; 600 is the long form)"
    )
    parser.add_argument("--frames", type=int, default=LARGE, help="of the large record (default %(default)s)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where Label Studio's environment is kept (default .cache)")
    parser.add_argument("--no-peer", action="store_true", help="without Label Studio: only our own figures")
    asked = parser.parse_args()
    wrong = [case for case in asked.cases if case not in CASES]
    if wrong:
        parser.error(f"there is no case {', '.join(wrong)}; there are {', '.join(CASES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped and the work folder goes
    peer, why = (None, "asked for without it") if asked.no_peer else _peer(asked.cache)
    busy = psutil.cpu_percent(interval=2)
    began, figures = time.monotonic(), list[Figure]()
    with tempfile.TemporaryDirectory(prefix="gembalens-record-") as work:
        for figure in measured(Asked(tuple(asked.cases) or CASES, asked.rounds, asked.day, asked.frames, Path(work), peer)):
            print(line(figure), flush=True)
            figures.append(figure)
    if asked.cases or asked.frames != LARGE:
        print(f"Not written to {RESULTS.name}/: that holds whole runs only.")
    else:
        _write(figures, busy, time.monotonic() - began, why)
    return 0


def measured(asked: Asked) -> Iterator[Figure]:
    """Every figure as soon as it is there."""
    model = scripted(asked.work / "script.json", REPLY)
    yield from storing.disk(asked.work)
    if "store" in asked.cases:
        yield from storing.transactions(asked.work, asked.rounds)
        yield from storing.reader(asked.work, 8)
    if {"import", "cycles", "lists"} & set(asked.cases):
        yield from _beside(asked, model)
    if {"load", "lists", "search"} & set(asked.cases):
        yield from _large(asked, model)
    if "export" in asked.cases:
        yield from moving.exports(asked.work)


def _beside(asked: Asked, model: str) -> Iterator[Figure]:
    """What Label Studio does too, at 10,000 frames."""
    data = asked.work / "small"
    with ExitStack() as stack:
        peer = None
        if asked.peer is not None:
            peer = stack.enter_context(label_studio.running(asked.peer, asked.work / "peer", side_by_side.EIGHT))
        if "import" in asked.cases:
            yield from moving.imports(asked.work, peer, SMALL, asked.rounds)
        if not {"cycles", "lists"} & set(asked.cases):
            return
        project = _project(peer)
        populate(data, SMALL)
        mine = stack.enter_context(ours(data, model))
        if "cycles" in asked.cases:
            yield from side_by_side.cycles(mine, peer, project, asked.rounds, data)
            yield from side_by_side.eight_and_an_import(mine, peer, project, data, 500, moving.bringing_in(mine.address))
        if "lists" in asked.cases:
            yield from large.draws(mine, SMALL)
            yield from side_by_side.pages(mine, peer, project, SMALL, 4.0, asked.rounds)


def _project(peer: label_studio.Peer | None) -> int:
    if peer is None:
        return 0
    client = peer.client()
    project = client.project("cycles")
    client.told("POST", f"/api/projects/{project}/import", label_studio.tasks(SMALL))
    return project


def _large(asked: Asked, model: str) -> Iterator[Figure]:
    """At 100,000 frames and 1,000,000 findings."""
    data = asked.work / "large"
    began = time.perf_counter()
    populate(data, asked.frames, corrected=0.3, findings=FINDINGS, shown=max(300, round(4 * asked.day_seconds)))
    print(f"      ({asked.frames:,} frames with {FINDINGS} findings each were made in {time.perf_counter() - began:.0f} s)", flush=True)
    if {"load", "lists"} & set(asked.cases):
        with ours(data, model) as mine:
            if "lists" in asked.cases:
                yield from large.draws(mine, asked.frames)
                yield from side_by_side.pages(mine, None, 0, asked.frames, 10.0, asked.rounds)
            if "load" in asked.cases:
                day = busy_day.Day(mine, data, asked.work / "backups", asked.day_seconds, asked.frames)
                yield from busy_day.lived(day, moving.bringing_in(mine.address))
    if "search" in asked.cases:
        annotate(data, asked.frames)
        with ours(data, model) as mine:
            yield from large.searches(mine, data, 10 * asked.rounds)


def _peer(cache: Path) -> tuple[Path | None, str]:
    try:
        return label_studio.prepared(cache.absolute()), ""
    except label_studio.PeerMissing as error:
        print(error, file=sys.stderr)
        return None, str(error)


def _write(figures: list[Figure], busy: float, seconds: float, why: str) -> None:
    """Both files."""
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    machine = {
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "busy_percent_before": busy,
        "load_after": load,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "label_studio": None if why else label_studio.VERSION,
    }
    at = datetime.now(UTC).isoformat(timespec="seconds")
    RESULTS.mkdir(exist_ok=True)
    told = {"at": at, "machine": machine, "seconds": round(seconds), "rows": [each.as_json() for each in figures]}
    (RESULTS / "record.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    held = [each.reached for each in figures if each.reached is not None]
    shared = (
        "The machine was shared with other work while it was measured: hold on to ratios and CPU, not to wall times."
        if busy > SHARED
        else ""
    )
    beside = f"Label Studio {label_studio.VERSION} beside it, in turns." if not why else f"Without Label Studio: {why}"
    (RESULTS / "record.md").write_text(
        _PAGE.format(at=at, cores=os.cpu_count(), memory=memory, python=machine["python"], sqlite=machine["sqlite"], busy=busy, load=load,
                     seconds=seconds, beside=beside, shared=shared, reached=sum(held), goals=len(held), table=table(figures)),
        "utf-8",
    )  # fmt: skip


SHARED = 15.0  # percent of all cores busy before the start: from here on it is said
_PAGE = """# What the record can do

Measured {at} by `python -m bench.record` in {seconds:.0f} s on {cores} cores with {memory:.0f} GiB, Python {python}, SQLite {sqlite}. {beside}
{busy:.0f} % of the cores were busy before it began, the load afterwards was {load}. {shared}

{reached} of {goals} goals were reached. CPU is that of the server's process and its children. A goal with × speaks of the middle of the rounds;
the rounds stand behind it.

{table}"""

if __name__ == "__main__":
    sys.exit(main())
