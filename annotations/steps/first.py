"""Steps 1 to 3: frames, what machines and people said of them, and the summaries that dashboards read."""

from __future__ import annotations

from sqlite_utils import Database

from annotations.steps.tables import create, only_growing

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


def _opinions(db: Database) -> None:
    frame = [("frame", "frames", "seq")]
    frames = {"seq": int, "id": str, "width": int, "height": int, "name": str, "media_type": str}
    frames |= {"received_at": str, "received_by": str, "taken_at": str, "source": str}
    create(db, "frames", frames, null=("taken_at",), pk="seq").create_index(["id"], "frames_by_id", unique=True)

    arrivals = {"seq": int, "frame": int, "name": str, "source": str, "received_by": str, "received_at": str}
    create(db, "arrivals", arrivals, pk="seq", foreign_keys=frame).create_index(["frame"], "arrivals_by_frame")

    replies = {"seq": int, "frame": int, "model": str, "prompt_id": str, "text": str, "seconds": float, "tokens": bytes, "at": str}
    create(db, "replies", replies, null=("tokens",), pk="seq", foreign_keys=frame).create_index(["frame"], "replies_by_frame")

    said = {"seq": int, "frame": int, "model": str, "prompt_id": str, "reply": int, "risk_level": str}
    said |= {"uncertainty": float, "seconds": float, "body": str, "at": str}
    create(db, "assessments", said, null=("reply", "risk_level"), pk="seq", foreign_keys=[*frame, ("reply", "replies", "seq")])
    # The same frame asked of the same model with the same prompt is answered once; a model that gave no reply may be asked again.
    db.execute("CREATE UNIQUE INDEX assessments_once ON assessments (frame, model, prompt_id) WHERE reply IS NOT NULL")
    db.execute("CREATE INDEX assessments_by_frame ON assessments (frame, model)")

    told = {"seq": int, "frame": int, "revision": int, "saw_revision": int, "author": str, "verdict": str, "risk_level": str}
    told |= {"saw_model": str, "active_seconds": float, "note": str, "body": str, "at": str}
    corrections = create(db, "corrections", told, null=("risk_level", "saw_model"), pk="seq", foreign_keys=frame)
    corrections.create_index(["frame", "revision"], "corrections_by_revision", unique=True)


def _summaries(db: Database) -> None:
    states = {"frame": int, "assessment": int, "correction": int, "revision": int, "verdict": str, "level": str, "uncertainty": float}
    keys = [("frame", "frames", "seq"), ("assessment", "assessments", "seq"), ("correction", "corrections", "seq")]
    create(db, "frame_states", states, null=("assessment", "correction", "verdict", "level"), pk="frame", foreign_keys=keys)
    for name, columns in (("by_verdict", "verdict, "), ("by_level", "verdict, level, "), ("by_uncertainty", "")):
        db.execute(f"CREATE INDEX frame_states_{name} ON frame_states ({columns}uncertainty DESC, frame)")

    days = {"day": str, "received": int, "assessed": int, "corrections": int, "settled": int, "reviewed": int, "active_seconds": float}
    create(db, "tally_days", days, pk="day", defaults={name: 0 for name in days if name != "day"})
    create(db, "tally_states", {"verdict": str, "level": str, "n": int}, pk=("verdict", "level"))  # "" stands for None
    pairs = {"model": str, "field": str, "machine": str, "person": str, "n": int}  # "" stands for None
    create(db, "tally_pairs", pairs, pk=("model", "field", "machine", "person"))


_TAKEN = {
    "frames": "seq = NEW.seq OR id = NEW.id",
    "assessments": "seq = NEW.seq OR (reply IS NOT NULL AND NEW.reply IS NOT NULL AND frame = NEW.frame AND model = NEW.model "
    "AND prompt_id = NEW.prompt_id)",
    "corrections": "seq = NEW.seq OR (frame = NEW.frame AND revision = NEW.revision)",
}
"""When a new row of a table would take the place of an old one."""


def _only_growth(db: Database) -> None:
    for table in OPINIONS:
        only_growing(db, table, _TAKEN.get(table, "seq = NEW.seq"))


def _one_revision_at_a_time(db: Database) -> None:
    """The last word on two people saving at once, below every program: the next revision, by one who saw the latest, or nothing."""
    latest = "coalesce((SELECT max(revision) FROM corrections WHERE frame = NEW.frame), 0)"
    db.execute(
        "CREATE TRIGGER corrections_in_order BEFORE INSERT ON corrections "
        f"WHEN NEW.saw_revision <> {latest} OR NEW.revision <> NEW.saw_revision + 1 "
        "BEGIN SELECT RAISE(ABORT, 'a correction follows the latest revision of its frame'); END"
    )
