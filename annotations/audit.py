"""The audit: who did what, when, what it was before and after, and by which model. A chain of hashes: what is changed or taken out is found.

Of each entry the words (who, frame, subject, before, after, model) are hashed with a salt of their own into `digest`, and `digest` into `chain`
with the chain of the entry before. An erasure may empty the words and the salt; digest and chain stay, so the rest is still proved, and what
was erased cannot be guessed. Says nothing about whether something was allowed.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

START = "0" * 64
"""What the first entry is chained to."""

WORDS = ("who", "frame", "subject", "before", "after", "model")
"""What an entry says, in the order in which it is hashed; `action` and `at` are hashed with the chain and cannot be erased."""

_INSERT = "INSERT INTO audit (seq, at, action, who, frame, subject, before, after, model, salt, digest, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit."""

    seq: int
    at: datetime  # UTC
    action: str
    who: str | None  # None: erased
    frame: str | None  # the frame's id; None: of no frame, or erased
    subject: str | None  # what else it is about: a person, a token, an export
    before: object  # plain JSON; None: there was nothing
    after: object
    model: str | None


def note(
    connection: sqlite3.Connection,
    action: str,
    *,
    who: str,
    at: str,
    frame: str | None = None,
    subject: str | None = None,
    before: object = None,
    after: object = None,
    model: str | None = None,
) -> None:
    """Write an entry. Call it in the transaction of what it tells of; `at` as `rows.moment` writes it."""
    words = (who, frame, subject, written(before), written(after), model)
    salt = secrets.token_hex(16)
    said = digest(salt, words)
    number, chain = head(connection)
    connection.execute(_INSERT, (number + 1, at, action, *words, salt, said, link(chain, at, action, said)))


def digest(salt: str, words: tuple[str | None, ...]) -> str:
    """What stands for an entry's words: SHA-256 over the salt and the words as a JSON list."""
    return hashlib.sha256(salt.encode() + orjson.dumps(words)).hexdigest()


def link(before: str, at: str, action: str, said: str) -> str:
    """The chain at an entry: SHA-256 over the chain before it and what stands for the entry."""
    return hashlib.sha256(f"{before}\n{at}\n{action}\n{said}".encode()).hexdigest()


ROWS = {
    "frames": ("id", "width", "height", "name", "media_type", "received_at", "taken_at", "source"),
    "arrivals": ("name", "source", "received_at"),
    "replies": ("model", "prompt_id", "text", "seconds", "tokens", "at", "host", "masked", "others"),
    "assessments": ("model", "prompt_id", "reply", "risk_level", "uncertainty", "seconds", "body", "at"),
    "corrections": ("revision", "saw_revision", "verdict", "risk_level", "saw_model", "active_seconds", "note", "body", "at"),
    "reviews": ("revision", "verdict", "comment", "at"),
    "blind_opinions": ("verdict", "risk_level", "saw_model", "active_seconds", "note", "body", "at"),
    "bin_moves": ("move", "why", "at"),
}
"""The columns of an opinion that the audit vouches for. Not who said it: that is a word of the entry itself, which an erasure may empty."""


def of_row(connection: sqlite3.Connection, table: str, number: int) -> str:
    """What stands for a row of an opinion in the audit: SHA-256 over its columns, so that a changed byte is found."""
    columns = ", ".join(ROWS[table])
    row = connection.execute(f"SELECT {columns} FROM {table} WHERE seq = ?", (number,)).fetchone()  # noqa: S608 - names of this file
    return stamp(row)


def stamp(columns: Iterable[object]) -> str:
    """SHA-256 over columns as a JSON list; bytes as hexadecimal digits."""
    words = [value.hex() if isinstance(value, bytes) else value for value in columns]
    return hashlib.sha256(orjson.dumps(words)).hexdigest()


def voucher(connection: sqlite3.Connection, table: str, number: int) -> dict[str, Any]:
    """What an entry says of a row that it vouches for: its number, and what stands for it."""
    return {"number": number, "row": of_row(connection, table, number)}


