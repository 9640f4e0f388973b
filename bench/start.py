"""From the first line to the first whole page, and the memory after it: ours beside a Gradio page with one button."""

from __future__ import annotations

from pathlib import Path

from bench.measure import Row, median, memory_mib
from bench.servers import BARE_GRADIO, bare, ours
from tests.serving import scripted

REPLY: dict[str, object] = {
    "findings": [],
    "tool": "none",
    "part": "none",
    "action": "none",
    "phase": "idle",
    "violations": [],
    "risk": "none",
}


def measure(work: Path, runs: int) -> list[Row]:
    """Wall and CPU of a start whose files are in the disk's cache, memory of the process and its children."""
    model = scripted(work / "script.json", REPLY)
    mine: list[tuple[float, float, float]] = []
    theirs: list[tuple[float, float, float]] = []
    for turn in range(runs + 1):  # the first of each only warms the disk's cache
        with ours(work / f"data{turn}", model) as running:
            mine.append((running.wall, running.cpu, memory_mib(running.pid)))
        with bare(BARE_GRADIO) as running:
            theirs.append((running.wall, running.cpu, memory_mib(running.pid)))
    a, b = [[median(column) for column in zip(*rows[1:], strict=True)] for rows in (mine, theirs)]
    return [
        Row("start to first page", a[0], b[0], "bare Gradio", "s", runs, goal=1.3),
        Row("start to first page, CPU", a[1], b[1], "bare Gradio", "s", runs),
        Row("memory after the first page, no model", a[2], b[2], "bare Gradio", "MiB", runs, absolute_goal=300),
    ]
