"""How a table of the record is made: strict, and every column filled unless it is said that it may be empty. Makes none by itself."""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database
from sqlite_utils.db import Table


def create(db: Database, name: str, columns: Mapping[str, type], *, null: tuple[str, ...] = (), **more: object) -> Table:
    """A strict table; every column must be filled but those in `null`."""
    required = set(columns) - set(null) - {"seq"}
    table = db.table(name)
    table.create(dict(columns), not_null=required, strict=True, **more)  # type: ignore[arg-type]
    return table


def only_growing(db: Database, table: str, taken: str = "seq = NEW.seq") -> None:
    """Triggers that refuse every change, removal and replacement, whoever asks; `taken`: when a new row would take an old one's place."""
    refuse = f"SELECT RAISE(ABORT, '{table} only grow: a row is never changed, removed or replaced')"
    db.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END")
    db.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END")
    there = f"EXISTS (SELECT 1 FROM {table} WHERE {taken})"  # noqa: S608 - names of our own files
    db.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {there} BEGIN {refuse}; END")
