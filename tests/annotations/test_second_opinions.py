"""Several people say what they see without knowing of each other; where they differ, somebody else decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from annotations.desk import Desk
from annotations.store import Store
from core.errors import Conflict, Forbidden, Malformed, OutOfTurn
from core.rights import LOCAL
from core.schema import Frame, Risk
from tests.annotations.desks import PLIERS, frames_in, said, state_of


@pytest.fixture
def frame(store: Store, desk: Desk) -> Frame:
    """A frame of which two opinions are wanted; lin has given the first."""
    made = frames_in(store, 1)[0]
    desk.want(made.id, 2, by="boss")
    desk.correct(said(made, "lin", note="secret of lin"))
    return made


def test_who_owes_an_opinion_sees_nothing_of_the_others(desk: Desk, frame: Frame) -> None:
    blind = desk.sheet(frame.id, by="wang", judge=True)
    assert (blind.blind, blind.correction, blind.revision, blind.reviews, blind.opinions) == (True, None, 0, (), ())
    assert (blind.assessment is not None, blind.wanted, blind.state, blind.agreed) == (True, 2, "corrected", None)
    assert "secret" not in repr(blind)
    assert desk.history(frame.id, by="wang") == ()
    for knows in ("lin", None):
        seen = desk.sheet(frame.id, by=knows)
        assert (seen.blind, seen.revision, seen.correction is not None) == (False, 1, True)
    assert len(desk.history(frame.id, by="lin")) == 1


def test_two_who_agree_leave_it_corrected_and_that_they_agree_is_known(desk: Desk, frame: Frame) -> None:
    answer = desk.second_opinion(said(frame, "wang", note="mine"))
    assert answer["state"] == "corrected"
    seen = desk.sheet(frame.id, by="wang")
    assert (seen.agreed, seen.blind, seen.revision, seen.differences) == (True, False, 1, ())
    assert len(desk.history(frame.id)) == 1  # an opinion is no revision
    noted = desk.audit(1)[0]
    assert (noted.action, noted.who, noted.after["differ"]) == ("opined", "wang", [])  # type: ignore[index]
    assert desk.review(frame.id, "accepted", "", 1, by="boss")["state"] == "accepted"


def test_two_who_differ_are_shown_to_a_reviewer_who_decides(desk: Desk, frame: Frame) -> None:
    assert desk.second_opinion(said(frame, "wang", step=PLIERS, risk=Risk("high", said_by="person")))["state"] == "disputed"
    for_all, for_judge = desk.sheet(frame.id, by="chen"), desk.sheet(frame.id, by="chen", judge=True)
    assert (for_all.agreed, for_all.opinions, for_all.differences) == (False, (), ())
    assert [each.author for each in for_judge.opinions] == ["wang"]
    assert for_judge.differences == ("tool", "risk")
    with pytest.raises(OutOfTurn, match="differ"):
        desk.review(frame.id, "accepted", "", 1, by="chen")
    with pytest.raises(OutOfTurn, match="a reviewer decides"):
        desk.correct(said(frame, "wang", 1, step=PLIERS))
    with pytest.raises(Conflict):
        desk.adjudicate(said(frame, "chen", 0, step=PLIERS))
    assert (state_of(desk, frame), desk.sheet(frame.id).reviews) == ("disputed", ())
    saved = desk.adjudicate(said(frame, "chen", 1, step=PLIERS))
    after = desk.sheet(frame.id, by="chen", judge=True)
    assert (saved.revision, after.state, after.correction, after.opinions) == (2, "accepted", saved, ())
    assert [(each.reviewer, each.verdict, each.revision) for each in after.reviews] == [("chen", "accepted", 2)]
    assert [entry.action for entry in desk.audit(2)] == ["adjudicated", "opined"]


@pytest.mark.parametrize("judge", ["lin", "wang"])
def test_nobody_decides_a_dispute_that_is_their_own(desk: Desk, frame: Frame, judge: str) -> None:
    desk.second_opinion(said(frame, "wang", step=PLIERS))
    with pytest.raises(Forbidden, match="your own work"):
        desk.adjudicate(said(frame, judge, 1))
    assert state_of(desk, frame) == "disputed"


def test_words_of_a_model_alone_decide_nothing(desk: Desk, frame: Frame) -> None:
    desk.second_opinion(said(frame, "wang", step=PLIERS))
    with pytest.raises(OutOfTurn, match="by the model alone"):
        desk.adjudicate(said(frame, "chen", 1, risk=Risk("low")))


def test_a_disputed_frame_can_go_back_to_its_author_and_is_compared_anew(desk: Desk, frame: Frame) -> None:
    desk.second_opinion(said(frame, "wang", step=PLIERS))
    assert desk.review(frame.id, "returned", "look at the tool", 1, by="chen")["state"] == "returned"
    desk.correct(said(frame, "lin", 1, risk=Risk("none", said_by="person")))
    assert state_of(desk, frame) == "disputed"
    desk.correct(said(frame, "lin", 2, step=PLIERS))
    assert (state_of(desk, frame), desk.sheet(frame.id).agreed) == ("corrected", True)


def test_a_persons_later_word_takes_the_place_of_the_blind_one(desk: Desk, frame: Frame) -> None:
    desk.second_opinion(said(frame, "wang"))
    desk.correct(said(frame, "wang", 1, step=PLIERS))  # after all were in: wang is not in dispute with wang
    assert state_of(desk, frame) == "corrected"
    desk.correct(said(frame, "chen", 2, step=PLIERS))  # and chen's word is held against what wang had seen alone
    assert state_of(desk, frame) == "disputed"


def test_three_opinions_are_compared_when_all_are_in(desk: Desk, frame: Frame) -> None:
    desk.want(frame.id, 3, by="boss")
    assert desk.second_opinion(said(frame, "wang", step=PLIERS))["state"] == "corrected"
    assert desk.sheet(frame.id, by="chen").blind
    with pytest.raises(OutOfTurn, match="waits for another"):
        desk.review(frame.id, "accepted", "", 1, by="boss")
    assert desk.second_opinion(said(frame, "chen"))["state"] == "disputed"


def test_wanting_fewer_compares_what_is_there(desk: Desk, frame: Frame) -> None:
    desk.want(frame.id, 3, by="boss")
    desk.second_opinion(said(frame, "wang", step=PLIERS))
    assert desk.want(frame.id, 2, by="boss")["state"] == "disputed"


def test_wanting_only_one_lifts_the_blindness(desk: Desk, frame: Frame) -> None:
    desk.want(frame.id, 1, by="boss")
    assert not desk.sheet(frame.id, by="wang").blind
    assert desk.review(frame.id, "accepted", "", 1, by="wang")["state"] == "accepted"


Verb = Callable[[Desk, Frame], Any]
OUT_OF_TURN: dict[str, tuple[Verb, str]] = {
    "a second time": (lambda desk, frame: desk.second_opinion(said(frame, "wang")), "You have said"),
    "the author": (lambda desk, frame: desk.second_opinion(said(frame, "lin")), "You have said"),
    "all are in": (lambda desk, frame: desk.second_opinion(said(frame, "chen")), "No further opinion"),
    "the same number": (lambda desk, frame: desk.want(frame.id, 2, by="boss"), "wanted of this frame already"),
    "nothing to decide": (lambda desk, frame: desk.adjudicate(said(frame, "chen", 1)), "nothing to decide"),
}


@pytest.mark.parametrize(("verb", "sentence"), OUT_OF_TURN.values(), ids=OUT_OF_TURN)
def test_an_opinion_out_of_turn_is_refused(desk: Desk, frame: Frame, verb: Verb, sentence: str) -> None:
    desk.second_opinion(said(frame, "wang"))
    entries = len(desk.audit(100))
    with pytest.raises(OutOfTurn, match=sentence):
        verb(desk, frame)
    assert len(desk.audit(100)) == entries


def test_a_correction_in_place_of_the_wanted_opinion_is_refused_and_gives_nothing_away(desk: Desk, frame: Frame) -> None:
    for saw in (0, 1):
        with pytest.raises(OutOfTurn, match="has not seen the first one") as refused:
            desk.correct(said(frame, "wang", saw))
        assert refused.value.theirs is None
    with pytest.raises(OutOfTurn, match="has not seen the first one"):
        desk.restore(frame.id, 1, 1, by="wang")
    desk.correct(said(frame, "lin", 1))  # its author may go on


def test_an_opinion_on_what_nobody_corrected_or_on_what_is_accepted_is_not_wanted(desk: Desk, store: Store) -> None:
    one, other = frames_in(store, 3)[1:]
    desk.want(one.id, 2, by="boss")
    with pytest.raises(OutOfTurn, match="correct it first"):
        desk.second_opinion(said(one, "wang"))
    desk.correct(said(other, "lin"))
    desk.review(other.id, "accepted", "", 1, by="wang")
    with pytest.raises(OutOfTurn, match="accepted already"):
        desk.want(other.id, 2, by="boss")
    with pytest.raises(OutOfTurn, match="No further opinion"):
        desk.second_opinion(said(other, "chen"))


@pytest.mark.parametrize("n", [0, 4, -1])
def test_so_many_opinions_cannot_be_wanted(desk: Desk, frame: Frame, n: int) -> None:
    with pytest.raises(Malformed, match="1 to 3"):
        desk.want(frame.id, n, by="boss")


def test_a_word_that_the_profile_lacks_is_no_opinion(desk: Desk, frame: Frame) -> None:
    with pytest.raises(Malformed, match="no risk"):
        desk.second_opinion(said(frame, "wang", risk=Risk("grave", said_by="person")))


def test_who_sits_here_alone_may_decide_between_their_own_words(desk: Desk, store: Store) -> None:
    one = frames_in(store, 2)[1]
    desk.want(one.id, 2, by=LOCAL)
    desk.correct(said(one, "wang.li"))
    desk.second_opinion(said(one, LOCAL, step=PLIERS))
    desk.adjudicate(said(one, LOCAL, 1))
    assert state_of(desk, one) == "accepted"


def test_what_is_disputed_teaches_nobody_and_what_was_decided_does(desk: Desk, frame: Frame) -> None:
    assert len(list(desk.reviewed())) == 1
    desk.second_opinion(said(frame, "wang", step=PLIERS))
    assert list(desk.reviewed()) == []
    saved = desk.adjudicate(said(frame, "chen", 1, step=PLIERS))
    assert [each.correction for each in desk.reviewed()] == [saved]
