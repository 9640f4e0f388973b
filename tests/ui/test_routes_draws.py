"""Draws by the API: a lead draws, everybody sees what was drawn and why, and of a blind task nobody sees the model's word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from annotations.desk import Desk
from annotations.picking.drawn import Picking
from annotations.reports import Reports
from annotations.store import Store
from core.frames import Vault
from core.rights import ROLES
from core.settings import Settings
from tests.annotations.desks import new_record
from tests.makers import assessment, jpeg
from tests.ui.acting import Acting, as_
from tests.ui.answering import PROFILE, SITE, correction, received
from ui.api import create
from ui.permissions import compiled
from ui.routes_draws import draw_routes


@contextmanager
def opened(place: Path) -> Iterator[TestClient]:
    """The API with four frames, a model that says the same of each, and draws."""
    store = Store(new_record(place))
    vault = Vault(place)
    desk = Desk(store, vault, PROFILE, lambda frame, content, patience: assessment(frame), "scripted:0", "prompt")
    more = [draw_routes(Picking(store, vault, PROFILE))]
    app = create(desk, Reports(store.path), Settings(data=place), screens=False, more=more)
    with TestClient(Acting(app), base_url=SITE, raise_server_exceptions=False) as client:
        for number in range(4):
            received(client, jpeg(64 + number, 48), f"{number}.jpg")
        yield client
    store.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with opened(tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One for all that is refused."""
    with opened(tmp_path_factory.mktemp("untouched")) as client:
        yield client


def draw(client: TestClient, key: str | None = None, **body: Any) -> Any:
    return client.post("/api/v1/draws", json=body, headers=as_("boss", "lead", key))


def test_a_draw_is_told_with_its_tasks(client: TestClient) -> None:
    made = draw(client, budget=2, policy="random", seed=5)
    assert made.status_code == 200
    drawn = made.json()
    assert (drawn["policy"], drawn["seed"], drawn["pool"], drawn["tasks"], drawn["done"], drawn["by"]) == ("random", 5, 4, 2, 0, "boss")
    told = client.get(f"/api/v1/draws/{drawn['number']}").json()
    assert told["draw"] == drawn
    assert {task["sampler"] for task in told["tasks"]} == {"random"}
    assert all(task["inclusion"] == pytest.approx(0.5) and not task["done"] for task in told["tasks"])
    assert client.get("/api/v1/draws").json() == {"draws": [drawn], "next": None}


def test_pages_follow_each_other(client: TestClient) -> None:
    number = draw(client, budget=4, policy="random").json()["number"]
    first = client.get(f"/api/v1/draws/{number}?limit=3").json()
    second = client.get(f"/api/v1/draws/{number}?limit=3&after={first['next']}").json()
    assert len({task["frame_id"] for task in [*first["tasks"], *second["tasks"]]}) == 4
    assert (len(first["tasks"]), second["next"]) == (3, None)


def test_a_mix_may_be_said_and_the_same_key_draws_once(client: TestClient) -> None:
    first = draw(client, "k", budget=1, mix={"risk": 2, "rare": 1}, floor=0.5, blind=0, double=0)
    assert first.json()["policy"] == "own"
    assert first.json()["mix"] == {"risk": 2.0, "rare": 1.0}
    assert draw(client, "k", budget=1, mix={"risk": 2, "rare": 1}, floor=0.5, blind=0, double=0).json() == first.json()
    assert draw(client, "k", budget=2).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"budget": "2"},
        {"budget": True},
        {"budget": 0},
        {"budget": 2, "policy": "best"},
        {"budget": 2, "policy": 7},
        {"budget": 2, "policy": "risk", "mix": {"risk": 1}},
        {"budget": 2, "mix": {}},
        {"budget": 2, "mix": {"risk": -1}},
        {"budget": 2, "mix": {"best": 1}},
        {"budget": 2, "floor": 0},
        {"budget": 2, "blind": 0.9, "double": 0.9},
        {"budget": 2, "most_a_stratum": 0},
        {"budget": 2, "sampler": "risk"},
    ],
    ids=str,
)
def test_what_is_no_draw_is_refused_in_a_sentence(untouched: TestClient, body: Any) -> None:
    answer = untouched.post("/api/v1/draws", json=body, headers=as_("boss", "lead"))
    assert answer.status_code == 422
    assert answer.json()["error"].endswith("Nothing was drawn.")


