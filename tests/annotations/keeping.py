"""What must hold of a record whatever happened to it, checked for every test that does something to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from annotations import summaries
from annotations.store import Store

SUMMARIES = {
    "frame_states": "SELECT * FROM frame_states ORDER BY frame",
    "tally_days": "SELECT day, received, assessed, corrections, settled, reviewed, round(active_seconds, 6) FROM tally_days ORDER BY day",
    "tally_states": "SELECT * FROM tally_states WHERE n <> 0 ORDER BY verdict, level",
    "tally_pairs": "SELECT * FROM tally_pairs WHERE n <> 0 ORDER BY model, field, machine, person",
}


def broken(record: Path) -> list[str]:
    """Everything that does not hold, in words; empty: the record is sound."""
    with Store(record) as store, store.writing() as connection:
        faults = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        faults += [f"{row['table']} points at nothing" for row in connection.execute("PRAGMA foreign_key_check")]
        faults += gaps(connection)
        faults += [f"summaries differ from a replay: {name}" for name in drifted(connection)]
    return faults


def gaps(connection: sqlite3.Connection) -> list[str]:
    """Frames whose revisions are not 1, 2, 3 ..."""
    found = connection.execute("SELECT frame FROM corrections GROUP BY frame HAVING max(revision) <> count(*) OR min(revision) <> 1")
    return [f"the revisions of frame {row['frame']} have a gap" for row in found]


def drifted(connection: sqlite3.Connection) -> list[str]:
    """Summaries that are not what a replay of the opinions gives."""
    kept = {name: [tuple(row) for row in connection.execute(ask)] for name, ask in SUMMARIES.items()}
    summaries.rebuild(connection)
    return [name for name, ask in SUMMARIES.items() if [tuple(row) for row in connection.execute(ask)] != kept[name]]
