"""What is imported is pinned, what is pinned is installed: read from the files themselves, so that no environment hides a missing line."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = {"requirements.txt": ("launch.py", "core", "annotations", "ui"), "requirements-dev.txt": ("tests", "bench", "supply")}
OURS = {"launch", "core", "annotations", "ui", "tests", "bench", "supply"}


def lines(file: str) -> list[str]:
    text = (ROOT / file).read_text("utf-8")
    return [line for raw in text.splitlines() if (line := raw.split("#")[0].strip())]


def pins(file: str) -> dict[str, str]:
    """Name in small letters with hyphens -> version."""
    found = dict(line.split("==") for line in lines(file) if "==" in line)
    return {name.lower().replace("_", "-"): wanted for name, wanted in found.items()}


def imported(places: tuple[str, ...]) -> set[str]:
    """The distributions that files in these places import, in functions too."""
    files = [file for place in places for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))]
    modules: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    known = packages_distributions()
    others = modules - OURS - set(sys.stdlib_module_names)
    return {known.get(module, [module])[0].lower().replace("_", "-") for module in others}


@pytest.mark.parametrize("file", FILES)
def test_every_import_is_pinned(file: str) -> None:
    allowed = set(pins("requirements.txt")) | (set(pins(file)) if file != "requirements.txt" else set())
    assert imported(FILES[file]) - allowed == set()


@pytest.mark.parametrize("file", FILES)
def test_every_line_is_one_exact_version(file: str) -> None:
    loose = [line for line in lines(file) if "==" not in line and line != "-r requirements.txt"]
    assert loose == []
    assert not [line for line in lines(file) if "://" in line or line.startswith(("--", "-i", "-f"))], "an index is the machine's business"


@pytest.mark.parametrize("file", FILES)
def test_what_is_pinned_is_what_runs_here(file: str) -> None:
    other = {name: (wanted, found) for name, wanted in pins(file).items() if (found := version(name).split("+")[0]) != wanted}
    assert other == {}


def test_torch_comes_before_all_others() -> None:
    assert lines("requirements.txt")[0].startswith("torch==")


def test_only_one_opencv() -> None:
    assert [name for name in pins("requirements.txt") if name.startswith("opencv")] == ["opencv-python-headless"]
