"""A backup of a large record, its restore and the check of it, each beside a plain copy of the stopped folder, which promises nothing."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from annotations.keeping.backup import back_up
from annotations.keeping.restoring import restore
from annotations.keeping.scrubbing import check
from bench.measure import Row
from bench.population import populate

FRAMES = 100_000
FINDINGS = 10


def measure(work: Path, runs: int) -> list[Row]:
    """Wall seconds. The frames' files are tiny, so this is about the record and the number of files; bytes go as fast as the disk."""
    data = work / "data"
    populate(data, FRAMES, corrected=0.3, findings=FINDINGS, shown=1)
    turns = [_turn(data, work / f"turn{number}") for number in range(max(1, runs // 5))]
    took = {name: median(turn[name] for turn in turns) for name in turns[0]}
    goals = {"backup, frames linked": 60.0, "backup, frames copied": None, "restore": 300.0, "check of everything": None}
    return [
        Row(f"{what}, {FRAMES:,} frames", took[what], took["copy"], "a plain copy", "s", len(turns), absolute_goal=goal)
        for what, goal in goals.items()
    ]


def _turn(data: Path, place: Path) -> dict[str, float]:
    """Each once, everything flushed before; what was made is gone afterwards."""
    place.mkdir()
    seconds = {
        "copy": _timed(lambda: _copy(data, place / "copy")),
        "backup, frames linked": _timed(lambda: back_up(data, place / "linked")),
        "backup, frames copied": _timed(lambda: back_up(data, place / "copied", link=False)),
        "restore": _timed(
            lambda: restore(next((place / "copied").iterdir()), place / "new", by="bench", now=datetime.now(UTC), link=False)
        ),
        "check of everything": _timed(lambda: check(data)),
    }
    shutil.rmtree(place)
    return seconds


def _timed(act: Callable[[], object]) -> float:
    os.sync()
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _copy(data: Path, to: Path) -> None:
    shutil.copytree(data, to)
    os.sync()
