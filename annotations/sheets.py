"""A list as the rows of a table: a frame a row, with the latest that a person said of it. How a table is written stands in `annotations.formats.table`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import orjson

from annotations import rows
from annotations.formats.table import Cell
from annotations.queueing import pages
from annotations.queueing.pages import Asked
from annotations.queueing.queues import OWED
from annotations.store import Reader
from core.schema import FIELDS

HEAD = (
    *("frame_id", "name", "received_at", "taken_at", "source", "site", "state", "level", "verdict", "uncertainty", "revision", "author"),
    *(*FIELDS, "findings", "violations", "note"),
)
AT_ONCE = 500  # frames that one look at the record gathers


def rows_of(reader: Reader, asked: Asked) -> Iterator[tuple[Cell, ...]]:
    """Every frame of a list in its order. Each few hundred are of one moment; the record does not wait for a slow reader."""
    cursor: str | None = None
    while True:
        with reader.reading() as connection:
            page = pages.page(connection, asked, limit=AT_ONCE, cursor=cursor)
            made = _rows(connection, [card.frame_id for card in page.cards])
        yield from made
        cursor = page.next
        if cursor is None:
            return


def _rows(connection: sqlite3.Connection, ids: list[str]) -> list[tuple[Cell, ...]]:
    machines = "(SELECT a.risk_level FROM assessments a WHERE a.seq = s.assessment)"
    found = connection.execute(
        "SELECT f.id, f.name, f.received_at, f.taken_at, f.source, f.site, s.state, "  # noqa: S608
        f"CASE WHEN {OWED} THEN {machines} ELSE s.level END AS level, CASE WHEN NOT ({OWED}) THEN s.verdict END AS verdict, "
        f"s.uncertainty, s.assessment, s.revision, CASE WHEN NOT ({OWED}) THEN s.author END AS author, c.body, c.note FROM json_each(?) j CROSS JOIN frames f ON f.id = j.value CROSS JOIN frame_states s ON s.frame = f.seq "
        f"LEFT JOIN corrections c ON c.seq = s.correction AND NOT ({OWED}) ORDER BY j.key",
        (orjson.dumps(ids).decode(),),
    )
    return [_row(row) for row in found]


def _row(row: sqlite3.Row) -> tuple[Cell, ...]:
    said = None if row["body"] is None else orjson.loads(row["body"])
    own = tuple(row[name] for name in ("id", "name", "received_at", "taken_at", "source", "site", "state", "level", "verdict"))
    uncertainty = None if row["assessment"] is None else row["uncertainty"]
    if said is None:
        return (*own, uncertainty, row["revision"], row["author"], *(None for _ in (*FIELDS, "findings", "violations")), None)
    fields = (said["step"][name]["value"] for name in FIELDS)
    hazards = ", ".join(each["hazard"] for each in said["violations"])
    return (*own, uncertainty, row["revision"], row["author"], *fields, len(said["findings"]), hazards, rows.clean(row["note"]))
