"""What the formats of a training set's folder share: lines in, lines out with the place of a fault, the size of a frame file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson
from PIL import Image

from core.errors import ExportError, Malformed
from core.geometry import BoxFormat
from core.schema import Sample

Line = TypeVar("Line")

TAG = "<image>"
"""Stands for the frame in formats whose texts are plain strings."""


@dataclass(frozen=True, slots=True)
class Format(Generic[Line]):
    """A file that some trainers read. `write` makes it in a folder beside `frames/`, `read` takes it back from there.

    Its lines come of samples, of preference pairs, or of single answers with whether they were good.
    """

    file: str
    write: Callable[[Sequence[Line], Path], tuple[Path, ...]]  # the files it made
    read: Callable[[Path], tuple[Line, ...]]  # from the folder; raises Malformed with file, line and reason
    valid_for: tuple[str, ...]  # trainers whose own converter reads it rightly, with the version that was looked at
    not_for: tuple[str, ...] = ()  # and what happens in those that do not
    suits: Callable[[BoxFormat], bool] = lambda fmt: True  # whether it can hold boxes that a family writes so


def write_lines(path: Path, lines: Iterable[object]) -> None:
    """JSON Lines, UTF-8, in the order given."""
    with path.open("wb") as file:
        for line in lines:
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def read_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Each line with its place ("sft.tag.jsonl, line 7"). Raises Malformed."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"{path.name}, line {number}"
            try:
                yield place, orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise Malformed(f"{place}: this is no JSON ({error}).") from error


def tagged(sample: Sample, between: str) -> str:
    """The prompt with the frame's tag before it. Raises ExportError for a text that holds a tag of its own: trainers count them."""
    if TAG in sample.prompt or TAG in sample.answer:
        raise ExportError(
            f"The text for frame {sample.frame_id[:12]} holds {TAG}, which trainers would take for a second frame. Take it out of the profile."
        )
    return f"{TAG}{between}{sample.prompt}"


def untagged(text: str, between: str, place: str) -> str:
    """The prompt out of a tagged text. Raises Malformed."""
    if not text.startswith(TAG + between) or text.count(TAG) != 1:
        raise Malformed(f"{place}: the question must begin with one {TAG} and hold no other.")
    return text[len(TAG + between) :]


def sample(folder: Path, image: str, prompt: str, answer: str, place: str) -> Sample:
    """A sample whose size is that of the frame file itself. Raises Malformed for a file that is missing, elsewhere or no picture."""
    path = Path(image)
    if path.is_absolute() or ".." in path.parts:
        raise Malformed(f"{place}: {image} lies outside the folder.")
    try:
        with Image.open(folder / path) as picture:
            width, height = picture.size
    except OSError as error:
        raise Malformed(f"{place}: the frame {image} is missing or no picture.") from error
    return Sample(path.stem, image, width, height, prompt, answer)
