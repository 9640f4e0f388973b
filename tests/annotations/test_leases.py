"""Leases: who is given which frame in which order, that no two tabs are given the same one, and that a lease ends by itself whatever a clock does."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from annotations import opinions
from annotations.queueing import leases
from annotations.queueing.leases import BEHIND, DISPUTED, FRESH, LENGTH, PRESSING, RETURNED, STILL_YOURS, WAIT, WAITING, WANTED
from annotations.reviewing import bins, reviews, second_opinions
from annotations.store import Store
from core.errors import Held, Malformed, NotFound
from core.schema import Risk
from tests.makers import NOON, assessment, correction, frame

IDS = {letter: f"{ord(letter):064x}" for letter in "abcdef"}
NAMES = {frame_id: letter for letter, frame_id in IDS.items()}
UNCERTAIN = dict(zip("abcdef", (0.6, 0.5, 0.4, 0.3, 0.2, 0.1), strict=True))
"""Six frames, all waiting: drawn in the order of their letters."""


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as writing:
            for letter, uncertainty in UNCERTAIN.items():
                one = frame(frame_id=IDS[letter], name=letter)
                opinions.add_frame(writing, one, by="lin")
                opinions.add_assessment(writing, assessment(one), uncertainty=uncertainty, at=NOON)
        yield store


def draw(
    store: Store, by: str = "ann", tab: str = "1", after: str | None = None, at: datetime = NOON, **more: Any
) -> tuple[str, str] | None:
    """Letter and reason."""
    with store.writing() as connection:
        found = leases.reserve(connection, by=by, tab=tab, now=at, after=after and IDS[after], **more)
    assert found is None or found.until == at + LENGTH
    return None if found is None else (NAMES[found.frame_id], found.why)


def save(store: Store, letter: str, by: str = "ann", **more: Any) -> None:
    with store.writing() as connection:
        opinions.add_correction(connection, correction(IDS[letter], author=by, **more), at=NOON)


def held(store: Store) -> dict[str, tuple[str, str]]:
    with store.reading() as connection:
        found = connection.execute("SELECT f.id, l.holder, l.tab FROM leases l JOIN frames f ON f.seq = l.frame ORDER BY l.frame")
        return {NAMES[row["id"]]: (row["holder"], row["tab"]) for row in found}


def test_the_next_frame_is_the_most_uncertain_one_that_no_other_tab_holds(record: Store) -> None:
    tabs = [("ann", "1"), ("bo", "1"), ("ann", "2"), ("bo", "2"), ("cy", "1"), ("cy", "2")]
    assert [draw(record, *tab) for tab in tabs] == [(letter, WAITING) for letter in "abcdef"]
    assert draw(record, "dee", "1") is None
    assert held(record) == dict(zip("abcdef", tabs, strict=True))


def test_a_tab_that_opens_again_is_given_what_it_still_holds(record: Store) -> None:
    assert draw(record) == ("a", WAITING)
    assert draw(record, after="a") == ("b", WAITING)
    assert draw(record) == ("a", STILL_YOURS)
    save(record, "a")
    assert draw(record) == ("b", STILL_YOURS)


def test_a_tab_holds_the_frame_in_work_and_the_next_one_and_no_third(record: Store) -> None:
    draw(record)
    for letter, following in zip("abcde", "bcdef", strict=True):
        assert draw(record, after=letter) == (following, WAITING)
        assert list(held(record)) == [letter, following]
    with record.writing() as connection:
        leases.renew(connection, IDS["e"], by="ann", tab="1", now=NOON + timedelta(minutes=1))
        leases.renew(connection, IDS["a"], by="ann", tab="1", now=NOON + timedelta(minutes=2))
    assert list(held(record)) == ["a", "e"]


def test_asked_again_with_the_same_words_it_gives_the_same_frame(record: Store) -> None:
    save(record, "c")
    returned(record, "c", "ann")
    assert [draw(record, after="a") for _ in range(3)] == [("c", RETURNED)] * 3
    assert [draw(record, after="c") for _ in range(3)] == [("a", WAITING)] * 3


def test_who_passes_over_frames_is_shown_each_once_before_any_comes_back(record: Store) -> None:
    seen = [draw(record)]
    while len(seen) < 13:
        last = seen[-1]
        assert last is not None
        seen.append(draw(record, after=last[0]))
    assert "".join(each[0] for each in seen if each) == "abcdefabcdefa"


def test_the_only_frame_is_not_its_own_successor(record: Store) -> None:
    for letter in "bcdef":
        save(record, letter, "someone")
    assert draw(record) == ("a", WAITING)
    assert draw(record, after="a") is None
    assert held(record) == {"a": ("ann", "1")}


def returned(store: Store, letter: str, author: str, revision: int = 1) -> None:
    with store.writing() as connection:
        reviews.add(connection, IDS[letter], "returned", "look at the hand", revision, by=f"not {author}", at=NOON)


def test_what_was_returned_comes_first_to_its_author_and_to_nobody_else(record: Store) -> None:
    save(record, "e")
    save(record, "f")
    for letter in "ef":
        returned(record, letter, "ann")
    assert draw(record, "bo") == ("a", WAITING)
    assert draw(record) == ("e", RETURNED)
    assert draw(record, after="e") == ("f", RETURNED)
    assert draw(record, after="f") == ("b", WAITING), "e was given lately; it does not come at once again"
    assert draw(record, after="f", at=NOON + LENGTH) == ("e", RETURNED)
    save(record, "e", saw_revision=1)
    save(record, "f", saw_revision=1)
    assert draw(record, after="f", at=NOON + LENGTH) == ("a", WAITING)


def test_what_is_returned_while_somebody_works_comes_as_the_next_frame(record: Store) -> None:
    draw(record)
    save(record, "c")
    returned(record, "c", "ann")
    assert draw(record, after="a") == ("c", RETURNED)


def test_when_nothing_waits_what_was_passed_over_lately_comes_all_the_same(record: Store) -> None:
    for letter in "abcdef":
        save(record, letter)
    returned(record, "a", "ann")
    returned(record, "b", "ann")
    assert [draw(record), draw(record, after="a"), draw(record, after="b")] == [("a", RETURNED), ("b", RETURNED), ("a", RETURNED)]


def test_another_opinion_is_asked_of_others_only_and_only_as_long_as_one_is_wanted(record: Store) -> None:
    save(record, "d")
    with record.writing() as connection:
        second_opinions.want(connection, IDS["d"], 2, by="boss", at=NOON)
    assert draw(record) == ("a", WAITING)
    assert draw(record, "bo") == ("d", WANTED)
    assert draw(record, "cy") == ("b", WAITING), "bo works on it"
    with record.writing() as connection:
        second_opinions.add(connection, correction(IDS["d"], author="bo"), at=NOON)
    assert held(record) == {"a": ("ann", "1"), "b": ("cy", "1")}, "who has spoken is done with it"
    assert draw(record, "dee") == ("c", WAITING)


def test_disputed_frames_are_given_to_reviewers_who_took_no_side(record: Store) -> None:
    save(record, "d")
    with record.writing() as connection:
        second_opinions.want(connection, IDS["d"], 2, by="boss", at=NOON)
        other = correction(IDS["d"], author="bo", risk=Risk("high", said_by="person"))
        assert second_opinions.add(connection, other, at=NOON)["state"] == "disputed"
    assert draw(record, "rev", disputed=False) == ("a", WAITING)
    assert draw(record, "ann", disputed=True) == ("b", WAITING)
    assert draw(record, "bo", disputed=True) == ("c", WAITING)
    assert draw(record, "rev", "2", disputed=True) == ("d", DISPUTED)


def test_what_was_put_away_is_never_drawn(record: Store) -> None:
    save(record, "b")
    returned(record, "b", "ann")
    with record.writing() as connection:
        for letter in "ab":
            bins.move(connection, IDS[letter], into=True, why="blurred", by="boss", at=NOON)
    assert draw(record) == ("c", WAITING)


def test_a_correction_ends_the_lease_whoever_wrote_it(record: Store) -> None:
    draw(record)
    draw(record, "bo")
    save(record, "a")
    assert held(record) == {"b": ("bo", "1")}
    save(record, "b", "cy")
    assert held(record) == {}


def test_somebody_elses_frame_is_held_and_says_whose_it_is(record: Store) -> None:
    draw(record)
    for by, tab, said in (("bo", "1", "ann works on this frame just now"), ("ann", "2", "You work on this frame in another tab")):
        with pytest.raises(Held, match=said), record.writing() as connection:
            leases.renew(connection, IDS["a"], by=by, tab=tab, now=NOON)
    with record.writing() as connection:
        assert not leases.give_back(connection, IDS["a"], by="bo", tab="1")
        assert leases.give_back(connection, IDS["a"], by="ann", tab="1")
        assert leases.renew(connection, IDS["a"], by="bo", tab="1", now=NOON).holder == "bo"


LAST = NOON + LENGTH
STEPS = {
    "a moment before its end": (LAST - timedelta(seconds=1), False),
    "at its end": (LAST, True),
    "a year later": (NOON + timedelta(days=365), True),
    "the clock was set back by an hour": (NOON - timedelta(hours=1), True),
    "the clock was set back by a year": (NOON - timedelta(days=365), True),
    "the clock went on by an hour": (NOON + timedelta(hours=1), True),
}


@pytest.mark.parametrize(("now", "free"), STEPS.values(), ids=STEPS)
def test_a_lease_ends_by_itself_and_never_lasts_longer_than_fifteen_minutes_of_any_clock(record: Store, now: datetime, free: bool) -> None:
    draw(record)
    with record.reading() as connection:
        assert (leases.lease_of(connection, IDS["a"], now) is None) == free
    assert draw(record, "bo", at=now) == ("a" if free else "b", WAITING)


def test_who_works_on_keeps_the_frame(record: Store) -> None:
    draw(record)
    for minutes in range(4, 61, 4):
        with record.writing() as connection:
            until = leases.renew(connection, IDS["a"], by="ann", tab="1", now=NOON + timedelta(minutes=minutes)).until
        assert until == NOON + timedelta(minutes=minutes) + LENGTH
    assert draw(record, "bo", at=NOON + timedelta(minutes=61)) == ("b", WAITING)


@pytest.mark.parametrize("tab", ["", "x" * 101, "a\nb", "\x00"], ids=["empty", "long", "two lines", "nothing"])
def test_a_tab_has_a_name(record: Store, tab: str) -> None:
    with pytest.raises(Malformed, match="tab is a name"), record.writing() as connection:
        leases.reserve(connection, by="ann", tab=tab, now=NOON)


def test_an_unknown_frame_is_not_found(record: Store) -> None:
    with pytest.raises(NotFound), record.writing() as connection:
        leases.reserve(connection, by="ann", tab="1", now=NOON, after="0" * 64)


@pytest.mark.parametrize(
    ("annotators", "frames"), [(50, 300), pytest.param(50, 1000, marks=pytest.mark.slow)], ids=["50 x 300", "50 x 1,000"]
)
def test_no_frame_is_given_to_two_of_fifty_who_draw_and_save_at_once(tmp_path: Path, annotators: int, frames: int) -> None:
    """Two tabs of each of 25 people. Every frame is corrected exactly once; what two were given would be corrected twice or refused."""
    given: Counter[str] = Counter()
    faults: list[BaseException] = []
    start = threading.Barrier(annotators)
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as connection:
            for number in range(frames):
                opinions.add_frame(connection, frame(frame_id=f"{number:064x}"), by="lin")

        def work(number: int) -> None:
            person, tab = f"person {number % (annotators // 2)}", f"tab {number}"
            last: str | None = None
            try:
                start.wait()
                while True:
                    with store.writing() as connection:
                        found = leases.reserve(connection, by=person, tab=tab, now=NOON, after=last)
                    if found is None:
                        return
                    given[found.frame_id] += 1
                    with store.writing() as connection:
                        opinions.add_correction(connection, correction(found.frame_id, author=person), at=NOON)
                    last = found.frame_id
            except BaseException as error:  # noqa: BLE001 - told by the test
                faults.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(annotators)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.reading() as connection:
            told = connection.execute("SELECT count(*), count(DISTINCT frame) FROM corrections").fetchone()
    assert faults == []
    assert (len(given), set(given.values())) == (frames, {1})
    assert tuple(told) == (frames, frames)


@pytest.mark.parametrize("line", [*PRESSING, WAIT], ids=lambda line: line.why)
@pytest.mark.parametrize("which", ["TRUE", FRESH, *BEHIND], ids=["all", "fresh", "ties behind", "behind"])
def test_a_draw_is_read_from_an_index_in_its_order(record: Store, line: leases.Line, which: str) -> None:
    values = {"by": "ann", "tab": "1", "left": 1, "uncertainty": 0.5}
    with record.reading() as connection:
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {leases.statement(line, which)}", values)]
    assert line.index in plan[0]
    assert not [step for step in plan if "TEMP B-TREE" in step or (step.startswith("SCAN") and line.index not in step)]


def steps_of(connection: sqlite3.Connection, line: leases.Line) -> int:
    """SQLite's own steps, tens of them; they do not depend on the machine."""
    count = 0

    def counted() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(counted, 10)
    connection.execute(leases.statement(line), {"by": "ann", "tab": "1", "left": None, "uncertainty": None}).fetchone()
    connection.set_progress_handler(None, 0)
    return count * 10


def test_a_draw_from_many_costs_what_it_costs_from_few(record: Store) -> None:
    with record.reading() as connection:
        few = {line.why: steps_of(connection, line) for line in (*PRESSING, WAIT)}
    with record.writing() as connection:
        for number in range(1_000, 3_000):
            opinions.add_frame(connection, frame(frame_id=f"{number:064x}"), by="lin")
    with record.reading() as connection:
        many = {line.why: steps_of(connection, line) for line in (*PRESSING, WAIT)}
    assert max(many[why] - few[why] for why in few) <= 10
