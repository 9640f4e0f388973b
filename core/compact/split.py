"""Which real frames may teach the compact model and which may only judge it. Decided by time of capture, before anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

WINDOW_SECONDS = 20
"""Frames of one window stay together: tools are laid out one after the other, and neighbours look alike."""
TEST_EVERY = 4
TEST_WINDOW = 3
GUARD_SECONDS = 3
"""A frame this close to a test frame, though in another window, is used for nothing."""

Part = Literal["train", "test", "unused"]


@dataclass(frozen=True, slots=True)
class Annotated:
    """A real frame: its file, its size in pixels, and (label as the data set writes it, box xyxy in pixels, polygon) of each object."""

    path: Path
    width: int
    height: int
    objects: tuple[tuple[str, tuple[float, float, float, float], tuple[float, ...]], ...]


def taken_at(name: str) -> datetime:
    """The time in a name such as 20231102150415.jpg. Raises ValueError for any other name."""
    found = re.match(r"(\d{14})", name)
    if not found:
        raise ValueError(f"{name} does not begin with a time of capture (YYYYMMDDHHMMSS).")
    return datetime.strptime(found[1], "%Y%m%d%H%M%S")  # noqa: DTZ007  (only differences count)


def split(names: Sequence[str]) -> Mapping[str, Part]:
    """The part of each name. Pure: the same names give the same parts.

    >>> [split([name, "20231102145943.jpg"])[name] for name in ("20231102145944.jpg", "20231102150050.jpg")]
    ['train', 'test']
    """
    times = {name: taken_at(name) for name in names}
    first = min(times.values())
    seconds = {name: int((time - first).total_seconds()) for name, time in times.items()}
    test = {name for name, s in seconds.items() if s // WINDOW_SECONDS % TEST_EVERY == TEST_WINDOW}
    parts: dict[str, Part] = {}
    for name in names:
        close = any(abs(seconds[name] - seconds[other]) <= GUARD_SECONDS for other in test)
        parts[name] = "test" if name in test else "unused" if close else "train"
    return parts


def read_frames(folder: Path) -> list[Annotated]:
    """The annotated frames of a folder with `annotations.coco.json` and `images/`, in the order of the file."""
    coco: dict[str, Any] = json.loads((folder / "annotations.coco.json").read_text("utf-8"))
    names = {c["id"]: c["name"] for c in coco["categories"]}
    objects: dict[int, list[tuple[str, tuple[float, float, float, float], tuple[float, ...]]]] = {}
    for a in coco["annotations"]:
        x, y, w, h = a["bbox"]
        polygon = tuple(a["segmentation"][0]) if a.get("segmentation") else ()
        objects.setdefault(a["image_id"], []).append((names[a["category_id"]], (x, y, x + w, y + h), polygon))
    return [Annotated(folder / "images" / i["file_name"], i["width"], i["height"], tuple(objects.get(i["id"], ()))) for i in coco["images"]]
