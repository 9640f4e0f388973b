"""Two people save one frame at the same moment: exactly one is written, the other hears both versions, nothing is overwritten unseen."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from annotations.desk import Desk
from annotations.store import Store
from core.errors import Conflict
from core.schema import Correction
from tests.annotations.desks import desk_of, frames_in, new_record, said
from tests.annotations.keeping import broken

PAIRS = 500


def race(desk: Desk, frame_id: str, pairs: int) -> list[tuple[Correction | Conflict, Correction | Conflict]]:
    """So many pairs of saves, both having seen the same revision; what each was answered."""
    answers: dict[str, list[Correction | Conflict]] = {"lin": [], "wang": []}
    together = threading.Barrier(2)

    def save(author: str) -> None:
        for seen in range(pairs):
            together.wait()
            try:
                answers[author].append(desk.correct(said(frame_id, author, seen, note=f"{author} {seen}")))
            except Conflict as error:
                answers[author].append(error)

    threads = [threading.Thread(target=save, args=(author,)) for author in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(zip(answers["lin"], answers["wang"], strict=True))


@pytest.mark.parametrize("pairs", [PAIRS, pytest.param(10_000, marks=pytest.mark.slow)])
def test_of_two_who_save_at_once_one_is_written_and_one_hears_both_versions(tmp_path: Path, pairs: int) -> None:
    record = new_record(tmp_path)
    with Store(record) as store:
        desk = desk_of(store, tmp_path)
        frame = frames_in(store, 1)[0]
        raced = race(desk, frame.id, pairs)
        history = desk.history(frame.id)
    assert len(raced) == pairs
    winners = []
    for seen, pair in enumerate(raced):
        saved = [each for each in pair if isinstance(each, Correction)]
        refused = [each for each in pair if isinstance(each, Conflict)]
        assert (len(saved), len(refused)) == (1, 1), seen
        assert (refused[0].theirs, refused[0].yours.saw_revision) == (saved[0], seen)
        assert refused[0].yours.note != saved[0].note == f"{saved[0].author} {seen}"
        winners.append(saved[0])
    assert tuple(winners) == history  # every one that was told "saved", in order, and no other
    assert {each.author for each in winners} == {"lin", "wang"}  # they really raced
    assert broken(record) == []