def test_where_nothing_waits_it_is_no_ones_turn(client: TestClient) -> None:
    draw(client, budget=4)
    assert draw(client, budget=1).status_code == 409
    assert client.get("/api/v1/draws/99").status_code == 404


def test_policies_are_listed(client: TestClient) -> None:
    told = client.get("/api/v1/policies").json()
    assert {"random", "uncertain", "risk", "usual"} <= {each["name"] for each in told["policies"]}
    assert (told["eyes"], told["without_print"]) == (None, 4)


def test_leads_draw_and_everybody_looks() -> None:
    permissions = compiled()
    for method, path, least in (
        ("POST", "/api/v1/draws", "lead"),
        ("GET", "/api/v1/draws/3", "viewer"),
        ("GET", "/api/v1/policies", "viewer"),
    ):
        need = permissions.need(method, path)
        assert need is not None
        assert need.role == least
    assert ROLES.index("lead") > ROLES.index("annotator")


def test_a_blind_task_is_shown_without_the_models_word_until_it_is_saved(client: TestClient) -> None:
    frame_id = client.get("/api/v1/walk").json()[0]["frame_id"]
    client.post(f"/api/v1/frames/{frame_id}/assess", headers=as_("lin"))
    number = draw(client, budget=4, blind=1, double=0).json()["number"]
    sheet = client.get(f"/api/v1/frames/{frame_id}", headers=as_("lin")).json()
    assert (sheet["assessment"], sheet["unaided"]) == (None, True)
    refused = client.post(f"/api/v1/frames/{frame_id}/assess", headers=as_("lin"))
    assert refused.status_code == 409
    assert "Save your own word first" in refused.json()["error"]
    tasks = client.get(f"/api/v1/draws/{number}").json()["tasks"]
    assert {(task["score"], task["sampler"], task["inclusion"]) for task in tasks} == {(None, None, None)}
    assert client.post(f"/api/v1/frames/{frame_id}/corrections", json=correction(), headers=as_("lin")).status_code == 200
    assert client.get(f"/api/v1/frames/{frame_id}", headers=as_("lin")).json()["assessment"] is not None
    assert client.post(f"/api/v1/frames/{frame_id}/assess", headers=as_("lin")).status_code == 200


def test_a_blind_task_is_told_neither_by_a_list_nor_to_who_sends_the_file_again(client: TestClient) -> None:
    sent = [("files", (f"{number}.jpg", jpeg(64 + number, 48), "image/jpeg")) for number in range(4)]
    frames = [entry["frame_id"] for entry in client.post("/api/v1/inspect", files=sent).json()["frames"]]
    draw(client, budget=4, blind=1, double=0)
    assert client.get("/api/v1/assessments").json() == {"assessments": [], "next": None}
    again = client.post("/api/v1/inspect", files=sent[:1], headers=as_("lin"))
    assert (again.status_code, again.json()["kind"]) == (409, "OutOfTurn")
    (entry,) = again.json()["frames"]
    assert set(entry) == {"file", "frame_id", "kind", "error"}
    assert "Save your own word first" in entry["error"]

    assert client.post(f"/api/v1/frames/{frames[0]}/corrections", json=correction(), headers=as_("lin")).status_code == 200
    assert [line["frame_id"] for line in client.get("/api/v1/assessments").json()["assessments"]] == [frames[0]]
    entries = client.post("/api/v1/inspect", files=sent[:2], headers=as_("lin")).json()["frames"]
    assert ["error" in entry for entry in entries] == [False, True]
    assert entries[0]["from_store"]
