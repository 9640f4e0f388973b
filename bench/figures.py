"""One measured number each, with its goal and the peer's number beside it, and how they are written down. Measures nothing."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """`times`: how many times better than the peer, a number a round; the middle one is held against `times_goal`."""

    row: str  # of the table of goals: "1", "2" ... or "load"
    what: str
    ours: float
    unit: str
    goal: float | None = None  # None: only told
    better: Literal["less", "more"] = "less"
    peer: float | None = None
    against: str = ""  # who the peer is
    times: tuple[float, ...] = ()
    times_goal: float | None = None
    n: int = 1  # measured values behind `ours`
    note: str = ""
    wrong: int = 0  # answers on the way to it that were no good ones: then no goal is reached

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer: the middle of the rounds, or of the two numbers when there was one round. None of nothing."""
        if self.times:
            return statistics.median(self.times)
        if self.peer is None:
            return None
        above, below = (self.peer, self.ours) if self.better == "less" else (self.ours, self.peer)
        return above / below if below else None

    @property
    def reached(self) -> bool | None:
        """Whether every goal that was set is reached; None: none was set, or the peer that it speaks of is not here."""
        held = [False] if self.wrong else []
        if self.goal is not None:
            held.append(self.ours <= self.goal if self.better == "less" else self.ours >= self.goal)
        if self.times_goal is not None and self.ratio is not None:
            held.append(self.ratio >= self.times_goal)
        return all(held) if held else None

    @property
    def goals(self) -> str:
        """The goals as one reads them."""
        sign = "≤" if self.better == "less" else "≥"
        own = [f"{sign} {shown(self.goal)} {self.unit}"] if self.goal is not None else []
        return ", ".join([*own, *([f"≥ {self.times_goal:g}×"] if self.times_goal is not None else [])])

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "ratio": None if self.ratio is None else round(self.ratio, 2), "reached": self.reached}


def shown(number: float) -> str:
    """A number as short as it is true.

    >>> shown(0.0234), shown(4.56), shown(123.4), shown(45678.0), shown(0)
    ('0.023', '4.6', '123', '45,678', '0')
    """
    if number == 0 or abs(number) >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.2g}" if abs(number) < 1 else f"{number:.1f}"


def about(figure: Figure) -> str:
    """What has to be known of it."""
    wrong = [f"{figure.wrong} answers were no good ones"] if figure.wrong else []
    return "; ".join([*([figure.note] if figure.note else []), *wrong])


def line(figure: Figure) -> str:
    """For the terminal, as soon as it is measured."""
    mark = {True: "reached", False: "MISSED", None: ""}[figure.reached]
    beside = (
        ""
        if figure.peer is None
        else f"{shown(figure.peer)} {figure.unit} ({figure.against})" + (f", {shown(figure.ratio)}×" if figure.ratio is not None else "")
    )
    return f"{figure.row:>4}  {figure.what:62} {shown(figure.ours):>8} {figure.unit:12} {figure.goals:24} {mark:8} {beside} {about(figure)}"


def table(figures: Sequence[Figure]) -> str:
    """For a page: one line a figure."""
    head = "| row | what | ours | goal | reached | beside | times better | n |\n|---|---|---:|---|---|---|---:|---:|\n"
    marks = {True: "yes", False: "**no**", None: ""}
    return head + "".join(
        f"| {each.row} | {each.what}{f' ({told})' if (told := about(each)) else ''} | {shown(each.ours)} {each.unit} | {each.goals} | "
        f"{marks[each.reached]} | {'' if each.peer is None else f'{each.against}: {shown(each.peer)} {each.unit}'} | {_rounds(each)} | {each.n:,} |\n"
        for each in figures
    )


def _rounds(figure: Figure) -> str:
    if figure.ratio is None:
        return ""
    if len(figure.times) < 2:
        return f"{shown(figure.ratio)}×"
    return f"{shown(figure.ratio)}× ({', '.join(shown(each) for each in figure.times)})"
