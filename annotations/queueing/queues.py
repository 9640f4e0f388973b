"""Who is next: frames in the order in which they want a person, and pages of them. It draws; it measures and changes nothing.

The machine's uncertainty decides, the older frame goes first among equals. Every order here is an index of the record
(`frame_states_by_*`), so the next frame of 100,000 costs what it costs of ten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from annotations.opinions import number_of
from annotations.queueing.tasks import unaided
from core.errors import Malformed

FILTERS: Mapping[str, str] = {
    "waiting": "verdict IS NULL AND binned = 0",
    "undetermined": "verdict IS NULL AND level IS NULL AND binned = 0",
    "high": "verdict IS NULL AND level = 'high' AND binned = 0",
    "cannot_tell": "verdict = 'cannot_tell' AND binned = 0",
    "reviewed": "verdict = 'reviewed' AND binned = 0",
    "all": "binned = 0",
}
"""Names of what a page of the queue may hold. What none has judged is "waiting"; "undetermined" and "high" are parts of it. Nothing that was put
away in the bin is in any of them."""

_ORDER = "ORDER BY uncertainty DESC, frame LIMIT 1"


@dataclass(frozen=True, slots=True)
class Card:
    """A frame as it stands in a list."""

    frame_id: str
    name: str
    received_at: datetime  # UTC
    level: str | None  # a person's word if there is one, else the machine's; None: undetermined
    uncertainty: float | None  # 0..1, of the machine; None: no machine looked at it
    reviewed: bool  # the latest correction ended in a review
    revision: int  # 0: nobody corrected it
    verdict: str | None = None  # of the latest correction; None: it waits for one
    state: str = "open"  # open, corrected, accepted, returned, disputed
    author: str | None = None  # of the latest correction
    binned: bool = False


def following(connection: sqlite3.Connection, after: str | None = None) -> str | None:
    """The frame that waits behind `after` in the queue, from the top when that was the last; None when no other waits.

    From the top when `after` is None. Passing over a frame (not saving it) does not bring it back until all others were offered.
    """
    number, uncertainty = _place(connection, after) if after is not None else (None, None)
    tries: list[tuple[str, tuple[object, ...]]] = [("frame IS NOT ?", (number,))]
    if number is not None:
        tries = [("uncertainty = ? AND frame > ?", (uncertainty, number)), ("uncertainty < ?", (uncertainty,)), *tries]
    for place, values in tries:
        row = connection.execute(f"SELECT frame FROM frame_states WHERE {FILTERS['waiting']} AND {place} {_ORDER}", values).fetchone()  # noqa: S608 - of the list above
        if row is not None:
            found: str = connection.execute("SELECT id FROM frames WHERE seq = ?", (row["frame"],)).fetchone()["id"]
            return found
    return None


def page(connection: sqlite3.Connection, *, limit: int, filter: str = "waiting", skip: int = 0) -> list[Card]:
    """Cards in the queue's order. Raises Malformed for a filter that is not there."""
    if filter not in FILTERS:
        raise Malformed(f'"{filter}" is no filter. There are: {", ".join(FILTERS)}.')
    found = connection.execute(page_statement(filter), (limit, skip))
    return [card(row) for row in found]


def newest(connection: sqlite3.Connection, *, limit: int, before: str | None = None) -> list[Card]:
    """Cards of the frames that came last, or last before a frame. Raises NotFound for a frame that is not there."""
    number = number_of(connection, before) if before is not None else None
    found = connection.execute(newest_statement(number is not None), {"before": number, "limit": limit})
    return [card(row) for row in found]


OWED = "s.wanted > s.opinions + 1 AND s.state = 'corrected'"
"""Of a row `s` of frame_states: opinions are wanted that shall not have seen the first one."""
_MACHINES = "(SELECT a.risk_level FROM assessments a WHERE a.seq = s.assessment)"
_UNAIDED = unaided("s.frame")
CARD_COLUMNS = (
    f"f.id, f.name, f.received_at, CASE WHEN {_UNAIDED} THEN NULL WHEN {OWED} THEN {_MACHINES} ELSE s.level END AS level, s.uncertainty, "
    f"CASE WHEN {OWED} THEN NULL ELSE s.verdict END AS verdict, s.revision, s.assessment, s.state, "
    f"CASE WHEN {OWED} THEN NULL ELSE s.author END AS author, s.binned"
)
"""Of a frame that waits for opinions which have not seen the first one a list tells nobody what that one says, nor whose it is; and of one that is to
be judged unaided not what the machine says."""


def page_statement(filter: str) -> str:
    """The rows of a page are picked from an index alone; frames are looked up for what is shown."""
    picked = f"SELECT frame FROM frame_states WHERE {FILTERS[filter]} ORDER BY uncertainty DESC, frame LIMIT ? OFFSET ?"  # noqa: S608 - written above, not said
    looked_up = "CROSS JOIN frame_states s ON s.frame = picked.frame CROSS JOIN frames f ON f.seq = picked.frame"
    return f"SELECT {CARD_COLUMNS} FROM ({picked}) picked {looked_up} ORDER BY s.uncertainty DESC, s.frame"  # noqa: S608


def newest_statement(before: bool) -> str:
    """By the order of arrival, not by a clock that may have been set back."""
    where = "WHERE s.binned = 0 AND s.frame < :before " if before else "WHERE s.binned = 0 "
    return f"SELECT {CARD_COLUMNS} FROM frame_states s CROSS JOIN frames f ON f.seq = s.frame {where}ORDER BY s.frame DESC LIMIT :limit"  # noqa: S608


def _place(connection: sqlite3.Connection, frame_id: str) -> tuple[int, float]:
    number = number_of(connection, frame_id)
    row = connection.execute("SELECT uncertainty FROM frame_states WHERE frame = ?", (number,)).fetchone()
    return number, row["uncertainty"]


def card(row: sqlite3.Row) -> Card:
    """A card out of a row of CARD_COLUMNS."""
    return Card(
        frame_id=row["id"],
        name=row["name"],
        received_at=datetime.fromisoformat(row["received_at"]),
        level=row["level"],
        uncertainty=None if row["assessment"] is None else row["uncertainty"],
        reviewed=row["verdict"] == "reviewed",
        revision=row["revision"],
        verdict=row["verdict"],
        state=row["state"],
        author=row["author"],
        binned=bool(row["binned"]),
    )
