"""Rows of the registry as words: adapters, what a gate said of them, who let which one speak. Reads, and vouches in the audit for what others write.

Of each row the audit holds a stamp, so that a row that was changed by hand is found (`faults`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from annotations import audit
from core.errors import NotFound

ROWS: Mapping[str, tuple[str, ...]] = {
    "adapters": ("name", "fingerprint", "base", "dataset", "recipe", "metrics", "folder", "at"),
    "gates": ("adapter", "against", "passed", "body", "at"),
    "promotions": ("adapter", "gate", "why", "at"),
}
"""The columns of a row that the audit vouches for. Not who did it: that is a word of the entry, which an erasure may empty."""

ACTIONS: Mapping[str, str] = {"adapter registered": "adapters", "gate": "gates", "promoted": "promotions"}
"""By the action of an entry: the table of the row that it vouches for."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter that this place knows."""

    number: int
    name: str
    fingerprint: str  # twelve hex digits
    base: str  # NAME@FINGERPRINT of the model that it belongs to
    dataset: str | None  # name of the frozen set that taught it; None: it was taught elsewhere
    digest: str | None  # of what taught it, as its manifest says
    prompt_id: str | None  # of the question that it was taught; None: its manifest does not say
    trained_from: str | None  # fingerprint of the adapter that its training began with
    recipe: Mapping[str, Any]
    metrics: Mapping[str, Any]  # figures of the evaluation that came with it; empty: none
    folder: str  # its place below the folder of adapters
    by: str
    at: datetime  # UTC
    about: Mapping[str, Any] = field(default_factory=dict)  # hashes, versions, schema, job

    @property
    def id(self) -> str:
        """How it stands in a model's id."""
        return f"{self.name}@{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Gate:
    """What was found when an adapter was held against the model in use."""

    number: int
    adapter: str
    against: str  # id of that model
    passed: bool
    reasons: tuple[Mapping[str, Any], ...]  # each with key, passed, words
    by: str
    at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Promotion:
    """From when on which adapter spoke."""

    number: int
    adapter: str | None  # None: the base alone
    back: bool  # it was rolled back to
    anyway: bool  # on the word of an admin, without a gate that it passed
    why: str
    by: str
    at: datetime  # UTC


_ADAPTER = "SELECT a.*, d.name AS dataset_name FROM adapters a LEFT JOIN datasets d ON d.seq = a.dataset"
_PROMOTION = "SELECT p.*, a.name, g.passed FROM promotions p LEFT JOIN adapters a ON a.seq = p.adapter LEFT JOIN gates g ON g.seq = p.gate ORDER BY p.seq"


def every(connection: sqlite3.Connection) -> tuple[Adapter, ...]:
    """All adapters, the latest first."""
    return tuple(_adapter(row) for row in connection.execute(f"{_ADAPTER} ORDER BY a.seq DESC"))


def one(connection: sqlite3.Connection, name: str) -> Adapter:
    """An adapter by its name. Raises NotFound."""
    row = connection.execute(f"{_ADAPTER} WHERE a.name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(f"There is no adapter {name[:80]} here. `launch.py adapters list` shows which there are.")
    return _adapter(row)


def by_mark(connection: sqlite3.Connection, mark: str) -> Adapter | None:
    """An adapter by its fingerprint; None: nobody registered it."""
    row = connection.execute(f"{_ADAPTER} WHERE a.fingerprint = ?", (mark,)).fetchone()
    return None if row is None else _adapter(row)


def gates_of(connection: sqlite3.Connection, adapter: Adapter) -> tuple[Gate, ...]:
    """All that gates said of an adapter, the latest first."""
    found = connection.execute("SELECT * FROM gates WHERE adapter = ? ORDER BY seq DESC", (adapter.number,))
    return tuple(_gate(row, adapter.name) for row in found)


def promotions(connection: sqlite3.Connection) -> tuple[Promotion, ...]:
    """Who let which adapter speak, oldest first. A promotion names its gate, passed or not; a rolling back names none."""
    return tuple(
        Promotion(
            row["seq"],
            row["name"],
            row["gate"] is None,
            row["gate"] is not None and not row["passed"],
            row["why"],
            row["who"],
            _moment(row["at"]),
        )
        for row in connection.execute(_PROMOTION)
    )


def vouched(
    connection: sqlite3.Connection, table: str, values: Mapping[str, Any], action: str, *, subject: str, after: Mapping[str, Any]
) -> int:
    """Write a row of the registry and its entry in the audit; the row's number. `values` hold `who` and `at`."""
    columns = ", ".join(values)
    places = ", ".join("?" * len(values))
    statement = f"INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING seq"  # noqa: S608 - names of this file
    number: int = connection.execute(statement, tuple(values.values())).fetchone()[0]
    told = {**after, "number": number, "stamp": stamp(connection, table, number)}
    audit.note(connection, action, who=values["who"], at=values["at"], subject=subject, after=told)
    return number


def stamp(connection: sqlite3.Connection, table: str, number: int) -> str:
    """What stands for a row in the audit: SHA-256 over its columns."""
    columns = ", ".join(ROWS[table])
    return audit.stamp(connection.execute(f"SELECT {columns} FROM {table} WHERE seq = ?", (number,)).fetchone())  # noqa: S608


def faults(connection: sqlite3.Connection) -> Iterator[str]:
    """Rows of the registry that are not what was written, in sentences; entries that an erasure emptied vouch for nothing."""
    told: dict[tuple[str, int], str] = {}
    emptied = 0
    for action, table in ACTIONS.items():
        for entry in connection.execute("SELECT seq, after FROM audit WHERE action = ? ORDER BY seq", (action,)):
            if entry["after"] is None:
                emptied += 1
                continue
            after = orjson.loads(entry["after"])
            told[table, after["number"]] = after["stamp"]
    strangers = []
    for table in ROWS:
        for row in connection.execute(f"SELECT seq FROM {table} ORDER BY seq").fetchall():  # noqa: S608 - names of this file
            said = told.pop((table, row["seq"]), None)
            if said is None:
                strangers.append(f"The audit does not speak of number {row['seq']} of {table}.")
            elif said != stamp(connection, table, row["seq"]):
                yield f"Number {row['seq']} of {table} is not what was written."
    if len(strangers) > emptied:
        yield from strangers
    for table, number in told:
        yield f"Number {number} of {table}, of which the audit tells, is not in the record."


def _adapter(row: sqlite3.Row) -> Adapter:
    told: dict[str, Any] = orjson.loads(row["recipe"])
    about = {key: value for key, value in told.items() if key not in ("recipe", "digest", "prompt_id", "trained_from")}
    return Adapter(
        row["seq"],
        row["name"],
        row["fingerprint"],
        row["base"],
        row["dataset_name"],
        told.get("digest"),
        told.get("prompt_id"),
        told.get("trained_from"),
        told.get("recipe") or {},
        orjson.loads(row["metrics"]),
        row["folder"],
        row["who"],
        _moment(row["at"]),
        about,
    )


def _gate(row: sqlite3.Row, adapter: str) -> Gate:
    reasons = tuple(orjson.loads(row["body"])["reasons"])
    return Gate(row["seq"], adapter, row["against"], bool(row["passed"]), reasons, row["who"], _moment(row["at"]))


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)
