"""Step 6: who works on which frame just now, and how notes are found."""

from __future__ import annotations

from sqlite_utils import Database

from annotations.steps.tables import create

FRAME = [("frame", "frames", "seq")]


def who_works_on_what(db: Database) -> None:
    """A lease a frame; it ends by itself at `until`."""
    held = {"frame": int, "holder": str, "tab": str, "taken_at": str, "until": str}
    create(db, "leases", held, pk="frame", foreign_keys=FRAME).create_index(["until"], "leases_by_end")
    db.execute("CREATE INDEX leases_by_holder ON leases (holder, tab)")
