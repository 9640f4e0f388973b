"""Words in, the same words out; the second of two who save is refused with both versions; nothing is written twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from annotations import opinions, rows
from annotations.store import Store
from core.errors import Conflict, Malformed, NotFound
from core.schema import Assessment, Box, Correction, Dropped, Finding, Frame, Reply, Risk, Step, Token, Value, Violation
from tests.makers import NOON, assessment, correction, frame

FRAME = frame()
ODD_TOKENS = (
    Token("手", -0.1, (("手", -0.1), ("臂", -2.5))),
    Token("\udce6\udc89", -0.25),  # a part of a character, as bytes
    Token('"', 0.0, (('"', 0.0), ("x", float("-inf")))),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.sqlite3") as made:
        with made.writing() as connection:
            opinions.add_frame(connection, FRAME, by="lin")
        yield made


def count(store: Store, table: str) -> int:
    with store.reading() as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found


@pytest.mark.parametrize(
    "given",
    [
        frame(taken_at=datetime(2023, 11, 2, 14, 59, 43), source="sample"),  # noqa: DTZ001 - the camera's own clock
        frame(name="工位<script>'\"; DROP TABLE frames;--.jpg"),
        frame(width=16384, height=1),
    ],
    ids=["camera's time", "hostile name", "long"],
)
def test_a_frame_comes_back_as_it_went_in(tmp_path: Path, given: Frame) -> None:
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as connection:
            opinions.add_frame(connection, given, by="lin")
        with store.reading() as connection:
            assert opinions.frame_of(connection, given.id) == given


def test_the_same_bytes_again_are_the_same_frame_and_both_arrivals_are_known(store: Store) -> None:
    again = replace(FRAME, name="copy.jpg", received_at=NOON + timedelta(days=1))
    with store.writing() as connection:
        assert opinions.add_frame(connection, again, by="wang") == FRAME
    with store.reading() as connection:
        assert opinions.arrivals_of(connection, FRAME.id) == 2
    assert count(store, "frames") == 1


@pytest.mark.parametrize(
    "given",
    [
        assessment(),
        assessment(reply=Reply("{" + "x" * 5000, "scripted:0", "prompt", 1.25, ODD_TOKENS)),
        assessment(
            reply=None, findings=(), violations=(), risk=Risk(None, {}, ("unparsed",)), dropped=(Dropped("手 'x'", "no such label"),)
        ),
        assessment(findings=(Finding("hammer"), Finding("hammer", Box(0.0, 0.1 + 0.2, 1.0, 1 / 3 + 0.1), 1e-12)), step=Step()),
        assessment(violations=(Violation("crowded_bench", None, None, None, ("§1910.132(a)", "第三十二条")),)),
    ],
    ids=["plain", "odd tokens", "not understood", "odd numbers", "clauses"],
)
def test_an_assessment_comes_back_as_it_went_in(store: Store, given: Assessment) -> None:
    with store.writing() as connection:
        opinions.add_assessment(connection, given, uncertainty=0.25, at=NOON)
    with store.reading() as connection:
        assert opinions.assessment_of(connection, given.frame_id) == given
        without = opinions.assessment_of(connection, given.frame_id, tokens=False)
    assert without == (given if given.reply is None else replace(given, reply=replace(given.reply, tokens=())))


def test_the_same_question_is_written_once_but_one_without_a_reply_may_be_asked_again(store: Store) -> None:
    silent, spoken = assessment(reply=None, risk=Risk()), assessment()
    second = replace(spoken, seconds=9.0)
    with store.writing() as connection:
        for given in (silent, spoken, second):
            kept = opinions.add_assessment(connection, given, uncertainty=0.5, at=NOON)
    assert kept == spoken
    assert (count(store, "assessments"), count(store, "replies")) == (2, 1)


def test_another_model_or_prompt_is_another_question(store: Store) -> None:
    with store.writing() as connection:
        for given in (assessment(), assessment(model="other"), assessment(prompt_id="other")):
            opinions.add_assessment(connection, given, uncertainty=0.5, at=NOON)
    assert count(store, "assessments") == 3
    with store.reading() as connection:
        found = opinions.assessment_of(connection, FRAME.id, model="other")
    assert found is not None
    assert found.model == "other"


@pytest.mark.parametrize(
    "given",
    [
        correction(),
        correction(findings=(), violations=(), step=Step(*[Value("none", said_by="person")] * 4), note="空", saw_model=None),
        correction(verdict="cannot_tell", risk=Risk(None, said_by="person"), active_seconds=0.0),
    ],
    ids=["full", "nothing here", "cannot tell"],
)
def test_a_correction_comes_back_as_it_went_in(store: Store, given: Correction) -> None:
    at = datetime(2026, 11, 20, 20, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    with store.writing() as connection:
        saved = opinions.add_correction(connection, given, at=at)
    assert saved == replace(given, revision=1, at=at)
    assert saved.at is not None
    assert saved.at.tzinfo == UTC
    with store.reading() as connection:
        assert opinions.correction_of(connection, FRAME.id) == saved
        assert opinions.corrections_of(connection, FRAME.id) == (saved,)


def test_revisions_follow_one_another_and_history_keeps_them_all(store: Store) -> None:
    for seen in range(5):
        with store.writing() as connection:
            opinions.add_correction(connection, correction(saw_revision=seen, note=str(seen)), at=NOON)
    with store.reading() as connection:
        history = opinions.corrections_of(connection, FRAME.id)
    assert [(told.revision, told.note) for told in history] == [(i + 1, str(i)) for i in range(5)]


@pytest.mark.parametrize("saw", [0, 1, 3], ids=["saw nothing", "saw an older one", "saw one that is not"])
def test_who_did_not_see_the_latest_is_refused_with_both_versions(store: Store, saw: int) -> None:
    with store.writing() as connection:
        opinions.add_correction(connection, correction(), at=NOON)
        theirs = opinions.add_correction(connection, correction(saw_revision=1, author="wang"), at=NOON)
    yours = correction(saw_revision=saw, author="lin")
    with pytest.raises(Conflict, match="Nothing was overwritten") as refused, store.writing() as connection:
        opinions.add_correction(connection, yours, at=NOON)
    assert (refused.value.theirs, refused.value.yours) == (theirs, yours)
    assert count(store, "corrections") == 2


def test_a_revision_of_a_frame_that_has_none_is_refused(store: Store) -> None:
    with pytest.raises(Malformed, match="no revision 4"), store.writing() as connection:
        opinions.add_correction(connection, correction(saw_revision=4), at=NOON)


def test_opinions_about_an_unknown_frame_are_refused(store: Store) -> None:
    nobody = "0" * 64
    with store.writing() as connection:
        with pytest.raises(NotFound):
            opinions.add_correction(connection, correction(nobody), at=NOON)
        with pytest.raises(NotFound):
            opinions.add_assessment(connection, assessment(nobody), uncertainty=0.5, at=NOON)
    with store.reading() as connection:
        with pytest.raises(NotFound):
            opinions.corrections_of(connection, nobody)
        assert opinions.assessment_of(connection, nobody) is None


def test_a_time_of_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        rows.moment(datetime(2026, 1, 1))  # noqa: DTZ001
