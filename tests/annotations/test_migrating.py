"""A record of any released shape comes to the newest one whole or stays as it was, however its change is broken off; a copy of before is made first."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from annotations import migrations
from annotations.desk import Desk
from annotations.store import FILE, Store
from core.errors import StoreError
from core.frames import Vault
from core.profile import read as read_profile
from core.settings import ASSETS
from tests import makers
from tests.annotations.keeping import broken
from tests.annotations.nursery import Nursery, say
from tests.annotations.older import RELEASED, counts, older

NEWEST = max(migrations.STEPS)


def bring_up_to_date(told: dict[str, Any]) -> None:
    """A child."""
    Store(Path(told["record"])).close()
    say("done now")


def looked_at(record: Path) -> tuple[int, dict[str, int]]:
    """Shape and rows, by a connection that knows nothing of our steps."""
    with closing(sqlite3.connect(record, isolation_level=None)) as connection:
        assert [row[0] for row in connection.execute("PRAGMA integrity_check")] == ["ok"]
        steps = [row[0] for row in connection.execute("SELECT number FROM steps ORDER BY number")]
        shape: int = connection.execute("PRAGMA user_version").fetchone()[0]
        assert steps == list(range(1, shape + 1)), "between two shapes"
        assert (connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'audit'").fetchone()[0] == 1) == (shape == NEWEST)
        return shape, counts(connection)


@pytest.mark.parametrize("shape", RELEASED)
def test_every_released_shape_comes_to_the_newest_and_works(tmp_path: Path, shape: int) -> None:
    record = tmp_path / "data" / FILE
    before = older(record, 40, shape=shape)
    assert broken(record) == []
    assert looked_at(record) == (NEWEST, before)
    assert looked_at(record.with_name(f"{FILE}.before-step-{shape + 1}")) == (shape, before)
    with Store(record) as store:
        desk = Desk(store, Vault(record.parent), read_profile(ASSETS / "profiles" / "bench.toml"))
        assert {desk.sheet(card.frame_id).state for card in desk.walk()} == {"open", "corrected"}
        frame = f"{2:064x}"
        desk.correct(makers.correction(frame, saw_revision=1))
        assert desk.review(frame, "accepted", "", 2, by="zoe")["state"] == "accepted"
        assert desk.next() == f"{1:064x}"
    assert broken(record) == []


@pytest.mark.parametrize(("rows", "kills"), [(2_000, 9), pytest.param(100_000, 51, marks=pytest.mark.slow)], ids=["daily", "long"])
def test_a_change_of_shape_that_is_killed_leaves_old_or_new(tmp_path: Path, rows: int, kills: int) -> None:
    dice = random.Random(11)
    old = new = finished = 0
    seconds: dict[int, float] = {}
    with Nursery("tests.annotations.test_migrating") as nursery:
        for shape in RELEASED:
            kept = tmp_path / f"{shape}.sqlite3"
            before = older(kept, rows * 2 // 9, shape=shape)
            assert sum(before.values()) >= 0.99 * rows
            record = tmp_path / "record.sqlite3"
            for turn in range(kills // len(RELEASED) + 1):
                for left in tmp_path.glob("record.*"):
                    left.unlink()
                shutil.copy(kept, record)
                pid = nursery.start("bring_up_to_date", {"record": str(record)})
                began = time.monotonic()
                if turn == 0:  # how long it takes when nobody breaks it off
                    assert nursery.ended() == 0
                    seconds[shape] = time.monotonic() - began
                    assert looked_at(record) == (NEWEST, before)
                    assert broken(record) == []
                    continue
                time.sleep(dice.uniform(0, 1.05 * seconds[shape]))
                finished += not nursery.killed(pid)
                found = looked_at(record)
                old, new = old + (found == (shape, before)), new + (found == (NEWEST, before))
                copy = record.with_name(f"{record.name}.before-step-{shape + 1}")
                if found[0] == NEWEST:
                    assert looked_at(copy) == (shape, before)
                assert not copy.exists() or looked_at(copy) == (shape, before)
                Store(record).close()
                assert looked_at(record) == (NEWEST, before)
    print(
        f"{old + new} kills: {old} left the old shape, {new} the new one ({finished} of them had ended), 0 between; {rows} rows in {seconds} s"
    )
    assert old + new == kills
    assert old >= kills // 4
    assert max(seconds.values()) <= 60


def test_an_older_program_refuses_a_newer_record_and_leaves_every_byte(tmp_path: Path) -> None:
    record = tmp_path / FILE
    older(record, 10, shape=3)
    Store(record).close()
    with closing(sqlite3.connect(record, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
    before = record.read_bytes()
    with pytest.raises(StoreError, match="newer GembaLens"):
        Store(record)
    assert record.read_bytes() == before
    assert not list(tmp_path.glob(f"{FILE}.before-step-{NEWEST + 1}"))
