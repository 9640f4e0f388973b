"""What the formats of other tools share: a frame as it leaves with all that is true of it, and what such a format can carry. Writes and reads nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from annotations.bringing.incoming import Incoming, Refused
from annotations.teaching import Opinion
from core.profile import Profile

BOXES, WHOLE, STEP, VIOLATIONS, RISK = "boxes", "whole", "step", "violations", "risk"
ALL = frozenset({BOXES, WHOLE, STEP, VIOLATIONS, RISK})
"""What a format may carry: boxes with labels; labels of the whole frame; tool, part, action and phase; hazards by their keys; the level of risk."""

ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


class Labelled(NamedTuple):
    """A frame on its way out."""

    frame_id: str
    image: str  # path relative to the folder
    width: int  # pixels of `image`; boxes are shares of its sides
    height: int
    said: Opinion
    machine: tuple[str, Opinion] | None = None  # the model that spoke of it, and its words; only for a format that asks for them


Frames = Callable[[bool], Iterable[Labelled]]
"""The frames, by id; True: with the machine's words. May be called again, and gives the same."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A way in which other tools keep labelled frames. `file`: by what it is known in a folder.

    `write` makes it beside `frames/` and gives the files; `read` takes what lies in a folder frame by frame, raises Malformed where nothing can be
    taken, and refuses a frame with its place and reason.
    """

    file: str
    write: Callable[[Frames, Profile, Path], tuple[Path, ...]]
    read: Callable[[Path, Profile, str], Iterator[Incoming | Refused]]  # the file, the profile, by whom
    carries: frozenset[str]
    about: str  # who reads it, and what is not in it
