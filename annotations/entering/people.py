"""People of the record: their names, roles and passwords' digests, as rows. Knows no session, and not who may change what."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from annotations import audit
from annotations.rows import moment
from core.errors import Forbidden, Malformed, NotFound
from core.rights import LOCAL, ROLES, Role

_NAME = re.compile(r"[^\W_][\w.@+-]{0,63}")
_SUBJECT = re.compile(r"https?://[^#\s]+#\S.*")
LONGEST_SHOWN = 80  # characters
LONGEST_SUBJECT = 500  # characters


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may come in."""

    name: str  # to log in by; stands in the record beside what they did
    shown: str  # what others read; empty: the name
    role: Role
    active: bool
    ready: bool  # there is a password, or a login elsewhere; False: the link is still open
    made_at: datetime  # UTC
    made_by: str
    login_elsewhere: str | None = (
        None  # how another place knows them: "issuer#subject", or by what they are recognised there the first time
    )


_COLUMNS = "seq, name, shown, role, password, subject, active, made_at, made_by"


def known_as(name: object) -> str:
    """A name as it is kept: small letters, one way to write each sign. Raises Malformed for what cannot be one.

    >>> known_as(" Wang.Li ")
    'wang.li'
    """
    said = unicodedata.normalize("NFKC", name).strip().casefold() if isinstance(name, str) else ""
    if not _NAME.fullmatch(said) or said == LOCAL or said.startswith("erased-"):
        raise Malformed(
            'A name has 1 to 64 letters and digits, between them . _ - + or @, and is neither "local" nor begins with "erased-". Nothing was saved.'
        )
    return said


def add(
    connection: sqlite3.Connection, name: str, role: Role, *, shown: str = "", by: str, at: datetime, subject: str | None = None
) -> Person:
    """A new person without a password. The first one must be an admin, or nobody could let in the others."""
    kept, seen = known_as(name), _shown(shown)
    if connection.execute("SELECT 1 FROM people WHERE name = ?", (kept,)).fetchone():
        raise Malformed(f"There is a person named {kept} already. Choose another name; nothing was saved.")
    if subject is not None and with_subject(connection, subject):
        raise Malformed("This login elsewhere belongs to somebody else. Nothing was saved.")
    if role != "admin" and not anybody(connection):
        raise Malformed("The first person must be an admin, who can then let in the others. Nothing was saved.")
    connection.execute(
        "INSERT INTO people (name, shown, role, subject, active, made_at, made_by) VALUES (?, ?, ?, ?, 1, ?, ?)",
        (kept, seen, checked_role(role), subject, moment(at), by),
    )
    audit.note(connection, "person added", who=by, at=moment(at), subject=kept, after={"role": role, "shown": seen})
    return person_of(connection, kept)


def anybody(connection: sqlite3.Connection) -> bool:
    """Whether the record knows any person, active or not."""
    return connection.execute("SELECT 1 FROM people LIMIT 1").fetchone() is not None


