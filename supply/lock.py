"""Writes the three lock files from requirements.txt: `make lock`. Asks the package index for versions and hashes, and installs nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from supply.pins import CPU_LOCK, CUDA_LOCK, LOCK, ROOT, WANTED, Pin, Unlocked, read, written

BUILDS = ROOT / "supply" / "torch.toml"
OLDEST_PYTHON = "3.11"
EVERYWHERE = "sys_platform == 'darwin' or sys_platform == 'linux'"
"""Where the product runs; it locks files as POSIX does."""

_GPU_ONLY = re.compile(r"(nvidia|cuda)-.+|triton")
_COMMON_HEAD = """\
Every distribution that the product installs but torch, and the SHA-256 of every file that may be installed as it. Written by `make lock`; do not edit.
Install: pip install --no-deps --require-hashes -r requirements.lock -r requirements-cpu.lock   (or requirements-cuda.lock)"""
_CPU_HEAD = """\
torch as the build for CPUs: on Linux that of PyTorch's own index, on a Mac that of the package index. From supply/torch.toml by `make lock`; do not edit."""
_CUDA_HEAD = """\
torch as the package index has it for Linux, with the libraries for NVIDIA's GPUs that this build wants. Written by `make lock`; do not edit."""


def resolved(wanted: Path) -> tuple[Pin, ...]:
    """What pip would have to install for a requirements file, for every Python and platform that the product runs on. Raises Unlocked."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copy(wanted, folder / "requirements.txt")
        places = ", ".join(f'"{each}"' for each in EVERYWHERE.split(" or "))
        (folder / "pyproject.toml").write_text(f'[project]\nname = "lock"\nversion = "0"\n[tool.uv]\nenvironments = [{places}]\n', "utf-8")
        order = ["compile", "requirements.txt", "--universal", "--fork-strategy", "fewest", "--python-version", OLDEST_PYTHON]
        quiet = ["--generate-hashes", "--no-annotate", "--no-header", "--quiet", "-o", "all.lock"]
        done = subprocess.run([sys.executable, "-m", "uv", "pip", *order, *quiet], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unlocked(f"The versions could not be settled: {done.stderr.strip()}")
        pins = read((folder / "all.lock").read_text("utf-8"), "what uv settled")
    everywhere = (EVERYWHERE.replace("'", '"'), EVERYWHERE)
    return tuple(replace(pin, marker="" if pin.marker in everywhere else pin.marker) for pin in pins)


def cpu_build(torch: Pin) -> Pin:
    """torch with the hashes of its builds for CPUs alone. Raises Unlocked when those that we know are of another version."""
    known: Mapping[str, object] = tomllib.loads(BUILDS.read_text("utf-8"))
    if known["version"] != torch.version:
        raise Unlocked(
            f"{BUILDS.name} knows the CPU builds of torch {known['version']}, and {torch.version} is wanted. Write those in first."
        )
    builds = known["cpu"]
    assert isinstance(builds, dict)
    return replace(torch, hashes=tuple(map(str, builds.values())))


def split(pins: tuple[Pin, ...]) -> dict[Path, str]:
    """File -> what is written into it."""
    (torch,) = (pin for pin in pins if pin.name == "torch")
    gpu = [pin for pin in pins if _GPU_ONLY.fullmatch(pin.name)]
    common = [pin for pin in pins if pin is not torch and pin not in gpu]
    return {
        LOCK: written(common, _COMMON_HEAD),
        CPU_LOCK: written([cpu_build(torch)], _CPU_HEAD),
        CUDA_LOCK: written([torch, *gpu], _CUDA_HEAD),
    }


def main() -> int:
    """Write the three files."""
    try:
        files = split(resolved(WANTED))
    except Unlocked as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in files.items():
        path.write_text(text, "utf-8")
        print(f"{path.name}: {len(read(text, path.name))} distributions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
