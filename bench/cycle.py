"""Save a correction, get the next frame: ours by the API beside one insert on bare Starlette, and whether memory grows while people work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx

from bench.measure import Row, cpu_seconds, median, memory_mib, peak_mib, percentile
from bench.population import populate
from bench.servers import BARE_STARLETTE, Running, bare, ours
from bench.start import REPLY
from tests.serving import scripted

FRAMES, SOAK = 3000, 2000


def measure(work: Path, runs: int) -> list[Row]:
    """`runs` times 100 cycles of each in turns, then the soak."""
    populate(work / "data", FRAMES)
    with (
        ours(work / "data", scripted(work / "script.json", REPLY)) as mine,
        bare(BARE_STARLETTE, str(work / "floor.sqlite3"), str(FRAMES), page="/api/v1/next") as floor,
    ):
        both = [_Worker(mine), _Worker(floor)]
        for worker in both:
            worker.cycles(30)
        for _ in range(runs):
            for worker in both:
                worker.measured(100)
        a, b = both
        rows = [
            Row(
                "save and next by the API, p50", 1000 * median(a.wall), 1000 * median(b.wall), "bare Starlette + SQLite", "ms", len(a.wall)
            ),
            Row(
                "save and next by the API, p95",
                1000 * percentile(a.wall, 0.95),
                1000 * percentile(b.wall, 0.95),
                "bare Starlette + SQLite",
                "ms",
                len(a.wall),
                absolute_goal=25,
            ),
            Row(
                "save and next by the API, CPU",
                1000 * a.cpu / len(a.wall),
                1000 * b.cpu / len(b.wall),
                "bare Starlette + SQLite",
                "ms",
                len(a.wall),
                absolute_goal=3,
            ),
        ]
        before = memory_mib(mine.pid)
        a.cycles(SOAK)
        rows.append(Row(f"memory after {SOAK} more cycles", memory_mib(mine.pid), before, "before them", "MiB", 1, goal=1 + 30 / before))
        rows.append(Row("peak memory, no model", peak_mib(mine.pid), before, "before the soak", "MiB", 1, absolute_goal=300))
    return rows


class _Worker:
    """Somebody who saves and goes on, again and again."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.address, trust_env=False, timeout=30)
        self.frame_id: str = self.client.get("/api/v1/next").json()["frame_id"]
        self.wall: list[float] = []
        self.cpu = 0.0

    def cycles(self, many: int) -> None:
        for _ in range(many):
            if self.frame_id is None:  # everything is reviewed: go on with what is there
                raise RuntimeError("too few frames for so many cycles")
            answer = self.client.post(f"/api/v1/frames/{self.frame_id}/corrections", json=BODY)
            answer.raise_for_status()
            self.frame_id = self.client.get("/api/v1/next", params={"after": self.frame_id}).json()["frame_id"]

    def measured(self, many: int) -> None:
        cpu = cpu_seconds(self.server.pid)
        for _ in range(many):
            began = time.perf_counter()
            self.cycles(1)
            self.wall.append(time.perf_counter() - began)
        self.cpu += cpu_seconds(self.server.pid) - cpu


def _said(value: str) -> dict[str, Any]:
    return {"value": value, "confidence": None, "said_by": "person"}


BODY: dict[str, Any] = {
    "saw_revision": 0,
    "verdict": "reviewed",
    "author": "bench",
    "findings": [
        {"label": label, "box": [0.1, 0.2, 0.4, 0.5], "confidence": None, "said_by": "person"}
        for label in ("hand", "hammer", "bolt", "wrench", "plate")
    ],
    "step": {"tool": _said("hammer"), "part": _said("bolt"), "action": _said("strike"), "phase": _said("work")},
    "violations": [],
    "risk": {"level": "none", "probabilities": {}, "reasons": [], "said_by": "person"},
    "active_seconds": 3.0,
    "note": "",
}
