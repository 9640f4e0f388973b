"""Which files a person means at a terminal: files, folders and patterns, in an order that is always the same. Opens none of them but to read its bytes."""

from __future__ import annotations

import glob
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from core.errors import FrameRefused

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_PATTERN = frozenset("*?[")


def gather(words: Sequence[str], videos: Collection[str]) -> Iterator[Path]:
    """The files behind what was typed, each once. A folder stands for the pictures and videos in it and below; hidden ones are left out.

    What stands for nothing is given back as it was typed, so that whoever opens it can say what is wrong with it. `videos`: suffixes.
    """
    given: set[Path] = set()
    for word in words:
        found = list(_behind(word, (*PICTURES, *videos)))
        for path in found or [Path(word)]:
            if path not in given:
                given.add(path)
                yield path


def nothing_at(path: Path) -> str | None:
    """Why what was given back as it was typed is not even a file that fails: an empty folder, a pattern without a match."""
    if path.is_dir():
        return "There is no picture or video in this folder."
    if _PATTERN & set(str(path)) and not path.exists():
        return "Nothing matches this pattern."
    return None


def read(file: Path, most: int) -> bytes:
    """A file's bytes, no more than one beyond what is taken. Raises FrameRefused."""
    try:
        with file.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise FrameRefused(f"{file}: this file cannot be read ({error.strerror}).") from error


def _behind(word: str, suffixes: Collection[str]) -> Iterator[Path]:
    path = Path(word)
    if path.is_dir():
        yield from _inside(path, suffixes)
    elif not path.exists() and _PATTERN & set(word):  # a shell has done this already, but not every shell and not inside quotes
        for each in sorted(glob.glob(word, recursive=True)):  # noqa: PTH207 - Path.glob takes no absolute pattern
            if Path(each).is_dir():
                yield from _inside(Path(each), suffixes)
            else:
                yield Path(each)
    else:
        yield path


def _inside(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in suffixes and not hidden and path.is_file():
            yield path
