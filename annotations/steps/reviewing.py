"""Step 5: what becomes of a correction: accepted, returned to its author, held against a second opinion; and frames that were put away."""

from __future__ import annotations

from sqlite_utils import Database

from annotations.steps.tables import create, only_growing

FRAME = [("frame", "frames", "seq")]


def second_looks(db: Database) -> None:
    """Opinions on corrections, opinions beside corrections, and the moves into and out of the bin; all only grow."""
    looks = {"seq": int, "frame": int, "revision": int, "reviewer": str, "verdict": str, "comment": str, "at": str}
    create(db, "reviews", looks, pk="seq", foreign_keys=FRAME).create_index(["frame", "revision"], "reviews_by_frame")

    told = {"seq": int, "frame": int, "author": str, "verdict": str, "risk_level": str, "saw_model": str, "active_seconds": float}
    told |= {"note": str, "body": str, "at": str}
    blind = create(db, "blind_opinions", told, null=("risk_level", "saw_model"), pk="seq", foreign_keys=FRAME)
    blind.create_index(["frame", "author"], "blind_opinions_by_frame", unique=True)

    moves = {"seq": int, "frame": int, "move": str, "why": str, "who": str, "at": str}  # binned, taken_out
    create(db, "bin_moves", moves, pk="seq", foreign_keys=FRAME).create_index(["frame"], "bin_moves_by_frame")

    create(db, "wanted_opinions", {"frame": int, "n": int, "who": str, "at": str}, pk="frame", foreign_keys=FRAME)

    for table, taken in (
        ("reviews", "seq = NEW.seq"),
        ("blind_opinions", "seq = NEW.seq OR (frame = NEW.frame AND author = NEW.author)"),
        ("bin_moves", "seq = NEW.seq"),
    ):
        only_growing(db, table, taken)
    _where_frames_stand(db)


def _where_frames_stand(db: Database) -> None:
    for column in (
        "state TEXT NOT NULL DEFAULT 'open'",  # open, corrected, accepted, returned, disputed
        "author TEXT",  # of the latest correction
        "binned INTEGER NOT NULL DEFAULT 0",
        "wanted INTEGER NOT NULL DEFAULT 1",  # opinions that are wanted of a frame, the first correction among them
        "opinions INTEGER NOT NULL DEFAULT 0",  # blind ones that are there
    ):
        db.execute(f"ALTER TABLE frame_states ADD COLUMN {column}")
    db.execute("UPDATE frame_states SET state = 'corrected' WHERE correction IS NOT NULL")
    db.execute(
        "UPDATE frame_states SET author = (SELECT c.author FROM corrections c WHERE c.seq = correction) WHERE correction IS NOT NULL"
    )
    db.execute("CREATE INDEX frame_states_by_state ON frame_states (state, uncertainty DESC, frame)")
    db.execute("CREATE INDEX frame_states_binned ON frame_states (frame) WHERE binned = 1")
    db.execute("CREATE INDEX frame_states_wanting ON frame_states (uncertainty DESC, frame) WHERE wanted > 1")
