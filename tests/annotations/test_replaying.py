"""The audit tells of everything that changes the record, leads to the very states that are kept, and finds a single byte that was changed."""

from __future__ import annotations

import math
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from annotations import audit, migrations, opinions, replaying, rows
from annotations.desk import Desk
from annotations.once import Once
from annotations.reviewing.bulk import Asked
from annotations.steps import first
from annotations.store import Store
from core.errors import AppError
from core.schema import Frame, Risk
from tests.annotations.desks import PLIERS, desk_of, frames_in, new_record, said
from tests.annotations.keeping import broken
from tests.makers import NOON, assessment, correction, frame, jpeg

OPINIONS = tuple(audit.ROWS)
NOT_VOUCHED = {("frames", "site")}  # where a frame comes from may be told later
PLACES = 50  # bytes that are changed


@dataclass(frozen=True)
class Act:
    """Something that somebody does, and what the audit has to say of it."""

    act: Callable[[Desk, list[Frame]], Any]
    action: str
    who: str
    before: dict[str, Any] | None
    after: dict[str, Any]
    model: str | None = None
    entries: int = 1  # one for each frame of a bulk verb


def bulk(asked: Asked, places: tuple[int, ...], by: str) -> Callable[[Desk, list[Frame]], Any]:
    def act(desk: Desk, frames: list[Frame]) -> Any:
        ids = [frames[place].id for place in places]
        return desk.do_bulk(asked, ids, desk.preview_bulk(asked, ids, by=by)["token"], by=by)

    return act


