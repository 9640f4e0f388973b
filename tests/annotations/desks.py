"""A desk over a real record for tests of what people do there: a clock that goes on, frames without pictures, corrections that change."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annotations import opinions
from annotations.desk import Desk
from annotations.store import FILE, Store
from core.frames import Vault
from core.patience import Patience
from core.profile import read
from core.schema import Assessment, Correction, Frame, Step, Value
from core.settings import ASSETS
from tests import makers
from tests.makers import correction, frame

BENCH = read(ASSETS / "profiles" / "bench.toml")
PLIERS = Step(*(Value(value, said_by="person") for value in ("pliers", "bolt", "strike", "work")))
"""Another step than the one of `makers.correction`."""


class Clock:
    """A clock that goes on by a second at each look."""

    def __init__(self) -> None:
        self.now = makers.NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def says(known: Frame, content: bytes, patience: Patience | None = None) -> Assessment:
    """A model that says the same of every frame."""
    return makers.assessment(known)


def desk_of(store: Store, folder: Path, **more: Any) -> Desk:
    """A desk with a scripted model."""
    return Desk(store, Vault(folder), BENCH, says, "scripted:0", "prompt", clock=Clock(), **more)


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        Store(Path(folder) / FILE).close()
        return (Path(folder) / FILE).read_bytes()


def new_record(folder: Path) -> Path:
    """An empty record of today's shape in a folder: the bytes of one that was made once, so that the next tests need not wait for it."""
    (folder / FILE).write_bytes(_empty())
    return folder / FILE


def frames_in(store: Store, n: int, *, by: str = "cam") -> list[Frame]:
    """So many frames that a model has judged; no picture is behind them."""
    made = [frame(frame_id=f"{number:064x}") for number in range(1, n + 1)]
    with store.writing() as connection:
        for each in made:
            opinions.add_frame(connection, each, by=by)
            opinions.add_assessment(connection, makers.assessment(each), uncertainty=0.5, at=makers.NOON, by=by)
    return made


def said(known: Frame | str, author: str, saw: int = 0, **more: Any) -> Correction:
    """What somebody said of a frame after a revision."""
    return correction(known, author=author, saw_revision=saw, **more)


def state_of(desk: Desk, known: Frame) -> str:
    """Where a frame stands."""
    return desk.sheet(known.id).state
