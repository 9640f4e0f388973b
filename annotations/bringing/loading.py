"""Many new frames at once, with all that was said of them: the rows, summaries and audit entries that the verbs of `opinions` would write one by one.

Rows of a table go in together and tallies are added up before they are written; that is the whole difference, and a test holds both ways against
each other and against a replay. Only for frames that the record does not know; what is known is told by its verbs.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from annotations import audit, rows, summaries
from annotations.bringing.incoming import Incoming
from core.schema import Frame

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Batch:
    """Rows to be written, by table, and what they add to the tallies."""

    numbers: dict[str, int]  # the last number of each table
    chain: str  # of the audit
    tables: dict[str, list[Row]] = field(default_factory=dict)
    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    days: dict[str, Counter[str]] = field(default_factory=dict)
    pairs: Counter[tuple[str, summaries.Pair]] = field(default_factory=Counter)

    def add(self, table: str, row: dict[str, Any]) -> int:
        """A row of a table; its number."""
        self.numbers[table] += 1
        self.tables.setdefault(table, []).append({"seq": self.numbers[table], **row})
        return self.numbers[table]

    def day(self, at: str, **counts: float) -> None:
        """Add to the day of a kept time."""
        self.days.setdefault(at[:10], Counter()).update(counts)

    def note(self, action: str, who: str, at: str, frame: str, after: object, before: object = None, model: str | None = None) -> None:
        """An entry of the audit, chained to the one before it."""
        words = (who, frame, None, audit.written(before), audit.written(after), model)
        salt = secrets.token_hex(16)
        said = audit.digest(salt, words)
        self.chain = audit.link(self.chain, at, action, said)
        entry = dict(zip(audit.WORDS, words, strict=True)) | {"at": at, "action": action, "salt": salt, "digest": said, "chain": self.chain}
        self.add("audit", entry)


TABLES = ("frames", "arrivals", "replies", "assessments", "corrections")


def load(connection: sqlite3.Connection, frames: Sequence[tuple[Frame, Incoming]], *, by: str, now: datetime) -> None:
    """Write frames that are not in the record yet, inside the writing transaction. `by`: who brings them; what was said keeps its author."""
    numbers = {table: connection.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608
    last, chain = audit.head(connection)
    batch = _Batch({**numbers, "audit": last}, chain)
    for frame, brought in frames:
        _frame(batch, frame, brought, by, rows.moment(now))
    for table in (*TABLES, "frame_states", "audit"):
        _write(connection, table, batch.tables.get(table, []))
    _tallies(connection, batch)


def _frame(batch: _Batch, frame: Frame, brought: Incoming, by: str, now: str) -> None:
    row = rows.from_frame(frame, by)
    number = batch.add("frames", row)
    arrival = {key: row[key] for key in ("name", "source", "received_by", "received_at")}
    came = _voucher("arrivals", batch.add("arrivals", {"frame": number, **arrival}), arrival)
    batch.note("received", row["received_by"], now, frame.id, {**_voucher("frames", number, row), "arrival": came})
    batch.day(row["received_at"], received=1)
    state: dict[str, Any] = {"assessment": None, "correction": None, "verdict": None, "level": None, "author": None}
    state |= {"frame": number, "revision": 0, "uncertainty": 1.0, "state": "open"}
    state |= {"received_at": row["received_at"], "source": row["source"], "site": ""}
    _assessments(batch, state, frame, brought, by, now)
    _corrections(batch, state, frame, brought, now)
    batch.tables.setdefault("frame_states", []).append(state)
    batch.states[state["verdict"] or "", state["level"] or ""] += 1


def _assessments(batch: _Batch, state: dict[str, Any], frame: Frame, brought: Incoming, by: str, now: str) -> None:
    for place, each in enumerate(brought.said):
        said, at = each.assessment, now if each.at is None else rows.moment(each.at)
        row = rows.from_assessment(said, each.uncertainty) | {"reply": None, "at": at}
        after: dict[str, Any] = {}
        if said.reply is not None:
            reply = rows.from_reply(said.reply) | {"at": at}
            row["reply"] = batch.add("replies", {"frame": state["frame"], **reply})
            after["reply"] = _voucher("replies", row["reply"], reply)
        own = batch.add("assessments", {"frame": state["frame"], **row})
        batch.note("assessed", by, now, frame.id, _voucher("assessments", own, row) | after, model=row["model"])
        state |= {"assessment": own, "level": said.risk.level, "uncertainty": each.uncertainty}
        batch.day(at, assessed=int(place == 0))


def _corrections(batch: _Batch, state: dict[str, Any], frame: Frame, brought: Incoming, now: str) -> None:
    for each in brought.told:
        told, at = each.correction, now if each.at is None else rows.moment(each.at)
        row = rows.from_correction(told, each.at or datetime.fromisoformat(now))
        own = batch.add("corrections", {"frame": state["frame"], **row})
        before = {"revision": told.saw_revision, "state": state["state"]}
        after = {**_voucher("corrections", own, row), "revision": row["revision"], "state": "corrected"}
        batch.note("corrected", row["author"], now, frame.id, after, before, row["saw_model"])
        reviewed = int(told.verdict == "reviewed") - int(state["verdict"] == "reviewed")
        first = int(state["correction"] is None)
        batch.day(at, corrections=1, settled=first, reviewed=reviewed, active_seconds=told.active_seconds)
        level = told.risk.level if told.verdict == "reviewed" else None  # as `summaries.frame_corrected` has it
        state |= {"correction": own, "revision": row["revision"], "verdict": told.verdict, "level": level}
        state |= {"author": row["author"], "state": "corrected"}
    if brought.told:
        latest = brought.told[-1].correction
        for said in {each.assessment.model: each.assessment for each in brought.said}.values():  # the latest word of each machine
            batch.pairs.update((rows.clean(said.model), pair) for pair in summaries.pairs(said, latest))


def _voucher(table: str, number: int, row: Row) -> dict[str, Any]:
    """What the audit says of a row, without reading it back."""
    return {"number": number, "row": audit.stamp(row[column] for column in audit.ROWS[table])}


def _write(connection: sqlite3.Connection, table: str, made: list[Row]) -> None:
    if made:
        columns = tuple(made[0])
        marks = ", ".join(f":{column}" for column in columns)
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", made)  # noqa: S608 - names of our own rows


def _tallies(connection: sqlite3.Connection, batch: _Batch) -> None:
    for (verdict, level), n in batch.states.items():
        summaries.count_state(connection, verdict, level, n)
    for day, counts in batch.days.items():
        summaries.count_day(connection, day, **counts)
    by_model: dict[str, Counter[summaries.Pair]] = {}
    for (model, pair), n in batch.pairs.items():
        by_model.setdefault(model, Counter())[pair] += n
    for model, pairs in by_model.items():
        summaries.count_pairs(connection, model, pairs)
