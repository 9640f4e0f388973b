"""The shape of the record, as numbered steps. A step that has run anywhere is never edited: the shape changes by a new number.

Opinions (`frames`, `arrivals`, `replies`, `assessments`, `corrections`) only grow: triggers refuse every other change, whoever
asks. Summaries (`frame_states`, `tally_*`) follow from them and may be thrown away and rebuilt (`annotations.summaries`).
Times are ISO 8601 in UTC; `taken_at` is the camera's own clock. A step runs whole or not at all.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from annotations.steps import auditing, erasing, first, people, queueing, reviewing
from annotations.transactions import immediate
from core.errors import StoreError

APPLICATION_ID = 0x474C4E53  # "GLNS" in the file's header: tells our record from any other SQLite file


STEPS: Mapping[int, Callable[[Database], None]] = {
    1: first.the_record,
    2: first.where_replies_come_from,
    3: first.assessments_by_what_they_say,
    4: auditing.who_did_what,
    5: reviewing.second_looks,
    6: queueing.who_works_on_what,
    7: people.who_may_come_in,
    8: erasing.what_must_go,
}
"""A step that has run anywhere is never edited."""


def version(connection: sqlite3.Connection) -> int:
    """The number of the last step that ran; 0 for an empty file."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def migrate(connection: sqlite3.Connection, path: Path, steps: Mapping[int, Callable[[Database], None]] = STEPS) -> None:
    """Run the steps that are missing, each in one transaction, after a copy of what was there was put beside it.

    Raises StoreError for a file that is not ours or was written by a newer program; neither is touched.
    """
    done = check(connection, path, steps)
    if 0 < done < max(steps):
        _keep_a_copy(connection, path.with_name(f"{path.name}.before-step-{done + 1}"))
    for number in range(done + 1, max(steps) + 1):
        with immediate(connection):
            db = Database(connection, execute_plugins=False)
            if number == 1:
                db.table("steps").create(
                    {"number": int, "name": str, "applied_at": str}, pk="number", not_null={"name", "applied_at"}, strict=True
                )
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            steps[number](db)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            connection.execute("INSERT INTO steps (number, name, applied_at) VALUES (?, ?, ?)", (number, steps[number].__name__, now))
            connection.execute(f"PRAGMA user_version = {number}")  # part of the transaction, like the rest of the header


def check(connection: sqlite3.Connection, path: Path, steps: Mapping[int, Callable[[Database], None]] = STEPS) -> int:
    """The number of the last step that ran. Raises StoreError for a foreign file and for one of a newer program."""
    done = version(connection)
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not ours and not empty:
        raise StoreError(f"{path} is a database of another program. Choose another data folder; nothing was changed.")
    if done > max(steps):
        raise StoreError(
            f"{path} was written by a newer GembaLens (its shape has number {done}, this one knows {max(steps)}). "
            "Start the newer version, or restore a backup made before the update; nothing was changed."
        )
    return done


def _keep_a_copy(connection: sqlite3.Connection, target: Path) -> None:
    """A whole copy by SQLite's own online backup, never of the live file. One of an earlier, broken-off try is as good: it is kept."""
    if target.exists():
        return
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    copy = sqlite3.connect(partial)
    try:
        connection.backup(copy)
    finally:
        copy.close()
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
