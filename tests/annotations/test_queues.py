"""Who is next: the most uncertain that nobody corrected, each once before any comes back, picked from an index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from annotations import opinions
from annotations.queueing import queues
from annotations.store import Store
from core.errors import Malformed, NotFound
from core.schema import Risk
from tests.makers import NOON, assessment, correction, frame

IDS = {letter: f"{ord(letter):064x}" for letter in "abcdefg"}
NAMES = {frame_id: letter for letter, frame_id in IDS.items()}

# letter -> (uncertainty or None: not assessed, level, verdict or None: nobody corrected it), in the order of arrival
POOL: Mapping[str, tuple[float | None, str | None, str | None]] = {
    "a": (0.2, "low", None),
    "b": (0.9, None, None),
    "c": (0.5, "high", None),
    "d": (0.5, "none", None),
    "e": (0.99, "low", "reviewed"),
    "f": (0.95, "high", "cannot_tell"),
    "g": (None, None, None),
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as writing:
            for letter, (uncertainty, level, verdict) in POOL.items():
                one = frame(frame_id=IDS[letter], name=letter)
                opinions.add_frame(writing, one, by="lin")
                if uncertainty is not None:
                    opinions.add_assessment(writing, assessment(one, risk=Risk(level)), uncertainty=uncertainty, at=NOON)
                if verdict in ("reviewed", "cannot_tell"):
                    told = correction(one, verdict=verdict, risk=Risk("medium", said_by="person"))
                    opinions.add_correction(writing, told, at=NOON)
        with store.reading() as reading:
            yield reading


def following(connection: sqlite3.Connection, after: str | None) -> str | None:
    found = queues.following(connection, IDS[after] if after else None)
    return NAMES[found] if found else None


@pytest.mark.parametrize(
    ("after", "expected"),
    [(None, "g"), ("g", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("a", "g"), ("e", "b"), ("f", "b")],
    ids=[
        "top: never assessed",
        "then undetermined",
        "older first",
        "equal",
        "least",
        "round again",
        "after a reviewed one",
        "after one untold",
    ],
)
def test_the_most_uncertain_that_nobody_corrected_is_next(connection: sqlite3.Connection, after: str | None, expected: str) -> None:
    assert following(connection, after) == expected


def test_passing_over_frames_shows_each_waiting_one_once_before_any_comes_back(connection: sqlite3.Connection) -> None:
    seen: list[str | None] = [following(connection, None)]
    for _ in range(9):
        seen.append(following(connection, seen[-1]))
    assert seen == ["g", "b", "c", "d", "a"] * 2


def test_the_only_frame_that_waits_is_not_its_own_successor(tmp_path: Path) -> None:
    with Store(tmp_path / "record.sqlite3") as store:
        with store.reading() as connection:
            assert queues.following(connection) is None
        with store.writing() as connection:
            opinions.add_frame(connection, frame(), by="lin")
        with store.reading() as connection:
            assert queues.following(connection) == frame().id
            assert queues.following(connection, frame().id) is None
            with pytest.raises(NotFound):
                queues.following(connection, "0" * 64)


@pytest.mark.parametrize(
    ("filter", "expected"),
    [("waiting", "gbcda"), ("undetermined", "gb"), ("high", "c"), ("cannot_tell", "f"), ("reviewed", "e"), ("all", "gefbcda")],
)
def test_a_page_holds_what_its_filter_says_most_uncertain_first(connection: sqlite3.Connection, filter: str, expected: str) -> None:
    assert "".join(card.name for card in queues.page(connection, limit=10, filter=filter)) == expected
    pages = [queues.page(connection, limit=2, skip=skip, filter=filter) for skip in range(0, 8, 2)]
    assert "".join(card.name for page in pages for card in page) == expected


def test_every_filter_is_tried_above() -> None:
    assert set(queues.FILTERS) == {"waiting", "undetermined", "high", "cannot_tell", "reviewed", "all"}


def test_an_unknown_filter_is_refused(connection: sqlite3.Connection) -> None:
    with pytest.raises(Malformed, match="no filter"):
        queues.page(connection, limit=1, filter="1; DROP TABLE frames")


def test_a_card_tells_where_a_frame_stands(connection: sqlite3.Connection) -> None:
    cards = {card.name: card for card in queues.newest(connection, limit=10)}
    assert "".join(cards) == "gfedcba"
    assert {name: (card.level, card.uncertainty, card.reviewed, card.revision, card.verdict) for name, card in cards.items()} == {
        "a": ("low", 0.2, False, 0, None),
        "b": (None, 0.9, False, 0, None),
        "c": ("high", 0.5, False, 0, None),
        "d": ("none", 0.5, False, 0, None),
        "e": ("medium", 0.99, True, 1, "reviewed"),
        "f": (None, 0.95, False, 1, "cannot_tell"),
        "g": (None, None, False, 0, None),
    }


def test_walking_back_shows_every_frame_once(connection: sqlite3.Connection) -> None:
    seen, before = "", None
    while page := queues.newest(connection, limit=3, before=before):
        seen += "".join(card.name for card in page)
        before = page[-1].frame_id
    assert seen == "gfedcba"