OPEN, SAID, DONE = "open", "corrected", "accepted"
ACTS: dict[str, Act] = {
    "receive": Act(lambda d, f: f.append(d.receive(jpeg(20, 20), "a.jpg", by="cam")), "received", "cam", None, {}),
    "receive again": Act(lambda d, f: d.receive(jpeg(20, 20), "b.jpg", by="ins"), "came again", "ins", None, {}),
    "receive two": Act(lambda d, f: f.append(d.receive(jpeg(21, 20), "b.jpg", by="cam")), "received", "cam", None, {}),
    "receive three": Act(lambda d, f: f.append(d.receive(jpeg(22, 20), "c.jpg", by="ins")), "received", "ins", None, {}),
    "assess": Act(lambda d, f: d.assess(f[0].id, by="ins"), "assessed", "ins", None, {}, "scripted:0"),
    "assess two": Act(lambda d, f: d.assess(f[1].id, by="cam", once=Once("k", "d")), "assessed", "cam", None, {}, "scripted:0"),
    "correct": Act(lambda d, f: d.correct(said(f[0], "lin")), "corrected", "lin", {"revision": 0, "state": OPEN}, {"revision": 1, "state": SAID}, "scripted:0"),
    "correct from an empty sheet": Act(lambda d, f: d.correct(said(f[1], "wang", saw_model=None)), "corrected", "wang", {"revision": 0, "state": OPEN}, {"revision": 1, "state": SAID}),
    "correct again": Act(lambda d, f: d.correct(said(f[0], "wang", 1, findings=())), "corrected", "wang", {"revision": 1, "state": SAID}, {"revision": 2, "state": SAID}, "scripted:0"),
    "restore": Act(lambda d, f: d.restore(f[0].id, 1, 2, by="lin"), "restored", "lin", {"revision": 2, "state": SAID}, {"revision": 3, "state": SAID}, "scripted:0"),
    "return": Act(lambda d, f: d.review(f[0].id, "returned", "the bolt", 3, by="rev"), "returned", "rev", {"revision": 3, "state": SAID}, {"revision": 3, "state": "returned"}),
    "correct what was returned": Act(lambda d, f: d.correct(said(f[0], "lin", 3)), "corrected", "lin", {"revision": 3, "state": "returned"}, {"revision": 4, "state": SAID}, "scripted:0"),
    "accept": Act(lambda d, f: d.review(f[0].id, "accepted", "", 4, by="rev"), "accepted", "rev", {"revision": 4, "state": SAID}, {"revision": 4, "state": DONE}),
    "accept under a key": Act(lambda d, f: d.review(f[1].id, "accepted", "", 1, by="rev", once=Once("k", "d")), "accepted", "rev", {"revision": 1, "state": SAID}, {"revision": 1, "state": DONE}),
    "return what was accepted": Act(lambda d, f: d.review(f[1].id, "returned", "oh", 1, by="lead"), "returned", "lead", {"revision": 1, "state": DONE}, {"revision": 1, "state": "returned"}),
    "want two opinions": Act(lambda d, f: d.want(f[1].id, 2, by="rev"), "wanted", "rev", {"wanted": 1, "state": "returned"}, {"wanted": 2, "state": "returned"}),
    "want three": Act(lambda d, f: d.want(f[2].id, 3, by="lead"), "wanted", "lead", {"wanted": 1, "state": OPEN}, {"wanted": 3, "state": OPEN}),
    "correct what wants opinions": Act(lambda d, f: d.correct(said(f[1], "wang", 1)), "corrected", "wang", {"revision": 1, "state": "returned"}, {"revision": 2, "state": SAID}, "scripted:0"),
    "an opinion that agrees": Act(lambda d, f: d.second_opinion(said(f[1], "lin")), "opined", "lin", {"opinions": 0, "state": SAID}, {"opinions": 1, "state": SAID, "differ": []}, "scripted:0"),
    "correct the third": Act(lambda d, f: d.correct(said(f[2], "lin")), "corrected", "lin", {"revision": 0, "state": OPEN}, {"revision": 1, "state": SAID}, "scripted:0"),
    "one of two opinions": Act(lambda d, f: d.second_opinion(said(f[2], "wang", step=PLIERS)), "opined", "wang", {"opinions": 0, "state": SAID}, {"opinions": 1, "state": SAID}, "scripted:0"),
    "want fewer": Act(lambda d, f: d.want(f[2].id, 2, by="rev"), "wanted", "rev", {"wanted": 3, "state": SAID}, {"wanted": 2, "state": "disputed"}),
    "adjudicate": Act(lambda d, f: d.adjudicate(said(f[2], "rev", 1)), "adjudicated", "rev", {"revision": 1, "state": "disputed"}, {"revision": 2, "state": DONE}, "scripted:0"),
    "bin": Act(lambda d, f: d.bin(f[0].id, "twice", by="lead"), "binned", "lead", {"binned": False}, {"binned": True}),
    "correct in the bin": Act(lambda d, f: d.correct(said(f[0], "wang", 4)), "corrected", "wang", {"revision": 4, "state": DONE}, {"revision": 5, "state": SAID}, "scripted:0"),
    "take out": Act(lambda d, f: d.unbin(f[0].id, by="lead"), "taken out", "lead", {"binned": True}, {"binned": False}),
    "accept many": Act(bulk(Asked("accept"), (0, 1), "lead"), "accepted", "lead", {"state": SAID}, {"state": DONE}, entries=2),
    "return many": Act(bulk(Asked("return", "no"), (0, 2), "lead"), "returned", "lead", {"state": DONE}, {"state": "returned"}, entries=2),
    "want many": Act(bulk(Asked("want", n=2), (0, 2), "lead"), "wanted", "lead", {"state": "returned"}, {"wanted": 2}, entries=1),
    "bin many": Act(bulk(Asked("bin", "old"), (0, 1, 2), "adm"), "binned", "adm", {"binned": False}, {"binned": True}, entries=3),
    "take many out": Act(bulk(Asked("unbin"), (0, 1, 2), "adm"), "taken out", "adm", {"binned": True}, {"binned": False}, entries=3),
}  # fmt: skip


REFUSED: dict[str, Callable[[Desk, list[Frame]], Any]] = {
    "receive": lambda d, f: d.receive(b"<html>", "x.jpg", by="cam"),
    "correct": lambda d, f: d.correct(said(f[0], "lin", 1)),
    "restore": lambda d, f: d.restore(f[0].id, 1, 1, by="lin"),
    "review": lambda d, f: d.review(f[0].id, "accepted", "", 99, by="rev"),
    "review of one's own": lambda d, f: d.review(f[0].id, "accepted", "", 5, by="wang"),
    "opine": lambda d, f: d.second_opinion(said(f[1], "lin")),
    "adjudicate": lambda d, f: d.adjudicate(said(f[1], "rev", 2)),
    "want": lambda d, f: d.want(f[0].id, 9, by="rev"),
    "bin": lambda d, f: d.bin(f[0].id, "", by="lead"),
    "take out": lambda d, f: d.unbin(f[0].id, by="lead"),
    "bulk": lambda d, f: d.do_bulk(Asked("accept"), [f[0].id], "no token", by="lead"),
}


