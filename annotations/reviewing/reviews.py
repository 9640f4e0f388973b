"""Looks at corrections by others: accepted, or returned to the author with what is to be done. Only growth; roles are checked at the door."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotations import audit, opinions, rows
from annotations.reviewing import standing
from annotations.reviewing.hindrances import ACCEPTED, BINNED, DISPUTED, MOVED_ON, OPEN, OWN, RETURNED, UNCONFIRMED, WAITING, refuse
from annotations.reviewing.standing import Stand
from core.errors import Malformed
from core.schema import FIELDS, Correction

VERDICTS = ("accepted", "returned")
LONGEST = 4_000  # characters of a comment


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody decided about a revision of a frame."""

    reviewer: str
    verdict: str  # accepted, returned
    comment: str
    revision: int
    at: datetime  # UTC


def add(
    connection: sqlite3.Connection, frame_id: str, verdict: str, comment: str, revision: int, *, by: str, at: datetime
) -> dict[str, Any]:
    """Write what `by` decided about the latest revision; where the frame stands after it, as plain JSON.

    Raises Malformed, NotFound; OutOfTurn where the frame does not wait for it; Forbidden for one's own work.
    """
    asked(verdict, comment)
    stand = standing.of(connection, opinions.number_of(connection, frame_id))
    latest = opinions.correction_of(connection, frame_id)
    if latest is not None and stand.revision != revision and not stand.binned:
        refuse(MOVED_ON, theirs=None if standing.owes(connection, stand, by) else latest)  # who owes an opinion sees no other
    hindrance = hindered(connection, stand, latest, verdict, by=by)
    if hindrance is not None:
        refuse(hindrance)
    return write(connection, stand, frame_id, verdict, comment, by=by, at=at)


def asked(verdict: str, comment: str) -> None:
    """Raises Malformed for a verdict that is none, and for a return without a word."""
    if verdict not in VERDICTS:
        raise Malformed(f'"{verdict[:60]}" is no verdict of a review. There are: {", ".join(VERDICTS)}. Nothing was changed.')
    if len(comment) > LONGEST:
        raise Malformed(f"A comment has at most {LONGEST} characters. Nothing was changed.")
    if verdict == "returned" and not comment.strip():
        raise Malformed("Say what is to be done: a frame is returned with a comment. Nothing was changed.")


def hindered(connection: sqlite3.Connection, stand: Stand, latest: Correction | None, verdict: str, *, by: str) -> str | None:
    """What stands in the way of this verdict on the latest correction; None: nothing does."""
    if stand.binned:
        return BINNED
    if latest is None:
        return OPEN
    if stand.state == verdict:
        return ACCEPTED if verdict == "accepted" else RETURNED
    if stand.author == rows.clean(by) and not standing.is_alone(connection, by):
        return OWN
    if stand.waits_for:
        return WAITING
    if verdict == "accepted" and stand.state == "disputed":
        return DISPUTED
    if verdict == "accepted" and said_by_model_alone(latest):
        return UNCONFIRMED
    return None


def said_by_model_alone(told: Correction) -> bool:
    """Whether a part of a review has no person behind it. Such words close no case, however often they are waved through."""
    if told.verdict != "reviewed":
        return False
    values = [told.step[name] for name in FIELDS if told.step[name].value is not None]
    behind = [f.said_by for f in told.findings] + [v.said_by for v in values] + [v.said_by for v in told.violations]
    return "model" in (*behind, told.risk.said_by)


def write(
    connection: sqlite3.Connection, stand: Stand, frame_id: str, verdict: str, comment: str, *, by: str, at: datetime
) -> dict[str, Any]:
    """The row, the summary, the audit. The caller has looked that nothing stands in the way."""
    now, who = rows.moment(at), rows.clean(by)
    own = row(connection, stand.frame, stand.revision, verdict, comment, by=by, at=at)
    state = standing.settle(connection, stand.frame)
    before = {"revision": stand.revision, "state": stand.state}
    after = {**audit.voucher(connection, "reviews", own), "revision": stand.revision, "state": state}
    audit.note(connection, verdict, who=who, at=now, frame=frame_id, before=before, after=after)
    return {"state": state, "at": now}


def row(connection: sqlite3.Connection, frame: int, revision: int, verdict: str, comment: str, *, by: str, at: datetime) -> int:
    """The row alone; its number."""
    said = {"frame": frame, "revision": revision, "reviewer": rows.clean(by), "verdict": verdict}
    return opinions.insert(connection, "reviews", {**said, "comment": rows.clean(comment.strip()), "at": rows.moment(at)})


def of(connection: sqlite3.Connection, frame_id: str) -> tuple[Review, ...]:
    """All reviews of a frame, oldest first."""
    found = connection.execute(
        "SELECT * FROM reviews WHERE frame = (SELECT seq FROM frames WHERE id = ?) ORDER BY seq", (frame_id,)
    ).fetchall()
    return tuple(
        Review(row["reviewer"], row["verdict"], row["comment"], row["revision"], datetime.fromisoformat(row["at"])) for row in found
    )
