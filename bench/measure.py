"""How a benchmark measures: in turns, so that a drift of a shared machine hits all alike; CPU seconds before wall seconds. Measures nothing itself."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. `ratio` is ours divided by the other's; `goal` is the largest ratio that is good enough, None: only told."""

    what: str
    ours: float
    other: float
    against: str  # who the other is
    unit: str
    runs: int
    goal: float | None = None
    absolute_goal: float | None = None  # the largest good value of ours, in `unit`

    @property
    def ratio(self) -> float:
        """Ours to the other's."""
        return self.ours / self.other if self.other else float("nan")

    @property
    def reached(self) -> bool | None:
        """Whether every goal that was set is reached; None: none was set."""
        goals = [self.ratio <= self.goal] if self.goal is not None else []
        goals += [self.ours <= self.absolute_goal] if self.absolute_goal is not None else []
        return all(goals) if goals else None


def in_turns(cases: Mapping[str, Callable[[], object]], runs: int, warm: int = 1) -> dict[str, list[tuple[float, float]]]:
    """A B C A B C ... -> name -> (wall, CPU of this process) seconds of each run."""
    for _ in range(warm):
        for case in cases.values():
            case()
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(runs):
        for name, case in cases.items():
            gc.collect()
            cpu, wall = time.process_time(), time.perf_counter()
            case()
            measured[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return measured


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank; `share` in 0..1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children so far."""
    return float(sum(each.cpu_times().user + each.cpu_times().system for each in family(pid)))


def memory_mib(pid: int) -> float:
    """Resident memory of a process and its children now."""
    return float(sum(each.memory_info().rss for each in family(pid))) / 2**20


def peak_mib(pid: int) -> float:
    """The most resident memory that a process ever had, its children added (Linux)."""
    peaks = [
        line.split()[1]
        for each in family(pid)
        for line in Path(f"/proc/{each.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return sum(map(int, peaks)) / 1024
