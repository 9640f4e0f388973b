"""`make bench`: every benchmark in a process of its own, one table, results in bench/results/. A goal that is missed is said, and is no failure."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import (
    backup,
    cycle,
    dashboard,
    drawing,
    exports,
    footage,
    inference,
    ingest,
    lineage,
    metrics,
    parsing,
    preparing,
    queue,
    queue_and_lists,
    start,
    training,
    verdict,
)

BENCHMARKS = {
    "start": start.measure,
    "ingest": ingest.measure,
    "footage": footage.measure,
    "preparing": preparing.measure,
    "parsing": parsing.measure,
    "verdict": verdict.measure,
    "inference": inference.measure,
    "cycle": cycle.measure,
    "dashboard": dashboard.measure,
    "backup": backup.measure,
    "queue_and_lists": queue_and_lists.measure,
    "exports": exports.measure,
    "queue": queue.measure,
    "drawing": drawing.measure,
    "lineage": lineage.measure,
    "metrics": metrics.measure,
    "training": training.measure,
}
OF_THEIR_OWN = {"record": "bench.record", "policies": "bench.policies"}
"""Benchmarks with a table of their own, run when they are named: they take ten minutes, and that of the record installs a peer."""

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """0 unless a benchmark could not run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which ones (default all): {', '.join(BENCHMARKS)}; only when named: record, policies"
    )
    parser.add_argument("--runs", type=int, default=5, help="turns of each (default %(default)s)")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    known = [*BENCHMARKS, *OF_THEIR_OWN]
    wrong = [name for name in asked.names if name not in known]
    if wrong:
        parser.error(f"there is no benchmark {', '.join(wrong)}; there are {', '.join(known)}")
    if asked.alone:
        return _one(asked.names[0], asked.runs)
    names = asked.names or list(BENCHMARKS)
    failed = sum(
        subprocess.run([sys.executable, "-m", OF_THEIR_OWN[name]], check=False).returncode != 0 for name in names if name in OF_THEIR_OWN
    )
    named = [name for name in names if name in BENCHMARKS]
    if named:
        print(f"{'':44}{'ours':>10} {'other':>10}        {'ratio':>6}   goal")
    for name in named:
        line = [sys.executable, "-m", "bench.run", "--alone", "--runs", str(asked.runs), name]
        failed += subprocess.run(line, check=False).returncode != 0
    return 1 if failed else 0


def _one(name: str, runs: int) -> int:
    """Measure, print, write bench/results/NAME.json."""
    with tempfile.TemporaryDirectory(prefix="gembalens-bench-") as work:
        rows = BENCHMARKS[name](Path(work), runs)
    for row in rows:
        goals = [f"≤ {row.goal:g} x"] if row.goal is not None else []
        goals += [f"≤ {row.absolute_goal:g} {row.unit}"] if row.absolute_goal is not None else []
        mark = {True: "reached", False: "MISSED", None: ""}[row.reached]
        print(
            f"{row.what:44}{row.ours:10.2f} {row.other:10.2f} {row.unit:4}   {row.ratio:6.2f}   {', '.join(goals)} {mark}   ({row.against})",
            flush=True,
        )
    RESULTS.mkdir(exist_ok=True)
    told = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "rows": [{**asdict(row), "ratio": row.ratio, "reached": row.reached} for row in rows],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


def _machine() -> dict[str, Any]:
    """On what it was measured; the load says how far the wall times can be trusted."""
    names = ("gradio", "streamlit", "starlette", "pillow", "pandas")
    load = [round(each, 2) for each in os.getloadavg()]
    return {
        "cores": os.cpu_count(),
        "load": load,
        "python": platform.python_version(),
        "system": platform.system(),
        **{name: version(name) for name in names},
    }


if __name__ == "__main__":
    sys.exit(main())
