"""Several people say independently what they see of one frame; a reviewer decides where they differ. Who owes an opinion sees no other.

How many are wanted is said of a frame; the first correction is one of them. The others are blind opinions: they stand beside the
corrections, never in their line. How they are held against each other stands in `annotations.reviewing.comparing`.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from annotations import audit, opinions, rows
from annotations.reviewing import reviews, standing
from annotations.reviewing.hindrances import (
    ACCEPTED,
    BINNED,
    DISPUTED,
    NOT_DISPUTED,
    NOT_WANTED,
    OPEN,
    OWED,
    OWN,
    SAID_ALREADY,
    SAME_NUMBER,
    UNCONFIRMED,
    refuse,
)
from annotations.reviewing.standing import Stand
from core.errors import Malformed
from core.schema import Correction

MOST = 3
"""Opinions of one frame."""


def want(connection: sqlite3.Connection, frame_id: str, n: int, *, by: str, at: datetime) -> dict[str, Any]:
    """Say how many opinions are wanted of a frame; where it stands, as plain JSON. Raises NotFound, Malformed, OutOfTurn."""
    asked(n)
    stand = standing.of(connection, opinions.number_of(connection, frame_id))
    hindrance = hindered(stand, n)
    if hindrance is not None:
        refuse(hindrance)
    return write(connection, stand, frame_id, n, by=by, at=at)


def asked(n: int) -> None:
    """Raises Malformed for a number that cannot be wanted."""
    if not 1 <= n <= MOST:
        raise Malformed(f"n is the number of opinions that are wanted of a frame, 1 to {MOST}. Nothing was changed.")


def hindered(stand: Stand, n: int) -> str | None:
    """What stands in the way of wanting so many; None: nothing does."""
    if stand.binned:
        return BINNED
    if stand.state == "accepted":
        return ACCEPTED
    return SAME_NUMBER if stand.wanted == n else None


def write(connection: sqlite3.Connection, stand: Stand, frame_id: str, n: int, *, by: str, at: datetime) -> dict[str, Any]:
    """The row, the summary, the audit. The caller has looked that nothing stands in the way."""
    now, who = rows.moment(at), rows.clean(by)
    connection.execute(
        "INSERT INTO wanted_opinions (frame, n, who, at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (frame) DO UPDATE SET n = excluded.n, who = excluded.who, at = excluded.at",
        (stand.frame, n, who, now),
    )
    state = standing.settle(connection, stand.frame)
    before, after = {"wanted": stand.wanted, "state": stand.state}, {"wanted": n, "state": state}
    audit.note(connection, "wanted", who=who, at=now, frame=frame_id, before=before, after=after)
    return {"wanted": n, "state": state, "at": now}


def add(connection: sqlite3.Connection, told: Correction, *, at: datetime) -> dict[str, Any]:
    """Write an opinion that has not seen the others; where the frame stands, as plain JSON, and nothing of what the others said.

    Raises NotFound; OutOfTurn for who has spoken already and where none is wanted.
    """
    stand = standing.of(connection, opinions.number_of(connection, told.frame_id))
    hindrance = _hindered_to_speak(connection, stand, told.author)
    if hindrance is not None:
        refuse(hindrance)
    row = rows.from_correction(told, at)
    kept = {key: value for key, value in row.items() if key not in ("revision", "saw_revision")}
    own = opinions.insert(connection, "blind_opinions", {"frame": stand.frame, **kept})
    state = standing.settle(connection, stand.frame)
    after = {**audit.voucher(connection, "blind_opinions", own), "opinions": stand.opinions + 1, "state": state}
    differing = differences(connection, told.frame_id)
    if differing is not None:
        after["differ"] = list(differing)  # empty: they agree
    before = {"opinions": stand.opinions, "state": stand.state}
    audit.note(
        connection, "opined", who=row["author"], at=row["at"], frame=told.frame_id, before=before, after=after, model=row["saw_model"]
    )
    return {"state": state, "at": row["at"]}


def _hindered_to_speak(connection: sqlite3.Connection, stand: Stand, author: str) -> str | None:
    if stand.binned:
        return BINNED
    if stand.revision == 0:
        return OPEN
    if standing.has_spoken(connection, stand.frame, author):
        return SAID_ALREADY
    return None if standing.owes(connection, stand, author) else NOT_WANTED


def may_correct(connection: sqlite3.Connection, frame_id: str, author: str) -> None:
    """Raises OutOfTurn where a correction would pass by an opinion that is wanted, or by a reviewer's decision; NotFound."""
    stand = standing.of(connection, opinions.number_of(connection, frame_id))
    if stand.wanted == 1 and stand.state != "disputed":
        return
    if standing.owes(connection, stand, author):
        refuse(OWED)
    if stand.state == "disputed" and stand.author != rows.clean(author):
        refuse(DISPUTED)


def adjudicate(connection: sqlite3.Connection, told: Correction, *, at: datetime) -> Correction:
    """Write the reviewer's own word where opinions differ; the frame is accepted with it.

    Raises OutOfTurn where nothing is disputed, Forbidden for who gave one of the opinions, Conflict as a correction does.
    """
    stand = standing.of(connection, opinions.number_of(connection, told.frame_id))
    if stand.binned:
        refuse(BINNED)
    if stand.state != "disputed":
        refuse(NOT_DISPUTED)
    if standing.has_spoken(connection, stand.frame, told.author) and not standing.is_alone(connection, told.author):
        refuse(OWN)
    if reviews.said_by_model_alone(told):
        refuse(UNCONFIRMED)
    looked = reviews.row(connection, stand.frame, told.saw_revision + 1, "accepted", "", by=told.author, at=at)
    saved, before, after = opinions.write_correction(connection, told, at=at)
    after["review"] = audit.voucher(connection, "reviews", looked)
    model = None if told.saw_model is None else rows.clean(told.saw_model)
    who = rows.clean(told.author)
    audit.note(connection, "adjudicated", who=who, at=rows.moment(at), frame=told.frame_id, before=before, after=after, model=model)
    return saved


def of(connection: sqlite3.Connection, frame_id: str) -> tuple[Correction, ...]:
    """The blind opinions on a frame, oldest first."""
    return tuple(standing.blind(connection, opinions.number_of(connection, frame_id), frame_id))


def differences(connection: sqlite3.Connection, frame_id: str) -> tuple[str, ...] | None:
    """Where the opinions on a frame differ, empty: nowhere; None: they are not all in, or there is only one."""
    stand = standing.of(connection, opinions.number_of(connection, frame_id))
    latest = opinions.correction_of(connection, frame_id)
    if latest is None or stand.opinions == 0:
        return None
    return standing.compared(latest, list(of(connection, frame_id)), stand.wanted)
