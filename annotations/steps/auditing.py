"""Step 4: who did what, in a chain of hashes that nobody can change unseen, and which writes of a client were done already."""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from annotations.audit import carry_over
from annotations.steps.tables import create


def who_did_what(db: Database) -> None:
    """The audit, which speaks of everything that is in the record already, and the keys of writes."""
    audit = {"seq": int, "at": str, "action": str, "who": str, "frame": str, "subject": str, "before": str, "after": str, "model": str}
    audit |= {"salt": str, "digest": str, "chain": str}
    empty = ("who", "frame", "subject", "before", "after", "model", "salt")  # what an erasure leaves empty; digest and chain stay
    create(db, "audit", audit, null=empty, pk="seq")
    db.execute("CREATE INDEX audit_by_frame ON audit (frame) WHERE frame IS NOT NULL")
    db.execute("CREATE INDEX audit_by_who ON audit (who) WHERE who IS NOT NULL")
    _only_growth(db)

    written = {"who": str, "key": str, "digest": str, "answer": str, "at": str}
    create(db, "written_once", written, pk=("who", "key"))
    db.execute("CREATE INDEX written_once_by_age ON written_once (at)")
    connection = db.conn
    if isinstance(connection, sqlite3.Connection):
        carry_over(connection)


def _only_growth(db: Database) -> None:
    """The last entry is the one that the next is chained to, so a new number must follow it."""
    refuse = "SELECT RAISE(ABORT, 'the audit only grows: an entry is never changed, removed or replaced')"
    db.execute(f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN {refuse}; END")
    db.execute(f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN {refuse}; END")
    follows = "NEW.seq <> coalesce((SELECT max(seq) FROM audit), 0) + 1"
    db.execute(f"CREATE TRIGGER audit_in_order BEFORE INSERT ON audit WHEN {follows} BEGIN {refuse}; END")
