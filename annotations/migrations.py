"""The shape of the record, as numbered steps. A step that has run anywhere is never edited: the shape changes by a new number.

Opinions (`frames`, `arrivals`, `replies`, `assessments`, `corrections`) only grow: triggers refuse every other change, whoever
asks. Summaries (`frame_states`, `tally_*`) follow from them and may be thrown away and rebuilt (`annotations.summaries`).
Times are ISO 8601 in UTC; `taken_at` is the camera's own clock. All steps that are missing run whole or not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from annotations.steps import auditing, erasing, first, learning, people, queueing, reviewing
from annotations.transactions import immediate
from core.durable import flush
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
    9: learning.what_is_learned,
}
"""A step that has run anywhere is never edited."""


def version(connection: sqlite3.Connection) -> int:
    """The number of the last step that ran; 0 for an empty file."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def migrate(connection: sqlite3.Connection, path: Path, steps: Mapping[int, Callable[[Database], None]] = STEPS) -> None:
    """Run the steps that are missing, all in one transaction, after a copy of what was there was put beside it: old shape or new, never between.

    Raises StoreError for a file that is not ours or was written by a newer program; neither is touched.
    """
    done = check(connection, path, steps)
    if 0 < done < max(steps):
        _keep_a_copy(connection, path.with_name(f"{path.name}.before-step-{done + 1}"))
    if done == max(steps):
        return
    with immediate(connection):
        for number in range(done + 1, max(steps) + 1):
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
    try:
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    except UnicodeDecodeError as error:  # of SQLite's own sentence about a list of tables that is none any more
        raise StoreError(f"The record {path} is damaged; restore the last backup.") from error
    if not ours and not empty:
        raise StoreError(f"{path} is a database of another program. Choose another data folder; nothing was changed.")
    if done > max(steps):
        raise StoreError(
            f"{path} was written by a newer GembaLens (its shape has number {done}, this one knows {max(steps)}). "
            "Start the newer version, or restore a backup made before the update; nothing was changed."
        )
    return done


def _keep_a_copy(connection: sqlite3.Connection, target: Path) -> None:
    """A whole copy by SQLite's own online backup, never of the live file; it takes the place of one of an earlier try."""
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    write_out(connection, partial)
    try:
        flush(partial)
        partial.replace(target)
        flush(target.parent)
    except OSError as error:
        raise StoreError(
            f"The record could not be copied before its shape changes ({error.strerror}). Make room beside it; nothing was changed."
        ) from error


def write_out(connection: sqlite3.Connection, target: Path, pages: int = -1, between: Callable[[], object] = lambda: None) -> None:
    """What a connection sees, as a file of its own that has no log beside it; `pages` at a time (-1: all), with `between` between them."""
    copy = sqlite3.connect(target, isolation_level=None)
    try:
        copy.execute("PRAGMA journal_mode = OFF")  # a copy that broke off is thrown away
        copy.execute("PRAGMA synchronous = OFF")  # whoever asked flushes it whole
        connection.backup(copy, pages=pages, progress=lambda *_: between())
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
