"""What every page of the dashboard stands on: the reports it may read, the profile, the language of this visitor. It writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from annotations.exporting import Exports
from annotations.freezing.sets import Datasets
from annotations.learning.adapters import Adapters
from annotations.learning.bought import Bought
from annotations.learning.lessons import Lessons
from annotations.picking.drawn import Picking
from annotations.reports import Reports
from core.errors import AppError
from core.profile import Profile
from core.rights import Actor
from ui.identity import actor_in
from ui.marks import MARKS, mark
from ui.texts import LANGUAGES, Texts
from ui.trainings import Trainings
from ui.wire import without_paths


@dataclass(frozen=True, slots=True)
class Learning:
    """What the pages about learning read. What they change they ask of the API, as everything here."""

    picking: Picking
    sets: Datasets
    adapters: Adapters
    bought: Bought
    trainings: Trainings
    exports: Exports | None = None  # None: what was written out is not known here
    lessons: Lessons | None = None  # None: what may teach is not looked into here


@dataclass(frozen=True, slots=True)
class Board:
    """Handed over once by whoever serves the dashboard."""

    reports: Reports
    profile: Profile
    language: str  # of a first visitor
    api: str  # http://host:port of our own API, for the one thing a page asks it to write
    guarded: bool = False  # a doorman stands before it, and writes into the headers who looks
    learning: Learning | None = None  # None: this server teaches nothing


_handed: dict[str, Board] = {}
"""Streamlit runs a page as a script and hands it no arguments, so the one board of the process waits here."""

COLOURS = {"high": "red", "medium": "orange", "low": "blue", "none": "green", "undetermined": "violet"}
"""Streamlit's names for the colours of `ui.marks`; .streamlit/config.toml gives them their values."""


def hand_over(board: Board) -> None:
    """Put the board where the pages find it."""
    _handed["board"] = board


def board() -> Board:
    """The board of this process. Raises KeyError when nobody handed one over."""
    return _handed["board"]


def choose_language() -> str:
    """The visitor's language: what the address says, then what was chosen before, then the house's. The address is kept in step."""
    asked = st.query_params.get("lang")
    chosen: str = asked if asked in LANGUAGES else st.session_state.get("language", board().language)
    st.session_state["language"] = chosen
    if asked != chosen:
        st.query_params["lang"] = chosen
    return chosen


def words() -> Texts:
    """The words of this visitor's language."""
    return Texts(st.session_state.get("language", board().language))


@contextmanager
def readable() -> Iterator[None]:
    """What is shown in the place of a page while the record cannot be read: the reason, as a sentence."""
    try:
        yield
    except AppError as error:
        st.error(words()("dashboard.unreadable", why=literal(without_paths(str(error)))))


def visitor() -> Actor:
    """Who looks, as the doorman wrote it into the headers of this visitor's socket."""
    return actor_in(st.context.headers, guarded=board().guarded)


def dark() -> bool:
    """Whether this visitor sees light text on dark ground."""
    return st.context.theme.type == "dark"


def badge(level: str | None, say: Texts) -> str:
    """A risk level as Markdown: shape, word and colour together."""
    key = "undetermined" if level is None else level
    return f":{COLOURS[key]}-badge[{mark(level).shape} {say(f'dashboard.level.{key}')}]"


def level_word(level: str | None, say: Texts) -> str:
    """A risk level as plain text: shape and word."""
    key = level if level in MARKS else "undetermined"
    return f"{MARKS[key].shape} {say(f'dashboard.level.{key}')}"


def percent(share: float, say: Texts) -> str:
    """A share as people of this language write it.

    >>> percent(0.914, Texts("en")), percent(0.914, Texts("zh"))
    ('91 %', '91%')
    """
    return say("dashboard.percent", n=f"{100 * share:.0f}")


def counted(key: str, count: int, say: Texts, **values: object) -> str:
    """The sentence of a key about `count` things; there may be one of its own for a single thing.

    >>> counted("dashboard.data.answer", 1, Texts("en"), n=1)
    'One reviewed frame can become training data.'
    """
    one = f"{key}.one"
    return say(one if count == 1 and one in say.words else key, **values)


def whole(count: int) -> str:
    """A count with its thousands apart.

    >>> whole(12345)
    '12,345'
    """
    return f"{count:,}"


def literal(text: str) -> str:
    """Somebody else's words for a place that reads Markdown: nothing in them is taken as Markdown.

    >>> literal("a`](javascript:x)")
    "`a'](javascript:x)`"
    """
    flat = " ".join(text.split()).replace("`", "'")
    return f"`{flat or ' '}`"
