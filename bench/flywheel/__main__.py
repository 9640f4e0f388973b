"""`python -m bench.flywheel`: plays the whole circle on a bench that the compact model has never seen. What `make flywheel` runs.

Every policy plays in a process of its own, from a copy of one record: two cores, two arms.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import cv2

from bench.flywheel import report
from bench.flywheel.new_bench import Shot, shots, stock
from bench.flywheel.plant import EXAM, POOL, plant
from bench.flywheel.rounds import LEAD, Round, Size, arm
from core.profile import read
from core.settings import ASSETS, ROOT

PROFILE = ASSETS / "profiles" / "bench.toml"
COMPACT = ASSETS / "models" / "compact"
RESULTS = ROOT / "bench" / "results"
BURSTS = 0.15
"""Share of the scenes of the pool that the camera took three times in a row."""

SHORT = Size(rounds=1, labels=24, pool=60, exam=40, further=1, epochs=1.0)
ROUNDS = "rounds.json"


def main() -> int:
    """Play, and write what came of it. 1: an arm broke off."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.flywheel", description="Play the whole circle: pick, correct, teach, compare, promote."
    )
    parser.add_argument(
        "--work", type=Path, default=ROOT / "runs" / "flywheel", help="records, sets and adapters of the arms; emptied first"
    )
    parser.add_argument("--policy", default="usual", help="beside random (default %(default)s)")
    parser.add_argument("--short", action="store_true", help="one small round; to see that the circle closes, not for figures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--arm", help=argparse.SUPPRESS)  # one of our own processes
    asked = parser.parse_args()
    size = replace(SHORT if asked.short else Size(), seed=asked.seed)
    cv2.setNumThreads(1)
    if asked.arm:
        play(asked.work, asked.arm, size)
        return 0
    began = time.monotonic()
    policies = (asked.policy, "random")
    high = begin(asked.work, policies, size)
    same = ["--work", str(asked.work), "--seed", str(asked.seed), *(["--short"] if asked.short else [])]
    arms = [subprocess.Popen([sys.executable, "-m", "bench.flywheel", "--arm", policy, *same], cwd=ROOT) for policy in policies]
    codes = [each.wait() for each in arms]
    if any(codes):
        return 1
    rounds = [Round(**told) for policy in policies for told in json.loads((asked.work / policy / ROUNDS).read_text("utf-8"))]
    told = report.written(rounds, size, time.monotonic() - began, high)
    words = report.in_words(told)
    print(words)
    if not asked.short:
        (RESULTS / "flywheel.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (RESULTS / "flywheel.md").write_text(words, "utf-8")
    return 0


def begin(work: Path, policies: tuple[str, ...], size: Size) -> int:
    """The record from which every arm begins, once for each: all frames, the truth of the exam's. How many frames of high risk the pool holds."""
    pool, exam = material(size)
    shutil.rmtree(work, ignore_errors=True)
    with plant(work / "start", read(PROFILE), COMPACT, _by_id([*pool, *exam])) as first:
        first.receive(pool, POOL)
        first.audit(first.receive(exam, EXAM))
        first.examine(EXAM, LEAD)
    for policy in policies:
        shutil.copytree(work / "start", work / policy)
    return sum(shot.judged.level == "high" for shot in pool)


def play(work: Path, policy: str, size: Size) -> None:
    """One arm; its rounds stand in its folder afterwards."""
    pool, exam = material(size)
    with plant(work / policy, read(PROFILE), COMPACT, _by_id([*pool, *exam])) as each:
        played = [asdict(one) for one in arm(each, policy, size, PROFILE).play(lambda said: print(said, file=sys.stderr, flush=True))]
    (work / policy / ROUNDS).write_text(json.dumps(played), "utf-8")


def material(size: Size) -> tuple[list[Shot], list[Shot]]:
    """The frames of pool and exam; the same of the same size."""
    cut = stock(ASSETS / "frames" / "tools_bench", read(PROFILE))
    return shots(cut, 1000 + size.seed, size.pool, BURSTS), shots(cut, 2000 + size.seed, size.exam)


def _by_id(made: list[Shot]) -> dict[str, Shot]:
    """A frame is named by the SHA-256 of its bytes."""
    return {hashlib.sha256(shot.jpeg).hexdigest(): shot for shot in made}


if __name__ == "__main__":
    sys.exit(main())
