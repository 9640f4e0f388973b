"""/api/v1/datasets over a real record: freezing by who asked, told once, all that is told of a set, and sentences for what cannot be frozen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from annotations.desk import Desk
from annotations.freezing.sets import Datasets
from annotations.reports import Reports
from annotations.store import FILE, Store
from core.errors import DatasetUnfit
from core.frames import Vault
from core.schema import Finding
from core.settings import Settings
from tests.annotations.desks import BENCH, new_record
from tests.annotations.freezing.sets import corrected, printed, sets_of, told
from tests.ui.acting import Acting, as_
from tests.ui.answering import SITE
from ui.api import create
from ui.permissions import compiled
from ui.refusals import status_of
from ui.routes_datasets import dataset_routes

AT = "/api/v1/datasets"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(new_record(tmp_path)) as made:
        yield made


@pytest.fixture
def sets(store: Store, tmp_path: Path) -> Datasets:
    return sets_of(store, tmp_path)


@pytest.fixture
def client(store: Store, sets: Datasets, tmp_path: Path) -> Iterator[TestClient]:
    desk = Desk(store, Vault(tmp_path), BENCH)
    app = create(desk, Reports(tmp_path / FILE), Settings(data=tmp_path), screens=False, more=[dataset_routes(sets)])
    with TestClient(Acting(app), base_url=SITE, raise_server_exceptions=False) as made:
        yield made


def freeze(client: TestClient, name: str, who: str = "ada", key: str | None = None, **more: Any) -> Any:
    return client.post(AT, json={"name": name, **more}, headers=as_(who, "lead", key))


def test_a_set_is_frozen_by_who_asked_and_told(client: TestClient, store: Store, tmp_path: Path) -> None:
    corrected(store, tmp_path, 10)
    made = freeze(client, "first", note="pilot", shares={"train": 0.5, "test": 0.5}, seed=3)
    assert made.status_code == 201
    said = made.json()
    assert (said["name"], said["by"], said["note"], said["profile"], said["frames"]) == ("first", "ada", "pilot", "bench", 10)
    assert said["parts"] == {"train": 5, "validation": 0, "test": 5}
    assert said["split"]["seed"] == 3
    assert client.get(AT).json() == {"datasets": [said]}
    one = client.get(f"{AT}/first").json()
    assert {key: one[key] for key in said} == said
    assert one["verified"] == {"sound": True, "erased": 0, "words": "This data set is what was frozen: its digest is the same."}
    assert {part: (each["frames"], each["labels"]["bolt"]) for part, each in one["balance"].items()} == {
        "train": (5, 5),
        "validation": (0, 0),
        "test": (5, 5),
    }
    (leak,) = client.get(f"{AT}/first/leaks").json()["leaks"]
    assert (leak["kind"], leak["count"]) == ("not looked at", 10)


def test_a_freeze_that_is_sent_again_is_answered_the_same(client: TestClient, store: Store, tmp_path: Path) -> None:
    corrected(store, tmp_path, 6)
    first, again = freeze(client, "first", key="once"), freeze(client, "first", key="once")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert freeze(client, "first").status_code == 409
    assert len(client.get(AT).json()["datasets"]) == 1


def test_two_sets_are_compared_with_counts_beside_the_lists(
    client: TestClient, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.routes_datasets.MOST_SHOWN", 2)
    frames = corrected(store, tmp_path, 6)
    freeze(client, "a")
    new = corrected(store, tmp_path, 5, first=50)
    told(store, frames[0], saw=1, findings=(Finding("wrench", said_by="person"),))
    freeze(client, "b")
    said = client.get(f"{AT}/a/compare/b").json()
    assert said["counts"] == {"added": 5, "gone": 0, "corrected": 1, "moved": 0}
    assert said["added"] == [each.id for each in new[:2]]
    assert said["corrected"] == [frames[0].id]
    assert said["labels"]["wrench"] == [0, 1]
    assert said["same"] is False


def test_leaks_are_told_in_sentences(client: TestClient, store: Store, sets: Datasets, tmp_path: Path) -> None:
    for number, each in enumerate(corrected(store, tmp_path, 6)):
        printed(store, each, 2**number - 1)
    freeze(client, "first")
    leaks = client.get(f"{AT}/first/leaks").json()["leaks"]
    assert {leak["kind"] for leak in leaks} == {"near-duplicate"}
    assert all("bits of their looks" in leak["words"] for leak in leaks)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "JSON object"),
        ({}, "name must be text"),
        ({"name": 7}, "name must be text"),
        ({"name": "a b"}, "cannot name a data set"),
        ({"name": "a", "colour": 1}, '"colour" is not known'),
        ({"name": "a", "shares": [1]}, "shares must be"),
        ({"name": "a", "shares": {"train": 0.9}}, "make 0.9 together"),
        ({"name": "a", "shares": {"train": "x"}}, "share of train"),
        ({"name": "a", "seed": True}, "seed must be"),
        ({"name": "a", "seed": -1}, "seed must be"),
        ({"name": "a", "by_what": "frame"}, "scene, camera, day"),
        ({"name": "a", "keep_test_of": 3}, "keep_test_of must be"),
        ({"name": "a", "note": "x" * 4001}, "note must be text"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_a_sentence(client: TestClient, body: object, words: str) -> None:
    said = client.post(AT, json=body, headers=as_("ada", "lead"))
    assert (said.status_code, said.json()["kind"]) == (422, "Malformed")
    assert words in said.json()["error"]


def test_what_is_not_there_and_what_cannot_be_split_is_said(client: TestClient, store: Store, tmp_path: Path) -> None:
    for address in (f"{AT}/none", f"{AT}/none/leaks", f"{AT}/none/compare/none"):
        said = client.get(address)
        assert (said.status_code, said.json()["kind"]) == (404, "NotFound")
    assert freeze(client, "a", keep_test_of="none").status_code == 404
    few = freeze(client, "a")
    assert (few.status_code, few.json()["kind"]) == (status_of(DatasetUnfit("")), "DatasetUnfit")


def test_freezing_is_for_leads_and_looking_for_all() -> None:
    table = compiled()
    assert [table.need(*route).role for route in (("POST", AT), ("GET", AT), ("GET", f"{AT}/a"), ("GET", f"{AT}/a/leaks"))] == [  # type: ignore[union-attr]
        "lead",
        "viewer",
        "viewer",
        "viewer",
    ]
    assert table.need("GET", f"{AT}/a/compare/b").role == "viewer"  # type: ignore[union-attr]
    assert table.need("DELETE", f"{AT}/a") is None
