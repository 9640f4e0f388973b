"""The queue, lists, search, import and export of a record of 10,000 and of 100,000 frames, in CPU time. Nobody stands beside us here: the goals are absolute.

Pages: every filter alone and many together in every order, three pages deep; the figure is the slowest of them. Search: the slowest of words
that are rare, common, of one or two characters, of which there are none. Import: 10,000 frames with five boxes of a machine and of a person each,
whose pictures (tiny ones) are in the vault already: their bytes are hashed and their headers read, nothing is decoded and nothing copied.
"""

from __future__ import annotations

import io
import itertools
import random
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from PIL import Image

from annotations import sheets
from annotations.bringing.importing import Importer
from annotations.formats import records, table
from annotations.queueing import leases, pages, searching
from annotations.queueing.pages import Asked
from annotations.store import FILE, Store
from bench.measure import Row, median
from bench.population import BEGIN, annotate, populate
from core.frames import Vault
from core.profile import read
from core.settings import ASSETS

SIZES = {10_000: 4.0, 100_000: 10.0}
"""Frames, and the most that a page may cost (CPU milliseconds)."""

WORDS = ("hammer", "near hand", "spanner", "bench wet floor", "99999.jpg", "jpg", "ha", "e", "锤子", "nothing of the kind")
IMPORTED = 10_000
FILTERS = {
    "state": (None, "open", "corrected"),
    "level": (None, "high", "undetermined"),
    "verdict": (None, "waiting"),
    "author": (None, "li", "nobody"),
    "source": (None, "upload"),
    "since": (None, BEGIN + timedelta(days=30), BEGIN + timedelta(days=59, hours=12)),
    "until": (None, BEGIN + timedelta(days=10)),
    "wanted": (None, True),
    "binned": (False, True),
}


def measure(work: Path, runs: int) -> list[Row]:
    """CPU milliseconds and seconds; the other column is the goal."""
    rows = []
    for frames, most in SIZES.items():
        data = work / f"{frames}"
        populate(data, frames, corrected=0.3)
        annotate(data, frames // 3)
        with Store(data / FILE) as store:
            rows += [_goal(f"draw of {frames:,}", _draw(store, 60 * runs), 2.0, "ms", runs)]
            rows += [_goal(f"slowest page of {frames:,}", max(_pages(store)), most, "ms", runs)]
            rows += [_goal(f"slowest search in {frames:,}", max(_searches(store, runs)), 5.0, "ms", runs)]
            if frames == IMPORTED:
                rows += _exports(store, runs)
    return [*rows, *_import(work, runs)]


def _goal(what: str, ours: float, goal: float, unit: str, runs: int) -> Row:
    return Row(what, ours, goal, "the goal", unit, runs, absolute_goal=goal)


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _draw(store: Store, times: int) -> float:
    """Fifty people in turns, the transaction included."""
    after: dict[int, str | None] = {}

    def draw(turn: int) -> None:
        with store.writing() as connection:
            now = BEGIN + timedelta(days=90, seconds=turn)
            found = leases.reserve(connection, by=f"person {turn % 50}", tab="1", now=now, after=after.get(turn % 50))
        after[turn % 50] = None if found is None else found.frame_id

    return 1000 * median([_cpu(lambda turn=turn: draw(turn)) for turn in range(times)])  # type: ignore[misc]


def _pages(store: Store) -> Iterator[float]:
    combinations = [dict(zip(FILTERS, chosen, strict=True)) for chosen in itertools.product(*FILTERS.values())]
    alone = [each for each in combinations if sum(value not in (None, False) for value in each.values()) <= 1]
    with store.reading() as connection:
        for chosen in [*alone, *random.Random(3).sample(combinations, 150)]:
            for sort in pages.SORTS:
                asked, cursor = replace(Asked(**chosen), sort=sort), None  # type: ignore[arg-type]
                for _ in range(3):
                    times = []
                    for _ in range(3):
                        began = time.process_time()
                        page = pages.page(connection, asked, limit=30, cursor=cursor)
                        times.append(time.process_time() - began)
                    yield 1000 * median(times)
                    cursor = page.next
                    if cursor is None:
                        break


def _searches(store: Store, runs: int) -> Iterator[float]:
    with store.reading() as connection:
        for word in WORDS:
            yield 1000 * median([_cpu(lambda word=word: searching.frames(connection, word)) for _ in range(runs)])  # type: ignore[misc]


def _exports(store: Store, runs: int) -> list[Row]:
    def whole(lines: Callable[[], Iterator[bytes]]) -> float:
        return median([_cpu(lambda: sum(map(len, lines()))) for _ in range(runs)])

    as_csv = whole(lambda: table.csv_lines(sheets.HEAD, sheets.rows_of(store, Asked())))
    return [
        _goal("export of 10,000 as JSON lines", whole(lambda: records.lines(store)), 0.3, "s", runs),
        _goal("export of 10,000 as CSV", as_csv, 0.8, "s", runs),
    ]


def _import(work: Path, runs: int) -> list[Row]:
    source = _source(work / "10000", work / "source")
    profile = read(ASSETS / "profiles" / "bench.toml")
    taken = []
    for turn in range(min(runs, 3)):
        vault = Vault(work / f"into {turn}")
        for picture in (source / "frames").iterdir():
            place = vault.place(picture.stem)
            place.parent.mkdir(exist_ok=True)
            place.hardlink_to(picture)
        with Store(work / f"into {turn}" / FILE) as store:
            importer = Importer(store, vault, profile, "bench")
            taken.append(_cpu(lambda importer=importer: importer.bring_in(source)))  # type: ignore[misc]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        _goal(f"import of {IMPORTED:,} frames", median(taken), 2.5, "s", runs),
        _goal("most memory of all this", most, 250, "MiB", runs),
    ]


def _source(data: Path, folder: Path) -> Path:
    """A folder to import: the lines of a record, each about a tiny picture of its own."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "grey").save(out, "JPEG")
    begin, end = out.getvalue()[:-2], out.getvalue()[-2:]
    (folder / "frames").mkdir(parents=True)
    with Store(data / FILE) as store, (folder / records.FILE).open("wb") as file:
        for number, line in enumerate(itertools.islice(records.lines(store), IMPORTED)):
            content = begin + b"\xff\xfe\x00\x06" + number.to_bytes(4, "big") + end  # a comment makes it another picture
            frame_id = sha256(content).hexdigest()
            (folder / "frames" / f"{frame_id}.jpg").write_bytes(content)
            old = line[line.index(b'"id":"') + 6 :][:64]
            said = line.replace(old, frame_id.encode()).replace(b'"width":640,"height":480', b'"width":64,"height":48')
            file.write(said)
    return folder
