"""The bin: frames that were put away and come back whole. Nothing is deleted; a frame in the bin is shown, drawn, counted and exported nowhere."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotations import audit, opinions, rows, summaries
from annotations.reviewing import standing
from annotations.reviewing.hindrances import BINNED, NOT_BINNED, refuse
from annotations.reviewing.standing import Stand
from core.errors import Malformed

LONGEST = 1_000  # characters of a reason


@dataclass(frozen=True, slots=True)
class Binned:
    """A frame in the bin."""

    number: int  # grows with every move; the cursor of the list
    frame_id: str
    name: str
    why: str
    who: str
    at: datetime  # UTC


def move(connection: sqlite3.Connection, frame_id: str, *, into: bool, why: str, by: str, at: datetime) -> dict[str, Any]:
    """Put a frame into the bin or take it out, as plain JSON. Raises NotFound; Malformed without a reason; OutOfTurn when it is there already."""
    asked(why, into=into)
    stand = standing.of(connection, opinions.number_of(connection, frame_id))
    hindrance = hindered(stand, into=into)
    if hindrance is not None:
        refuse(hindrance)
    return write(connection, stand, frame_id, into=into, why=why, by=by, at=at)


def asked(why: str, *, into: bool) -> None:
    """Raises Malformed for a frame that would be put away without a reason."""
    if into and not why.strip():
        raise Malformed("Say why: a frame is put into the bin with a reason. Nothing was changed.")
    if len(why) > LONGEST:
        raise Malformed(f"A reason has at most {LONGEST} characters. Nothing was changed.")


def hindered(stand: Stand, *, into: bool) -> str | None:
    """What stands in the way of the move; None: nothing does."""
    if stand.binned == into:
        return BINNED if into else NOT_BINNED
    return None


def write(connection: sqlite3.Connection, stand: Stand, frame_id: str, *, into: bool, why: str, by: str, at: datetime) -> dict[str, Any]:
    """The row, the summaries, the audit. The caller has looked that nothing stands in the way."""
    now, who, what = rows.moment(at), rows.clean(by), "binned" if into else "taken out"
    row = {"frame": stand.frame, "move": "binned" if into else "taken_out", "why": rows.clean(why.strip()), "who": who, "at": now}
    own = opinions.insert(connection, "bin_moves", row)
    summaries.frame_moved(connection, stand.frame, into_bin=into)
    after = {**audit.voucher(connection, "bin_moves", own), "binned": into}
    audit.note(connection, what, who=who, at=now, frame=frame_id, before={"binned": not into}, after=after)
    return {"binned": into, "at": now}


def why(connection: sqlite3.Connection, stand: Stand) -> str:
    """Why a frame lies where it lies."""
    row = connection.execute("SELECT why FROM bin_moves WHERE frame = ? ORDER BY seq DESC LIMIT 1", (stand.frame,)).fetchone()
    return "" if row is None else row["why"]


def held(connection: sqlite3.Connection, *, limit: int, before: int | None = None) -> list[Binned]:
    """What is in the bin, the last that was put there first; `before` is the number of the last line of the page before."""
    found = connection.execute(
        "SELECT m.seq, f.id, f.name, m.why, m.who, m.at FROM frame_states s CROSS JOIN bin_moves m ON m.frame = s.frame "
        "CROSS JOIN frames f ON f.seq = s.frame WHERE s.binned = 1 AND (?1 IS NULL OR m.seq < ?1) "
        "AND m.seq = (SELECT max(l.seq) FROM bin_moves l WHERE l.frame = s.frame) ORDER BY m.seq DESC LIMIT ?2",
        (before, limit),
    )
    return [Binned(row["seq"], row["id"], row["name"], row["why"], row["who"], datetime.fromisoformat(row["at"])) for row in found]
