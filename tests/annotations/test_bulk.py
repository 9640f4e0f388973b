"""Verbs for many frames: what would be done is told first, done is exactly that or nothing, and each frame has its own entry in the audit."""

from __future__ import annotations

import time

import pytest

from annotations import opinions
from annotations.desk import Desk
from annotations.once import Once
from annotations.reviewing.bulk import MOST, Asked
from annotations.store import Store
from core.errors import Malformed, OutOfTurn
from core.schema import Frame, Risk
from tests.annotations.desks import PLIERS, frames_in, said
from tests.makers import NOON

ACCEPT = Asked("accept")


@pytest.fixture
def frames(store: Store, desk: Desk) -> list[Frame]:
    """Ten that stand in all the ways in which a frame can stand."""
    made = frames_in(store, 10)
    for each in made[1:]:
        desk.correct(
            said(each, "boss" if each is made[3] else "lin", risk=Risk("low") if each is made[6] else Risk("low", said_by="person"))
        )
    desk.review(made[2].id, "accepted", "", 1, by="wang")
    desk.want(made[4].id, 2, by="boss")
    desk.want(made[5].id, 2, by="boss")
    desk.second_opinion(said(made[5], "wang", step=PLIERS))
    desk.review(made[7].id, "returned", "x", 1, by="wang")
    desk.bin(made[8].id, "x", by="boss")
    return made


def ids(frames: list[Frame]) -> list[str]:
    return [each.id for each in frames]


def test_what_would_be_done_is_told_with_a_reason_for_the_rest(desk: Desk, frames: list[Frame]) -> None:
    told = desk.preview_bulk(ACCEPT, [*ids(frames), "f" * 64, frames[1].id], by="boss")
    assert told["would"] == {
        "done": 3,  # corrected by somebody else, twice; and what was returned may be accepted after all
        "left_out": {
            "accepted already": 1, "disputed": 1, "in the bin": 1, "not corrected": 1, "not in the record": 1, "own work": 1, "unconfirmed": 1,
            "waits for opinions": 1,
        },
    }  # fmt: skip
    assert [desk.sheet(each.id).state for each in frames].count("accepted") == 1  # nothing was done


def test_what_was_told_is_done_each_frame_audited_and_sent_again_not_done_again(desk: Desk, frames: list[Frame]) -> None:
    token = desk.preview_bulk(ACCEPT, ids(frames), by="boss")["token"]
    before = len(desk.audit(200))
    once = Once("k", "d")
    answer = desk.do_bulk(ACCEPT, ids(frames), token, by="boss", once=once)
    assert (answer["done"], sum(answer["left_out"].values())) == (3, 7)
    entries = desk.audit(200)
    assert [(entry.action, entry.who) for entry in entries[: len(entries) - before]] == [("accepted", "boss")] * 3
    assert desk.do_bulk(ACCEPT, ids(frames), token, by="boss", once=once) == answer
    assert len(desk.audit(200)) == len(entries)
    assert [each.id for each in frames if desk.sheet(each.id).state == "accepted"] == [frames[i].id for i in (1, 2, 7, 9)]


@pytest.mark.parametrize(
    ("asked", "state"),
    [(Asked("return", "look again"), "returned"), (Asked("bin", "a test"), "binned"), (Asked("want", n=3), "wanted")],
    ids=["return", "bin", "want"],
)
def test_every_verb_does_what_its_single_one_does(desk: Desk, frames: list[Frame], asked: Asked, state: str) -> None:
    told = desk.preview_bulk(asked, ids(frames), by="boss")
    desk.do_bulk(asked, ids(frames), told["token"], by="boss")
    sheets = [desk.sheet(each.id) for each in frames]
    count = {
        "returned": [s.state for s in sheets].count("returned"),
        "binned": [s.binned for s in sheets].count(True),
        "wanted": [s.wanted for s in sheets].count(3),
    }
    already = {"returned": 1, "binned": 1, "wanted": 0}
    assert count[state] == told["would"]["done"] + already[state] > 5
    if state == "binned":
        back = Asked("unbin")
        done = desk.do_bulk(back, ids(frames), desk.preview_bulk(back, ids(frames), by="boss")["token"], by="boss")
        assert (done["done"], desk.binned()) == (10, [])


def test_what_has_changed_since_it_was_told_is_not_done(desk: Desk, frames: list[Frame]) -> None:
    token = desk.preview_bulk(ACCEPT, ids(frames), by="boss")["token"]
    desk.correct(said(frames[1], "lin", 1))
    with pytest.raises(OutOfTurn, match="changed since you looked"):
        desk.do_bulk(ACCEPT, ids(frames), token, by="boss")
    token = desk.preview_bulk(ACCEPT, ids(frames), by="boss")["token"]
    for other in (Asked("accept", "another comment"), Asked("return", "x"), Asked("bin", "x"), Asked("want", n=2)):
        with pytest.raises(OutOfTurn, match="changed since you looked"):
            desk.do_bulk(other, ids(frames), token, by="boss")
    with pytest.raises(OutOfTurn):
        desk.do_bulk(ACCEPT, ids(frames[:9]), desk.preview_bulk(ACCEPT, ids(frames), by="boss")["token"], by="boss")
    with pytest.raises(OutOfTurn):  # somebody else's preview
        desk.do_bulk(ACCEPT, ids(frames), desk.preview_bulk(ACCEPT, ids(frames), by="wang")["token"], by="boss")
    assert [desk.sheet(each.id).state for each in frames].count("accepted") == 1


@pytest.mark.parametrize(
    ("verb", "text", "n"),
    [("delete", "", 1), ("return", " ", 1), ("bin", "", 1), ("want", "", 4)],
    ids=["verb", "no comment", "no reason", "number"],
)
def test_a_verb_that_lacks_something_is_refused(verb: str, text: str, n: int) -> None:
    with pytest.raises(Malformed):
        Asked(verb, text, n)


def test_too_many_frames_are_refused(desk: Desk) -> None:
    with pytest.raises(Malformed, match="at most 10000"):
        desk.preview_bulk(ACCEPT, (f"{number:064x}" for number in range(MOST + 1)), by="boss")


@pytest.mark.slow
@pytest.mark.parametrize("asked", [ACCEPT, Asked("bin", "x"), Asked("want", n=2)], ids=["accept", "bin", "want"])
def test_ten_thousand_frames_are_done_in_seconds(desk: Desk, store: Store, asked: Asked) -> None:
    made = frames_in(store, MOST)
    with store.writing() as connection:
        for each in made:
            opinions.add_correction(connection, said(each, "lin"), at=NOON)
    token = desk.preview_bulk(asked, ids(made), by="boss")["token"]
    began = time.perf_counter()
    assert desk.do_bulk(asked, ids(made), token, by="boss")["done"] == MOST
    assert time.perf_counter() - began < 20
