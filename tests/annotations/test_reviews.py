"""What becomes of a correction: accepted, or returned to its author, corrected again; nothing is closed by its author or by a model alone."""

from __future__ import annotations

from typing import Any

import pytest

from annotations.desk import Desk
from annotations.queueing.listing import judged
from annotations.store import Store
from core.errors import Conflict, Forbidden, Malformed, NotFound, OutOfTurn
from core.rights import LOCAL
from core.schema import Box, Finding, Frame, Risk, Step, Value, Violation
from tests.annotations.desks import frames_in, said, state_of


@pytest.fixture
def frame(store: Store) -> Frame:
    return frames_in(store, 1)[0]


def test_a_frame_goes_from_hand_to_hand_until_it_is_accepted(desk: Desk, frame: Frame) -> None:
    assert state_of(desk, frame) == "open"
    desk.correct(said(frame, "lin"))
    assert state_of(desk, frame) == "corrected"
    assert desk.review(frame.id, "returned", " the hammer is missing ", 1, by="wang")["state"] == "returned"
    assert (state_of(desk, frame), desk.sheet(frame.id).reviews[0].comment) == ("returned", "the hammer is missing")
    desk.correct(said(frame, "lin", 1))
    assert state_of(desk, frame) == "corrected"
    answer = desk.review(frame.id, "accepted", "", 2, by="wang")
    assert (answer["state"], state_of(desk, frame)) == ("accepted", "accepted")
    seen = [(each.reviewer, each.verdict, each.revision) for each in desk.sheet(frame.id).reviews]
    assert seen == [("wang", "returned", 1), ("wang", "accepted", 2)]
    desk.correct(said(frame, "chen", 2))
    assert state_of(desk, frame) == "corrected"  # what was accepted is not what stands there now
    assert desk.review(frame.id, "returned", "why?", 3, by="lin")["state"] == "returned"


def test_what_was_accepted_may_still_be_returned_and_the_other_way_round(desk: Desk, frame: Frame) -> None:
    desk.correct(said(frame, "lin"))
    for verdict in ("accepted", "returned", "accepted"):
        assert desk.review(frame.id, verdict, "look", 1, by="wang")["state"] == verdict


def test_nobody_reviews_their_own_work_but_who_is_alone(desk: Desk, store: Store, frame: Frame) -> None:
    desk.correct(said(frame, "lin"))
    with pytest.raises(Forbidden, match="your own work"):
        desk.review(frame.id, "accepted", "", 1, by="lin")
    assert state_of(desk, frame) == "corrected"
    with store.writing() as connection:
        _add_person(connection, "lin")
    assert desk.review(frame.id, "returned", "again", 1, by="lin")["state"] == "returned"  # nobody else could
    with store.writing() as connection:
        _add_person(connection, "wang")
    with pytest.raises(Forbidden):
        desk.review(frame.id, "accepted", "", 1, by="lin")


def _add_person(connection: Any, name: str) -> None:
    connection.execute(
        "INSERT INTO people (name, shown, role, active, made_at, made_by) VALUES (?, '', 'admin', 1, '2026-11-20T12:00:00.000000Z', '')",
        (name,),
    )


def test_whoever_sits_here_alone_may_accept_what_they_said(desk: Desk, frame: Frame) -> None:
    desk.correct(said(frame, LOCAL))
    assert desk.review(frame.id, "accepted", "", 1, by=LOCAL)["state"] == "accepted"


@pytest.mark.parametrize(
    ("verdict", "comment", "revision", "error", "sentence"),
    [
        ("returned", "  ", 1, Malformed, "returned with a comment"),
        ("fine", "", 1, Malformed, '"fine" is no verdict'),
        ("returned", "x" * 4001, 1, Malformed, "at most 4000"),
        ("accepted", "", 0, OutOfTurn, "saved this frame meanwhile"),
        ("accepted", "", 2, OutOfTurn, "saved this frame meanwhile"),
    ],
    ids=["no comment", "verdict", "long comment", "older", "not there"],
)
def test_a_review_that_cannot_be_is_refused_and_nothing_is_changed(
    desk: Desk, frame: Frame, verdict: str, comment: str, revision: int, error: type[Exception], sentence: str
) -> None:
    desk.correct(said(frame, "lin"))
    with pytest.raises(error, match=sentence):
        desk.review(frame.id, verdict, comment, revision, by="wang")
    assert (state_of(desk, frame), desk.sheet(frame.id).reviews) == ("corrected", ())


def test_a_review_of_what_is_no_longer_the_latest_hears_what_is(desk: Desk, frame: Frame) -> None:
    desk.correct(said(frame, "lin"))
    theirs = desk.correct(said(frame, "chen", 1, note="newer"))
    with pytest.raises(OutOfTurn) as refused:
        desk.review(frame.id, "accepted", "", 1, by="wang")
    assert refused.value.theirs == theirs


