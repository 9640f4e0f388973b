"""A real record with draws and sets behind the dashboard, for the tests of its pages about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from annotations.desk import Desk
from annotations.exporting import Exports
from annotations.freezing.sets import Datasets
from annotations.learning.lessons import Lessons
from annotations.picking.drawn import Picking
from annotations.reports import Reports
from annotations.store import Store
from core.frames import Vault
from core.profile import read
from core.settings import ASSETS
from tests.makers import assessment, correction, jpeg
from ui.dashboard import sets
from ui.dashboard.board import Board, Learning, hand_over

APP = Path(sets.__file__).with_name("app.py")
PROFILE = read(ASSETS / "profiles" / "bench.toml")


class House:
    """A desk whose model always says the same, and what learns from it."""

    def __init__(self, data: Path, store: Store) -> None:
        self.store, vault = store, Vault(data)
        self.desk = Desk(store, vault, PROFILE, lambda frame, content, patience: assessment(frame), "scripted:0", "prompt")
        self.reports = Reports(store.path)
        self.picking = Picking(store, vault, PROFILE)
        self.sets = Datasets(store, vault, PROFILE)
        self.exports = Exports(data / "exports", store, vault, PROFILE)
        self.lessons = Lessons(store, PROFILE, self.desk.picture)

    def frames(self, n: int, since: int = 0) -> list[str]:
        """So many frames, assessed."""
        ids = [self.desk.receive(jpeg(64 + i, 48), f"{i}.jpg", by="local").id for i in range(since, since + n)]
        for frame_id in ids:
            self.desk.assess(frame_id)
        return ids

    def corrected(self, frame_ids: list[str], **more: Any) -> None:
        """Reviewed by a person."""
        for frame_id in frame_ids:
            self.desk.correct(correction(frame_id, **more))


def handed(house: House, *, guarded: bool = False, lessons: bool = True) -> None:
    """Put it before the dashboard."""
    nothing: Any = None
    learning = Learning(
        house.picking, house.sets, nothing, nothing, nothing, exports=house.exports, lessons=house.lessons if lessons else None
    )
    hand_over(Board(house.reports, PROFILE, "en", "http://127.0.0.1:9", guarded, learning))


@contextmanager
def housed(data: Path) -> Iterator[House]:
    """One, until the block ends."""
    with Store(data / "record.sqlite3") as store:
        house = House(data, store)
        handed(house)
        try:
            yield house
        finally:
            house.exports.close()
            house.reports.close()


def page(name: str, language: str = "en") -> AppTest:
    """A page as Streamlit runs it."""
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.query_params["lang"] = language
    app.run()
    app.switch_page(name).run()
    assert not app.exception, app.exception
    return app
