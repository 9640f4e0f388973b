"""What must cost the same in a large record as in a small one: the draw of the next frame, and the search through notes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import orjson

from annotations.store import FILE, Store
from bench.annotators import Annotator
from bench.figures import Figure
from bench.measure import cpu_seconds, median
from bench.servers import Running

WANTED = ("spanner", "guard missing", "cable across drill")
"""Rare, and of several words."""


def draws(mine: Running, frames: int) -> Iterator[Figure]:
    """Row 4: the next frame, reserved, by the CPU of the server and by the clock; each draw is for another tab."""
    tabs = [Annotator(mine.address, f"draw-{frames}-{number}") for number in range(200)]
    for tab in tabs[:20]:
        tab.draw()
    began = cpu_seconds(mine.pid)
    for tab in tabs[20:]:
        tab.draw()
    cpu = 1000 * (cpu_seconds(mine.pid) - began) / 180
    taken = [each for tab in tabs[20:] for each in tab.diary.seconds["next"]]
    yield Figure("4", f"draw of the next, reserved, {frames:,} frames, CPU", cpu, "ms", 2, n=len(taken))
    yield Figure("4", f"draw of the next, reserved, {frames:,} frames, p50", 1000 * median(taken), "ms", n=len(taken))


def searches(mine: Running, data: Path, runs: int) -> Iterator[Figure]:
    """Row 14: frames by the words of their notes, asked of the server, beside LIKE over the same notes in the same file. By CPU."""
    reader = Annotator(mine.address, "reader")
    for words in WANTED:
        path = f"/api/v1/frames?limit=30&search={quote(words)}"
        found = reader.ask("first", "GET", path)
        lines = len(orjson.loads(found)["frames"]) if found else 0
        began = cpu_seconds(mine.pid)
        for _ in range(runs):
            reader.ask(words, "GET", path)
        cpu, like = 1000 * (cpu_seconds(mine.pid) - began) / runs, 1000 * _like(data, words, max(3, runs // 10))
        wrong = sum(many for answer, many in reader.diary.wrong.items() if answer.startswith(f"{words} ")) + (lines == 0)
        what = f'search "{words}" in {_notes(data):,} notes, by the API, CPU'
        note = f"a page of {lines}; {1000 * median(reader.diary.seconds[words]):.1f} ms by the clock"
        yield Figure("14", what, cpu, "ms", 5, peer=like, against="LIKE, no server", n=runs, note=note, wrong=wrong)


def _like(data: Path, words: str, runs: int) -> float:
    """CPU seconds of one page found the plain way."""
    where = " AND ".join("note LIKE ?" for _ in words.split())
    values = [f"%{word}%" for word in words.split()]
    began = time.process_time()
    with Store.open_readonly(data / FILE) as record:
        for _ in range(runs):
            with record.reading() as connection:
                connection.execute(f"SELECT frame FROM corrections WHERE {where} ORDER BY seq DESC LIMIT 30", values).fetchall()
    return (time.process_time() - began) / runs


def _notes(data: Path) -> int:
    with Store.open_readonly(data / FILE) as record, record.reading() as connection:
        number: int = connection.execute("SELECT count(*) FROM corrections WHERE note <> ''").fetchone()[0]
        return number
