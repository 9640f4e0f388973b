"""`python -m bench.flywheel`: plays the whole circle on a bench that the compact model has never seen. What `make flywheel` runs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import cv2

from bench.flywheel import report
from bench.flywheel.new_bench import Shot, shots, stock
from bench.flywheel.plant import EXAM, POOL, plant
from bench.flywheel.rounds import LEAD, Round, Size, arm
from core.profile import Profile, read
from core.settings import ASSETS, ROOT

PROFILE = ASSETS / "profiles" / "bench.toml"
COMPACT = ASSETS / "models" / "compact"
RESULTS = ROOT / "bench" / "results"
BURSTS = 0.15
"""Share of the scenes of the pool that the camera took three times in a row."""

SHORT = Size(rounds=1, labels=24, pool=60, exam=40, further=1, epochs=1.0)


def main() -> None:
    """Play, and write what came of it."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.flywheel", description="Play the whole circle: pick, correct, teach, compare, promote."
    )
    parser.add_argument(
        "--work", type=Path, default=ROOT / "runs" / "flywheel", help="records, sets and adapters of the arms; emptied first"
    )
    parser.add_argument("--policy", default="usual", help="beside random (default %(default)s)")
    parser.add_argument("--short", action="store_true", help="one small round; for a test that the circle closes, not for figures")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    size = (
        Size(**{**{name: getattr(SHORT, name) for name in SHORT.__slots__}, "seed": asked.seed}) if asked.short else Size(seed=asked.seed)
    )
    began = time.monotonic()
    rounds, high = circle(asked.work, (asked.policy, "random"), size, lambda said: print(said, file=sys.stderr, flush=True))
    told = report.written(rounds, size, time.monotonic() - began, high)
    words = report.in_words(told)
    print(words)
    if not asked.short:
        (RESULTS / "flywheel.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (RESULTS / "flywheel.md").write_text(words, "utf-8")


def circle(work: Path, policies: tuple[str, ...], size: Size, tell=lambda said: None) -> tuple[list[Round], int]:  # type: ignore[no-untyped-def]
    """Both arms, from copies of one record; and how many frames of high risk the pool holds."""
    cv2.setNumThreads(1)
    profile = read(PROFILE)
    material = stock(ASSETS / "frames" / "tools_bench", profile)
    pool = shots(material, 1000 + size.seed, size.pool, BURSTS)
    exam = shots(material, 2000 + size.seed, size.exam)
    shutil.rmtree(work, ignore_errors=True)
    known = _start(work / "start", profile, pool, exam)
    tell(f"{len(pool)} frames in the pool, {len(exam)} in the exam")
    rounds: list[Round] = []
    for policy in policies:
        shutil.copytree(work / "start", work / policy)
        with plant(work / policy, profile, COMPACT, known) as each:
            rounds += arm(each, policy, size, PROFILE).play(tell)
    return rounds, sum(shot.judged.level == "high" for shot in pool)


def _start(folder: Path, profile: Profile, pool: list[Shot], exam: list[Shot]) -> dict[str, Shot]:
    """The record from which every arm begins: all frames, the truth of the exam's."""
    known: dict[str, Shot] = {}
    with plant(folder, profile, COMPACT, known) as first:
        for source, made in ((POOL, pool), (EXAM, exam)):
            ids = first.receive(made, source)
            known.update(zip(ids, made, strict=True))
            if source == EXAM:
                first.audit(ids)
        first.examine(EXAM, LEAD)
    return known


if __name__ == "__main__":
    main()
