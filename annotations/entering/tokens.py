"""Tokens by which programs act for a person, as rows. A token may do what its own role may, and never more than its person."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from annotations import audit
from annotations.entering.people import checked_role, row_of
from annotations.entering.secret_words import TOKEN_PREFIX, digest, token
from annotations.rows import moment
from core.errors import Malformed, NotFound
from core.rights import ROLES, Role

MOST = 50  # of one person at a time
LONGEST_NAME = 80  # characters
_SHORT = 16  # signs of its digest by which a token is named


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without what it says."""

    id: str  # by which it is ended
    name: str  # what its person calls it
    role: Role
    made_at: datetime  # UTC
    ends_at: datetime | None  # None: never by itself
    seen_at: datetime | None  # when it was used last, to the minute; None: never


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose token it is."""

    name: str
    shown: str
    role: Role  # the lower one of the token's and the person's
    ends_at: datetime | None
    seen_at: datetime | None


def issue(
    connection: sqlite3.Connection, person: str, name: object, role: object, *, ends_at: datetime | None, by: str, at: datetime
) -> str:
    """What a new token says: told once, here. Raises Malformed, also for a role above the person's own."""
    row, rung = row_of(connection, person), checked_role(role)
    called = name.strip() if isinstance(name, str) else ""
    if not 0 < len(called) <= LONGEST_NAME or not called.isprintable():
        raise Malformed(f"Call the token something, in at most {LONGEST_NAME} signs that can be seen. Nothing was saved.")
    if ROLES.index(rung) > ROLES.index(row["role"]):
        raise Malformed(f"A token cannot be more than its person, who is {row['role']}. Nothing was saved.")
    if ends_at is not None and ends_at <= at:
        raise Malformed("ends_at lies in the past. Nothing was saved.")
    living = connection.execute("SELECT count(*) FROM tokens WHERE person = ? AND ended_at IS NULL", (row["seq"],)).fetchone()[0]
    if living >= MOST:
        raise Malformed(f"There are {MOST} tokens already. End one that nobody needs; nothing was saved.")
    made = TOKEN_PREFIX + token()
    connection.execute(
        "INSERT INTO tokens (digest, person, name, role, made_at, ends_at) VALUES (?, ?, ?, ?, ?, ?)",
        (digest(made), row["seq"], called, rung, moment(at), None if ends_at is None else moment(ends_at)),
    )
    audit.note(connection, "token issued", who=by, at=moment(at), subject=person, after={"id": digest(made)[:_SHORT], "role": rung})
    return made


def listed(connection: sqlite3.Connection, person: str) -> list[Token]:
    """The tokens of a person that were not ended, newest first."""
    rows = connection.execute(
        "SELECT * FROM tokens WHERE ended_at IS NULL AND person = ? ORDER BY made_at DESC, digest", (row_of(connection, person)["seq"],)
    )
    return [
        Token(
            row["digest"][:_SHORT],
            row["name"],
            checked_role(row["role"]),
            _time(row["made_at"]),
            _end(row["ends_at"]),
            _end(row["seen_at"]),
        )
        for row in rows
    ]


def found(connection: sqlite3.Connection, key: str) -> Bearer | None:
    """Whose token has this digest, unless it was ended or its person is shut out. Whether its time is over is for the caller."""
    row = connection.execute(
        "SELECT p.name, p.shown, p.role AS highest, t.role, t.ends_at, t.seen_at FROM tokens t JOIN people p ON p.seq = t.person "
        "WHERE t.digest = ? AND t.ended_at IS NULL AND p.active = 1",
        (key,),
    ).fetchone()
    if row is None:
        return None
    role = min(checked_role(row["role"]), checked_role(row["highest"]), key=ROLES.index)
    return Bearer(row["name"], row["shown"], role, _end(row["ends_at"]), _end(row["seen_at"]))


def saw(connection: sqlite3.Connection, key: str, at: datetime) -> None:
    """It was used."""
    connection.execute("UPDATE tokens SET seen_at = ? WHERE digest = ?", (moment(at), key))


def end(connection: sqlite3.Connection, person: str, short: str, *, by: str, at: datetime) -> None:
    """End a token of this person. Raises NotFound for any other."""
    ended = connection.execute(
        "UPDATE tokens SET ended_at = ? WHERE person = ? AND substr(digest, 1, ?) = ? AND ended_at IS NULL RETURNING digest",
        (moment(at), row_of(connection, person)["seq"], _SHORT, short),
    ).fetchall()
    if not ended:
        raise NotFound("There is no token of this name here.")
    audit.note(connection, "token ended", who=by, at=moment(at), subject=person, before={"id": short})


def _time(said: str) -> datetime:
    return datetime.fromisoformat(said)


def _end(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)
