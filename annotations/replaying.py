"""The state of every frame, computed from the audit and the opinions alone, beside what the tables say. It repairs nothing.

Entry by entry: the row it vouches for must be there, byte for byte, of that frame and by that person; what it says of before must be where the
frame stood. At the end every row must have been vouched for once, and every frame must stand in the tables where the entries have led it.
What an erasure emptied or took away is left out; `audit.faults` says whether the entries themselves are whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from annotations import audit
from annotations.steps.erasing import GROWING

VOUCHED: Mapping[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "received": ("frames", (("arrival", "arrivals"),)),
    "came again": ("arrivals", ()),
    "assessed": ("assessments", (("reply", "replies"),)),
    "corrected": ("corrections", ()),
    "restored": ("corrections", ()),
    "adjudicated": ("corrections", (("review", "reviews"),)),
    "accepted": ("reviews", ()),
    "returned": ("reviews", ()),
    "opined": ("blind_opinions", ()),
    "binned": ("bin_moves", ()),
    "taken out": ("bin_moves", ()),
}
"""By the action of an entry: the table of the row that it vouches for, and further rows under keys of `after`."""

LEADS_TO: Mapping[str, tuple[str, ...]] = {
    "corrected": ("corrected", "disputed"),
    "restored": ("corrected", "disputed"),
    "opined": ("corrected", "disputed"),
    "wanted": ("open", "corrected", "disputed", "returned"),
    "accepted": ("accepted",),
    "returned": ("returned",),
    "adjudicated": ("accepted",),
}
"""The states in which a frame may be after an action."""

_AUTHORED = ("corrected", "restored", "adjudicated")


@dataclass(slots=True)
class _Frame:
    """Where the entries so far have led a frame; the names are those of `frame_states` and of the entries' before and after."""

    assessments: int = 0
    revision: int = 0
    author: str | None = None
    state: str = "open"
    wanted: int = 1
    opinions: int = 0
    binned: int = 0


def differences(connection: sqlite3.Connection) -> list[str]:
    """Where audit, opinions and states do not say the same, in sentences; empty: they do. Call it inside one transaction."""
    replay = _Replay(connection)
    return [*replay.entries(), *replay.unvouched(), *replay.states()]