def filled(folder: Path) -> Path:
    """A record in which every action was done, on three frames."""
    record = new_record(folder)
    with Store(record) as store:
        desk, frames = desk_of(store, folder), list[Frame]()
        for each in ACTS.values():
            each.act(desk, frames)
    return record


def test_each_of_thirty_actions_leaves_its_entry_and_one_that_is_refused_none(tmp_path: Path) -> None:
    assert len(ACTS) >= 30
    with Store(new_record(tmp_path)) as store:
        desk, frames, told = desk_of(store, tmp_path), list[Frame](), 0
        for name, each in ACTS.items():
            each.act(desk, frames)
            entries = desk.audit(200)
            new = entries[: len(entries) - told]
            told = len(entries)
            assert len(new) == each.entries, name
            for entry in new:
                assert (entry.action, entry.who, entry.model) == (each.action, each.who, each.model), name
                assert entry.at.tzinfo is not None, name
                assert entry.frame in {known.id for known in frames}, name
                assert {**(entry.before or {}), **(each.before or {})} == (entry.before or {}), name  # type: ignore[dict-item]
                assert {**entry.after, **each.after} == entry.after, name  # type: ignore[dict-item]
                assert each.action == "wanted" or len(entry.after["row"]) == 64, name
        for name, refused in REFUSED.items():
            with pytest.raises(AppError):
                refused(desk, frames)
            assert len(desk.audit(200)) == told, name
    assert broken(tmp_path / "record.sqlite3") == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a record in which everything was done."""
    record = filled(tmp_path_factory.mktemp("record"))
    return record.read_bytes()


@pytest.fixture
def unguarded(whole: bytes, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a copy of it that asks no trigger and no key, as another program may."""
    with closing(_unguarded(whole, tmp_path / "copy.sqlite3")) as connection:
        yield connection


def _unguarded(whole: bytes, place: Path) -> sqlite3.Connection:
    place.write_bytes(whole)
    connection = sqlite3.connect(place, isolation_level=None)
    connection.row_factory = sqlite3.Row
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def wrong(connection: sqlite3.Connection) -> list[str]:
    return [*audit.faults(connection), *replaying.differences(connection)]


def test_an_untouched_record_is_led_to_by_its_audit(unguarded: sqlite3.Connection) -> None:
    assert wrong(unguarded) == []
    assert all(unguarded.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in OPINIONS)


@pytest.mark.parametrize("table", [*OPINIONS, "audit"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {0} SET seq = seq", "DELETE FROM {0}", "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"],
    ids=["update", "delete", "replace"],
)
def test_nothing_of_the_record_is_changed_or_removed_by_any_program(whole: bytes, tmp_path: Path, table: str, statement: str) -> None:
    (tmp_path / "copy.sqlite3").write_bytes(whole)
    with closing(sqlite3.connect(tmp_path / "copy.sqlite3", isolation_level=None)) as connection:
        before = connection.execute(f"SELECT * FROM {table}").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match=r"only grow|follows the latest"):
            connection.execute(statement.format(table))
        assert connection.execute(f"SELECT * FROM {table}").fetchall() == before != []


