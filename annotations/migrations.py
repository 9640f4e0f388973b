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
from sqlite_utils.db import Table

from annotations.transactions import immediate
from core.errors import StoreError

APPLICATION_ID = 0x474C4E53  # "GLNS" in the file's header: tells our record from any other SQLite file
OPINIONS = ("frames", "arrivals", "replies", "assessments", "corrections")


def the_record(db: Database) -> None:
    """Step 1: frames, what machines and people said of them, and the summaries that dashboards read."""
    _opinions(db)
    _summaries(db)
    _only_growth(db)
    _one_revision_at_a_time(db)


def where_replies_come_from(db: Database) -> None:
    """Step 2: of each reply, the host that gave it, whether its probabilities are shares of a grammar, and sampled further replies."""
    db.execute("ALTER TABLE replies ADD COLUMN host TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE replies ADD COLUMN masked INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE replies ADD COLUMN others TEXT NOT NULL DEFAULT '[]'")


def assessments_by_what_they_say(db: Database) -> None:
    """Step 3: a page of assessments of one level or of one model, newest first, costs the same in a small record and in a large one."""
    db.execute("CREATE INDEX assessments_by_level ON assessments (risk_level)")  # behind each entry stands seq, so they are in order
    db.execute("CREATE INDEX assessments_by_model ON assessments (model)")


STEPS: Mapping[int, Callable[[Database], None]] = {
    1: the_record,
    2: where_replies_come_from,
    3: assessments_by_what_they_say,
}


def _create(db: Database, name: str, columns: dict[str, type], *, null: tuple[str, ...] = (), **more: object) -> Table:
    """A strict table; every column must be filled but those in `null`."""
    required = set(columns) - set(null) - {"seq"}
    table = db.table(name)
    table.create(columns, not_null=required, strict=True, **more)  # type: ignore[arg-type]
    return table


def _opinions(db: Database) -> None:
    frame = [("frame", "frames", "seq")]
    frames = {"seq": int, "id": str, "width": int, "height": int, "name": str, "media_type": str}
    frames |= {"received_at": str, "received_by": str, "taken_at": str, "source": str}
    _create(db, "frames", frames, null=("taken_at",), pk="seq").create_index(["id"], "frames_by_id", unique=True)

    arrivals = {"seq": int, "frame": int, "name": str, "source": str, "received_by": str, "received_at": str}
    _create(db, "arrivals", arrivals, pk="seq", foreign_keys=frame).create_index(["frame"], "arrivals_by_frame")

    replies = {"seq": int, "frame": int, "model": str, "prompt_id": str, "text": str, "seconds": float, "tokens": bytes, "at": str}
    _create(db, "replies", replies, null=("tokens",), pk="seq", foreign_keys=frame).create_index(["frame"], "replies_by_frame")

    said = {"seq": int, "frame": int, "model": str, "prompt_id": str, "reply": int, "risk_level": str}
    said |= {"uncertainty": float, "seconds": float, "body": str, "at": str}
    _create(db, "assessments", said, null=("reply", "risk_level"), pk="seq", foreign_keys=[*frame, ("reply", "replies", "seq")])
    # The same frame asked of the same model with the same prompt is answered once; a model that gave no reply may be asked again.
    db.execute("CREATE UNIQUE INDEX assessments_once ON assessments (frame, model, prompt_id) WHERE reply IS NOT NULL")
    db.execute("CREATE INDEX assessments_by_frame ON assessments (frame, model)")

    told = {"seq": int, "frame": int, "revision": int, "saw_revision": int, "author": str, "verdict": str, "risk_level": str}
    told |= {"saw_model": str, "active_seconds": float, "note": str, "body": str, "at": str}
    corrections = _create(db, "corrections", told, null=("risk_level", "saw_model"), pk="seq", foreign_keys=frame)
    corrections.create_index(["frame", "revision"], "corrections_by_revision", unique=True)


def _summaries(db: Database) -> None:
    states = {"frame": int, "assessment": int, "correction": int, "revision": int, "verdict": str, "level": str, "uncertainty": float}
    keys = [("frame", "frames", "seq"), ("assessment", "assessments", "seq"), ("correction", "corrections", "seq")]
    _create(db, "frame_states", states, null=("assessment", "correction", "verdict", "level"), pk="frame", foreign_keys=keys)
    for name, columns in (("by_verdict", "verdict, "), ("by_level", "verdict, level, "), ("by_uncertainty", "")):
        db.execute(f"CREATE INDEX frame_states_{name} ON frame_states ({columns}uncertainty DESC, frame)")

    days = {"day": str, "received": int, "assessed": int, "corrections": int, "settled": int, "reviewed": int, "active_seconds": float}
    _create(db, "tally_days", days, pk="day", defaults={name: 0 for name in days if name != "day"})
    _create(db, "tally_states", {"verdict": str, "level": str, "n": int}, pk=("verdict", "level"))  # "" stands for None
    pairs = {"model": str, "field": str, "machine": str, "person": str, "n": int}  # "" stands for None
    _create(db, "tally_pairs", pairs, pk=("model", "field", "machine", "person"))


_TAKEN = {
    "frames": "seq = NEW.seq OR id = NEW.id",
    "assessments": "seq = NEW.seq OR (reply IS NOT NULL AND NEW.reply IS NOT NULL AND frame = NEW.frame AND model = NEW.model "
    "AND prompt_id = NEW.prompt_id)",
    "corrections": "seq = NEW.seq OR (frame = NEW.frame AND revision = NEW.revision)",
}
"""When a new row of a table would take the place of an old one."""


def _only_growth(db: Database) -> None:
    """UPDATE, DELETE and INSERT OR REPLACE (which deletes without asking a DELETE trigger) are refused on opinions."""
    for table in OPINIONS:
        refuse = f"SELECT RAISE(ABORT, '{table} only grow: a row is never changed, removed or replaced')"
        db.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN {refuse}; END")
        db.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse}; END")
        there = f"EXISTS (SELECT 1 FROM {table} WHERE {_TAKEN.get(table, 'seq = NEW.seq')})"  # noqa: S608 - names of this file
        db.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {there} BEGIN {refuse}; END")


def _one_revision_at_a_time(db: Database) -> None:
    """The last word on two people saving at once, below every program: the next revision, by one who saw the latest, or nothing."""
    latest = "coalesce((SELECT max(revision) FROM corrections WHERE frame = NEW.frame), 0)"
    db.execute(
        "CREATE TRIGGER corrections_in_order BEFORE INSERT ON corrections "
        f"WHEN NEW.saw_revision <> {latest} OR NEW.revision <> NEW.saw_revision + 1 "
        "BEGIN SELECT RAISE(ABORT, 'a correction follows the latest revision of its frame'); END"
    )


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
