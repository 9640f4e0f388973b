"""What is written into the record and read back, as words: frames, replies, assessments, corrections. Only growth; one function a verb.

Each takes a connection that `Store` lends: from `writing()` what changes, from `reading()` what looks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from annotations import audit, rows, summaries
from annotations.store import Reader
from core.errors import Conflict, Malformed, NotFound
from core.schema import Assessment, Correction, Frame, Reply

Told = dict[str, Any]
"""What the audit is told, as plain JSON."""


def add_frame(connection: sqlite3.Connection, frame: Frame, *, by: str) -> Frame:
    """Write a frame, or only that it came once more when it is there already. Gives back the frame as it first came."""
    row = rows.from_frame(frame, by)
    number = _number(connection, frame.id)
    new = number is None
    if number is None:
        number = insert(connection, "frames", row)
        summaries.frame_received(connection, number, row["received_at"])
    arrival = {key: row[key] for key in ("name", "source", "received_by", "received_at")}
    came = audit.voucher(connection, "arrivals", insert(connection, "arrivals", {"frame": number, **arrival}))
    after = {**audit.voucher(connection, "frames", number), "arrival": came} if new else came
    audit.note(connection, "received" if new else "came again", who=row["received_by"], at=row["received_at"], frame=frame.id, after=after)
    return frame_of(connection, frame.id)


def add_assessment(connection: sqlite3.Connection, said: Assessment, *, uncertainty: float, at: datetime, by: str = "") -> Assessment:
    """Write what a machine said, once for each frame, model and prompt; who comes second gets back what is written already."""
    number = number_of(connection, said.frame_id)
    written = assessment_of(connection, said.frame_id, model=said.model, prompt_id=said.prompt_id)
    if written is not None and written.reply is not None:
        return written
    now = rows.moment(at)
    when = {"frame": number, "at": now}
    reply = None if said.reply is None else insert(connection, "replies", rows.from_reply(said.reply) | when)
    own = insert(connection, "assessments", rows.from_assessment(said, uncertainty) | when | {"reply": reply})
    summaries.frame_assessed(connection, number, own, said, uncertainty, now)
    after = audit.voucher(connection, "assessments", own)
    if reply is not None:
        after["reply"] = audit.voucher(connection, "replies", reply)
    audit.note(connection, "assessed", who=rows.clean(by), at=now, frame=said.frame_id, after=after, model=rows.clean(said.model))
    return said


def add_correction(connection: sqlite3.Connection, told: Correction, *, at: datetime, action: str = "corrected") -> Correction:
    """Write what a person said after what that person saw. Raises Conflict, with both versions, when there is something newer.

    `action`: what the audit calls it.
    """
    saved, before, after = write_correction(connection, told, at=at)
    model = None if told.saw_model is None else rows.clean(told.saw_model)
    who = rows.clean(told.author)
    audit.note(connection, action, who=who, at=rows.moment(at), frame=told.frame_id, before=before, after=after, model=model)
    return saved


def write_correction(connection: sqlite3.Connection, told: Correction, *, at: datetime) -> tuple[Correction, Told, Told]:
    """The row and the summaries, without the audit; what the caller has to tell it was before and is after."""
    number = number_of(connection, told.frame_id)
    latest = correction_of(connection, told.frame_id)
    if latest is None and told.saw_revision != 0:
        raise Malformed(f"This frame has no revision {told.saw_revision} yet; load it again. Nothing was saved.")
    if latest is not None and latest.revision != told.saw_revision:
        raise Conflict(
            f"{latest.author} saved this frame meanwhile (revision {latest.revision}; you saw {told.saw_revision}). "
            "Nothing was overwritten: compare the two and save again.",
            theirs=latest,
            yours=told,
        )
    row = rows.from_correction(told, at)
    own = insert(connection, "corrections", {"frame": number, **row})
    stood, stands = summaries.frame_corrected(connection, number, own, told, latest, row["at"])
    saved = replace(told, revision=row["revision"], at=datetime.fromisoformat(row["at"]))
    before = {"revision": told.saw_revision, "state": stood}
    return saved, before, {**audit.voucher(connection, "corrections", own), "revision": row["revision"], "state": stands}


def all_ids(reader: Reader) -> frozenset[str]:
    """The ids of every frame of the record; 100,000 of them are some 10 MB."""
    with reader.reading() as connection:
        return frozenset(row["id"] for row in connection.execute("SELECT id FROM frames"))


def number_of(connection: sqlite3.Connection, frame_id: str) -> int:
    """The frame's number in the record. Raises NotFound."""
    number = _number(connection, frame_id)
    if number is None:
        raise NotFound(f"There is no frame {frame_id[:12]} in this record.")
    return number


