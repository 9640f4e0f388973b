"""The dashboard's figures at 10,000 frames, out of summaries: beside pandas over the same corrections as JSON, which is how such pages are usually built."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pandas as pd

from annotations.reports import Reports
from annotations.store import FILE
from bench.measure import Row, in_turns, median
from bench.population import populate
from bench.servers import ours
from bench.start import REPLY
from tests.serving import scripted

FRAMES = 10_000


def measure(work: Path, runs: int) -> list[Row]:
    """Wall milliseconds of all figures of the first pages; the page itself is loaded once more by HTTP."""
    populate(work / "data", FRAMES, corrected=0.3)
    reports = Reports(work / "data" / FILE)
    kept = work / "kept.jsonl"
    kept.write_bytes(b"\n".join(orjson.dumps(_line(number)) for number in range(FRAMES)))

    def summaries() -> list[Any]:
        return [
            reports.totals(),
            reports.per_day(),
            reports.field_accuracy(),
            reports.confusion("tool"),
            reports.risk_matrix(),
            reports.queue(15),
        ]

    taken = in_turns({"ours": summaries, "pandas": _by_pandas(kept)}, runs)
    reports.close()
    a, b = (1000 * median([wall for wall, _ in taken[name]]) for name in ("ours", "pandas"))
    rows = [Row(f"dashboard's figures at {FRAMES:,} frames", a, b, "pandas over JSON lines", "ms", runs, goal=1.0, absolute_goal=250)]
    with (
        ours(work / "data", scripted(work / "script.json", REPLY)) as served,
        httpx.Client(base_url=served.address, trust_env=False, timeout=30) as client,
    ):
        pages: dict[str, list[float]] = {"/api/v1/walk?limit=30": [], "/livez": []}
        for _ in range(10 * runs):
            for page, times in pages.items():
                began = time.perf_counter()
                client.get(page).raise_for_status()
                times.append(time.perf_counter() - began)
        walk, empty = (1000 * median(times) for times in pages.values())
        rows.append(Row(f"a page of 30 frames at {FRAMES:,}", walk, empty, "an answer without work (/livez)", "ms", 10 * runs))
    return rows


def _line(number: int) -> dict[str, Any]:
    fields = {"tool": ("hammer", "wrench")[number % 2], "phase": ("idle", "work")[number % 3 > 0]}
    return {
        "id": number,
        "day": number // 167,
        "level": ("none", "low", "medium", "high")[number % 4],
        "said": fields,
        "told": fields if number % 10 < 3 else None,
    }


def _by_pandas(kept: Path) -> Callable[[], object]:
    def figures() -> list[Any]:
        table = pd.json_normalize([orjson.loads(line) for line in kept.read_bytes().splitlines()])
        told = table[table["told.tool"].notna()]
        return [
            len(table), table.groupby("day").size(), table.groupby("level").size(), (told["said.tool"] == told["told.tool"]).mean(),
            pd.crosstab(told["said.tool"], told["told.tool"]), table.nlargest(15, "id"),
        ]  # fmt: skip

    return figures
