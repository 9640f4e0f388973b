"""Bytes that change on the disk are found and named; what is damaged is set apart, and everything else is served on."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from annotations import audit
from annotations.keeping import scrubbing
from annotations.store import FILE, connect
from core.errors import StoreError
from core.frames import Vault
from tests import makers
from tests.annotations.clients import desk_of
from tests.annotations.crew import Crew

DAMAGED = 50
VOUCHED = (*audit.ROWS, "audit", *scrubbing.SUMMARIES)
"""What the check can answer for to the letter. Elsewhere it finds what is no page, no key or no type any more."""


@pytest.fixture(scope="module")
def worked_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("worked") / "data"
    with Crew(data, data.parent / "tells", clients=1) as crew:
        crew.start(each=250, seed=1)  # one client with known dice: the same pages every time
        assert crew.ended() == 0
    assert scrubbing.check(data).faults == ()
    return data


def content(record: Path) -> dict[str, list[str]]:
    """Every row of every table that holds any; of a table that cannot be read, that it cannot."""
    with closing(connect(f"{record.as_uri()}?mode=ro")) as connection:
        names = [
            row["name"] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'")
        ]
        found = {}
        for name in names:
            try:
                found[name] = sorted(str(tuple(row)) for row in connection.execute(f"SELECT * FROM {name} NOT INDEXED"))
            except sqlite3.DatabaseError as error:
                found[name] = [str(error)]
        return found


def written(whole: bytes, page: int, dice: random.Random) -> range:
    """Sixteen bytes of a page between which none is empty, if there are such: most pages of a small record are half empty."""
    starts = list(range(page * 4096, (page + 1) * 4096 - 16))
    dice.shuffle(starts)
    start = next((start for start in starts if 0 not in whole[start : start + 16]), starts[0])
    return range(start, start + 16)


def test_a_changed_page_of_the_record_is_found(worked_on: Path, tmp_path: Path) -> None:
    dice = random.Random(3)
    whole = (worked_on / FILE).read_bytes()
    pages = len(whole) // 4096
    before = content(worked_on / FILE)
    became: Counter[str] = Counter()
    wrong, named = [], 0
    for page in dice.sample(range(1, pages), DAMAGED):  # the first is the header, of which the next test is
        raw = bytearray(whole)
        for place in written(whole, page, dice):
            raw[place] ^= dice.randrange(1, 256)
        record = tmp_path / FILE
        record.write_bytes(bytes(raw))
        try:
            faults = list(scrubbing.faults(record))
        except StoreError as error:
            faults = [str(error)]
        if faults:
            became["found"] += 1
            named += any(word in fault for fault in faults for word in (*before, "Entry", "frame"))
            continue
        try:
            after = content(record)
        except sqlite3.DatabaseError as error:
            after = {"schema": [str(error)]}
        changed = [name for name in before if before[name] != after.get(name)]
        became["nothing was there" if not changed else "not vouched for"] += 1
        wrong += [f"page {page}: {name} changed and nobody says so" for name in changed if name in VOUCHED]
    print(f"{DAMAGED} of {pages} pages changed: {dict(became)}; {named} named a table or a row")
    assert wrong == []
    assert became["found"] >= 0.6 * DAMAGED  # the rest of the pages hold hardly anything
    assert became["not vouched for"] <= 0.1 * DAMAGED
    assert named >= 0.6 * became["found"]


def test_a_damaged_header_is_a_sentence(worked_on: Path, tmp_path: Path) -> None:
    raw = bytearray((worked_on / FILE).read_bytes())
    raw[:16] = b"something else!!"
    (tmp_path / FILE).write_bytes(bytes(raw))
    with pytest.raises(StoreError, match="no record of ours"):
        list(scrubbing.faults(tmp_path / FILE))


def test_damaged_frames_are_named_and_set_apart_and_the_others_are_served(tmp_path: Path) -> None:
    data = tmp_path / "data"
    store, desk = desk_of(data)
    frames = [desk.receive(makers.jpeg(20, 15) + number.to_bytes(4, "big"), f"{number}.jpg", by="lin").id for number in range(DAMAGED + 20)]
    dice = random.Random(9)
    harmed = set(dice.sample(frames, DAMAGED))
    for number, frame in enumerate(sorted(harmed)):
        place = data / "frames" / frame[:2] / frame
        raw = bytearray(place.read_bytes())
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        place.write_bytes(bytes(raw) if number % 10 else b"")
    found = scrubbing.check(data)  # beside the one that writes
    assert len(found.faults) == DAMAGED
    assert all(any(frame[:12] in fault for fault in found.faults) for frame in harmed)
    assert {place.name for place in (data / "quarantine").iterdir()} == harmed
    for frame in frames:
        if frame in harmed:
            with pytest.raises(StoreError, match="Bring it back from a backup"):
                desk.picture(frame)
        else:
            assert desk.picture(frame)
    print(f"{DAMAGED} of {len(frames)} frames changed by a bit: {DAMAGED} found and set apart, {len(frames) - DAMAGED} served")
    store.close()


def test_frames_are_read_fast(tmp_path: Path) -> None:
    vault = Vault(tmp_path, floor_bytes=0)
    for number in range(16):
        vault.put(random.Random(number).randbytes(4 * 2**20))
    read = max((vault.scrub() for _ in range(3)), key=lambda each: each.bytes / each.seconds)
    speed = read.bytes / read.seconds / 1e6
    print(f"{read.frames} frames, {speed:.0f} MB/s")
    assert speed >= 100
    shutil.rmtree(tmp_path / "frames")