def test_what_nobody_corrected_cannot_be_accepted(desk: Desk, frame: Frame) -> None:
    with pytest.raises(OutOfTurn, match="Nobody has corrected"):
        desk.review(frame.id, "accepted", "", 0, by="wang")
    with pytest.raises(NotFound):
        desk.review("0" * 64, "accepted", "", 0, by="wang")


def test_the_same_decision_twice_is_told_so(desk: Desk, frame: Frame) -> None:
    desk.correct(said(frame, "lin"))
    desk.review(frame.id, "accepted", "", 1, by="wang")
    with pytest.raises(OutOfTurn, match="accepted already"):
        desk.review(frame.id, "accepted", "", 1, by="chen")
    assert len(desk.sheet(frame.id).reviews) == 1


MODEL_ALONE: dict[str, dict[str, Any]] = {
    "box": {"findings": (Finding("hammer", Box(0.1, 0.1, 0.2, 0.2), 0.99),)},
    "field": {"step": Step(Value("hammer", 0.99))},
    "hazard": {"violations": (Violation("tool_at_edge", "low"),)},
    "risk": {"risk": Risk("low", {"low": 1.0})},
    "risk that nobody set": {"risk": Risk(None)},
}


@pytest.mark.parametrize("words", MODEL_ALONE.values(), ids=MODEL_ALONE)
def test_words_of_a_model_alone_close_no_case(desk: Desk, frame: Frame, words: dict[str, Any]) -> None:
    desk.correct(said(frame, "lin", **words))
    with pytest.raises(OutOfTurn, match="by the model alone"):
        desk.review(frame.id, "accepted", "", 1, by="wang")
    desk.review(frame.id, "returned", "confirm it or not", 1, by="wang")
    desk.correct(said(frame, "lin", 1))
    assert desk.review(frame.id, "accepted", "", 2, by="wang")["state"] == "accepted"


def test_approving_changes_nobodys_words(desk: Desk, frame: Frame) -> None:
    saved = desk.correct(said(frame, "lin"))
    desk.review(frame.id, "accepted", "fine", 1, by="wang")
    assert desk.history(frame.id) == (saved,)
    assert desk.sheet(frame.id).correction == saved


def test_who_could_not_tell_may_be_accepted_too(desk: Desk, frame: Frame) -> None:
    desk.correct(said(frame, "lin", verdict="cannot_tell", risk=Risk(None)))
    assert desk.review(frame.id, "accepted", "", 1, by="wang")["state"] == "accepted"


def test_an_earlier_revision_is_said_again_and_nothing_is_lost(desk: Desk, frame: Frame) -> None:
    first = desk.correct(said(frame, "lin", note="first"))
    second = desk.correct(said(frame, "wang", 1, findings=(), note="second"))
    third = desk.restore(frame.id, 1, 2, by="chen")
    assert (third.revision, third.author, third.note, third.active_seconds) == (3, "chen", "↺ 1 first", 0.0)
    assert (third.findings, third.step, third.violations, third.risk) == (first.findings, first.step, first.violations, first.risk)
    assert desk.history(frame.id) == (first, second, third)
    assert desk.restore(frame.id, 3, 3, by="chen").note == "↺ 3 first"
    with pytest.raises(Conflict) as refused:
        desk.restore(frame.id, 2, 3, by="lin")
    assert (refused.value.theirs.revision, refused.value.yours.findings) == (4, ())
    with pytest.raises(NotFound, match="no revision 9"):
        desk.restore(frame.id, 9, 4, by="lin")


def test_what_was_restored_has_to_be_accepted_anew(desk: Desk, frame: Frame) -> None:
    desk.correct(said(frame, "lin"))
    desk.review(frame.id, "accepted", "", 1, by="wang")
    desk.restore(frame.id, 1, 1, by="chen")
    assert state_of(desk, frame) == "corrected"


def test_what_was_sent_back_or_put_away_teaches_nobody(desk: Desk, store: Store, frame: Frame) -> None:
    desk.correct(said(frame, "lin"))
    desk.review(frame.id, "accepted", "", 1, by="wang")
    assert [each.correction.revision for each in desk.reviewed()] == [told.revision for _, told in judged(store)] == [1]
    desk.correct(said(frame, "lin", 1))
    assert [each.correction.revision for each in desk.reviewed()] == [told.revision for _, told in judged(store)] == [2]
    desk.bin(frame.id, "twice", by="boss")
    assert (list(desk.reviewed()), list(judged(store))) == ([], [])
    desk.unbin(frame.id, by="boss")
    desk.review(frame.id, "returned", "no", 2, by="wang")
    assert (list(desk.reviewed()), list(judged(store))) == ([], [])
