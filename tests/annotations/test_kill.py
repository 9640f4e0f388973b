"""A program that is killed in the middle of eight people's work loses nothing that it had acknowledged, doubles nothing, and leaves nothing half done."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from annotations.store import FILE
from tests.annotations.clients import VERBS
from tests.annotations.crew import Crew
from tests.annotations.keeping import broken_folder

FRESH = 200  # kills after which a new data folder is taken, so that a look at it stays quick


@pytest.mark.parametrize(("kills", "every"), [(60, 15), pytest.param(1000, 50, marks=pytest.mark.slow)], ids=["daily", "long"])
def test_kills_lose_no_acknowledged_write_and_double_none(tmp_path: Path, kills: int, every: int) -> None:
    dice = random.Random(7)
    acknowledged = sent_again = looks = 0
    verbs: Counter[str] = Counter()
    for folder in range(0, kills, FRESH):
        data = tmp_path / str(folder)
        with Crew(data, tmp_path / "tells") as crew:
            for kill in range(1, min(FRESH, kills - folder) + 1):
                crew.kill_once(dice, least=0.01, most=0.3, early=kill % 5 == 0)
                sent_again += len(crew.ledger.open)
                assert (crew.ledger.bugs, crew.ledger.failed) == ([], {})
                if kill % every == 0:
                    crew.settle()
                    looks += 1
                    faults = [*crew.ledger.wrong(data / FILE), *broken_folder(data)]
                    assert not faults, f"after {folder + kill} kills: {len(faults)} faults, {faults[:5]}"
            crew.settle()
            assert crew.ledger.wrong(data / FILE) == []
            acknowledged += len(crew.ledger.done)
            verbs.update(crew.ledger.asked[key]["verb"] for key in crew.ledger.done)
    print(
        f"{kills} kills: {acknowledged} acknowledged writes, 0 lost; {sent_again} unanswered ones sent again, 0 doubled; {looks} looks; {dict(verbs)}"
    )
    assert set(verbs) == set(VERBS)
    assert acknowledged >= 10 * kills
    assert sent_again >= kills
    assert looks == kills // every


@pytest.fixture(scope="module")
def worked_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder after some work; copy it before it is changed."""
    data = tmp_path_factory.mktemp("worked") / "data"
    with Crew(data, data.parent / "tells", clients=2) as crew:
        crew.start(each=15)
        assert crew.ended() == 0
    return data


def _lose_a_summary(data: Path, connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE tally_days SET corrections = corrections + 1")


def _change_a_word(data: Path, connection: sqlite3.Connection) -> None:
    connection.execute("DROP TRIGGER corrections_no_update")
    connection.execute("UPDATE corrections SET note = note || '!' WHERE seq = 1")


def _lose_a_row(data: Path, connection: sqlite3.Connection) -> None:
    connection.execute("DROP TRIGGER arrivals_no_delete")
    connection.execute("DELETE FROM arrivals WHERE seq = (SELECT max(seq) FROM arrivals)")


def _change_the_audit(data: Path, connection: sqlite3.Connection) -> None:
    connection.execute("DROP TRIGGER IF EXISTS audit_no_update")
    connection.execute("DROP TRIGGER IF EXISTS audit_no_rewrite")
    connection.execute("UPDATE audit SET who = 'nobody' WHERE seq = 3")


def _point_nowhere(data: Path, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO leases (frame, holder, tab, taken_at, until) VALUES (999999, 'x', 'x', '2026', '2026')")


def _lose_a_frame(data: Path, connection: sqlite3.Connection) -> None:
    next((data / "frames").glob("*/*")).unlink()


def _damage_a_frame(data: Path, connection: sqlite3.Connection) -> None:
    place = next((data / "frames").glob("*/*"))
    place.write_bytes(place.read_bytes()[:-1] + b"!")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_lose_a_summary, "The summary tally_days differs"),
        (_change_a_word, "Number 1 of corrections"),
        (_lose_a_row, "1 opinions that the audit tells of are not in the record"),
        (_change_the_audit, "Entry 3 of the audit does not say"),
        (_point_nowhere, "of leases points at something in frames"),
        (_lose_a_frame, "there is a row and no file"),
        (_damage_a_frame, "is not what its name says"),
    ],
    ids=lambda case: case.__name__.strip("_") if callable(case) else "",
)
def test_the_check_notices(worked_on: Path, tmp_path: Path, harm: Callable[[Path, sqlite3.Connection], None], told: str) -> None:
    data = tmp_path / "data"
    shutil.copytree(worked_on, data)
    assert broken_folder(data) == []
    connection = sqlite3.connect(data / FILE, isolation_level=None)
    harm(data, connection)
    connection.close()
    faults = broken_folder(data)
    assert any(told in fault for fault in faults), faults


def test_the_ledger_notices_a_lost_and_a_doubled_write(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Crew(data, tmp_path / "tells", clients=2) as crew:
        crew.start(each=10)
        assert crew.ended() == 0
        assert crew.ledger.wrong(data / FILE) == []
        crew.ledger.done.add("person9@1-0")
        crew.ledger.asked["person9@1-0"] = {"verb": "receive", "key": "person9@1-0"}
        assert len(crew.ledger.wrong(data / FILE)) == 2
        crew.ledger.done.remove("person9@1-0")
        crew.ledger.done.remove(next(key for key in crew.ledger.done if crew.ledger.asked[key]["verb"] == "receive"))
        assert len(crew.ledger.wrong(data / FILE)) == 2