def faults(connection: sqlite3.Connection) -> Iterator[str]:
    """What is wrong with the chain, in sentences; nothing: every entry is as it was written. What was erased must be told by an entry."""
    chain, follows, erased = START, 1, 0
    for row in connection.execute("SELECT * FROM audit ORDER BY seq"):
        if row["seq"] != follows:
            yield f"Entry {follows} of the audit is missing."
        if row["salt"] is None:
            erased += 1
        elif digest(row["salt"], tuple(row[word] for word in WORDS)) != row["digest"]:
            yield f"Entry {row['seq']} of the audit does not say what it said when it was written."
        chain = link(chain, row["at"], row["action"], row["digest"])
        if chain != row["chain"]:
            yield f"Entry {row['seq']} of the audit is not chained to the one before it."
            chain = row["chain"]
        follows = row["seq"] + 1
    told = connection.execute("SELECT coalesce(sum(json_extract(after, '$.entries')), 0) FROM audit WHERE action = 'erased'").fetchone()[0]
    if erased != told:
        yield f"{erased} entries of the audit are empty, and erasures tell of {told}."


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """Number and chain of the last entry: whoever keeps them elsewhere can prove later that nothing before was changed."""
    last = connection.execute("SELECT seq, chain FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (0, START) if last is None else (last["seq"], last["chain"])


def entries(
    connection: sqlite3.Connection, *, limit: int, before: int | None = None, frame: str | None = None, who: str | None = None
) -> list[Entry]:
    """Entries, newest first, those before the number `before`; of a frame, of a person, or all."""
    asked = [("seq < ?", before), ("frame = ?", frame), ("who = ?", who)]
    where = " AND ".join(condition for condition, value in asked if value is not None) or "TRUE"
    values = [value for _, value in asked if value is not None]
    found = connection.execute(f"SELECT * FROM audit WHERE {where} ORDER BY seq DESC LIMIT ?", (*values, limit))  # noqa: S608 - written above
    return [_entry(row) for row in found]


def carry_over(connection: sqlite3.Connection) -> None:
    """Entries for what an older record holds already. When it came is known, who asked a model is not."""
    for row in connection.execute(
        "SELECT a.*, f.id, (SELECT min(b.seq) FROM arrivals b WHERE b.frame = a.frame) AS first FROM arrivals a JOIN frames f ON f.seq = a.frame ORDER BY a.seq"
    ).fetchall():
        came = voucher(connection, "arrivals", row["seq"])
        new = row["seq"] == row["first"]
        after = {**voucher(connection, "frames", row["frame"]), "arrival": came} if new else came
        note(connection, "received" if new else "came again", who=row["received_by"], at=row["received_at"], frame=row["id"], after=after)
    for row in connection.execute(
        "SELECT a.seq, a.at, a.model, a.reply, f.id FROM assessments a JOIN frames f ON f.seq = a.frame ORDER BY a.seq"
    ).fetchall():
        after = voucher(connection, "assessments", row["seq"])
        if row["reply"] is not None:
            after["reply"] = voucher(connection, "replies", row["reply"])
        note(connection, "assessed", who="", at=row["at"], frame=row["id"], after=after, model=row["model"])
    for row in connection.execute(
        "SELECT c.seq, c.author, c.at, c.saw_model, c.saw_revision, c.revision, f.id FROM corrections c JOIN frames f ON f.seq = c.frame ORDER BY c.seq"
    ).fetchall():
        after = {**voucher(connection, "corrections", row["seq"]), "revision": row["revision"], "state": "corrected"}
        before = {"revision": row["saw_revision"], "state": "corrected" if row["saw_revision"] else "open"}
        note(connection, "corrected", who=row["author"], at=row["at"], frame=row["id"], before=before, after=after, model=row["saw_model"])


def written(value: object) -> str | None:
    """A value as an entry holds it: JSON with sorted keys; None: nothing."""
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _entry(row: sqlite3.Row) -> Entry:
    before, after = (None if row[word] is None else orjson.loads(row[word]) for word in ("before", "after"))
    at = datetime.fromisoformat(row["at"])
    return Entry(row["seq"], at, row["action"], row["who"], row["frame"], row["subject"], before, after, row["model"])
