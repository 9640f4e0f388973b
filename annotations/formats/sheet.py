"""A table of boxes for spreadsheets: a line a finding, a line without a label for a frame in which nothing is; what is true of the whole frame in each.

Corners are pixels of the frame. No text in it can become a formula (`annotations.formats.table`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from annotations.bringing.incoming import Incoming, Refused
from annotations.formats.heard import Heard, Hearing, incoming, small_enough, unit
from annotations.formats.labelled import ALL, Frames
from annotations.formats.table import Cell, csv_lines, restored
from core.errors import Malformed
from core.profile import Profile
from core.schema import FIELDS

FILE = "frames.csv"
CARRIES = ALL
ABOUT = "spreadsheets, pandas. Hazards by name, without their boxes"

MOST_BYTES = 256 * 2**20
CORNERS = ("xmin", "ymin", "xmax", "ymax")
HEAD = ("filename", "width", "height", "label", *CORNERS, *FIELDS, "risk", "violations")


def write(frames: Frames, profile: Profile, folder: Path) -> tuple[Path, ...]:
    """One file, line by line."""
    path = folder / FILE
    with path.open("wb") as file:
        for line in csv_lines(HEAD, _rows(frames)):
            file.write(line)
    return (path,)


def _rows(frames: Frames) -> Iterator[tuple[Cell, ...]]:
    for each in frames(False):
        said = each.said
        whole = [getattr(said.step, name).value for name in FIELDS]
        whole += [said.risk.level, " ".join(dict.fromkeys(fault.hazard for fault in said.violations))]
        frame = (each.image, each.width, each.height)
        if not said.findings:
            yield *frame, None, None, None, None, None, *whole
        for thing in said.findings:
            corners: list[Cell] = [None] * 4
            if thing.box is not None:
                sides = (each.width, each.height, each.width, each.height)
                corners = [round(corner * side, 2) for corner, side in zip(thing.box, sides, strict=True)]
            yield *frame, thing.label, *corners, *whole


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Frame by frame: lines of one file name that stand together. Raises Malformed for a file without the first eight columns.

    The label may be headed `class`; the columns behind the corners may be missing.
    """
    small_enough(path, MOST_BYTES)
    hearing = Hearing(profile, by)
    try:
        with path.open("r", encoding="utf-8-sig", newline="") as file:
            rows = enumerate(_rows_of(path.name, csv.DictReader(file)), start=2)
            seen: set[str] = set()
            for name, lines in groupby(rows, key=lambda row: row[1]["filename"]):
                some = list(lines)
                place = f"{path.name}, line {some[0][0]}"
                try:
                    if name in seen:
                        raise Malformed(f"{place}: the lines of {name[:60]} do not stand together. The frame was not taken.")
                    yield _incoming(path.name, name, some, hearing)
                except Malformed as error:
                    yield Refused(place, error)
                seen.add(name)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Malformed(f"{path.name}: this table cannot be read ({str(error)[:200]}).") from error


def _rows_of(file: str, rows: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    """Every row with every column, each text as it was before it was made safe for spreadsheets."""
    known = {"label" if name == "class" else name: name for name in rows.fieldnames or ()}
    missing = [name for name in HEAD[: HEAD.index("ymax") + 1] if name not in known]
    if missing:
        raise Malformed(f"{file}: there is no column {missing[0]}. Columns are {', '.join(HEAD)}. Nothing was taken.")
    for row in rows:
        yield {name: restored(row.get(known.get(name, name)) or "") for name in HEAD}


def _incoming(file: str, name: str, rows: list[tuple[int, dict[str, str]]], hearing: Hearing) -> Incoming:
    number, first = rows[0]
    place = f"{file}, line {number}"
    size = (_number(place, first, "width"), _number(place, first, "height"))
    heard = Heard(reviewed=True)
    for line, row in rows:
        where = f"{file}, line {line}"
        if any(row[column] != first[column] for column in ("width", "height", *FIELDS, "risk", "violations")):
            raise Malformed(f"{where}: it says something else of the frame than the line before. The frame was not taken.")
        if row["label"]:
            boxed = any(row[corner] for corner in CORNERS)
            box = unit(where, [_number(where, row, corner) for corner in CORNERS], size) if boxed else None
            heard.findings.append(hearing.finding(where, row["label"], box))
    hearing.step(place, {field: first[field] for field in FIELDS}, heard)
    heard.hazards += [hearing.hazard(place, word) for word in first["violations"].split()]
    if first["risk"]:
        hearing.grade(place, first["risk"], heard)
    return incoming(place, name, (round(size[0]), round(size[1])), told=[hearing.told(heard, f"CSV: {file}"[:300])])


def _number(place: str, row: dict[str, str], name: str) -> float:
    try:
        return float(row[name])
    except ValueError as error:
        raise Malformed(f"{place}: {name} is not a number. The frame was not taken.") from error
