"""Trainings by the API: a lead begins, ends and resumes them, everybody sees how they go, and nobody is told a folder of this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from annotations.desk import Desk
from annotations.reports import Reports
from annotations.store import Store
from core.frames import Vault
from core.settings import Settings
from core.training import states
from core.training.places import Places
from core.training.trainings import Trainings, as_json
from tests import training_sets
from tests.annotations.desks import new_record
from tests.ui.acting import Acting, as_
from tests.ui.answering import PROFILE, SITE
from ui.api import create
from ui.routes_trainings import training_routes

LEAD = as_("boss", "lead")


class Place:
    """An app with one exported set, and what it told the audit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        training_sets.exported(folder / "exports" / "drawn", train=20, test=2)
        self.trainings = Trainings(folder / "trainings", training_sets.PROFILE)
        self.began: list[tuple[str, str, dict[str, Any]]] = []
        record = folder / "record"
        record.mkdir()
        self.store = Store(new_record(record))
        desk = Desk(self.store, Vault(record), PROFILE)
        more = [training_routes(self.trainings, Places(Settings(data=folder)), as_json, lambda *told: self.began.append(told))]
        app = create(desk, Reports(self.store.path), Settings(data=record), screens=False, more=more)
        self.client = TestClient(Acting(app), base_url=SITE, raise_server_exceptions=False)

    def post(self, address: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1/trainings{address}", json=body, headers=LEAD)

    def get(self, address: str) -> Any:
        return self.client.get(f"/api/v1/trainings{address}", headers=LEAD)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for each in made.trainings.list():
        if each.running:
            made.trainings.cancel(each.id, now=True)
            made.trainings.wait(each.id)
    made.store.close()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all that is refused."""
    made = Place(tmp_path_factory.mktemp("untouched"))
    yield made
    made.store.close()


def ended(place: Place, name: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (told := place.get(f"/{name}").json())["running"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    return dict(told)


def test_one_is_begun_watched_ended_and_goes_on(place: Place) -> None:
    assert place.get("").json() == {"trainings": []}
    made = place.post("", {"dataset": "drawn", "recipe": {"rank": 4}, "name": "bench-2"})
    assert made.status_code == 202
    assert (made.json()["id"], made.json()["base"], made.json()["recipe"]["rank"]) == ("bench-2", "compact", 4)
    assert place.began == [("bench-2", "boss", {"dataset": "drawn", "base": "compact", "method": "sft"})]
    second = place.post("", {"dataset": "drawn"})
    assert (second.status_code, second.json()["kind"]) == (409, "OutOfTurn")
    assert place.post("/bench-2/resume").status_code == 409
    assert place.post("/bench-2/cancel", {"now": True}).status_code == 200
    told = ended(place, "bench-2")
    assert (told["phase"], told["may_resume"]) == ("failed", True)
    assert "Resume it" in told["error"]
    assert place.post("/bench-2/cancel").status_code == 409
    again = place.post("/bench-2/resume")
    assert (again.status_code, again.json()["running"]) == (202, True)
    assert place.began[-1][2]["resumed"] is True


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 422, "dataset is the name"),
        ({"dataset": "nowhere"}, 404, "no exported set nowhere"),
        ({"dataset": "../record"}, 404, "no exported set"),
        ({"dataset": "drawn", "base": "/etc"}, 404, "no model etc"),
        ({"dataset": "drawn", "against": "bench-9"}, 404, "no adapter bench-9"),
        ({"dataset": "drawn", "recipe": {"rank": 0}}, 422, "rank is 0"),
        ({"dataset": "drawn", "recipe": [1]}, 422, "recipe is an object"),
        ({"dataset": "drawn", "recipe": "fast"}, 422, "recipe is an object"),
        ({"dataset": "drawn", "speed": 9}, 422, '"speed" means nothing here'),
        ({"dataset": "drawn", "recipe": {"report_to": ["mlflow"]}}, 422, "mlflow is not installed"),
        ([], 422, "a JSON object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_could_never_be_done_is_refused_with_a_sentence(body: Any, status: int, says: str, untouched: Place) -> None:
    answer = untouched.post("", body)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]
    assert str(untouched.folder) not in answer.text
    assert untouched.trainings.list() == ()


def test_everybody_sees_the_curve_and_nobody_a_folder(place: Place) -> None:
    folder = place.folder / "trainings" / "done-1"
    recipe = {"method": "sft"}
    states.write_job(
        folder, states.Job("done-1", recipe, "/models/compact", "/data/exports/drawn", "/p.toml", by="li", at="2026-11-21T08:00:00+00:00")
    )
    states.write_state(
        folder, states.State(phase="failed", error="The disk is full at /srv/gemba/data/trainings.", step=2, steps=4, loss=0.5).with_()
    )
    for step in (1, 2, 2):
        states.add_progress(folder, {"step": step, "loss": 1 / step, "rate": 1e-4, "memory": 5, "at": "now", "more": {}})
    (folder / "report.json").write_text(json.dumps({"gate": {"passed": False, "words": "Refused: too few.", "reasons": []}}), "utf-8")
    told = place.client.get("/api/v1/trainings/done-1", headers=as_("ann", "viewer"))
    assert told.status_code == 200
    said = told.json()
    assert [each["step"] for each in said["curve"]] == [1, 2]
    assert (said["phase"], said["step"], said["loss"], said["gate"]["passed"]) == ("failed", 2, 0.5, False)
    assert (said["base"], said["dataset"]) == ("compact", "drawn")
    assert "/srv" not in told.text
    assert "pid" not in said
    assert place.get("/nothing").status_code == 404
    assert place.get("/..%2Fdone-1").status_code == 404
