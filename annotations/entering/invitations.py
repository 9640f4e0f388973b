"""Links by which a person sets a password, once. Kept as digests, as rows; says nothing about who may invite."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from annotations import audit
from annotations.entering.people import row_of
from annotations.entering.secret_words import digest, token
from annotations.rows import moment
from core.errors import NotFound

LASTS = timedelta(hours=72)

GONE = "This link was used already, was replaced by a newer one, or is older than 72 hours. Ask an admin for a new one."


def invite(connection: sqlite3.Connection, name: str | None, *, by: str, at: datetime) -> str:
    """The token of a new link for this person; earlier ones end. None: for whoever becomes the first admin."""
    person = None if name is None else row_of(connection, name)["seq"]
    end(connection, person, at)
    made = token()
    connection.execute(
        "INSERT INTO invitations (digest, person, made_at, ends_at) VALUES (?, ?, ?, ?)",
        (digest(made), person, moment(at), moment(at + LASTS)),
    )
    audit.note(connection, "invited", who=by, at=moment(at), subject=name or "the first admin")
    return made


def invited(connection: sqlite3.Connection, said: str, now: datetime) -> str | None:
    """The name of the person whose link this is; None: of whoever becomes the first admin. Raises NotFound when it is good for nothing."""
    row = connection.execute(
        "SELECT i.person, p.name, p.active FROM invitations i LEFT JOIN people p ON p.seq = i.person "
        "WHERE i.digest = ? AND i.used_at IS NULL AND i.ends_at > ?",
        (digest(said), moment(now)),
    ).fetchone()
    if row is None or (row["person"] is not None and not row["active"]):
        raise NotFound(GONE)
    name: str | None = row["name"]
    return name


def use(connection: sqlite3.Connection, said: str, at: datetime) -> None:
    """It is good for nothing from now on."""
    connection.execute("UPDATE invitations SET used_at = ? WHERE digest = ?", (moment(at), digest(said)))


def end(connection: sqlite3.Connection, person: int | None, at: datetime) -> None:
    """All links of a person that are still open are good for nothing from now on."""
    connection.execute("UPDATE invitations SET used_at = ? WHERE person IS ? AND used_at IS NULL", (moment(at), person))
