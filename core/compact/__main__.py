"""`python -m core.compact`: teaches the compact model and writes its folder. What `make model` runs."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from core.compact.learn import run
from core.compact.lessons import gather
from core.compact.pupil import Recipe
from core.profile import read

ASSETS = Path(__file__).resolve().parents[2] / "assets"


def main() -> None:
    """Parse, learn, write."""
    parser = argparse.ArgumentParser(prog="python -m core.compact", description="Teach the compact model.")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/compact"), help="where state and log are kept; an interrupted run goes on from there"
    )
    parser.add_argument("--out", type=Path, default=ASSETS / "models" / "compact", help="the model's folder")
    parser.add_argument("--frames", type=Path, default=ASSETS / "frames" / "tools_bench", help="annotated frames to learn from")
    parser.add_argument("--scenes", type=int, default=Recipe().scenes, help="how many to learn from (default %(default)s)")
    asked = parser.parse_args()
    cv2.setNumThreads(0)  # before its first use: threads of OpenCV do not survive the fork of the process that makes the scenes
    material = gather(asked.frames, read(ASSETS / "profiles" / "bench.toml"))
    pupil = run(asked.work, material, Recipe(scenes=asked.scenes))
    from core.compact.ship import write_folder

    write_folder(pupil, asked.out, asked.work / "log.jsonl")
    print(f"Wrote {asked.out}.")


if __name__ == "__main__":
    main()