def frame_of(connection: sqlite3.Connection, frame_id: str) -> Frame:
    """A frame by its id. Raises NotFound."""
    row = connection.execute("SELECT * FROM frames WHERE id = ?", (frame_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no frame {frame_id[:12]} in this record.")
    return rows.to_frame(row)


def assessment_of(
    connection: sqlite3.Connection, frame_id: str, *, model: str | None = None, prompt_id: str | None = None, tokens: bool = True
) -> Assessment | None:
    """The latest assessment of a frame, or the latest of a model and prompt. `tokens` False leaves the log-probabilities on the disk."""
    row = connection.execute(
        "SELECT a.*, r.text, r.seconds AS reply_seconds, r.host, r.masked, r.others, CASE WHEN ?4 THEN r.tokens END AS tokens "
        "FROM assessments a LEFT JOIN replies r ON r.seq = a.reply "
        "WHERE a.frame = (SELECT seq FROM frames WHERE id = ?1) AND (?2 IS NULL OR a.model = ?2) AND (?3 IS NULL OR a.prompt_id = ?3) "
        "ORDER BY a.reply IS NULL, a.seq DESC LIMIT 1",
        (frame_id, model, prompt_id, tokens),
    ).fetchone()
    return None if row is None else assessment_from(row, frame_id)


def correction_of(connection: sqlite3.Connection, frame_id: str) -> Correction | None:
    """The latest correction of a frame."""
    found = connection.execute(
        "SELECT * FROM corrections WHERE frame = (SELECT seq FROM frames WHERE id = ?) ORDER BY revision DESC LIMIT 1", (frame_id,)
    ).fetchone()
    return None if found is None else rows.to_correction(found, frame_id)


def correction_at(connection: sqlite3.Connection, frame_id: str, revision: int) -> Correction:
    """What was said in a revision of a frame. Raises NotFound."""
    number = number_of(connection, frame_id)
    found = connection.execute("SELECT * FROM corrections WHERE frame = ? AND revision = ?", (number, revision)).fetchone()
    if found is None:
        raise NotFound(f"This frame has no revision {revision}.")
    return rows.to_correction(found, frame_id)


def corrections_of(connection: sqlite3.Connection, frame_id: str) -> tuple[Correction, ...]:
    """All that people said of a frame, in order. Raises NotFound."""
    number = number_of(connection, frame_id)
    found = connection.execute("SELECT * FROM corrections WHERE frame = ? ORDER BY revision", (number,))
    return tuple(rows.to_correction(row, frame_id) for row in found)


def arrivals_of(connection: sqlite3.Connection, frame_id: str) -> int:
    """How often these very bytes came in. Raises NotFound."""
    number = number_of(connection, frame_id)
    count: int = connection.execute("SELECT count(*) FROM arrivals WHERE frame = ?", (number,)).fetchone()[0]
    return count


def assessment_from(row: sqlite3.Row, frame_id: str) -> Assessment:
    """An assessment out of its row, joined with that of its reply."""
    return rows.to_assessment(row, frame_id, None if row["reply"] is None else _reply(row))


def _reply(row: sqlite3.Row) -> Reply:
    return rows.to_reply(
        {key: row[key] for key in ("text", "model", "prompt_id", "tokens", "host", "masked", "others")} | {"seconds": row["reply_seconds"]}
    )


def _number(connection: sqlite3.Connection, frame_id: str) -> int | None:
    row = connection.execute("SELECT seq FROM frames WHERE id = ?", (frame_id,)).fetchone()
    return None if row is None else row["seq"]


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int:
    """One row; its number. The names come from `rows`, never from outside."""
    marks = ", ".join(f":{key}" for key in row)
    number = connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row).lastrowid  # noqa: S608
    assert number is not None
    return number
