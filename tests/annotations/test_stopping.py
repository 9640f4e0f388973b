"""A program that is asked to stop ends what it is at and closes; a reader that stays keeps nobody from writing, and the log shrinks behind it."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from annotations import audit
from annotations.desk import Desk
from annotations.store import FILE, LARGE_LOG, Store
from core.frames import Vault
from core.profile import read as read_profile
from core.settings import ASSETS
from tests import makers
from tests.annotations.crew import Crew
from tests.annotations.keeping import broken, broken_folder

PROFILE = read_profile(ASSETS / "profiles" / "bench.toml")


@pytest.mark.parametrize("stops", [3, pytest.param(50, marks=pytest.mark.slow)], ids=["daily", "long"])
def test_who_is_asked_to_stop_under_load_ends_with_everything_answered(tmp_path: Path, stops: int) -> None:
    dice, longest = random.Random(1), 0.0
    data = tmp_path / "data"
    with Crew(data, tmp_path / "tells") as crew:
        for _ in range(stops):
            crew.start()
            crew.ready()
            time.sleep(dice.uniform(0.05, 0.4))
            began = time.monotonic()
            crew.stop()  # and its exit code is 0
            longest = max(longest, time.monotonic() - began)
            assert (crew.ledger.open, crew.ledger.failed, crew.ledger.bugs) == ([], {}, [])
            assert not (data / f"{FILE}-wal").exists(), "the log was not folded in"
        assert crew.ledger.wrong(data / FILE) == []
        print(f"{stops} stops under load: {len(crew.ledger.done)} writes acknowledged, 0 lost, 0 open; the longest took {longest:.2f} s")
    assert longest <= 10
    assert broken_folder(data) == []


def test_the_log_shrinks_behind_a_reader_that_stayed(tmp_path: Path) -> None:
    """The reader holds one moment for a long time; the log grows meanwhile, work goes on, and when it leaves the log is cut off."""
    record = tmp_path / FILE
    log = record.with_name(f"{FILE}-wal")

    def write(store: Store, number: int) -> None:
        with store.writing() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS ballast (x)")
            connection.execute("INSERT INTO ballast VALUES (zeroblob(4000000))")
            connection.execute("DELETE FROM ballast WHERE rowid < ?", (number,))

    with Store(record) as store, Store.open_readonly(record) as reader:
        with reader.reading() as connection:
            assert connection.execute("SELECT count(*) FROM frames").fetchone()[0] == 0
            number = 0
            while log.stat().st_size <= LARGE_LOG + 2**20:
                write(store, number := number + 1)
                assert number < 200
            grown = log.stat().st_size
            assert connection.execute("SELECT count(*) FROM frames").fetchone()[0] == 0
        for more in range(130):  # two turns of folding in
            with store.writing() as connection:
                connection.execute("UPDATE ballast SET x = ? WHERE rowid = ?", (str(more), number))
        assert log.stat().st_size <= LARGE_LOG
        print(f"{grown / 2**20:.0f} MiB behind the reader, {log.stat().st_size / 2**20:.1f} MiB after it left")
        assert store.failed is None


def test_the_log_stays_small_while_readers_come_and_go(tmp_path: Path) -> None:
    record = tmp_path / FILE
    sizes = []
    with Store(record) as store, Store.open_readonly(record) as reader:
        for number in range(300):
            with reader.reading() as looking:
                looking.execute("SELECT count(*) FROM tally_days").fetchone()
                with store.writing() as connection:
                    connection.execute("INSERT INTO tally_days (day) VALUES (?)", (f"{number:010}",))
            sizes.append(record.with_name(f"{FILE}-wal").stat().st_size)
    assert max(sizes) <= 4 * 2**20


LEAPS = {
    "a year back": [timedelta(days=-365)],
    "a year ahead and back": [timedelta(days=365), timedelta(days=-365)],
    "an hour to and fro": [timedelta(hours=1), timedelta(hours=-1)] * 4,
    "summer ends": [timedelta(hours=-1)],
}


@pytest.mark.parametrize("leaps", LEAPS.values(), ids=LEAPS)
def test_a_clock_that_leaps_changes_no_order_and_makes_no_negative_time(tmp_path: Path, leaps: list[timedelta]) -> None:
    now = [datetime(2026, 10, 25, 2, 30, tzinfo=UTC)]
    with Store(tmp_path / FILE) as store:
        desk = Desk(store, Vault(tmp_path, floor_bytes=0), PROFILE, clock=lambda: now[0])
        came = []
        for number, leap in enumerate([timedelta(0), *leaps]):
            now[0] += leap
            frame = desk.receive(makers.jpeg(20, 15) + bytes([number]), f"{number}.jpg", by="lin")
            came.append(frame.id)
            for seen in range(2):
                desk.correct(makers.correction(frame, saw_revision=seen, note=f"{seen}"))
        assert [card.frame_id for card in desk.walk()] == came[::-1]  # the order of arrival, not of the clock
        for frame_id in came:
            told = desk.history(frame_id)
            assert [(each.revision, each.note, each.active_seconds >= 0) for each in told] == [(1, "0", True), (2, "1", True)]
        with store.reading() as connection:
            assert list(audit.faults(connection)) == []
            entries = audit.entries(connection, limit=100)
            assert [entry.seq for entry in entries] == sorted((entry.seq for entry in entries), reverse=True)
            assert connection.execute("SELECT count(*) FROM tally_days WHERE active_seconds < 0 OR received < 0").fetchone()[0] == 0
    assert broken(tmp_path / FILE) == []
