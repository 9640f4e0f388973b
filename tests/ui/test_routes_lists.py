"""The list of frames over HTTP: filters, search and pages as an address says them; every other word is refused with those that there are."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from annotations.queueing import pages
from tests.makers import jpeg
from tests.ui.answering import SITE, app_of, correction, received

NAMES = ("bench.jpg", "锤子.jpg", "night shift.jpg", "x.jpg")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One for all: nothing here changes a frame after it was made."""
    app, store = app_of(tmp_path_factory.mktemp("lists"))
    with TestClient(app, base_url=SITE, raise_server_exceptions=False) as client:
        yield client
    store.close()


@pytest.fixture(scope="module")
def frames(client: TestClient) -> dict[str, str]:
    """By name; the second one corrected with a note."""
    ids = {name: received(client, jpeg(64 + number, 48), name) for number, name in enumerate(NAMES)}
    told = client.post(f"/api/v1/frames/{ids['锤子.jpg']}/corrections", json=correction(note="手套太旧, look again"))
    assert told.status_code == 200, told.text
    return ids


def names(client: TestClient, asked: str) -> list[str]:
    answer = client.get(f"/api/v1/frames?{asked}")
    assert answer.status_code == 200, answer.text
    return [line["name"] for line in answer.json()["frames"]]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", ["x.jpg", "night shift.jpg", "锤子.jpg", "bench.jpg"]),
        ("sort=oldest", ["bench.jpg", "锤子.jpg", "night shift.jpg", "x.jpg"]),
        ("state=corrected", ["锤子.jpg"]),
        ("state=", ["x.jpg", "night shift.jpg", "锤子.jpg", "bench.jpg"]),
        ("verdict=waiting&sort=oldest", ["bench.jpg", "night shift.jpg", "x.jpg"]),
        ("author=local", ["锤子.jpg"]),
        ("level=none", ["锤子.jpg"]),
        ("source=upload&search=shift", ["night shift.jpg"]),
        ("search=手套", ["锤子.jpg"]),
        ("search=look+again", ["锤子.jpg"]),
        ("search=nobody+wrote+this", []),
        ("since=2000-01-01&until=2001-01-01", []),
        ("since=2000-01-01T00:00:00Z&sort=oldest&limit=1", ["bench.jpg"]),
        ("binned=true", []),
        ("wanted=false&state=open&sort=uncertainty", ["bench.jpg", "night shift.jpg", "x.jpg"]),
    ],
)
def test_an_address_asks_for_a_list(client: TestClient, frames: dict[str, str], asked: str, expected: list[str]) -> None:
    assert frames
    assert names(client, asked) == expected


@pytest.mark.parametrize("sort", pages.SORTS)
def test_pages_follow_each_other(client: TestClient, frames: dict[str, str], sort: str) -> None:
    seen: list[str] = []
    before = ""
    for _ in range(5):
        page = client.get(f"/api/v1/frames?limit=1&sort={sort}&before={before}").json()
        seen += [line["frame_id"] for line in page["frames"]]
        before = page["next"]
        if before is None:
            break
    assert sorted(seen) == sorted(frames.values())
    assert page["next"] is None


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("colour=red", 422, "There are: limit, before, state, level"),
        ("state=done", 422, "state is one of open"),
        ("sort=name", 422, "sort is one of newest"),
        ("since=then", 422, "since is no time"),
        ("wanted=1", 422, "wanted is true or false"),
        ("search=" + "x" * 201, 422, "200 characters"),
        ("limit=0", 422, "limit"),
        ("before=" + "f" * 64, 404, "no frame"),
        ("before=" + "x" * 101, 422, "before"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(
    client: TestClient, frames: dict[str, str], asked: str, status: int, said: str
) -> None:
    assert frames
    answer = client.get(f"/api/v1/frames?{asked}")
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.mark.parametrize(("asked", "lines"), [("", 5), ("?state=corrected", 2), ("?search=nothing+of+the+kind", 1)])
def test_a_list_can_be_taken_out_as_a_table_and_the_audit_knows_by_whom(
    client: TestClient, frames: dict[str, str], asked: str, lines: int
) -> None:
    assert frames
    answer = client.get(f"/api/v1/frames.csv{asked}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="frames.csv"'
    assert len(answer.content.decode("utf-8-sig").splitlines()) == lines
    book = client.get(f"/api/v1/frames.xlsx{asked}")
    assert book.status_code == 200
    assert load_workbook(BytesIO(book.content)).active.max_row == lines
    entries = client.get("/api/v1/audit?limit=2").json()["entries"]
    assert [(entry["action"], entry["subject"], entry["who"]) for entry in entries] == [
        ("exported", "frames.xlsx", "local"),
        ("exported", "frames.csv", "local"),
    ]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("asked", ["colour=red", "search=" + "x" * 201, "state=done", "limit=3"])
def test_a_table_takes_the_filters_of_the_list_and_no_others(client: TestClient, kind: str, asked: str) -> None:
    answer = client.get(f"/api/v1/frames.{kind}?{asked}")
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")