def everybody(connection: sqlite3.Connection) -> list[Person]:
    """All people, by name."""
    return [_person(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM people ORDER BY name")]  # noqa: S608 - columns of ours


def person_of(connection: sqlite3.Connection, name: str) -> Person:
    """A person. Raises NotFound."""
    return _person(row_of(connection, name))


def with_subject(connection: sqlite3.Connection, subject: str) -> Person | None:
    """The person whom another place, where they log in, knows by this subject."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM people WHERE subject = ?", (subject,)).fetchone()  # noqa: S608 - columns of ours
    return None if row is None else _person(row)


def row_of(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """A person's row, for the other files that know tables. Raises NotFound."""
    row: sqlite3.Row | None = connection.execute(f"SELECT {_COLUMNS} FROM people WHERE name = ?", (name,)).fetchone()  # noqa: S608 - columns of ours
    if row is None:
        raise NotFound(f"There is no person named {name[:64]}.")
    return row


def set_role(connection: sqlite3.Connection, name: str, role: Role, *, by: str, at: datetime) -> None:
    """Another role. Raises Forbidden when nobody would be left who can let people in."""
    before = row_of(connection, name)["role"]
    if before == role:
        return
    connection.execute("UPDATE people SET role = ? WHERE name = ?", (checked_role(role), name))
    some_admin(connection)
    audit.note(connection, "role changed", who=by, at=moment(at), subject=name, before={"role": before}, after={"role": role})


def set_active(connection: sqlite3.Connection, name: str, active: bool, *, by: str, at: datetime) -> None:
    """Let somebody in again, or no more; what they said stays. Raises Forbidden as `set_role` does."""
    before = bool(row_of(connection, name)["active"])
    if before == active:
        return
    connection.execute("UPDATE people SET active = ? WHERE name = ?", (int(active), name))
    some_admin(connection)
    audit.note(connection, "person let in" if active else "person shut out", who=by, at=moment(at), subject=name)


def set_password(connection: sqlite3.Connection, name: str, digest: str, *, by: str, at: datetime) -> None:
    """The digest by which a password is checked from now on."""
    connection.execute("UPDATE people SET password = ? WHERE name = ?", (digest, name))
    audit.note(connection, "password set", who=by, at=moment(at), subject=name)


def password_of(connection: sqlite3.Connection, name: str) -> str | None:
    """The digest of this person's password; None: there is none, nobody of that name, or they are shut out."""
    row = connection.execute("SELECT password FROM people WHERE name = ? AND active = 1", (name,)).fetchone()
    found: str | None = None if row is None else row["password"]
    return found


def elsewhere_as(said: object) -> str | None:
    """How another place knows somebody, as it is kept: "issuer#subject", or, until their first login, "email:..." or "name:...".

    Raises Malformed.

    >>> elsewhere_as("email:Ada@Firm.example")
    'email:ada@firm.example'
    """
    if said is None:
        return None
    text = said.strip() if isinstance(said, str) else ""
    kind, _, rest = text.partition(":")
    if kind in ("email", "name"):
        text = f"{kind}:{unicodedata.normalize('NFKC', rest).strip().casefold()}"
    whole = len(text) > len(kind) + 1 if kind in ("email", "name") else _SUBJECT.fullmatch(text) is not None
    if not whole or len(text) > LONGEST_SUBJECT or not text.isprintable():
        raise Malformed(
            'login_elsewhere is "issuer#subject", "email:" and an e-mail address, "name:" and a name, or null. Nothing was saved.'
        )
    return text


def recognised(connection: sqlite3.Connection, subject: str, first: Sequence[str], *, at: datetime) -> Person:
    """Whom another place proved: by its subject, else the one person for whom an admin set one of `first`; the subject is kept then.

    Raises NotFound for a stranger, Forbidden for who is shut out.
    """
    known = with_subject(connection, subject)
    meant = [known] if known else [found for each in first if (found := with_subject(connection, each)) is not None]
    if len({found.name for found in meant}) != 1:
        raise NotFound("Nobody here is known by this login. Ask an admin to add you.")
    person = meant[0]
    if not person.active:
        raise Forbidden(f"{person.name} is shut out. Ask an admin.")
    if known is None:
        set_subject(connection, person.name, subject, by=person.name, at=at)
    return person


def set_subject(connection: sqlite3.Connection, name: str, subject: str | None, *, by: str, at: datetime) -> None:
    """By which name another place, where this person logs in, knows them; None: no more. Raises Malformed when it is somebody else's."""
    row_of(connection, name)
    other = None if subject is None else with_subject(connection, subject)
    if other is not None and other.name != name:
        raise Malformed(f"This login elsewhere belongs to {other.name}. End it there first; nothing was saved.")
    connection.execute("UPDATE people SET subject = ? WHERE name = ?", (subject, name))
    audit.note(connection, "login elsewhere set" if subject else "login elsewhere ended", who=by, at=moment(at), subject=name)


def has_admin(connection: sqlite3.Connection, at: datetime) -> bool:
    """Whether an admin can come in: with a password, a login elsewhere, or a link that is still good."""
    found = connection.execute(
        "SELECT 1 FROM people p WHERE p.role = 'admin' AND p.active = 1 AND (p.password IS NOT NULL OR p.subject IS NOT NULL OR EXISTS "
        "(SELECT 1 FROM invitations i WHERE i.person = p.seq AND i.used_at IS NULL AND i.ends_at > ?)) LIMIT 1",
        (moment(at),),
    )
    return found.fetchone() is not None


def checked_role(role: object) -> Role:
    """A word as a role. Raises Malformed.

    >>> checked_role("lead")
    'lead'
    """
    for known in ROLES:
        if role == known:
            return known
    raise Malformed(f"A role is one of {', '.join(ROLES)}. Nothing was saved.")


def some_admin(connection: sqlite3.Connection) -> None:
    """Raises Forbidden when people are known and none of them is an admin who may come in."""
    if connection.execute("SELECT 1 FROM people WHERE role = 'admin' AND active = 1 LIMIT 1").fetchone() is None:
        raise Forbidden("This is the last admin. Make somebody else an admin first; nothing was changed.")


def _shown(said: object) -> str:
    shown = unicodedata.normalize("NFC", said).strip() if isinstance(said, str) else None
    if shown is None or len(shown) > LONGEST_SHOWN or not all(sign.isprintable() for sign in shown):
        raise Malformed(f"The name that others read has at most {LONGEST_SHOWN} signs, all of which can be seen. Nothing was saved.")
    return shown


def _person(row: sqlite3.Row) -> Person:
    ready = row["password"] is not None or row["subject"] is not None
    made_at = datetime.fromisoformat(row["made_at"])
    role = checked_role(row["role"])
    return Person(row["name"], row["shown"], role, bool(row["active"]), ready, made_at, row["made_by"], row["subject"])
