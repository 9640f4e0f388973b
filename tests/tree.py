"""Writes the tree in README.md: one line a file, in the words with which the file opens. `make tree` runs it; a test holds the README to it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BEGIN, END = "<!-- tree: `make tree` writes this -->\n```\n", "```\n<!-- end of tree -->"
ROOMS = ("ui", "annotations", "core", "bench", "assets/profiles", "assets/prompts")
KINDS = (".py", ".js", ".css", ".toml", ".txt")
LONGEST = 150  # characters of a line


def drawn() -> str:
    """The tree."""
    lines = [_line("launch.py", 0)]
    for room in ROOMS:
        lines += list(_folder(ROOT / room, 0))
    return "\n".join(lines) + "\n"


def _folder(folder: Path, depth: int) -> Iterator[str]:
    if depth == 0:
        yield f"{folder.relative_to(ROOT).as_posix()}/"
    else:
        yield f"{'  ' * depth}{folder.name}/"
    entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    for entry in entries:
        if entry.is_dir() and any(file.suffix in KINDS for file in entry.rglob("*")) and entry.name != "__pycache__":
            yield from _folder(entry, depth + 1)
        elif entry.suffix in KINDS and entry.name != "__init__.py":
            yield _line(entry.relative_to(ROOT).as_posix(), depth + 1)


def _line(place: str, depth: int) -> str:
    name = "  " * depth + place.rsplit("/", 1)[-1]
    said = opening(ROOT / place)
    line = f"{name:<26} {said}" if said else name
    return line if len(line) <= LONGEST else line[: LONGEST - 2].rsplit(" ", 1)[0].rstrip(",;:") + " …"


def opening(file: Path) -> str:
    """What a file says of itself first: the first sentence of its docstring or comment."""
    text = file.read_text("utf-8")
    if file.suffix == ".py":
        said = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    elif file.suffix == ".txt":
        return ""
    else:
        found = re.match(r"\s*(?://|#|/\*+)\s*(.*?)(?:\*/)?\s*$", text, re.MULTILINE)
        said = found.group(1) if found else ""
    return re.split(r"(?<=[.!?])\s", " ".join(said.split()))[0].rstrip(".")


def replaced(readme: str) -> str:
    """The README with the tree as it is now."""
    start, end = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return readme[:start] + drawn() + readme[end:]


if __name__ == "__main__":
    README.write_text(replaced(README.read_text("utf-8")), "utf-8")
    sys.exit(0)
