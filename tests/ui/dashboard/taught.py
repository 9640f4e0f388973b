"""A record with corrected frames, a frozen set and adapters that were really measured, the trainings beside it, and the API that the pages ask."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from annotations.desk import Desk
from annotations.exporting import Exports
from annotations.learning.bought import Bought
from annotations.picking.drawn import Picking
from annotations.reports import Reports
from annotations.store import Store
from core.evaluation.gate import Bars, decide
from core.evaluation.report import compare
from core.frames import Vault
from core.settings import Settings
from core.training import states
from core.training.places import Places
from core.training.states import Job, State
from core.training.trainings import Trainings, as_json
from tests import training_sets
from tests.annotations.desks import BENCH, new_record
from tests.annotations.learning.houses import House, house_of
from tests.annotations.learning.nursery import BASE, training
from tests.core.evaluation.judged import FITS, said, truth
from tests.model_server import running
from ui.api import create
from ui.dashboard.board import Board, Learning, hand_over
from ui.routes_adapters import adapter_routes
from ui.routes_trainings import training_routes


@cache
def measured(frames: int, before: float, after: float, boxes: float | None = None) -> Mapping[str, Any]:
    """What an evaluation writes down of two models of such skill on so many frames."""
    gold = truth(frames, high=0.3)
    old, new = (
        said(gold, skill=before, seed=1),
        said(gold, skill=after, seed=2, boxes=boxes),
    )
    gate = decide(gold, old, new, frame_check=FITS, bars=Bars(resamples=200))
    return {"comparison": compare(gold, old, new, resamples=200), "gate": gate.told()}


class Taught:
    """The house, the trainings, and the board of the pages."""

    def __init__(self, folder: Path, *, guarded: bool = False, api: str = "http://127.0.0.1:9") -> None:
        self.folder = folder
        self.store = Store(new_record(folder))
        self.house: House = house_of(self.store, folder)
        self.jobs = folder / "trainings"
        self.trainings = Trainings(self.jobs, training_sets.PROFILE)
        vault = Vault(folder)
        self.exports = Exports(folder / "exports", self.store, vault, BENCH)
        self.reports = Reports(self.store.path)
        self.learning = Learning(
            Picking(self.store, vault, BENCH, None, ""),
            self.house.sets,
            self.house.adapters,
            Bought(self.store),
            self.trainings,
            self.exports,
        )
        self.hand(api, guarded=guarded)

    def hand(self, api: str, *, guarded: bool = False) -> None:
        hand_over(Board(self.reports, BENCH, "en", api, guarded, self.learning))

    def registered(self, name: str, report: Mapping[str, Any] | None, *, seed: int = 1, **more: Any) -> None:
        """Take in what a training made, with what was measured."""
        job = training(self.jobs / name, seed=seed, against=BASE, **more)
        if report is not None:
            (job / "report.json").write_text(json.dumps(report), "utf-8")
        self.house.adapters.register(job, by="lead")

    def frozen(self, name: str = "spring") -> dict[str, str]:
        """Freeze all; what an adapter's manifest says of it."""
        made = self.house.sets.freeze(name, by="lead", note="")
        return {"name": name, "digest": made.digest}

    def job(
        self, name: str, *, report: Mapping[str, Any] | None = None, losses: tuple[float, ...] = (), here: bool = False, **state: Any
    ) -> Path:
        """The folder of a training as a process leaves it; `here`: this process runs it."""
        place = self.jobs / name
        states.write_job(
            place,
            Job(name, {"method": "sft", "rank": 4}, "/m/tiny", "/d/spring", "/p.toml", by="li", at=f"2026-11-21T08:4{len(name)}:00+00:00"),
        )
        own = {"pid": os.getpid(), "started_at": states.started_at(os.getpid())} if here else {}
        states.write_state(place, State(**{**own, **state}).with_())
        for step, loss in enumerate(losses, start=1):
            states.add_progress(place, {"step": step, "loss": loss, "memory": 10**9})
        if report is not None:
            (place / states.REPORT).write_text(json.dumps(report), "utf-8")
        return place

    def written_out(self, frames: int) -> str:
        """The name of an export that is done, of so many frames that teach."""
        name = "export-20261121-084500"
        training_sets.exported(self.folder / "exports" / name, train=frames, test=2)
        told = {
            "id": name,
            "at": "2026-11-21T08:45:00+00:00",
            "wanted": {"family": "compact", "formats": [], "dataset": "spring", "pictures": True},
        }
        state = {**told, "formats": [], "phase": "done", "frames": 0, "of": 0, "written": frames, "left_out": {}, "files": [], "error": ""}
        (self.folder / "exports" / f"{name}.job.json").write_text(json.dumps(state), "utf-8")
        return name

    @contextmanager
    def answered(self) -> Iterator[None]:
        """The API of this house on loopback, while the pages are looked at."""
        desk = Desk(self.store, Vault(self.folder), BENCH, model=self.house.model.model, prompt_id="prompt")
        places, jobs = Places(Settings(data=self.folder)), self.jobs
        more = [
            adapter_routes(desk, self.house.adapters, jobs),
            training_routes(self.trainings, places, as_json, lambda *told: None),
        ]
        app = create(desk, self.reports, Settings(data=self.folder), screens=False, more=more)
        with running(app) as address:
            self.hand(address)
            yield

    def close(self) -> None:
        self.exports.close()
        self.reports.close()
        self.store.close()


def looked(page: Any, language: str = "en", **state: Any) -> AppTest:
    """A page's module as Streamlit runs it: from its file, so that processes that are begun later find a program that they can read again."""
    app = AppTest.from_file(str(page.__file__), default_timeout=30)
    app.session_state["language"] = language
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def told(app: AppTest) -> str:
    """All that can be read on it."""
    parts = (*app.title, *app.header, *app.subheader, *app.caption, *app.markdown, *app.error, *app.success, *app.warning, *app.info)
    tables = [" ".join(map(str, row)) for table in app.table for row in table.value.values]
    return "\n".join([*(str(part.value) for part in parts), *tables])
