"""What is done to a vault's folders from time to time: what belongs to nobody is swept, what changed on the disk is found. Touches nothing else."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.durable import HALF, flush, told

ID = re.compile(r"[0-9a-f]{64}\Z")
FEW = 16
"""So many frames without a row may lie there after sudden ends, however small the record is."""

_log = logging.getLogger(__name__)

Known = Callable[[str], bool]
"""Whether the record has a row for the frame of this id."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many files were removed, and how many frames were left although the record does not know them."""

    halves: int = 0  # left half written by a sudden end
    orphans: int = 0  # frames that no row refers to
    previews: int = 0  # of frames that are not here any more
    spared: int = 0


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What a reading of every frame found."""

    frames: int
    bytes: int
    seconds: float
    damaged: tuple[str, ...]  # ids; they lie in quarantine now, and are told as damaged when they are asked for


def ids(frames: Path) -> Iterator[str]:
    """The ids of all frames of a folder. Nothing is read but the folders."""
    for folder in sorted(frames.iterdir()):
        if folder.is_dir():
            yield from sorted(place.name for place in folder.iterdir() if ID.match(place.name))


def sweep(frames: Path, previews: Path, known: Known | None, grace_seconds: float, now: float) -> Swept:
    """See `Vault.sweep`."""
    halves = [*frames.glob(f"*/*{HALF}"), *previews.glob(f"*/*{HALF}")]
    for half in halves:
        half.unlink(missing_ok=True)
    if known is None:
        return Swept(len(halves))
    here = set(ids(frames))
    orphans = [each for each in sorted(here) if not known(each) and now - _place(frames, each).stat().st_mtime >= grace_seconds]
    if len(orphans) > max(FEW, len(here) // 2):
        _log.error(
            "The record knows hardly any of the %d frames in %s. Is it the record of these frames? Nothing was swept.", len(here), frames
        )
        return Swept(len(halves), spared=len(orphans))
    for frame_id in orphans:
        if not known(frame_id):  # asked again: what came in meanwhile is never taken
            _place(frames, frame_id).unlink(missing_ok=True)
            here.discard(frame_id)
    alone = 0
    for folder in previews.iterdir():
        for name in os.listdir(folder):  # noqa: PTH208  of hundreds of thousands, names are enough
            frame_id = name.removesuffix(".jpg")
            if frame_id not in here and ID.match(frame_id) and not known(frame_id):
                (folder / name).unlink(missing_ok=True)
                alone += 1
    return Swept(len(halves), len(orphans), alone)


def _place(frames: Path, frame_id: str) -> Path:
    return frames / frame_id[:2] / frame_id


def scrub(frames: Path, quarantine: Path, rest_seconds: float, clock: Callable[[], float] = time.perf_counter) -> Scrubbed:
    """See `Vault.scrub`."""
    began, read, number = clock(), 0, 0
    damaged: list[str] = []
    for frame_id in ids(frames):
        place = _place(frames, frame_id)
        try:
            with place.open("rb") as file:
                sound = hashlib.file_digest(file, "sha256").hexdigest() == frame_id
                read += file.tell()
        except FileNotFoundError:  # removed meanwhile
            continue
        except OSError as error:
            _log.error("the frame %s cannot be read: %s", frame_id[:12], error.strerror)
            sound = False
        number += 1
        if not sound:
            _set_apart(place, quarantine)
            damaged.append(frame_id)
        if rest_seconds:
            time.sleep(rest_seconds)
    return Scrubbed(number, read, clock() - began, tuple(damaged))


def _set_apart(place: Path, quarantine: Path) -> None:
    """Move a damaged frame to where nobody is served from; both folders flushed."""
    with told("set a damaged frame apart"):
        quarantine.mkdir(exist_ok=True)
        place.replace(quarantine / place.name)
        flush(quarantine)
        flush(place.parent)
