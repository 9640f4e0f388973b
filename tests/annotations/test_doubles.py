"""The pairs by which people's agreement is measured: independent words alone."""

from __future__ import annotations

from annotations.desk import Desk
from annotations.reviewing.doubles import doubles
from annotations.store import Store
from core.schema import Risk
from tests.annotations.desks import PLIERS, frames_in, said


def test_two_words_of_one_frame_make_a_pair_and_one_word_makes_none(store: Store, desk: Desk) -> None:
    both, one, _ = frames_in(store, 3)
    for frame in (both, one):
        desk.want(frame.id, 2, by="boss")
        desk.correct(said(frame, "lin"))
    desk.second_opinion(said(both, "wang", step=PLIERS))
    found = list(doubles(store))
    assert [(mine.author, other.author, mine.frame_id) for mine, other in found] == [("lin", "wang", both.id)]
    assert found[0][1].step.tool.value == PLIERS.tool.value != found[0][0].step.tool.value


def test_what_was_decided_after_the_opinions_is_no_opinion(store: Store, desk: Desk) -> None:
    (frame,) = frames_in(store, 1)
    desk.want(frame.id, 2, by="boss")
    desk.correct(said(frame, "lin"))
    desk.second_opinion(said(frame, "wang", risk=Risk("high", said_by="person")))
    desk.adjudicate(said(frame, "chen", 1, risk=Risk("medium", said_by="person")))
    ((mine, other),) = doubles(store)
    assert (mine.author, mine.risk.level, other.risk.level) == ("lin", "low", "high")


def test_who_could_not_tell_and_what_lies_in_the_bin_are_left_out(store: Store, desk: Desk) -> None:
    unsure, binned = frames_in(store, 2)
    for frame in (unsure, binned):
        desk.want(frame.id, 2, by="boss")
        desk.correct(said(frame, "lin"))
    desk.second_opinion(said(unsure, "wang", verdict="cannot_tell"))
    desk.second_opinion(said(binned, "wang"))
    assert len(list(doubles(store))) == 1
    desk.bin(binned.id, "blurred", by="boss")
    assert list(doubles(store)) == []