class _Replay:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._frames: dict[str, _Frame] = {}
        self._last = dict.fromkeys(audit.ROWS, 0)  # the highest number of a row that was vouched for
        self._vouched = dict.fromkeys(audit.ROWS, 0)
        self._ask = {table: _statement(table) for table in audit.ROWS}

    def entries(self) -> Iterator[str]:
        """Go through the audit from its beginning."""
        asked = "SELECT seq, action, who, frame, before, after FROM audit WHERE frame IS NOT NULL ORDER BY seq"
        for entry in self._connection.execute(asked):
            after = {} if entry["after"] is None else orjson.loads(entry["after"])
            if entry["action"] in VOUCHED:
                table, more = VOUCHED[entry["action"]]
                yield from self._row(table, after, entry)
                for key, other in more:
                    if key in after:
                        yield from self._row(other, after[key], entry)
            yield from self._step(entry, after)

    def unvouched(self) -> Iterator[str]:
        """Rows of which no entry speaks. Numbers rise with the entries, so none is counted twice."""
        for table, vouched in self._vouched.items():
            there = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - names of `audit`
            if there != vouched:
                yield f"There are {there} rows in {table}, and the audit speaks of {vouched}."

    def states(self) -> Iterator[str]:
        """The tables, frame by frame."""
        asked = (
            "SELECT f.id, s.*, (SELECT count(*) FROM assessments a WHERE a.frame = f.seq) AS assessments, "
            "coalesce((SELECT w.n FROM wanted_opinions w WHERE w.frame = f.seq), 1) AS n "
            "FROM frames f LEFT JOIN frame_states s ON s.frame = f.seq ORDER BY f.seq"
        )
        there = 0
        for row in self._connection.execute(asked):
            there += 1
            told = self._frames.get(row["id"])
            if told is None:
                yield f"Frame {row['id'][:12]} is in the record, and the audit does not speak of it."
                continue
            if row["frame"] is None:
                yield f"Frame {row['id'][:12]} has no state."
                continue
            if row["n"] != row["wanted"] or (row["assessment"] is None) != (row["assessments"] == 0):
                yield f"The state of frame {row['id'][:12]} is not what its opinions say."
            for name in _Frame.__slots__:
                if row[name] != getattr(told, name):
                    yield f"Frame {row['id'][:12]} has {name} {row[name]!r}, and by the audit it is {getattr(told, name)!r}."
        if there != len(self._frames):
            yield f"The audit speaks of {len(self._frames)} frames, and there are {there}."

    def _row(self, table: str, told: Mapping[str, Any], entry: sqlite3.Row) -> Iterator[str]:
        number, place = told.get("number", 0), f"Entry {entry['seq']} of the audit"
        if number <= self._last[table]:
            yield f"{place} speaks of row {number} of {table} once more."
        self._last[table] = max(number, self._last[table])
        row = self._connection.execute(self._ask[table], (number,)).fetchone()
        if row is None:
            yield f"{place} speaks of row {number} of {table}, which is not there."
            return
        self._vouched[table] += 1
        *columns, frame_id, person = row
        if audit.stamp(columns) != told.get("row"):
            yield f"Row {number} of {table} is not what it was when it was written."
        if frame_id != entry["frame"]:
            yield f"Row {number} of {table} speaks of another frame than when it was written."
        if person is not None and entry["who"] is not None and person != entry["who"]:
            yield f"Row {number} of {table} names another person than when it was written."

    def _step(self, entry: sqlite3.Row, after: Mapping[str, Any]) -> Iterator[str]:
        action, place = entry["action"], f"Entry {entry['seq']} of the audit ({entry['action']})"
        if action == "received":
            if entry["frame"] in self._frames:
                yield f"{place} speaks of a frame that was there already."
            self._frames[entry["frame"]] = _Frame()
        frame = self._frames.get(entry["frame"])
        if frame is None:
            yield f"{place} speaks of a frame that never came in."
            return
        if action == "assessed":
            frame.assessments += 1
        before = {} if entry["before"] is None else orjson.loads(entry["before"])
        for name in before.keys() & set(_Frame.__slots__):
            if before[name] != getattr(frame, name):
                yield f"{place} says that {name} was {before[name]!r}, and it was {getattr(frame, name)!r}."
        if action in LEADS_TO and after.get("state") not in LEADS_TO[action]:
            yield f"{place} leads to the state {after.get('state')!r}."
        if action in _AUTHORED:
            if after.get("revision") != frame.revision + 1:
                yield f"{place} speaks of revision {after.get('revision')}, after {frame.revision}."
            frame.author = entry["who"] if entry["who"] is not None else self._author(after)
        for name in ("revision", "state", "wanted", "opinions", "binned"):
            if name in after:
                setattr(frame, name, after[name])

    def _author(self, after: Mapping[str, Any]) -> str | None:
        """Under which name somebody stands whose name was erased."""
        row = self._connection.execute("SELECT author FROM corrections WHERE seq = ?", (after.get("number", 0),)).fetchone()
        return None if row is None else row["author"]


def _statement(table: str) -> str:
    """A row as the audit vouches for it, then the id of its frame, then who said it."""
    frame, person = GROWING[table]
    columns = ", ".join(f"t.{name}" for name in audit.ROWS[table])
    of_frame = f"(SELECT f.id FROM frames f WHERE f.seq = t.{frame})"  # noqa: S608 - names of our steps
    return f"SELECT {columns}, {of_frame}, {'NULL' if person is None else f't.{person}'} FROM {table} t WHERE t.seq = ?"  # noqa: S608 - names of our steps
