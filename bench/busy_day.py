"""A busy day of one plant in a minute: ten annotators, an import, three dashboards and a backup, all at once on a record of 100,000 frames."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.annotators import Annotator, at_once, together
from bench.figures import Figure
from bench.measure import percentile
from bench.servers import Running
from bench.side_by_side import lost
from bench.viewers import PAGES, Viewer
from tests.serving import ROOT

PEOPLE, THINKING, LOOKING = 10, 5.0, 3.0  # seconds between two saves of one; between two looks at a dashboard


@dataclass(frozen=True, slots=True)
class Day:
    """How long it is, and on what."""

    server: Running
    data: Path
    backups: Path  # a folder for them
    seconds: float
    frames: int


def lived(day: Day, bring_in: Callable[[], int]) -> Iterator[Figure]:
    """Everything at once; `bring_in` imports a portion and says how many frames that were, and is asked again until the end."""
    end, stop = time.monotonic() + day.seconds, threading.Event()
    people = [Annotator(day.server.address, f"day-{number}") for number in range(PEOPLE)]
    viewers = [Viewer(day.server.address, page, LOOKING) for page in PAGES]
    brought, taken = [0], [0.0]

    def importing() -> None:
        while time.monotonic() < end:
            brought[0] += bring_in()

    def backing_up() -> None:
        time.sleep(day.seconds / 4)
        taken[0] = _backup(day)

    def until_all_went() -> None:
        try:
            at_once([*((lambda person=person: _work(person, end)) for person in people), importing, backing_up])
        finally:
            stop.set()

    at_once([until_all_went, *((lambda viewer=viewer: viewer.watch(stop)) for viewer in viewers)])
    diary = together(person.diary for person in people)
    saves, opens, runs = diary.seconds["save"], diary.seconds["open"], [each for viewer in viewers for each in viewer.seconds]
    where = f"{day.frames:,} frames, {PEOPLE} annotators, an import ({brought[0]:,} frames), {len(viewers)} dashboards, a backup"
    for what, seconds, goal in (("save", saves, 100.0), ("open", opens, 200.0), ("next", diary.seconds["next"], None)):
        yield Figure("load", f"{what}, p95", 1000 * percentile(seconds, 0.95), "ms", goal, n=len(seconds), note=where)
        yield Figure("load", f"{what}, p99", 1000 * percentile(seconds, 0.99), "ms", n=len(seconds))
    yield Figure("load", "a dashboard's page run anew, p95", 1000 * percentile(runs, 0.95), "ms", n=len(runs))
    yield Figure("load", "backup while it runs", taken[0], "s", 60)
    wrong = sum(diary.wrong.values()) + sum(len(viewer.wrong) for viewer in viewers)
    told = ", ".join(f"{count} × {what}" for what, count in diary.wrong.most_common(3)) or "; ".join(
        each for v in viewers for each in v.wrong[:1]
    )
    yield Figure("load", "answers that were no good ones", wrong, "", 0, n=len(saves) + len(opens) + len(runs), note=told)
    yield Figure("load", "locked", diary.locked, "", 0, n=len(saves))
    yield Figure("load", "acknowledged and lost", lost(day.data, diary), "", 0, n=len(diary.saved))
    yield Figure("load", "given to two", len(diary.drawn) - len(set(diary.drawn)), "", 0, n=len(diary.drawn))


def _work(person: Annotator, end: float) -> None:
    """Draw, open, look at it, save, and so on; everybody began at another moment."""
    dice = random.Random(person.tab)
    time.sleep(dice.uniform(0, THINKING))
    while time.monotonic() < end and person.draw() is not None:
        person.open(picture=True)
        time.sleep(THINKING * dice.uniform(0.8, 1.2))
        person.save()


def _backup(day: Day) -> float:
    """By the terminal, as an operator or a timer does it; seconds."""
    began = time.perf_counter()
    line = [sys.executable, str(ROOT / "launch.py"), "backup", str(day.backups), "--data", str(day.data)]
    subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True)
    return time.perf_counter() - began
