"""Step 8: the one way by which something may leave the record: an erasure that names what goes, in the transaction in which it goes."""

from __future__ import annotations

from sqlite_utils import Database

from annotations.steps.tables import create


def what_must_go(db: Database) -> None:
    """What is being erased just now (empty between transactions), what was erased, and where a frame comes from."""
    create(db, "erasing", {"frame": int, "person": str}, null=("frame", "person"))
    create(db, "erasures", {"seq": int, "kind": str, "frames": int, "who": str, "why": str, "at": str}, pk="seq")
    db.execute("ALTER TABLE frames ADD COLUMN site TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE INDEX frames_by_site ON frames (site) WHERE site <> ''")
