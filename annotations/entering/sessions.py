"""For how long somebody who proved who they are is believed, as rows. Knows no cookie and no password."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from annotations import audit
from annotations.entering.secret_words import digest, token
from annotations.rows import moment
from core.rights import Role

IDLE = timedelta(minutes=30)  # without a sign of life
ABSOLUTE = timedelta(hours=12)  # whatever happens
KEPT = timedelta(days=30)  # after their end, so that it can be told who was here


@dataclass(frozen=True, slots=True)
class Session:
    """A row of a session that was not ended, with its person."""

    name: str
    shown: str
    role: Role
    seen_at: datetime  # UTC; the last sign of life that was written down
    ends_at: datetime


def begin(connection: sqlite3.Connection, name: str, *, agent: str, at: datetime, how: str) -> str:
    """A new session of this person; what its cookie says."""
    made = token()
    connection.execute("DELETE FROM sessions WHERE ends_at < ?", (moment(at - KEPT),))
    connection.execute(
        "INSERT INTO sessions (digest, person, made_at, seen_at, ends_at, agent) SELECT ?, seq, ?, ?, ?, ? FROM people WHERE name = ?",
        (digest(made), moment(at), moment(at), moment(at + ABSOLUTE), agent[:200], name),
    )
    audit.note(connection, "session begun", who=name, at=moment(at), after={"how": how})
    return made


def found(connection: sqlite3.Connection, key: str) -> Session | None:
    """The session of a digest, of an active person, unless it was ended. Whether it is too old is for the caller, who knows more."""
    row = connection.execute(
        "SELECT p.name, p.shown, p.role, s.seen_at, s.ends_at FROM sessions s JOIN people p ON p.seq = s.person "
        "WHERE s.digest = ? AND s.ended_at IS NULL AND p.active = 1",
        (key,),
    ).fetchone()
    if row is None:
        return None
    seen_at, ends_at = datetime.fromisoformat(row["seen_at"]), datetime.fromisoformat(row["ends_at"])
    return Session(row["name"], row["shown"], row["role"], seen_at, ends_at)


def saw(connection: sqlite3.Connection, key: str, at: datetime) -> None:
    """A sign of life."""
    connection.execute("UPDATE sessions SET seen_at = ? WHERE digest = ? AND ended_at IS NULL", (moment(at), key))


def end(connection: sqlite3.Connection, key: str, *, at: datetime) -> None:
    """End one, if it was still good."""
    row = connection.execute(
        "UPDATE sessions SET ended_at = ? WHERE digest = ? AND ended_at IS NULL RETURNING (SELECT name FROM people WHERE seq = person)",
        (moment(at), key),
    ).fetchone()
    if row is not None:
        audit.note(connection, "session ended", who=row[0], at=moment(at))


def end_all(connection: sqlite3.Connection, name: str, *, by: str, at: datetime) -> int:
    """End every session of a person; how many there were."""
    ended = connection.execute(
        "UPDATE sessions SET ended_at = ? WHERE ended_at IS NULL AND ends_at > ? AND person = (SELECT seq FROM people WHERE name = ?)",
        (moment(at), moment(at), name),
    ).rowcount
    if ended:
        audit.note(connection, "sessions ended", who=by, at=moment(at), subject=name, after={"n": ended})
    return ended
