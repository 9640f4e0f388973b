"""People and health on a real record, as Streamlit runs them: figures by hand, too few said, only leads see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from annotations import teamwork
from annotations.desk import Desk
from annotations.keeping import manifest
from annotations.reports import Reports
from annotations.reviewing import reviews
from annotations.store import Store
from core.frames import Vault
from core.profile import read
from core.schema import Risk
from core.settings import ASSETS
from tests.makers import NOON, correction, jpeg
from ui.dashboard import board as boards
from ui.dashboard import health, team
from ui.dashboard.board import Board, hand_over

APP = Path(team.__file__).with_name("app.py")
PROFILE = read(ASSETS / "profiles" / "bench.toml")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Store(tmp_path / "record.sqlite3") as store:
        reports = Reports(store.path)
        hand_over(Board(reports, PROFILE, "en", "http://127.0.0.1:9"))
        yield Desk(store, Vault(tmp_path), PROFILE)
        reports.close()


def frames(desk: Desk, n: int) -> list[str]:
    return [desk.receive(jpeg(64 + i, 48), f"{i}.jpg", by="ada").id for i in range(n)]


def checked(desk: Desk, frame_id: str, author: str, verdict: str) -> None:
    told = desk.correct(correction(frame_id, author=author, active_seconds=10.0))
    desk.review(frame_id, verdict, "look again" if verdict == "returned" else "", told.revision or 0, by="chen")


def page(name: str, language: str = "en") -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.query_params["lang"] = language
    app.run()
    app.switch_page(name).run()
    assert not app.exception, app.exception
    return app


def lines(desk: Desk) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in boards.board().reports.people()}


def test_work_is_counted_by_name_and_the_first_look_decides(desk: Desk) -> None:
    ids = frames(desk, 4)
    for frame_id, verdict in zip(ids[:3], ("accepted", "accepted", "returned"), strict=True):
        checked(desk, frame_id, "lin", verdict)
    told = desk.correct(correction(ids[2], author="lin", saw_revision=1, active_seconds=5.0))
    desk.review(ids[2], "accepted", "", told.revision or 0, by="chen")
    desk.correct(correction(ids[3], author="wang", active_seconds=3.0))
    found = lines(desk)
    assert list(found) == ["lin", "wang"]
    assert (found["lin"]["corrections"], found["lin"]["frames"], found["lin"]["active_seconds"]) == (4, 3, 35.0)
    assert (found["lin"]["checked"], found["lin"]["accepted"]) == (4, 3)  # each revision by its own first look
    assert (found["wang"]["checked"], found["wang"]["compared"]) == (0, 0)


def test_agreement_counts_for_both_who_spoke(desk: Desk) -> None:
    ids = frames(desk, 2)
    for frame_id, level in zip(ids, ("low", "high"), strict=True):
        desk.want(frame_id, 2, by="chen")
        desk.correct(correction(frame_id, author="lin"))
        desk.second_opinion(correction(frame_id, author="wang", risk=Risk(level, said_by="person")))
    found = lines(desk)
    assert [(found[name]["compared"], found[name]["alike"]) for name in ("lin", "wang")] == [(2, 1), (2, 1)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["team.py", "health.py"])
def test_an_empty_record_shows_both_pages(desk: Desk, name: str, language: str) -> None:
    assert page(name, language).title


def test_too_few_checks_are_no_share(desk: Desk) -> None:
    ids = frames(desk, 3)
    for frame_id in ids:
        checked(desk, frame_id, "lin", "accepted")
    app = page("team.py")
    assert app.title[0].value == "3 corrections were checked by somebody else; 17 more and their share can be told."
    assert "3 checked, 17 missing" in app.table[0].value.to_string()
    assert "%" not in app.table[0].value.to_string()


def test_enough_checks_are_a_share_with_its_interval(desk: Desk) -> None:
    for i, frame_id in enumerate(frames(desk, team.LEAST)):
        checked(desk, frame_id, "lin", "returned" if i == 0 else "accepted")
    assert page("team.py").title[0].value == "95 % of what was checked was right at the first look (76–99 %, n = 20)."


def test_the_trail_names_who_did_what(desk: Desk) -> None:
    (frame_id,) = frames(desk, 1)
    checked(desk, frame_id, "lin", "returned")
    said = page("team.py").table[-1].value
    assert list(said["What"]) == ["returned", "corrected", "brought in a frame"]
    assert [name.strip("`") for name in said["Name"]] == ["chen", "lin", "ada"]


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ({"free_bytes": 2**40, "backup_age_seconds": 3600}, []),
        ({"free_bytes": 2**20, "backup_age_seconds": None}, ["disk", "never"]),
        ({"free_bytes": 2**40, "backup_age_seconds": 27 * 3600}, ["backup"]),
    ],
    ids=["well", "full and never backed up", "yesterday's is missing"],
)
def test_what_is_not_well_comes_first(found: dict[str, Any], wrong: list[str]) -> None:
    assert health.faults(found) == wrong


def test_the_health_page_says_that_there_is_no_backup_and_shows_the_proof(desk: Desk) -> None:
    frames(desk, 2)
    app = page("health.py")
    assert app.title[0].value == "There is no backup yet."
    assert app.code[0].value.startswith("2 ")
    assert len(app.code[0].value.split()[1]) == 64


def test_the_figures_are_read_from_what_is_there(desk: Desk, tmp_path: Path) -> None:
    with Store.open_readonly(tmp_path / "record.sqlite3").reading() as connection:
        found = teamwork.health(connection, tmp_path / "record.sqlite3", NOON)
    assert found["backup_age_seconds"] is None
    assert manifest.age_seconds(tmp_path, NOON) is None
    assert reviews.VERDICTS == ("accepted", "returned")
