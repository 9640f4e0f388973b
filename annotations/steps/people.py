"""Step 7: people, how they prove who they are, and for how long they are believed. No password and no token stands here, only what one can be checked against."""

from __future__ import annotations

from sqlite_utils import Database

from annotations.steps.tables import create

PERSON = [("person", "people", "seq")]


def who_may_come_in(db: Database) -> None:
    """People and their roles, invitations, sessions, tokens of programs."""
    known = {
        "seq": int,
        "name": str,
        "shown": str,
        "role": str,
        "password": str,
        "subject": str,
        "active": int,
        "made_at": str,
        "made_by": str,
    }
    people = create(db, "people", known, null=("password", "subject"), pk="seq")
    people.create_index(["name"], "people_by_name", unique=True)
    db.execute("CREATE UNIQUE INDEX people_by_subject ON people (subject) WHERE subject IS NOT NULL")

    # Without a person: whoever opens it says a name and becomes the first admin.
    asked = {"digest": str, "person": int, "made_at": str, "ends_at": str, "used_at": str}
    create(db, "invitations", asked, null=("person", "used_at"), pk="digest", foreign_keys=PERSON)

    here = {"digest": str, "person": int, "made_at": str, "seen_at": str, "ends_at": str, "agent": str, "ended_at": str}
    create(db, "sessions", here, null=("ended_at",), pk="digest", foreign_keys=PERSON).create_index(["person"], "sessions_by_person")

    keys = {"digest": str, "person": int, "name": str, "role": str, "made_at": str, "ends_at": str, "seen_at": str, "ended_at": str}
    create(db, "tokens", keys, null=("ends_at", "seen_at", "ended_at"), pk="digest", foreign_keys=PERSON).create_index(
        ["person"], "tokens_by_person"
    )
