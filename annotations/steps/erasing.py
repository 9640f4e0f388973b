"""Step 8: the one way by which something may leave the record: an erasure that names what goes, in the transaction in which it goes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database

from annotations.steps.tables import create

GROWING: Mapping[str, tuple[str, str | None]] = {
    "reviews": ("frame", "reviewer"),
    "blind_opinions": ("frame", "author"),
    "bin_moves": ("frame", "who"),
    "corrections": ("frame", "author"),
    "assessments": ("frame", None),
    "replies": ("frame", None),
    "arrivals": ("frame", "received_by"),
    "frames": ("seq", "received_by"),
}
"""What only grows, in the order in which it may go: the column of its frame, and the one that names a person."""

_KEPT = ("seq", "at", "action", "digest", "chain")
_WORDS = ("who", "frame", "subject", "before", "after", "model")


def what_must_go(db: Database) -> None:
    """What is being erased just now (empty between transactions), what was erased and whose files still lie about, and where a frame comes from."""
    create(db, "erasing", {"frame": int, "person": str}, null=("frame", "person"))
    done = {"seq": int, "kind": str, "frames": int, "who": str, "why": str, "at": str, "files_of": str}
    create(db, "erasures", done, null=("files_of",), pk="seq")  # files_of: frame ids whose files are still to be removed; None: done
    db.execute("ALTER TABLE frames ADD COLUMN site TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE INDEX frames_by_site ON frames (site) WHERE site <> ''")
    for table, (frame, person) in GROWING.items():
        _open_a_door(db, table, frame, person)
    _empty_words_only(db)


def _open_a_door(db: Database, table: str, frame: str, person: str | None) -> None:
    """A row may go with the frame that is being erased, and a person's name may be taken out while that person is; nothing else."""
    refuse = f"SELECT RAISE(ABORT, '{table} only grow: a row is never changed, removed or replaced')"
    going = f"EXISTS (SELECT 1 FROM erasing WHERE frame = OLD.{frame})"  # noqa: S608 - names of this file
    db.execute(f"DROP TRIGGER {table}_no_delete")
    db.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} WHEN NOT {going} BEGIN {refuse}; END")
    if person is None:
        return
    others = ", ".join(column.name for column in db.table(table).columns if column.name != person)
    leaving = f"EXISTS (SELECT 1 FROM erasing WHERE person = OLD.{person})"  # noqa: S608 - names of this file
    db.execute(f"DROP TRIGGER {table}_no_update")
    db.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE OF {others} ON {table} BEGIN {refuse}; END")
    db.execute(f"CREATE TRIGGER {table}_no_rename BEFORE UPDATE OF {person} ON {table} WHEN NOT {leaving} BEGIN {refuse}; END")


def _empty_words_only(db: Database) -> None:
    """An entry of the audit that speaks of who or what is being erased may be emptied; its digest and its place in the chain stay."""
    refuse = "SELECT RAISE(ABORT, 'the audit only grows: an entry is never changed, removed or replaced')"
    emptied = " AND ".join(f"(NEW.{word} IS NULL OR NEW.{word} IS OLD.{word})" for word in _WORDS)
    of_a_frame = "EXISTS (SELECT 1 FROM erasing e JOIN frames f ON f.seq = e.frame WHERE f.id = OLD.frame)"
    of_a_person = "EXISTS (SELECT 1 FROM erasing WHERE person IN (OLD.who, OLD.subject))"
    allowed = f"NEW.salt IS NULL AND {emptied} AND ({of_a_frame} OR {of_a_person})"
    db.execute("DROP TRIGGER audit_no_update")
    db.execute(f"CREATE TRIGGER audit_no_update BEFORE UPDATE OF {', '.join(_KEPT)} ON audit BEGIN {refuse}; END")
    words = ", ".join((*_WORDS, "salt"))
    db.execute(f"CREATE TRIGGER audit_no_rewrite BEFORE UPDATE OF {words} ON audit WHEN NOT ({allowed}) BEGIN {refuse}; END")
