"""Step 6: who works on which frame just now, in which order frames are drawn and listed, and how notes are found."""

from __future__ import annotations

from sqlite_utils import Database

from annotations.steps.tables import create

FRAME = [("frame", "frames", "seq")]


def who_works_on_what(db: Database) -> None:
    """A lease a frame; the orders of draws and lists; the texts that a search looks through."""
    _leases(db)
    _orders(db)
    _texts(db)


def _leases(db: Database) -> None:
    """One a frame; and which pressing frames a person was given lately, so that one that is passed over does not come at once again."""
    held = {
        "frame": int,
        "holder": str,
        "tab": str,
        "behind": int,
        "taken_at": str,
        "until": str,
    }  # behind: the frame after which it was drawn
    create(db, "leases", held, null=("behind",), pk="frame", foreign_keys=FRAME).create_index(["until"], "leases_by_end")
    db.execute("CREATE INDEX leases_by_holder ON leases (holder, tab)")
    create(db, "offered", {"holder": str, "frame": int, "at": str}, pk=("holder", "frame"))
    db.execute("CREATE TRIGGER offered_no_more AFTER DELETE ON frame_states BEGIN DELETE FROM offered WHERE frame = OLD.frame; END")
    # Who has spoken is done with the frame: it is not kept from the next one.
    db.execute("CREATE TRIGGER leases_end AFTER INSERT ON corrections BEGIN DELETE FROM leases WHERE frame = NEW.frame; END")
    mine = "DELETE FROM leases WHERE frame = NEW.frame AND holder = NEW.author"
    db.execute(f"CREATE TRIGGER leases_end_blind AFTER INSERT ON blind_opinions BEGIN {mine}; END")


def _orders(db: Database) -> None:
    """What a list shows or leaves out stands in the state itself, so that a page is picked without a look at anything else."""
    for column in ("received_at TEXT", "source TEXT", "site TEXT"):
        db.execute(f"ALTER TABLE frame_states ADD COLUMN {column}")
    # `site` comes to frames with step 8; a trigger is read when it fires.
    of_frame = "(SELECT f.received_at, f.source, f.site FROM frames f WHERE f.seq = NEW.frame)"
    fill = f"UPDATE frame_states SET (received_at, source, site) = {of_frame} WHERE frame = NEW.frame"  # noqa: S608 - written above
    db.execute(f"CREATE TRIGGER frame_states_filled AFTER INSERT ON frame_states WHEN NEW.received_at IS NULL BEGIN {fill}; END")
    db.execute(
        "UPDATE frame_states SET (received_at, source) = (SELECT f.received_at, f.source FROM frames f WHERE f.seq = frame), site = ''"
    )
    for name in ("verdict", "level", "uncertainty"):
        db.execute(f"DROP INDEX frame_states_by_{name}")
    order = "uncertainty DESC, frame"
    for name, columns in {
        # The queue, without what was put away.
        "by_verdict": f"(verdict, {order}, binned) WHERE binned = 0",
        "by_level": f"(verdict, level, {order}, binned) WHERE binned = 0",
        "by_uncertainty": f"({order}, binned, state, level, verdict, author, source, site, received_at)",
        "asked": f"({order}, author, state) WHERE wanted > opinions + 1 AND correction IS NOT NULL AND binned = 0",
        "returned": f"(author, {order}) WHERE state = 'returned' AND binned = 0",
        # Lists: behind each entry stands `frame`, so those of one value are in the order of arrival.
        "of_level": "(level)",
        "of_author": "(author) WHERE author IS NOT NULL",
        "of_source": "(source)",
        "of_site": "(site) WHERE site <> ''",
        "of_time": "(received_at)",
    }.items():
        db.execute(f"CREATE INDEX frame_states_{name} ON frame_states {columns}")


def _texts(db: Database) -> None:
    """Names, notes and comments in parts of three characters: found from the middle of a word, and in Chinese.

    Two line breaks stand behind each text, so that its last two characters begin a part too (`annotations.queueing.searching` says what for).
    """
    create(db, "texts", {"seq": int, "frame": int, "kind": str, "row": int, "text": str}, pk="seq", foreign_keys=FRAME)
    db.execute("CREATE INDEX texts_by_frame ON texts (frame)")
    db.execute("CREATE VIRTUAL TABLE found USING fts5(text, content='texts', content_rowid='seq', tokenize='trigram')")
    db.execute("CREATE VIRTUAL TABLE found_parts USING fts5vocab('found', 'instance')")
    db.execute("CREATE TRIGGER texts_in AFTER INSERT ON texts BEGIN INSERT INTO found (rowid, text) VALUES (NEW.seq, NEW.text); END")
    out = "INSERT INTO found (found, rowid, text) VALUES ('delete', OLD.seq, OLD.text)"
    db.execute(f"CREATE TRIGGER texts_out AFTER DELETE ON texts BEGIN {out}; END")
    for table, kind, frame, column in (
        ("frames", "name", "seq", "name"),
        ("corrections", "note", "frame", "note"),
        ("reviews", "comment", "frame", "comment"),
    ):
        into = "INSERT INTO texts (frame, kind, row, text)"
        values = f"{{0}}{frame}, '{kind}', {{0}}seq, {{0}}{column} || char(10, 10)"
        new = values.format("NEW.")
        db.execute(f"CREATE TRIGGER texts_of_{table} AFTER INSERT ON {table} WHEN NEW.{column} <> '' BEGIN {into} VALUES ({new}); END")  # noqa: S608
        db.execute(f"{into} SELECT {values.format('')} FROM {table} WHERE {column} <> '' ORDER BY seq")  # noqa: S608 - written above
        gone = f"DELETE FROM texts WHERE frame = OLD.{frame} AND kind = '{kind}' AND row = OLD.seq"  # noqa: S608
        db.execute(f"CREATE TRIGGER texts_without_{table} AFTER DELETE ON {table} BEGIN {gone}; END")
