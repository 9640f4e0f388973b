"""Frames in a record for tests of frozen sets: corrected, in scenes, with looks; a file lies behind each, and no picture in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from annotations import opinions
from annotations.freezing.sets import Datasets
from annotations.store import Store
from core.frames import Vault
from core.schema import Correction, Frame
from tests import makers
from tests.annotations.desks import BENCH, Clock
from tests.makers import correction, frame


def sets_of(store: Store, folder: Path, **more: Any) -> Datasets:
    """The sets of a record."""
    return Datasets(store, Vault(folder), BENCH, clock=Clock(), **more)


def taken(store: Store, folder: Path, n: int, *, first: int = 1, **more: Any) -> list[Frame]:
    """So many frames, each with a file."""
    made = [frame(frame_id=f"{number:064x}", **more) for number in range(first, first + n)]
    vault = Vault(folder)
    with store.writing() as connection:
        for each in made:
            opinions.add_frame(connection, each, by="cam")
    for each in made:
        place = vault.place(each.id)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"a frame")
    return made


def told(store: Store, known: Frame, saw: int = 0, at: datetime = makers.NOON, **more: Any) -> Correction:
    """A correction, saved."""
    with store.writing() as connection:
        return opinions.add_correction(connection, correction(known, saw_revision=saw, **more), at=at)


def corrected(store: Store, folder: Path, n: int, *, first: int = 1, **more: Any) -> list[Frame]:
    """So many frames that were reviewed."""
    made = taken(store, folder, n, first=first, **more)
    for each in made:
        told(store, each)
    return made


def in_scene(store: Store, *frames: Frame) -> int:
    """Put frames into one scene; its number, that of the first."""
    with store.writing() as connection:
        numbers = [connection.execute("SELECT seq FROM frames WHERE id = ?", (each.id,)).fetchone()[0] for each in frames]
        connection.executemany("INSERT OR REPLACE INTO scenes (frame, scene) VALUES (?, ?)", [(number, numbers[0]) for number in numbers])
    return int(numbers[0])


def printed(store: Store, known: Frame, phash: int) -> None:
    """Give a frame a perceptual hash."""
    with store.writing() as connection:
        number = connection.execute("SELECT seq FROM frames WHERE id = ?", (known.id,)).fetchone()[0]
        connection.execute("INSERT INTO prints (frame, phash) VALUES (?, ?)", (number, phash))


def parts_of(sets: Datasets, name: str) -> dict[str, str]:
    """By frame id, the part."""
    return {held.reviewed.frame.id: held.part for held in sets.frames(name)}
