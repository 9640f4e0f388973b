"""Pages of frames: every filter with every other in every order gives what a plain look at all frames gives, and no page costs more in a large record."""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from annotations import opinions
from annotations.queueing import pages
from annotations.queueing.pages import Asked, asked_of
from annotations.reviewing import bins, reviews, second_opinions
from annotations.store import Store
from core.errors import Malformed, NotFound
from core.schema import Risk
from tests.makers import NOON, assessment, correction, frame

FRAMES = 120
FILTERS: dict[str, list[Any]] = {
    "state": [None, "open", "corrected", "returned", "disputed"],
    "level": [None, "high", "undetermined"],
    "verdict": [None, "waiting", "cannot_tell"],
    "author": [None, "ann", "nobody"],
    "source": [None, "api"],
    "since": [None, NOON + timedelta(minutes=30)],
    "until": [None, NOON + timedelta(minutes=90)],
    "wanted": [None, True, False],
    "binned": [False, True],
    "search": [None, "锤子", "night shift"],
}
COMBINATIONS = [dict(zip(FILTERS, chosen, strict=True)) for chosen in itertools.product(*FILTERS.values())]
WAYS = {"by an index": (pages.FEW, pages.LOOK), "walking": (-1, pages.LOOK), "walking in short steps": (-1, 7)}


def said_of(connection: sqlite3.Connection, number: int, dice: random.Random) -> None:
    """One frame with a fate of its own; its clock goes back now and then."""
    at = NOON + timedelta(minutes=number - (5 if number % 10 == 0 else 0))
    name = dice.choice(["bench.jpg", "锤子.jpg", "NIGHT shift.jpg"])
    one = frame(frame_id=f"{number:064x}", name=name, received_at=at, source=dice.choice(["upload", "api"]))
    opinions.add_frame(connection, one, by="lin")
    if dice.random() < 0.8:
        said = assessment(one, risk=Risk(dice.choice([None, "low", "high"])))
        opinions.add_assessment(connection, said, uncertainty=dice.choice([0.0, 0.00001, 0.25, 0.5, 1.0]), at=at)
    fate = dice.choice(["waits", "told", "returned", "cannot tell", "asked", "disputed", "binned"])
    if fate != "waits":
        verdict = "cannot_tell" if fate == "cannot tell" else "reviewed"
        told = correction(
            one, author=dice.choice(["ann", "bo"]), verdict=verdict, note=dice.choice(["", "the night shift forgot it", "锤子"])
        )
        opinions.add_correction(connection, told, at=at)
    if fate == "returned":
        reviews.add(connection, one.id, "returned", "look again", 1, by="boss", at=at)
    if fate in ("asked", "disputed"):
        second_opinions.want(connection, one.id, 2, by="boss", at=at)
    if fate == "disputed":
        second_opinions.add(connection, correction(one, author="cy", risk=Risk("high", said_by="person")), at=at)
    if fate == "binned":
        bins.move(connection, one.id, into=True, why="blurred", by="boss", at=at)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    dice = random.Random(11)
    with Store(tmp_path_factory.mktemp("pages") / "record.sqlite3") as store:
        with store.writing() as connection:
            for number in range(FRAMES):
                said_of(connection, number, dice)
        with store.reading() as connection:
            yield connection


