"""The dashboard's numbers: each counted by hand on a small record, each read from a summary or an index on a large one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from annotations import opinions
from annotations.queueing import queues
from annotations.reports import STATEMENTS, Reports, wilson
from annotations.store import Store
from core.errors import StoreError
from core.schema import Risk, Step, Value
from tests.makers import NOON, assessment, correction, frame

DAY = timedelta(days=1)
LARGE = 10_000  # frames


def small(path: Path) -> Reports:
    """Four frames over three days: two reviewed (one tool wrong, one risk too low), one untold, one waiting."""
    frames = [frame(frame_id=f"{i:064x}", received_at=NOON + DAY * (i // 2)) for i in range(4)]
    confirmed = correction().step
    wrong_tool = Step(Value("pliers", said_by="person"), confirmed.part, confirmed.action, confirmed.phase)
    told = [
        correction(frames[0], step=wrong_tool, active_seconds=10.0),
        correction(frames[1], risk=Risk("high", said_by="person"), active_seconds=5.5),
        correction(frames[2], verdict="cannot_tell", risk=Risk(said_by="person"), active_seconds=1.0),
    ]
    with Store(path) as store, store.writing() as connection:
        for one in frames:
            opinions.add_frame(connection, one, by="lin")
        for one in frames[:3]:
            opinions.add_assessment(connection, assessment(one), uncertainty=0.5, at=one.received_at)
        for turn, one_told in enumerate(told):
            opinions.add_correction(connection, one_told, at=NOON + DAY * turn)
        second_look = correction(frames[0], saw_revision=1, step=wrong_tool, active_seconds=2.0)
        opinions.add_correction(connection, second_look, at=NOON + DAY * 2)
        silent = assessment(frames[1], model="other", step=Step(), risk=Risk())
        opinions.add_assessment(connection, silent, uncertainty=1.0, at=NOON + DAY * 2)
    return Reports(path)


@pytest.fixture
def reports(tmp_path: Path) -> Iterator[Reports]:
    made = small(tmp_path / "record.sqlite3")
    yield made
    made.close()


def test_totals(reports: Reports) -> None:
    assert reports.totals() == {
        "frames": 4,
        "waiting": 1,
        "reviewed": 2,
        "cannot_tell": 1,
        "assessed": 3,
        "corrections": 4,
        "active_seconds": 18.5,
        "undetermined": 2,
        "by_level": {"none": 0, "low": 1, "medium": 0, "high": 1, None: 2},
        "waiting_by_level": {"none": 0, "low": 0, "medium": 0, "high": 0, None: 1},
    }


def test_per_day(reports: Reports) -> None:
    numbers = [
        (d["day"], d["received"], d["assessed"], d["corrections"], d["reviewed"], d["active_seconds"], d["backlog"])
        for d in reports.per_day()
    ]
    assert numbers == [("2026-11-20", 2, 2, 1, 1, 10.0, 1), ("2026-11-21", 2, 1, 1, 1, 5.5, 2), ("2026-11-22", 0, 0, 2, 0, 3.0, 1)]


def test_field_accuracy_of_one_model_counts_each_frame_once(reports: Reports) -> None:
    found = {line["field"]: (line["right"], line["n"], line["accuracy"]) for line in reports.field_accuracy("scripted:0")}
    assert found == {"tool": (1, 2, 0.5), "part": (2, 2, 1.0), "action": (2, 2, 1.0), "phase": (2, 2, 1.0), "risk": (1, 2, 0.5)}


def test_a_model_that_said_nothing_is_wrong_everywhere(reports: Reports) -> None:
    assert {line["field"]: (line["right"], line["n"]) for line in reports.field_accuracy("other")} == dict.fromkeys(
        ("tool", "part", "action", "phase", "risk"), (0, 1)
    )
    assert reports.models() == ["other", "scripted:0"]


def test_without_corrections_there_is_no_share_rather_than_a_perfect_one(tmp_path: Path) -> None:
    Store(tmp_path / "record.sqlite3").close()
    empty = Reports(tmp_path / "record.sqlite3")
    line = {"field": "tool", "n": 0, "right": 0, "accuracy": None, "low": None, "high": None}
    assert empty.field_accuracy()[0] == line
    assert (empty.totals()["frames"], empty.per_day(), empty.confusion(), empty.queue(), empty.models()) == (0, [], [], [], [])
    empty.close()


def test_confusion_has_every_pair_with_its_number(reports: Reports) -> None:
    assert reports.confusion("tool") == [
        {"machine": None, "person": "hammer", "n": 1},
        {"machine": "hammer", "person": "hammer", "n": 1},
        {"machine": "hammer", "person": "pliers", "n": 1},
    ]
    assert reports.confusion("tool", "other") == [{"machine": None, "person": "hammer", "n": 1}]


def test_the_risk_matrix_has_persons_in_rows_and_machines_in_columns(reports: Reports) -> None:
    matrix = reports.risk_matrix()
    counts = {
        (person, machine): n
        for person, row in zip(matrix["levels"], matrix["counts"], strict=True)
        for machine, n in zip(matrix["levels"], row, strict=True)
        if n
    }
    assert counts == {("low", "low"): 1, ("high", "low"): 1, ("high", None): 1}


def test_the_queue_is_told_in_plain_values(reports: Reports) -> None:
    (line,) = reports.queue()
    assert (line["frame_id"], line["uncertainty"], line["revision"], line["verdict"]) == (f"{3:064x}", None, 0, None)


def test_reports_before_there_is_a_record_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Start the inspector once"):
        Reports(tmp_path / "record.sqlite3").totals()


@pytest.mark.parametrize(
    ("right", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (8, 10, 0.4902, 0.9433), (1, 1, 0.2065, 1.0)]
)
def test_wilson_gives_the_published_interval(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right, n) == pytest.approx((low, high), abs=5e-5)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("large") / "record.sqlite3"
    with Store(path) as store:
        with store.writing() as connection:
            for i in range(LARGE):
                one = frame(frame_id=f"{i:064x}", received_at=NOON + timedelta(minutes=i))
                opinions.add_frame(connection, one, by="lin")
                if i % 4:
                    opinions.add_assessment(connection, assessment(one), uncertainty=(i * 7919 % LARGE) / LARGE, at=one.received_at)
                if i % 3 == 0:
                    opinions.add_correction(connection, correction(one), at=one.received_at)
        with store.reading() as connection:
            yield connection


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_report_reads_summaries_whose_size_does_not_follow_the_frames(large: sqlite3.Connection, name: str) -> None:
    tables = {row["detail"].split()[1] for row in plan(large, STATEMENTS[name]) if row["detail"].startswith(("SCAN", "SEARCH"))}
    assert tables <= {"tally_days", "tally_states", "tally_pairs"}
    for table in tables:
        assert large.execute(f"SELECT count(*) FROM {table}").fetchone()[0] <= 40


@pytest.mark.parametrize("filter", queues.FILTERS)
def test_a_page_of_the_queue_is_picked_from_a_covering_index_in_its_order(large: sqlite3.Connection, filter: str) -> None:
    steps = [row["detail"] for row in plan(large, queues.page_statement(filter))]
    picked, *looked_up = [step for step in steps if step.startswith(("SCAN", "SEARCH")) and "picked" not in step]
    assert "COVERING INDEX frame_states_by_" in picked
    assert picked.startswith("SEARCH") or filter == "all"
    *keys, task, level = looked_up
    assert [*keys, level] == [f"SEARCH {name} USING INTEGER PRIMARY KEY (rowid=?)" for name in "sfa"]  # state, frame, the machine's level
    assert task == "SEARCH o USING INDEX open_tasks_by_frame (frame=?)"  # is it to be judged without that level
    inner = queues.page_statement(filter).split("FROM (", 1)[1].split(") picked")[0]
    assert not [row["detail"] for row in plan(large, inner) if "TEMP B-TREE" in row["detail"]]


@pytest.mark.parametrize("before", [False, True], ids=["first page", "later page"])
def test_a_page_of_the_walk_follows_the_primary_key(large: sqlite3.Connection, before: bool) -> None:
    steps = [row["detail"] for row in plan(large, queues.newest_statement(before))]
    assert not [step for step in steps if "TEMP B-TREE" in step]
    assert steps[0].startswith("SEARCH s USING INTEGER PRIMARY KEY" if before else "SCAN s")


def test_the_next_frame_of_many_costs_a_few_steps(large: sqlite3.Connection) -> None:
    """Counted in SQLite's own steps, not in seconds: they do not depend on the machine."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    large.set_progress_handler(count, 10)
    after = queues.following(large)
    for _ in range(50):
        after = queues.following(large, after)
        queues.newest(large, limit=1, before=after)
    large.set_progress_handler(None, 0)
    assert after is not None
    assert steps * 10 < 50 * 2_000  # one walk through 10,000 frames would be more than that


def plan(connection: sqlite3.Connection, statement: str) -> list[sqlite3.Row]:
    values = {"before": 5, "limit": 10} if ":limit" in statement else ("x",) * statement.count("?")
    return connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