def changed(value: Any, dice: random.Random) -> Any:
    """The value with one byte of it changed."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value ^ (1 << dice.randrange(3))
    if isinstance(value, float):
        return math.nextafter(value, math.inf)
    if isinstance(value, bytes):
        place = dice.randrange(len(value))
        return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
    if value == "":
        return "x"
    place = dice.randrange(len(value))
    return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]


def test_a_byte_that_was_changed_anywhere_is_found(whole: bytes, tmp_path: Path) -> None:
    dice, unseen, tried = random.Random(79), [], 0
    while tried < PLACES:
        with closing(_unguarded(whole, tmp_path / f"{tried}.sqlite3")) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            table = dice.choice([*OPINIONS, "audit"])
            row = dice.choice(connection.execute(f"SELECT * FROM {table}").fetchall())
            column = dice.choice([name for name in row.keys() if (table, name) not in NOT_VOUCHED])  # noqa: SIM118
            try:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE seq = ?", (changed(row[column], dice), row["seq"]))
            except sqlite3.IntegrityError:  # another has this key, or the column takes no such value
                continue
            tried += 1
            if not wrong(connection):
                unseen.append((table, row["seq"], column))
        (tmp_path / f"{tried - 1}.sqlite3").unlink()
    assert (unseen, tried) == ([], PLACES)


TAMPERED = {
    "a correction that nobody made": "INSERT INTO corrections SELECT seq + 100, frame, revision + 100, saw_revision, author, verdict, risk_level, saw_model, active_seconds, note, body, at FROM corrections LIMIT 1",
    "a review taken out": "DELETE FROM reviews WHERE seq = (SELECT max(seq) FROM reviews)",
    "an entry taken out at the end": "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
    "an entry taken out in the middle": "DELETE FROM audit WHERE seq = 9",
    "all of an opinion": "DELETE FROM blind_opinions",
    "accepted by nobody": "UPDATE frame_states SET state = 'accepted' WHERE frame = 1",
    "another author of the state": "UPDATE frame_states SET author = 'x' WHERE frame = 1",
    "out of the bin": "UPDATE frame_states SET binned = 1 - binned WHERE frame = 1",
    "an older revision": "UPDATE frame_states SET revision = revision - 1 WHERE frame = 1",
    "never assessed": "UPDATE frame_states SET assessment = NULL WHERE frame = 1",
    "another number of wanted opinions": "UPDATE wanted_opinions SET n = 3 WHERE frame = 1",
    "a state taken out": "DELETE FROM frame_states WHERE frame = 1",
    "corrections moved to another frame": "UPDATE corrections SET frame = CASE frame WHEN 1 THEN 900 ELSE frame END",
    "another author of a row": "UPDATE corrections SET author = 'x' WHERE seq = 1",
}  # fmt: skip


@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED)
def test_what_was_done_behind_the_audits_back_is_found(unguarded: sqlite3.Connection, statement: str) -> None:
    assert unguarded.execute(statement).rowcount > 0
    assert wrong(unguarded)


def test_a_record_of_before_the_audit_is_led_to_by_what_was_carried_over(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite3"
    old = {1: first.the_record, 2: first.where_replies_come_from, 3: first.assessments_by_what_they_say}
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    migrations.migrate(connection, path, old)
    one = frame()
    opinions.insert(connection, "frames", {key: value for key, value in rows.from_frame(one, "cam").items() if key != "site"})
    arrival = {"frame": 1, "name": one.name, "source": "upload", "received_by": "cam", "received_at": rows.moment(NOON)}
    opinions.insert(connection, "arrivals", arrival)
    opinions.insert(connection, "arrivals", {**arrival, "received_by": "lin"})
    machine = assessment(one)
    assert machine.reply is not None
    when = {"frame": 1, "at": rows.moment(NOON)}
    opinions.insert(connection, "replies", rows.from_reply(machine.reply) | when)
    opinions.insert(connection, "assessments", rows.from_assessment(machine, 0.5) | when | {"reply": 1})
    opinions.insert(connection, "corrections", {"frame": 1, **rows.from_correction(correction(one), NOON)})
    opinions.insert(connection, "corrections", {"frame": 1, **rows.from_correction(correction(one, saw_revision=1), NOON)})
    connection.execute(
        "INSERT INTO frame_states (frame, assessment, correction, revision, verdict, level, uncertainty) VALUES (1, 1, 2, 2, 'reviewed', 'low', 0.5)"
    )
    connection.close()
    with Store(path) as store, store.reading() as reading:
        assert wrong(reading) == []
        assert [entry.action for entry in audit.entries(reading, limit=20)][::-1] == [
            "received",
            "came again",
            "assessed",
            "corrected",
            "corrected",
        ]


@pytest.mark.slow
def test_a_hundred_thousand_corrections_are_replayed_within_a_minute(tmp_path: Path) -> None:
    with Store(new_record(tmp_path)) as store:
        frames = frames_in(store, 20_000)
        with store.writing() as connection:
            for revision in range(5):
                for each in frames:
                    opinions.add_correction(connection, said(each, "lin", revision, risk=Risk("low", said_by="person")), at=NOON)
        with store.reading() as connection:
            began = time.process_time()
            assert wrong(connection) == []
            assert time.process_time() - began < 60