@pytest.fixture(scope="module")
def everything(record: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every frame with all that a list can ask of it, by a plain look."""
    found = [dict(row) for row in record.execute("SELECT s.*, f.id FROM frame_states s JOIN frames f ON f.seq = s.frame ORDER BY s.frame")]
    for row in found:
        row["texts"] = [
            text[0].lower()
            for text in record.execute(
                "SELECT name FROM frames WHERE seq = ?1 UNION ALL SELECT note FROM corrections c JOIN frame_states s ON s.frame = c.frame "
                "WHERE c.frame = ?1 AND NOT (s.wanted > s.opinions + 1 AND s.state = 'corrected')",  # others shall not see it yet
                (row["frame"],),
            )
        ]
    return found


def passes(row: dict[str, Any], asked: dict[str, Any]) -> bool:
    at = datetime.fromisoformat(row["received_at"])
    wanted = row["wanted"] > row["opinions"] + 1 and row["correction"] is not None and not row["binned"]
    return (
        (asked["state"] in (None, row["state"]))
        and (asked["level"] in (None, row["level"] or "undetermined"))
        and (asked["verdict"] in (None, row["verdict"] or "waiting"))
        and (asked["author"] in (None, row["author"]))
        and (asked["source"] in (None, row["source"]))
        and (asked["since"] is None or at >= asked["since"])
        and (asked["until"] is None or at < asked["until"])
        and (asked["wanted"] in (None, wanted))
        and asked["binned"] == bool(row["binned"])
        and (asked["search"] is None or any(all(word in text for word in asked["search"].split()) for text in row["texts"]))
    )


def expected(everything: list[dict[str, Any]], asked: dict[str, Any], sort: str) -> list[str]:
    timed = asked["since"] is not None or asked["until"] is not None
    keys = {
        "newest": lambda row: (row["received_at"] if timed else "", row["frame"]),
        "oldest": lambda row: (row["received_at"] if timed else "", row["frame"]),
        "uncertainty": lambda row: (-row["uncertainty"], row["frame"]),
    }
    return [row["id"] for row in sorted(filter(lambda row: passes(row, asked), everything), key=keys[sort], reverse=sort == "newest")]


def walked(connection: sqlite3.Connection, asked: Asked, limit: int, few: int, look: int) -> list[str]:
    """All pages one behind the other."""
    found: list[str] = []
    cursor = None
    for _ in range(FRAMES + 2):
        page = pages.page(connection, asked, limit=limit, cursor=cursor, few=few, look=look)
        assert len(page.cards) <= limit
        found += [card.frame_id for card in page.cards]
        cursor = page.next
        if cursor is None:
            return found
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sort", pages.SORTS)
def test_all_filters_together_give_what_a_plain_look_gives(
    record: sqlite3.Connection, everything: list[dict[str, Any]], sort: str, way: str
) -> None:
    few, look = WAYS[way]
    dice = random.Random(f"{sort} {way}")
    alone = [c for c in COMBINATIONS if sum(value not in (None, False) for value in c.values()) <= 1]
    tried, full = 0, 0
    for chosen in [*alone, *dice.sample(COMBINATIONS, 120)]:
        limit = dice.choice([1, 5, 30, 200])
        right = expected(everything, chosen, sort)
        assert walked(record, Asked(**chosen, sort=sort), limit, few, look) == right, (chosen, limit)
        tried, full = tried + 1, full + bool(right)
    assert (tried, full > 30) == (len(alone) + 120, True), f"{tried} tried, {full} of them with frames in them"


def test_no_frame_that_was_put_away_is_listed_unless_it_is_asked_for(record: sqlite3.Connection, everything: list[dict[str, Any]]) -> None:
    away = {row["id"] for row in everything if row["binned"]}
    shown = set(walked(record, Asked(), 50, pages.FEW, pages.LOOK))
    assert away
    assert not away & shown
    assert set(walked(record, Asked(binned=True), 50, pages.FEW, pages.LOOK)) == away
    assert len(away | shown) == FRAMES


def test_a_page_goes_on_where_it_stood_although_a_machine_spoke_meanwhile(tmp_path: Path) -> None:
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as connection:
            for number in range(6):
                one = frame(frame_id=f"{number:064x}")
                opinions.add_frame(connection, one, by="lin")
                opinions.add_assessment(connection, assessment(one), uncertainty=0.9 - number / 10, at=NOON)
        asked = Asked(sort="uncertainty")
        with store.reading() as connection:
            first = pages.page(connection, asked, limit=3)
        with store.writing() as connection:
            last = first.cards[-1].frame_id
            opinions.add_assessment(connection, assessment(last, model="another"), uncertainty=0.01, at=NOON)
        with store.reading() as connection:
            second = pages.page(connection, asked, limit=3, cursor=first.next)
    assert [card.frame_id for card in second.cards] == [f"{number:064x}" for number in (3, 4, 5)]
    assert second.next is not None, "and the one of which a machine thinks otherwise comes once more"


@pytest.mark.parametrize("index", [None, *pages.INDEXES], ids=str)
@pytest.mark.parametrize("sort", pages.SORTS)
@pytest.mark.parametrize("timed", [False, True], ids=["any time", "of a time"])
def test_a_walk_sorts_nothing_and_few_are_read_by_their_index(
    record: sqlite3.Connection, sort: str, timed: bool, index: str | None
) -> None:
    asked = Asked(sort=sort, since=NOON if timed else None, verdict="waiting", state="open", wanted=index == "wanted" or None)
    walk = pages.walk_of(asked)
    values = {**pages.values_of(asked), "frame": 5, "uncertainty": 0.5, "received_at": "", "look": 10, "limit": 10}
    values |= {"end_frame": 3, "end_uncertainty": 0.1, "end_received_at": ""}
    for piece in ("TRUE", *walk.behind):
        if index is None:
            for statement in (
                *(pages.walk_statement(asked, walk, piece, before) for before in walk.before),
                pages.end_statement(walk, piece),
            ):
                plan = [row["detail"] for row in record.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
                assert len(plan) == 1, plan
                assert sort != "uncertainty" or "COVERING INDEX frame_states_by_uncertainty" in plan[0], plan
        elif pages.leading(asked, index) is not None:
            statement = pages.few_statement(asked, walk, piece, f"INDEXED BY {pages.INDEXES[index]}")
            plan = [row["detail"] for row in record.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            assert pages.INDEXES[index] in plan[0], plan


def test_every_page_of_a_large_record_stays_within_its_steps(record: sqlite3.Connection, tmp_path: Path) -> None:
    """Counted in SQLite's own steps: a walk looks at `look` frames and not at all of them, wherever it begins."""
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as connection:
            for number in range(3_000):
                opinions.add_frame(connection, frame(frame_id=f"{number:064x}", received_at=NOON + timedelta(seconds=number)), by="lin")
        with store.reading() as connection:
            counted = {}
            for sort in pages.SORTS:
                for timed in (None, NOON):
                    asked = Asked(author="nobody", level="high", since=timed, sort=sort)
                    steps = 0

                    def count() -> int:
                        nonlocal steps
                        steps += 1
                        return 0

                    connection.set_progress_handler(count, 10)
                    page = pages.page(connection, asked, limit=30, few=-1, look=100)
                    connection.set_progress_handler(None, 0)
                    assert page.cards == []
                    assert page.next is not None
                    counted[sort, timed is None] = steps * 10
    assert max(counted.values()) < 5_000, counted  # one look at 3,000 frames alone would be more than 20,000


WRONG = {
    "another word": ({"colour": "red"}, "There are: state, level"),
    "a state that is none": ({"state": "done"}, "state is one of open"),
    "a level that is none": ({"level": "danger"}, "level is one of none"),
    "a verdict that is none": ({"verdict": "ok"}, "verdict is one of waiting"),
    "a sort that is none": ({"sort": "name"}, "sort is one of newest, oldest, uncertainty"),
    "a time that is none": ({"since": "yesterday"}, "since is no time"),
    "a time before all times": ({"until": "0001-01-01T00:00:00+23:59"}, "until is no time"),
    "perhaps": ({"wanted": "perhaps"}, "wanted is true or false"),
    "a number for an author": ({"author": 7}, "author is a text"),
    "a long author": ({"author": "x" * 301}, "author is a text"),
    "a list": ({"state": ["open"]}, "state is one of"),
}


@pytest.mark.parametrize(("said", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_no_filter_is_refused_with_what_there_is(said: dict[str, object], reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        asked_of(said)


def test_plain_words_become_what_they_say() -> None:
    said = {"state": "open", "level": "undetermined", "wanted": "true", "binned": False, "since": "2026-11-20 06:00", "sort": "oldest"}
    assert asked_of(said) == Asked(
        state="open", level="undetermined", wanted=True, since=datetime(2026, 11, 20, 6, tzinfo=UTC), sort="oldest"
    )
    assert asked_of({"author": None}) == Asked()


@pytest.mark.parametrize("cursor", ["0" * 64, "0.5~99999", "nan~1", "x"])
def test_a_cursor_that_leads_nowhere_is_not_found(record: sqlite3.Connection, cursor: str) -> None:
    first = record.execute("SELECT id FROM frames ORDER BY seq DESC LIMIT 1").fetchone()["id"]
    assert pages.page(record, Asked(), limit=5, cursor=first).cards
    with pytest.raises(NotFound):
        pages.page(record, Asked(), limit=5, cursor=cursor if cursor != "0" * 64 else "f" * 64)


def test_all_of_a_list_are_given_for_a_bulk_verb_or_none(record: sqlite3.Connection, everything: list[dict[str, Any]]) -> None:
    right = expected(everything, {name: values[0] for name, values in FILTERS.items()}, "newest")
    assert list(pages.every(record, Asked(), most=FRAMES)) == right
    with pytest.raises(Malformed, match="more than 3 frames"):
        list(pages.every(record, Asked(), most=3))
