"""Every write that is sent again under its key is done once and answered the same: ten at the same time, and after a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from annotations import audit
from annotations.desk import Desk
from annotations.once import KEPT, LONGEST, Once, forget
from annotations.reviewing.bulk import Asked
from annotations.store import Store
from core.errors import KeyReused, Malformed
from core.schema import Frame
from tests.annotations.desks import PLIERS, desk_of, new_record, said
from tests.annotations.keeping import broken
from tests.makers import NOON, jpeg

AT_ONCE = 10
TABLES = (*audit.ROWS, "wanted_opinions", "audit")


def nothing(desk: Desk, frame: Frame) -> None:
    """Nothing has to be done before."""


def corrected(desk: Desk, frame: Frame) -> None:
    desk.correct(said(frame, "lin"))


def disputed(desk: Desk, frame: Frame) -> None:
    desk.want(frame.id, 2, by="boss")
    corrected(desk, frame)
    desk.second_opinion(said(frame, "wang", step=PLIERS))


def waiting(desk: Desk, frame: Frame) -> None:
    desk.want(frame.id, 2, by="boss")
    corrected(desk, frame)


def binned(desk: Desk, frame: Frame) -> None:
    desk.bin(frame.id, "x", by="boss")


def many(desk: Desk, frame: Frame, once: Once | None) -> Any:
    """A bulk verb with the token of a preview; the token of one that was done no longer fits, and is not asked for."""
    asked = Asked("accept")
    token = desk.preview_bulk(asked, [frame.id], by="wang")["token"]
    return desk.do_bulk(asked, [frame.id], token, by="wang", once=once)


@dataclass(frozen=True)
class Verb:
    """A verb that writes: what has to be before, the write, and how many rows and entries it makes."""

    before: Callable[[Desk, Frame], None]
    act: Callable[[Desk, Frame, Once | None], Any]
    rows: dict[str, int]


VERBS = {
    "receive": Verb(nothing, lambda d, f, o: d.receive(jpeg(90, 90), "b.jpg", by="lin", once=o), {"frames": 1, "arrivals": 1}),
    "receive again": Verb(nothing, lambda d, f, o: d.receive(jpeg(), "a.jpg", by="lin", once=o), {"arrivals": 1}),
    "assess": Verb(nothing, lambda d, f, o: d.assess(f.id, by="lin", once=o), {"assessments": 1, "replies": 1}),
    "correct": Verb(nothing, lambda d, f, o: d.correct(said(f, "lin"), once=o), {"corrections": 1}),
    "restore": Verb(corrected, lambda d, f, o: d.restore(f.id, 1, 1, by="lin", once=o), {"corrections": 1}),
    "review": Verb(corrected, lambda d, f, o: d.review(f.id, "accepted", "", 1, by="wang", once=o), {"reviews": 1}),
    "want": Verb(nothing, lambda d, f, o: d.want(f.id, 2, by="boss", once=o), {"wanted_opinions": 1}),
    "second opinion": Verb(waiting, lambda d, f, o: d.second_opinion(said(f, "wang"), once=o), {"blind_opinions": 1}),
    "adjudicate": Verb(disputed, lambda d, f, o: d.adjudicate(said(f, "chen", 1), once=o), {"corrections": 1, "reviews": 1}),
    "bin": Verb(nothing, lambda d, f, o: d.bin(f.id, "x", by="boss", once=o), {"bin_moves": 1}),
    "unbin": Verb(binned, lambda d, f, o: d.unbin(f.id, by="boss", once=o), {"bin_moves": 1}),
    "bulk": Verb(corrected, many, {"reviews": 1}),
}


def counted(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


def all_at_once(act: Callable[[], Any]) -> list[Any]:
    """What ten threads are answered that begin together; an error is an answer too."""
    start, answers = threading.Barrier(AT_ONCE), []

    def one() -> None:
        start.wait()
        try:
            answers.append(act())
        except Exception as error:  # noqa: BLE001 - told below
            answers.append(error)

    threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_ten_at_once_and_one_after_a_restart_are_one_write_and_one_answer(tmp_path: Path, verb: Verb) -> None:
    record, once = new_record(tmp_path), Once("a key", "what is asked")
    with Store(record) as store:
        desk = desk_of(store, tmp_path)
        frame = desk.receive(jpeg(), "a.jpg", by="cam")
        verb.before(desk, frame)
        before = counted(store)
        answers = all_at_once(lambda: verb.act(desk, frame, once))
        after = counted(store)
    assert answers == [answers[0]] * AT_ONCE
    assert not isinstance(answers[0], Exception), answers[0]
    assert {table: n - before[table] for table, n in after.items() if n != before[table]} == {**verb.rows, "audit": 1}
    with Store(record) as store:
        desk = desk_of(store, tmp_path)
        assert verb.act(desk, frame, once) == answers[0]
        with pytest.raises(KeyReused, match="nothing was saved"):
            verb.act(desk, frame, Once("a key", "something else"))
        assert counted(store) == after
    assert broken(record) == []


def test_every_verb_of_the_desk_that_takes_a_key_is_in_the_table_above() -> None:
    taking = {name for name in dir(Desk) if "once" in getattr(getattr(Desk, name), "__annotations__", {}) and not name.startswith("_")}
    assert taking == {name.replace(" ", "_") for name in VERBS if name not in ("receive again", "bulk")} | {"do_bulk", "export_sft"}


def test_an_export_under_one_key_is_written_once_whatever_the_folder(tmp_path: Path) -> None:
    with Store(new_record(tmp_path)) as store:
        desk = desk_of(store, tmp_path)
        frame = desk.receive(jpeg(), "a.jpg", by="cam")
        desk.correct(said(frame, "lin"))
        numbers = iter(range(100))
        once = Once("k", "d")
        answers = all_at_once(lambda: desk.export_sft(tmp_path / "out" / str(next(numbers)), by="boss", once=once))
        assert answers == [answers[0]] * AT_ONCE
        assert [each.name for each in (tmp_path / "out").iterdir()] == [answers[0].folder.name]
        noted = desk.audit(2)
        assert [(entry.action, entry.who, entry.subject) for entry in noted][:1] == [("exported", "boss", answers[0].folder.name)]
        assert noted[1].action == "corrected"
        with pytest.raises(KeyReused):
            desk.export_sft(tmp_path / "out" / "x", by="boss", once=Once("k", "other"))


def test_a_key_is_of_one_person(tmp_path: Path) -> None:
    with Store(new_record(tmp_path)) as store:
        desk = desk_of(store, tmp_path)
        frame = desk.receive(jpeg(), "a.jpg", by="cam")
        assert desk.correct(said(frame, "lin"), once=Once("k", "1")).revision == 1
        assert desk.correct(said(frame, "wang", 1), once=Once("k", "2")).revision == 2


def test_what_was_refused_is_tried_again_under_its_key(tmp_path: Path) -> None:
    with Store(new_record(tmp_path)) as store:
        desk, once = desk_of(store, tmp_path), Once("k", "1")
        frame = desk.receive(jpeg(), "a.jpg", by="cam")
        with pytest.raises(Malformed):
            desk.bin(frame.id, "", by="boss", once=once)
        assert desk.bin(frame.id, "now with a reason", by="boss", once=once)["binned"] is True


@pytest.mark.parametrize("key", ["", "x" * (LONGEST + 1), "a\nb", "钥匙"], ids=["empty", "long", "line", "not ASCII"])
def test_what_can_be_no_key_is_refused(key: str) -> None:
    with pytest.raises(Malformed, match="Idempotency-Key"):
        Once(key, "d")


def test_old_keys_are_let_go_of_and_young_ones_kept(tmp_path: Path) -> None:
    with Store(new_record(tmp_path)) as store:
        desk = desk_of(store, tmp_path)
        frame = desk.receive(jpeg(), "a.jpg", by="cam")
        desk.correct(said(frame, "lin"), once=Once("k", "d"))
        with store.writing() as connection:
            assert forget(connection, NOON + KEPT - timedelta(days=1)) == 0
        assert desk.forget_keys() == 0
        with store.writing() as connection:
            assert forget(connection, NOON + KEPT + timedelta(days=1)) == 1
