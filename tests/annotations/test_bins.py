"""The bin: a frame that was put away is nowhere, nothing of it is lost, and it comes back as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotations.desk import Desk
from annotations.reports import Reports
from annotations.store import Store
from core.errors import Malformed, NotFound, OutOfTurn
from core.schema import Frame
from tests.annotations.desks import PLIERS, frames_in, new_record, said
from tests.makers import jpeg


@pytest.fixture
def frames(store: Store, desk: Desk) -> list[Frame]:
    """Three: one accepted, one returned, one that nobody corrected."""
    made = frames_in(store, 3)
    desk.correct(said(made[0], "lin"))
    desk.review(made[0].id, "accepted", "", 1, by="wang")
    desk.correct(said(made[1], "lin", step=PLIERS))
    desk.review(made[1].id, "returned", "the tool", 1, by="wang")
    return made


def figures(store: Store) -> dict[str, Any]:
    """Everything that a dashboard counts."""
    reports = Reports(store.path)
    try:
        return {
            "totals": reports.totals(), "days": reports.per_day(), "models": reports.models(), "accuracy": reports.field_accuracy(),
            "confusion": reports.confusion(), "matrix": reports.risk_matrix(), "pages": [reports.queue(filter=name) for name in ("waiting", "reviewed", "all")],
        }  # fmt: skip
    finally:
        reports.close()


def shown(desk: Desk) -> set[str]:
    """Frames that a person meets anywhere."""
    return (
        {card.frame_id for card in desk.walk()} | {found for found in (desk.next(),) if found} | {each.frame.id for each in desk.reviewed()}
    )


@pytest.mark.parametrize("place", [0, 1, 2], ids=["accepted", "returned", "open"])
def test_a_frame_in_the_bin_is_nowhere_and_comes_back_whole(
    desk: Desk, store: Store, frames: list[Frame], tmp_path: Path, place: int
) -> None:
    known = frames[place]
    before, sheet, met = figures(store), desk.sheet(known.id), shown(desk)
    assert known.id in met
    assert desk.bin(known.id, " twice the same ", by="boss")["binned"] is True
    assert shown(desk) == met - {known.id}
    assert figures(store)["totals"]["frames"] == 2
    assert desk.export_sft(tmp_path / "out").left_out["in the bin"] == 1
    lies = desk.sheet(known.id)
    assert (lies.binned, lies.bin_why, lies.correction, lies.reviews, lies.state) == (
        True,
        "twice the same",
        sheet.correction,
        sheet.reviews,
        sheet.state,
    )
    assert desk.unbin(known.id, by="boss")["binned"] is False
    assert (figures(store), desk.sheet(known.id), shown(desk)) == (before, sheet, met)


def test_all_of_a_record_in_the_bin_is_an_empty_record_to_whoever_looks(
    desk: Desk, store: Store, frames: list[Frame], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with Store(new_record(tmp_path / "other")) as empty:
        nothing = figures(empty)
    for each in frames:
        desk.bin(each.id, "wrong camera", by="boss")
    assert figures(store) == nothing
    assert (desk.walk(), desk.next(), list(desk.reviewed())) == ([], None, [])


def test_what_is_said_of_a_frame_in_the_bin_is_kept_and_counts_when_it_is_out(desk: Desk, store: Store, frames: list[Frame]) -> None:
    known = frames[2]
    desk.bin(known.id, "blurred", by="boss")
    binned = figures(store)
    saved = desk.correct(said(known, "lin"))  # somebody had it open; no work is lost
    assert figures(store) == binned
    desk.unbin(known.id, by="boss")
    assert desk.sheet(known.id).correction == saved
    assert figures(store)["totals"]["corrections"] == 3


def test_the_list_of_the_bin_is_in_pages_the_last_first(desk: Desk, frames: list[Frame]) -> None:
    for place, each in enumerate(frames):
        desk.bin(each.id, f"reason {place}", by="boss")
    desk.unbin(frames[1].id, by="boss")
    desk.bin(frames[1].id, "once more", by="chen")
    first = desk.binned(limit=2)
    assert [(each.frame_id, each.why, each.who) for each in first] == [
        (frames[1].id, "once more", "chen"),
        (frames[2].id, "reason 2", "boss"),
    ]
    assert [each.frame_id for each in desk.binned(limit=2, before=first[-1].number)] == [frames[0].id]


def test_the_same_bytes_again_do_not_bring_a_frame_out_of_the_bin(desk: Desk) -> None:
    frame = desk.receive(jpeg(), "a.jpg", by="lin")
    desk.bin(frame.id, "not ours", by="boss")
    assert desk.receive(jpeg(), "b.jpg", by="wang") == frame
    assert (desk.walk(), desk.sheet(frame.id).binned) == ([], True)


Verb = Callable[[Desk, str], Any]
REFUSED: dict[str, tuple[Verb, type[Exception], str]] = {
    "without a reason": (lambda desk, frame: desk.bin(frame, "  ", by="boss"), Malformed, "Say why"),
    "a long reason": (lambda desk, frame: desk.bin(frame, "x" * 1001, by="boss"), Malformed, "at most 1000"),
    "out of where it is not": (lambda desk, frame: desk.unbin(frame, by="boss"), OutOfTurn, "not in the bin"),
    "no frame": (lambda desk, frame: desk.bin("0" * 64, "x", by="boss"), NotFound, "There is no frame"),
}


@pytest.mark.parametrize(("verb", "error", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_move_that_cannot_be_is_refused(desk: Desk, frames: list[Frame], verb: Verb, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        verb(desk, frames[0].id)
    assert desk.binned() == []


def test_nothing_is_decided_about_a_frame_in_the_bin(desk: Desk, frames: list[Frame]) -> None:
    desk.bin(frames[0].id, "x", by="boss")
    for verb in (
        lambda: desk.bin(frames[0].id, "x", by="boss"),
        lambda: desk.review(frames[0].id, "returned", "x", 1, by="wang"),
        lambda: desk.want(frames[0].id, 2, by="boss"),
        lambda: desk.second_opinion(said(frames[0], "chen")),
        lambda: desk.adjudicate(said(frames[0], "chen", 1)),
    ):
        with pytest.raises(OutOfTurn, match="in the bin"):
            verb()
