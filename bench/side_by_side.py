"""Ours and Label Studio at the same work in turns: the annotator's cycle, eight people beside an import, and lists. 10,000 frames in each."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from annotations import audit
from annotations.store import FILE, Store
from bench.annotators import Annotator, Diary, at_once, together
from bench.figures import Figure
from bench.label_studio import Peer, result, tasks
from bench.measure import cpu_seconds, median, percentile
from bench.servers import Running

LABEL_STUDIO = "Label Studio"
EIGHT = 8
BOTH = ("label studio", "ours")


@dataclass(slots=True)
class Turn:
    """What one of both did in its turns."""

    diaries: list[Diary] = field(default_factory=list)
    middles: list[float] = field(default_factory=list)  # seconds of the middle cycle, a number a round
    rates: list[float] = field(default_factory=list)  # cycles a second, a number a round
    cpu: float = 0.0

    def add(self, diary: Diary, wall: float, cpu: float) -> None:
        """One more round."""
        cycles = diary.seconds.get("cycle", [])
        self.diaries.append(diary)
        self.middles.append(median(cycles))
        self.rates.append(len(cycles) / wall)
        self.cpu += cpu

    @property
    def cycles(self) -> list[float]:
        """Seconds of every cycle."""
        return together(self.diaries).seconds["cycle"]


def cycles(mine: Running, peer: Peer | None, project: int, rounds: int, data: Path) -> Iterator[Figure]:
    """Rows 1 and 2: submit and get the next, alone and with eight people; ours as the inspector does it, and as a program does it."""
    for people, each, theirs in ((1, 60, 6), (EIGHT, 30, 3)):
        for opening in (True, False):
            ours, other = Turn(), Turn()
            for turn in range(rounds):
                if peer is not None:
                    other.add(*_turn(peer.pid, [_labelling(peer, token, project, theirs) for token in peer.tokens[:people]]))
                tabs = [Annotator(mine.address, f"{people}-{opening}-{turn}-{number}") for number in range(people)]
                for tab in tabs:
                    tab.draw()
                ours.add(*_turn(mine.pid, [_working(tab, each, opening=opening) for tab in tabs]))
            yield from _cycle_figures(ours, other if peer else None, people, opening=opening)
    yield from _nothing_wrong(data)


def _cycle_figures(ours: Turn, other: Turn | None, people: int, *, opening: bool) -> Iterator[Figure]:
    who = "alone" if people == 1 else f"{people} at once"
    taken, many = ours.cycles, len(ours.cycles)
    wrong = sum(together(ours.diaries).wrong.values())
    middle, late, cpu = 1000 * median(taken), 1000 * percentile(taken, 0.95), 1000 * ours.cpu / many
    if not opening:
        what = f"submit, next by the API ({who})"
        yield Figure("2", f"{what}, p50", middle, "ms", n=many, wrong=wrong)
        yield Figure("2", f"{what}, p95", late, "ms", 25 if people == EIGHT else None, n=many)
        yield Figure("2", f"{what}, CPU of the server", cpu, "ms", 3, n=many)
        if people == EIGHT:
            yield _rate(Figure("2", what, median(ours.rates), "a second", 300, "more", times_goal=60, n=many), ours, other)
        return
    what, (latest, times_goal) = f"submit, next, open ({who})", {1: (40.0, 15.0), EIGHT: (250.0, 8.0)}[people]
    figures = [
        Figure("1", f"{what}, p50", middle, "ms", times_goal=times_goal, n=many, wrong=wrong),
        Figure("1", f"{what}, p95", late, "ms", latest, n=many),
        Figure("1", f"{what}, CPU of the server", cpu, "ms", 15, n=many),
    ]
    if other is not None:
        theirs = 1000 * median(other.cycles), 1000 * percentile(other.cycles, 0.95), 1000 * other.cpu / len(other.cycles)
        figures = [replace(each, peer=value, against=LABEL_STUDIO) for each, value in zip(figures, theirs, strict=True)]
        figures[0] = replace(figures[0], times=tuple(round(a / b, 1) for a, b in zip(other.middles, ours.middles, strict=True)))
    yield from figures


def _rate(figure: Figure, ours: Turn, other: Turn | None) -> Figure:
    if other is None:
        return figure
    times = tuple(round(own / theirs) for theirs, own in zip(other.rates, ours.rates, strict=True))
    return replace(figure, peer=median(other.rates), against=LABEL_STUDIO, times=times)


def eight_and_an_import(
    mine: Running, peer: Peer | None, project: int, data: Path, each: int, bring_in: Callable[[], int]
) -> Iterator[Figure]:
    """Row 3: eight people as fast as they can while something large comes in. What was acknowledged is looked up in the record."""
    before = _corrections(data)
    tabs = [Annotator(mine.address, f"busy-{number}") for number in range(EIGHT)]
    brought: list[int] = []
    over = threading.Event()

    def work() -> float:
        try:
            return at_once([_working(tab, each, opening=False) for tab in tabs])
        finally:
            over.set()

    def importing() -> None:
        while not over.is_set():
            brought.append(bring_in())

    wall = at_once([work, importing])
    diary = together(tab.diary for tab in tabs)
    done = sum(len(tab.diary.saved) for tab in tabs)
    double = len(diary.drawn) - len(set(diary.drawn))
    gone = lost(data, diary) + max(0, done - (_corrections(data) - before))
    theirs = _peer_and_an_import(peer, project) if peer is not None else {}
    where = f"{EIGHT} × {each} cycles beside an import of {sum(brought):,} frames, {done / wall:.0f} a second"
    faults = sum(count for what, count in diary.wrong.items() if what.rsplit(" ", 1)[-1] >= "500")
    other = sum(diary.wrong.values()) - faults
    yield Figure("3", "cycles that were done, beside an import", done, "cycles", EIGHT * each, "more", n=done, note=where)
    for what, ours in (("given to two", double), ("locked", diary.locked), ("5xx", faults), ("lost", gone), ("refused", other)):
        figure = Figure("3", f"{what}, beside an import", ours, "", 0, n=done)
        yield replace(figure, peer=theirs[what], against=f"{LABEL_STUDIO}, {theirs['done']} cycles") if what in theirs else figure


def pages(mine: Running, peer: Peer | None, project: int, frames: int, goal: float, runs: int) -> Iterator[Figure]:
    """Row 6: a page of 30 by its CPU, the first one and one from the middle of the record."""
    theirs = dict(_peer_pages(peer, project, max(4, runs))) if peer is not None else {}
    reader, asked = Annotator(mine.address, "reader"), 60 * runs  # so many of each: CPU is counted in hundredths of a second
    for what, query in LISTS.items():
        deep = _middle(reader, query, frames)
        for place, cursor in (("first page", ""), ("a page in the middle", deep)):
            path = f"/api/v1/frames?limit=30{query}{cursor}"
            began = cpu_seconds(mine.pid)
            for _ in range(asked):
                reader.ask(what, "GET", path)
            cpu = 1000 * (cpu_seconds(mine.pid) - began) / asked
            wrong = sum(many for answer, many in reader.diary.wrong.items() if answer.startswith(f"{what} "))
            figure = Figure("6", f"{what}, {place}, {frames:,} frames, CPU", cpu, "ms", goal, n=asked, wrong=wrong)
            yield replace(figure, peer=theirs[what, place], against=LABEL_STUDIO) if (what, place) in theirs else figure


LISTS = {"newest": "", "one state": "&state=corrected", "one level": "&level=high", "most uncertain first": "&sort=uncertainty"}


def _middle(reader: Annotator, query: str, frames: int) -> str:
    """The cursor of a page behind a few thousand lines; "" when the list is shorter."""
    cursor = ""
    for _ in range(min(30, frames // 400)):
        said = reader.ask("walk", "GET", f"/api/v1/frames?limit=200{query}{cursor}")
        following = None if said is None else orjson.loads(said)["next"]
        if following is None:
            break
        cursor = f"&before={following}"
    return cursor


def _peer_pages(peer: Peer, project: int, runs: int) -> Iterator[tuple[tuple[str, str], float]]:
    client = peer.client()
    low = {"filter": "filter:tasks:predictions_score", "operator": "less", "type": "Number", "value": 0.3}
    done = {"filter": "filter:tasks:total_annotations", "operator": "greater", "type": "Number", "value": 0}
    views: dict[str, tuple[list[dict[str, Any]], list[str]]] = {"newest": ([], []), "one state": ([done], []), "most uncertain first": ([low], ["tasks:predictions_score"])}  # fmt: skip
    for what, (items, order) in views.items():
        view = client.view(project, items, order)
        for place, page in (("first page", 1), ("a page in the middle", 100 if what != "one state" else 2)):
            began = cpu_seconds(peer.pid)
            for _ in range(runs):
                client.ask("GET", f"/api/tasks?view={view}&page={page}&page_size=30&fields=all")
            yield (what, place), 1000 * (cpu_seconds(peer.pid) - began) / runs


def _turn(pid: int, works: list[Callable[[], Diary]]) -> tuple[Diary, float, float]:
    diaries: list[Diary] = []
    began = cpu_seconds(pid)
    wall = at_once([_noting(work, diaries) for work in works])
    return together(diaries), wall, cpu_seconds(pid) - began


def _noting(work: Callable[[], Diary], diaries: list[Diary]) -> Callable[[], None]:
    return lambda: diaries.append(work())


def _working(tab: Annotator, many: int, *, opening: bool) -> Callable[[], Diary]:
    def work() -> Diary:
        tab.cycles(many, opening=opening)
        tab.close()
        return tab.diary

    return work


def _labelling(peer: Peer, token: str, project: int, many: int) -> Callable[[], Diary]:
    """Somebody at Label Studio: get the next task (predictions come with it), submit five boxes and a choice."""

    def work() -> Diary:
        client, diary, dice = peer.client(token), Diary(), random.Random(token)
        for _ in range(many):
            began = time.perf_counter()
            status, said = client.ask("GET", f"/api/projects/{project}/next/")
            if status != 200:
                diary.wrong[f"next {status}"] += 1
                diary.locked += b"locked" in said
                continue
            number = orjson.loads(said)["id"]
            diary.drawn.append(str(number))
            told = {"result": result(dice), "lead_time": 3}
            status, said = client.ask("POST", f"/api/tasks/{number}/annotations/?project={project}", told)
            if status != 201:
                diary.wrong[f"submit {status}"] += 1
                diary.locked += b"locked" in said
            diary.add("cycle", time.perf_counter() - began)
        return diary

    return work


def _peer_and_an_import(peer: Peer, project: int) -> dict[str, int]:
    before, diaries = peer.locked(), list[Diary]()
    works = [_noting(_labelling(peer, token, project, 6), diaries) for token in peer.tokens[:EIGHT]]
    status: list[int] = []
    more = tasks(2000, seed=5)
    at_once([*works, lambda: status.append(peer.client().ask("POST", f"/api/projects/{project}/import", more)[0])])
    diary = together(diaries)
    wrong = Counter(what.rsplit(" ", 1)[-1] for what in diary.wrong.elements())
    faults = sum(count for code, count in wrong.items() if code >= "500") + (status[0] >= 500)
    double = len(diary.drawn) - len(set(diary.drawn))
    return {"given to two": double, "locked": max(peer.locked() - before, diary.locked), "5xx": faults, "done": len(diary.drawn)}


def _corrections(data: Path) -> int:
    with Store.open_readonly(data / FILE) as record, record.reading() as connection:
        number: int = connection.execute("SELECT count(*) FROM corrections").fetchone()[0]
        return number


def lost(data: Path, diary: Diary) -> int:
    """Acknowledged corrections that the record does not hold."""
    asked = "SELECT 1 FROM corrections WHERE frame = (SELECT seq FROM frames WHERE id = ?) AND revision = ?"
    with Store.open_readonly(data / FILE) as record, record.reading() as connection:
        return sum(connection.execute(asked, pair).fetchone() is None for pair in diary.saved.items())


def _nothing_wrong(data: Path) -> Iterator[Figure]:
    """The chain of the audit after all of it."""
    with Store.open_readonly(data / FILE) as record, record.reading() as connection:
        faults = list(audit.faults(connection))
        entries = audit.head(connection)[0]
    yield Figure("2", "faults in the chain of the audit afterwards", len(faults), "", 0, n=entries)
