"""The record's shape: numbered steps, whole or not at all; opinions that only grow whoever asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sqlite_utils import Database

from annotations import migrations, opinions
from annotations.steps import first
from annotations.store import Store
from core.errors import StoreError
from tests import makers

Steps = Mapping[int, Callable[[Database], None]]


def add_a_column(db: Database) -> None:
    db.execute("ALTER TABLE corrections ADD COLUMN key TEXT")


def break_off(db: Database) -> None:
    db.execute("CREATE TABLE half (x)")
    raise RuntimeError("the power went")


LATER: Steps = {**migrations.STEPS, max(migrations.STEPS) + 1: add_a_column}
BROKEN: Steps = {**migrations.STEPS, max(migrations.STEPS) + 1: break_off}
NEWEST = max(migrations.STEPS)


def filled(path: Path) -> Path:
    """A record with a frame that was assessed and corrected."""
    with Store(path) as store, store.writing() as connection:
        opinions.add_frame(connection, makers.frame(), by="lin")
        opinions.add_assessment(connection, makers.assessment(), uncertainty=0.5, at=makers.NOON)
        opinions.add_correction(connection, makers.correction(), at=makers.NOON)
    return path


def raw(path: Path) -> sqlite3.Connection:
    """Any program that opens the file, with none of our settings."""
    return sqlite3.connect(path, isolation_level=None)


def test_the_steps_are_numbered_without_a_gap() -> None:
    assert list(migrations.STEPS) == list(range(1, len(migrations.STEPS) + 1))


def test_a_new_record_has_run_every_step_once(tmp_path: Path) -> None:
    path = filled(tmp_path / "record.sqlite3")
    Store(path).close()
    connection = raw(path)
    assert connection.execute("SELECT number, name FROM steps").fetchall() == [(n, step.__name__) for n, step in migrations.STEPS.items()]
    assert migrations.version(connection) == NEWEST
    connection.close()


def test_a_later_step_keeps_what_is_there_and_leaves_a_copy_of_before(tmp_path: Path) -> None:
    path = filled(tmp_path / "record.sqlite3")
    connection = raw(path)
    migrations.migrate(connection, path, LATER)
    assert migrations.version(connection) == NEWEST + 1
    assert connection.execute("SELECT author, key FROM corrections").fetchall() == [("lin", None)]
    connection.close()
    copy = raw(tmp_path / f"record.sqlite3.before-step-{NEWEST + 1}")
    assert migrations.version(copy) == NEWEST
    assert copy.execute("SELECT author FROM corrections").fetchall() == [("lin",)]
    assert copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    copy.close()


def test_a_step_that_breaks_off_leaves_the_old_shape_whole(tmp_path: Path) -> None:
    path = filled(tmp_path / "record.sqlite3")
    connection = raw(path)
    with pytest.raises(RuntimeError, match="the power went"):
        migrations.migrate(connection, path, BROKEN)
    assert migrations.version(connection) == NEWEST
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone()[0] == 0
    migrations.migrate(connection, path, LATER)
    assert migrations.version(connection) == NEWEST + 1
    connection.close()


def test_a_record_of_a_newer_program_is_refused_for_writing_and_for_reading(tmp_path: Path) -> None:
    path = filled(tmp_path / "record.sqlite3")
    connection = raw(path)
    migrations.migrate(connection, path, LATER)
    connection.close()
    with pytest.raises(StoreError, match="newer GembaLens"):
        Store(path)
    with pytest.raises(StoreError, match="newer GembaLens"), Store.open_readonly(path).reading():
        pass


@pytest.mark.parametrize("table", first.OPINIONS)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET seq = seq", "DELETE FROM {0}", "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"])
def test_opinions_only_grow_whatever_program_asks(tmp_path: Path, table: str, statement: str) -> None:
    connection = raw(filled(tmp_path / "record.sqlite3"))
    before = connection.execute(f"SELECT * FROM {table}").fetchall()
    assert len(before) == 1
    with pytest.raises(sqlite3.IntegrityError, match=r"only grow|follows the latest"):
        connection.execute(statement.format(table))
    assert connection.execute(f"SELECT * FROM {table}").fetchall() == before
    connection.close()


def test_nothing_can_be_replaced_by_what_names_it(tmp_path: Path) -> None:
    connection = raw(filled(tmp_path / "record.sqlite3"))
    frame = "INSERT OR REPLACE INTO frames SELECT seq + 1, id, 1, 1, 'other', media_type, received_at, received_by, taken_at, source, site FROM frames"
    told = (
        "INSERT OR REPLACE INTO corrections SELECT seq + 1, frame, revision, saw_revision, 'thief', verdict, risk_level, saw_model, "
        "active_seconds, note, body, at FROM corrections"
    )
    said = (
        "INSERT OR REPLACE INTO assessments SELECT seq + 1, frame, model, prompt_id, reply, 'none', uncertainty, seconds, body, at "
        "FROM assessments"
    )
    for statement in (frame, told, said):
        with pytest.raises(sqlite3.IntegrityError, match=r"only grow|follows the latest"):
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(("revision", "saw"), [(3, 2), (3, 1), (2, 0), (1, 0)], ids=["gap", "gap that saw the latest", "saw none", "again"])
def test_the_record_itself_refuses_a_revision_out_of_order(tmp_path: Path, revision: int, saw: int) -> None:
    connection = raw(filled(tmp_path / "record.sqlite3"))
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO corrections (frame, revision, saw_revision, author, verdict, active_seconds, note, body, at) "
            "VALUES (1, ?, ?, 'x', 'reviewed', 0.0, '', '{}', '')",
            (revision, saw),
        )
    connection.close()


def test_an_opinion_about_no_frame_is_refused(tmp_path: Path) -> None:
    with (
        Store(tmp_path / "record.sqlite3") as store,
        pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"),
        store.writing() as connection,
    ):
        connection.execute("INSERT INTO arrivals (frame, name, source, received_by, received_at) VALUES (7, '', '', '', '')")
