"""Searching: words from the middle of a name, Chinese of any length, whatever people type; what is erased is found no more, and no look is unbounded."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations import opinions
from annotations.queueing import searching
from annotations.reviewing import reviews
from annotations.store import Store
from core.errors import Malformed
from tests.makers import NOON, correction, frame

TEXTS = {  # letter -> name of the frame, note of its correction, comment of its review
    "a": ("20231102150443.jpg", "Hammer too near the edge", ""),
    "b": ("工位三.jpg", "锤子放在台边", "请再看一次手套"),
    "c": ("bench_left.PNG", "", ""),
    "d": ("x.jpg", '100 % sure, isn\'t it? "yes" - (NOT sure) * OR', ""),
    "e": ("ÉTABLI.jpg", "M8 螺丝没拧紧", ""),
    "f": ("y_1.jpg", "back\\slash", "the hammer is fine, the glove is not"),
}
IDS = {letter: f"{ord(letter):064x}" for letter in TEXTS}
NAMES = {frame_id: letter for letter, frame_id in IDS.items()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as connection:
            for letter, (name, note, comment) in TEXTS.items():
                opinions.add_frame(connection, frame(frame_id=IDS[letter], name=name), by="lin")
                opinions.add_correction(connection, correction(IDS[letter], note=note), at=NOON)
                if comment:
                    reviews.add(connection, IDS[letter], "returned", comment, 1, by="boss", at=NOON)
        yield store


def found(connection: sqlite3.Connection, said: str) -> str:
    numbers = searching.frames(connection, said)
    ids = [connection.execute("SELECT id FROM frames WHERE seq = ?", (number,)).fetchone()["id"] for number in numbers]
    assert len(ids) == len(set(ids))
    return "".join(sorted(NAMES[frame_id] for frame_id in ids))


@pytest.mark.parametrize(
    ("said", "letters"),
    [
        ("hammer", "af"),
        ("HAMMER", "af"),
        ("amme", "af"),
        ("near hammer", "a"),
        ("hammer glove", "f"),
        ("hammer to", "a"),
        ("1504", "a"),
        ("jpg", "abdef"),
        (".png", "c"),
        ("锤子放", "b"),
        ("锤子", "b"),
        ("锤", "b"),
        ("套", "b"),
        ("手套", "b"),
        ("台边", "b"),
        ("台边 锤", "b"),
        ("螺丝", "e"),
        ("m8", "e"),
        ("M8 螺丝", "e"),
        ("établi", "e"),
        ("ÉT", "e"),
        ("it", "d"),
        ("%", "d"),
        ("_1", "f"),
        ("\\s", "f"),
        ("100 %", "d"),
        ('"yes"', "d"),
        ("isn't", "d"),
        ("(not", "d"),
        ("nothing", ""),
        ("锤锤", ""),
        ("hammer 锤子", ""),
    ],
)
def test_words_and_parts_of_words_are_found_in_every_kind_of_text(store: Store, said: str, letters: str) -> None:
    with store.reading() as connection:
        assert found(connection, said) == letters


@pytest.mark.parametrize(
    "syntax", ["OR", "a OR b", "NEAR(", "*", '"', '""', "text:x", "^", "-x", "(", "AND NOT", "';--", "{a b}:", "a+b", "\x00x"]
)
def test_what_would_be_syntax_elsewhere_is_a_word_here(store: Store, syntax: str) -> None:
    with store.reading() as connection:
        assert isinstance(searching.frames(connection, syntax), list)


def test_nothing_that_people_type_is_an_error_of_the_record(store: Store) -> None:
    tried = 0

    @settings(max_examples=300, deadline=None)
    @given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\"'*():^-+{} 锤子OR\\%_")), max_size=30))
    def type_it(said: str) -> None:
        nonlocal tried
        tried += 1
        with store.reading() as connection, suppress(Malformed):
            searching.frames(connection, said)

    type_it()
    assert tried >= 300


@pytest.mark.parametrize(("said", "reason"), [("x" * 201, "200 characters"), ("  \n ", "needs a word"), ("a b c d e f g h i", "8 words")])
def test_a_query_that_cannot_be_answered_says_why(store: Store, said: str, reason: str) -> None:
    with store.reading() as connection, pytest.raises(Malformed, match=reason):
        searching.frames(connection, said)


def test_what_was_dropped_is_found_no_more_and_no_part_of_it_is_left(store: Store) -> None:
    with store.writing() as connection:
        number = opinions.number_of(connection, IDS["b"])
        assert searching.drop(connection, number) == 3
        assert searching.drop(connection, number) == 0
    with store.reading() as connection:
        for said in ("锤子放", "锤子", "工位三", "手套"):
            assert found(connection, said) == ""
        assert connection.execute("SELECT count(*) FROM found_parts WHERE term LIKE '%锤%' OR term LIKE '%工%'").fetchone()[0] == 0
        assert found(connection, "hammer") == "af"
    with store.writing() as connection:
        connection.execute("INSERT INTO found (found, rank) VALUES ('integrity-check', 1)")  # index and texts say the same


def test_the_index_and_the_texts_say_the_same(store: Store) -> None:
    with store.writing() as connection:
        connection.execute("INSERT INTO found (found, rank) VALUES ('integrity-check', 1)")
        rows = connection.execute("SELECT kind, count(*) AS n FROM texts GROUP BY kind ORDER BY kind").fetchall()
    assert [tuple(row) for row in rows] == [("comment", 2), ("name", 6), ("note", 5)]


def test_what_every_text_holds_is_looked_for_in_the_newest_only(tmp_path: Path) -> None:
    most = searching.MOST_FOUND
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as connection:
            opinions.add_frame(connection, frame(), by="lin")
            texts = [(1, "note", number, "the same 螺丝 of all\n\n") for number in range(1, most + 500)]
            connection.executemany("INSERT INTO texts (frame, kind, row, text) VALUES (?, ?, ?, ?)", texts)
        with store.reading() as connection:
            assert len(connection.execute(searching.FOUND, {"phrases": '"same"', "checked": False, "most": most}).fetchall()) == most
            assert searching.frames(connection, "same") == searching.frames(connection, "螺丝") == [1]
            begun = connection.execute(searching.BEGUN, {"first": "螺丝", "behind": "螺丝" + chr(0x10FFFF), "most": searching.MOST_PARTS})
            assert len(begun.fetchall()) == searching.MOST_PARTS
