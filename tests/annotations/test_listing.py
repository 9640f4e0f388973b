"""The list of assessments: order, pages, filters, and that no page costs more in a large record; pairs of what was said and what is true."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from annotations import opinions
from annotations.picking.drawn import Picking
from annotations.queueing import listing
from annotations.queueing.listing import judged, newest, statement
from annotations.store import Reader, Store
from core.frames import Vault
from core.schema import Reply, Risk, Token
from tests.annotations.desks import BENCH
from tests.makers import NOON, assessment, correction, frame

LEVELS = ("none", "high", None, "low", "high", None)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Reader]:
    """Six frames, one assessment each, a minute apart; models a and b in turns."""
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as connection:
            for n, level in enumerate(LEVELS):
                model = "ab"[n % 2]
                each = frame(name=f"{n}.jpg", width=64 + n)
                opinions.add_frame(connection, each, by="lin")
                reply = Reply("{}", model, "prompt", 0.5, (Token("{}", -0.1),), masked=True, host="gpu:8000")
                said = assessment(each, model=model, risk=Risk(level), reply=reply)
                opinions.add_assessment(connection, said, uncertainty=0.5, at=NOON + timedelta(minutes=n))
        yield store


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "543210"),
        ({"limit": 2}, "54"),
        ({"before": 4}, "210"),
        ({"risk": "high"}, "41"),
        ({"risk": "undetermined"}, "52"),
        ({"model": "b"}, "531"),
        ({"model": "b", "risk": "high"}, "1"),
        ({"since": NOON + timedelta(minutes=4)}, "54"),
        ({"model": "c"}, ""),
    ],
    ids=str,
)
def test_a_page_is_newest_first_and_holds_what_was_asked_for(record: Reader, asked: dict[str, object], expected: str) -> None:
    with record.reading() as connection:
        found = newest(connection, **{"limit": 10, **asked})  # type: ignore[arg-type]
    assert "".join(line.name[0] for line in found) == expected
    assert all(line.assessment.reply is not None and line.assessment.reply.host == "gpu:8000" for line in found)
    assert all(line.assessment.reply is None or line.assessment.reply.tokens == () for line in found)


def test_pages_follow_each_other_without_a_gap_while_new_ones_come(record: Reader) -> None:
    with record.reading() as connection:
        first = newest(connection, limit=4)
    assert isinstance(record, Store)
    with record.writing() as connection:
        opinions.add_frame(connection, frame(name="9.jpg"), by="lin")
        opinions.add_assessment(connection, assessment(frame(name="9.jpg")), uncertainty=0.5, at=NOON)
    with record.reading() as connection:
        rest = newest(connection, limit=4, before=first[-1].number)
    assert "".join(line.name[0] for line in (*first, *rest)) == "543210"


@pytest.mark.parametrize("chosen", list(itertools.product([False, True], repeat=4)), ids=str)
def test_no_page_is_sorted_and_a_filter_has_its_index(record: Reader, chosen: tuple[bool, ...]) -> None:
    before, risk, model, since = chosen
    ask = statement(before=before, risk=risk, model=model, since=since)
    with record.reading() as connection:
        values = {"limit": 1, "before": 9, "risk": None, "model": "a", "since": ""}
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {ask}", values)]
    assert not any("TEMP B-TREE" in line for line in plan), plan
    if risk or model:
        assert any("assessments_by_" in line for line in plan), plan
    assert any("open_tasks_by_frame" in line for line in plan), plan


def test_of_a_frame_that_is_to_be_judged_unaided_nothing_is_listed_before_somebody_judged_it(record: Reader, tmp_path: Path) -> None:
    assert isinstance(record, Store)
    picking = Picking(record, Vault(tmp_path), BENCH)
    picking.draw(2, "random", by="boss", seed=1, blind=1.0, double=0.0)
    first, second = picking.tasks(1)

    def listed(**asked: object) -> set[str]:
        with record.reading() as connection:
            return {line.name for line in newest(connection, limit=10, **asked)}  # type: ignore[arg-type]

    everything = {f"{n}.jpg" for n in range(6)}
    assert listed() == everything - {first.name, second.name}
    assert not listed(since=NOON) & {first.name, second.name}
    with record.writing() as connection:
        opinions.add_correction(connection, correction(first.frame_id), at=NOON)
    assert listed() == everything - {second.name}


def test_pairs_are_what_a_model_said_and_what_a_person_holds_true_in_the_end(record: Reader) -> None:
    assert isinstance(record, Store)
    with record.writing() as connection:
        ids = [row["id"] for row in connection.execute("SELECT id FROM frames ORDER BY seq")]
        opinions.add_assessment(connection, assessment(ids[0], model="second"), uncertainty=0.1, at=NOON)
        opinions.add_assessment(connection, assessment(ids[0], model="silent", reply=None), uncertainty=0.1, at=NOON)
        for frame_id, told in (
            (ids[0], {"note": "first"}),
            (ids[0], {"saw_revision": 1, "note": "last"}),
            (ids[1], {"verdict": "cannot_tell"}),
            (ids[2], {}),
        ):
            opinions.add_correction(connection, correction(frame_id, **told), at=NOON)
    pairs = list(judged(record))
    assert [(ids.index(said.frame_id), said.model, told.note) for said, told in pairs] == [
        (0, "a", "last"),
        (0, "second", "last"),
        (2, "a", ""),
    ]
    assert all(said.frame_id == told.frame_id and said.reply is not None for said, told in pairs)
    assert pairs[0][0].reply is not None
    assert pairs[0][0].reply.masked is True


def test_nothing_is_written_by_reading(record: Reader) -> None:
    with record.reading() as connection:
        assert newest(connection, limit=1)
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("DELETE FROM assessments")
    assert listing.UNDETERMINED == "undetermined"
