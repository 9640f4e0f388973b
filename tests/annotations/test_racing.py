"""Many at once: of those who saw the same revision exactly one saves, the others get both versions, nobody meets a locked record."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from annotations import opinions
from annotations.store import Store
from core.errors import Conflict
from tests.annotations.keeping import broken
from tests.makers import NOON, correction, frame

THREADS = 8


def all_at_once(work: Callable[[int], None]) -> list[BaseException]:
    """Run `work` in eight threads that start together; what went wrong in any of them."""
    faults: list[BaseException] = []
    start = threading.Barrier(THREADS)

    def run(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001 - told by the test
            faults.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def test_of_eight_who_saw_the_same_exactly_one_saves_each_time(tmp_path: Path) -> None:
    record, rounds = tmp_path / "record.sqlite3", 100
    won: Counter[int] = Counter()
    refused: list[Conflict] = []
    with Store(record) as store:
        with store.writing() as connection:
            opinions.add_frame(connection, frame(), by="lin")
        for seen in range(rounds):

            def save(number: int, seen: int = seen) -> None:
                try:
                    with store.writing() as connection:
                        opinions.add_correction(connection, correction(saw_revision=seen, author=f"author {number}"), at=NOON)
                    won[seen] += 1
                except Conflict as error:
                    refused.append(error)

            assert all_at_once(save) == []
        with store.reading() as connection:
            history = opinions.corrections_of(connection, frame().id)
    assert won == Counter(range(rounds))
    assert len(refused) == rounds * (THREADS - 1)
    assert [told.revision for told in history] == list(range(1, rounds + 1))
    for conflict in refused:
        assert conflict.theirs in history
        assert conflict.theirs.revision == conflict.yours.saw_revision + 1
        assert conflict.theirs.author != conflict.yours.author
    assert broken(record) == []


def test_eight_who_write_and_read_in_turns_meet_no_lock(tmp_path: Path) -> None:
    record, turns = tmp_path / "record.sqlite3", 40
    with Store(record) as store:

        def work(number: int) -> None:
            for turn in range(turns):
                own = frame(frame_id=f"{number:032x}{turn:032x}")
                with store.reading() as connection:
                    connection.execute("SELECT count(*) FROM frames").fetchone()
                with store.writing() as connection:
                    opinions.add_frame(connection, own, by=str(number))
                    opinions.add_frame(connection, frame(), by=str(number))  # one that all of them bring
                    opinions.add_correction(connection, correction(own), at=NOON)

        assert all_at_once(work) == []
        with store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM corrections").fetchone()[0] == THREADS * turns
            assert connection.execute("SELECT count(*) FROM frames").fetchone()[0] == THREADS * turns + 1
            assert opinions.arrivals_of(connection, frame().id) == THREADS * turns
    assert broken(record) == []
