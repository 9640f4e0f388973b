"""Environments of other trainers, in which their own converters read our files: `python -m supply.trainers NAME|all`. No part of the product needs one.

Each trainer pins versions that the others refuse, so each has an environment of its own below `.cache/trainers`, 1.5 to 2.2 GB with torch for CPUs.
torch is installed first, in a call of its own (as the Makefile does); then every pin of `supply/trainers/NAME.txt` without its wishes, because a
trainer's own upper bounds forbid versions with which it was seen to work here.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from supply.pins import ROOT

NAMES = ("llamafactory", "ms_swift", "trl")
PINS = ROOT / "supply" / "trainers"
PLACE = ROOT / ".cache" / "trainers"
LONGEST_SECONDS = 3600


def python_of(name: str, place: Path | None = None) -> Path | None:
    """The Python of an environment whose pins are installed as they stand today; None: it is not there, or was made for other pins."""
    place = place or PLACE
    python, stamp = place / name / "bin" / "python", place / name / "ready"
    ready = python.exists() and stamp.exists() and stamp.read_text("ascii") == digest(PINS / f"{name}.txt")
    return python if ready else None


def pins_of(name: str) -> tuple[list[str], list[str]]:
    """What is installed first with all it wants, and what follows as it stands."""
    lines = [line.split("#")[0].strip() for line in (PINS / f"{name}.txt").read_text("utf-8").splitlines()]
    pins = [line for line in lines if line]
    return [pin for pin in pins if pin.startswith("torch==")], [pin for pin in pins if not pin.startswith("torch==")]


def install(name: str, place: Path | None = None) -> Path:
    """Make the environment, anew if its pins have changed; its Python. Raises subprocess.CalledProcessError when pip failed."""
    known = python_of(name, place)
    if known is not None:
        return known
    folder = (place or PLACE) / name
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    first, rest = pins_of(name)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, *first], check=True, timeout=LONGEST_SECONDS)
    subprocess.run([*pip, "--no-deps", *rest], check=True, timeout=LONGEST_SECONDS)
    (folder / "ready").write_text(digest(PINS / f"{name}.txt"), "ascii")
    return python


def digest(file: Path) -> str:
    """SHA-256 of a file of pins, in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main(words: Sequence[str]) -> int:
    """Install what is asked for; 1 when one of them could not be."""
    parser = argparse.ArgumentParser(prog="python -m supply.trainers", description="Environments of other trainers, for the slow tests.")
    parser.add_argument("names", nargs="+", choices=(*NAMES, "all"))
    asked = parser.parse_args(words).names
    failed = []
    for name in NAMES if "all" in asked else dict.fromkeys(asked):
        try:
            print(f"{name}: {install(name)}")
        except (subprocess.SubprocessError, OSError) as error:
            failed.append(name)
            print(f"{name}: could not be installed ({error}). The tests that need it are skipped.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
