"""Who works on which frame: a lease of fifteen minutes that is renewed while somebody works and ends by itself. It keeps nobody from saving.

The holder is a person's tab. It holds at most two frames, the one in work and the one that comes next; who takes a third gives back the one
longest unrenewed. Drawing and reserving are one transaction, so no two tabs are ever given the same frame. A lease is live while its end is
ahead, but by no more than a lease is long: one whose end is farther was written before the clock was set back, and counts no more. So
whatever a clock does, a lease may end early, which costs a Held at the next renewal at worst (the revision guards the work itself), and none
lasts longer than fifteen minutes of the record's clock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from annotations.opinions import number_of
from annotations.rows import clean, moment
from core.errors import Held, Malformed

LENGTH = timedelta(minutes=15)
LONGEST_TAB = 100  # characters of a tab's name

STILL_YOURS, RETURNED, DISPUTED, WANTED, WAITING = "still yours", "returned to you", "disputed", "another opinion is wanted", "waiting"
DRAWN = "drawn"
"""Why a frame was given: this tab holds it already; a reviewer sent it back to this author; two disagree on it; somebody wants one more
opinion; nobody corrected it yet, and the machine is least sure of it; or a draw of the queue took it (`annotations.picking.drawn`)."""

MOST_HELD = 2  # frames of a tab


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a frame, and until when if nothing more is heard."""

    holder: str
    tab: str
    until: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Reserved:
    """A frame that was drawn for a tab."""

    frame_id: str
    until: datetime  # UTC
    why: str  # one of those above


@dataclass(frozen=True, slots=True)
class Line:
    """Frames that stand one behind the other for a person, most uncertain first."""

    why: str
    index: str  # in which they stand in this order; of tasks the table
    where: str  # which of `frame_states s` they are
    tasks: bool = False  # in the order in which they were drawn, not by uncertainty


_OPEN = "s.wanted > s.opinions + 1 AND s.correction IS NOT NULL"
_UNTOLD = (  # as `standing.has_spoken` says it
    "NOT EXISTS (SELECT 1 FROM blind_opinions b WHERE b.frame = s.frame AND b.author = :by) "
    "AND NOT EXISTS (SELECT 1 FROM corrections c WHERE c.frame = s.frame AND c.author = :by)"
)
BACK = Line(RETURNED, "frame_states_returned", "s.state = 'returned' AND s.binned = 0 AND s.author = :by")
SPLIT = Line(DISPUTED, "frame_states_by_state", f"s.state = 'disputed' AND s.binned = 0 AND s.author IS NOT :by AND {_UNTOLD}")
ASKED = Line(WANTED, "frame_states_asked", f"{_OPEN} AND s.binned = 0 AND s.author IS NOT :by AND s.state = 'corrected' AND {_UNTOLD}")
TASKS = Line(
    DRAWN,
    "open_tasks",
    "s.verdict IS NULL AND s.binned = 0 AND EXISTS (SELECT 1 FROM open_tasks o WHERE o.frame = s.frame)",
    tasks=True,
)
WAIT = Line(WAITING, "frame_states_by_verdict", "s.verdict IS NULL AND s.binned = 0")
PRESSING = (BACK, SPLIT, ASKED)
"""What comes before all that waits, the most pressing first; but the same frame to the same person only every fifteen minutes."""

BEHIND = ("s.uncertainty = :uncertainty AND s.frame > :left", "s.uncertainty < :uncertainty")
"""What stands behind a frame in its line, in two pieces, each a range of an index."""

FRESH = "NOT EXISTS (SELECT 1 FROM offered o WHERE o.frame = s.frame AND o.holder = :by)"
_FREE = "NOT EXISTS (SELECT 1 FROM leases l WHERE l.frame = s.frame AND NOT (l.holder = :by AND l.tab = :tab))"


def reserve(
    connection: sqlite3.Connection, *, by: str, tab: str, now: datetime, after: str | None = None, disputed: bool = False
) -> Reserved | None:
    """The next frame for this tab, reserved; None when there is none. Call it inside the writing transaction.

    First what was returned to this person, then (if `disputed`) what two disagree on, then what wants another opinion of somebody else,
    then what was drawn, in its order, then what waits, most uncertain first. `after`: the frame that the tab works on; of those that wait the one behind it is drawn, and it
    comes itself only when all others were offered. None: the tab begins, and is given what it still holds. Raises NotFound for an `after`
    that is not there.
    """
    by, tab = clean(by), _tab(tab)
    _sweep(connection, now)
    lines = tuple(line for line in (*PRESSING, TASKS, WAIT) if disputed or line is not SPLIT)
    left = None if after is None else number_of(connection, after)
    held = _held(connection, by, tab)
    for number, behind in held.items():
        why = _line_of(connection, number, by, lines)
        if why is not None and (left is None or left == behind):
            return _taken(connection, number, by, tab, now, STILL_YOURS if left is None else why)
    number, why = _drawn(connection, left, by, tab, lines)
    connection.execute("DELETE FROM leases WHERE holder = ? AND tab = ? AND frame NOT IN (?, ?)", (by, tab, left or 0, number))
    if why is None:
        return None
    if why != WAITING:
        connection.execute("INSERT OR REPLACE INTO offered (holder, frame, at) VALUES (?, ?, ?)", (by, number, moment(now)))
    return _taken(connection, number, by, tab, now, why, behind=left)


def renew(connection: sqlite3.Connection, frame_id: str, *, by: str, tab: str, now: datetime) -> Lease:
    """Hold this frame for another fifteen minutes, or take it when it is free. Raises NotFound; Held when another tab works on it."""
    by, tab = clean(by), _tab(tab)
    _sweep(connection, now)
    number = number_of(connection, frame_id)
    held = connection.execute("SELECT holder, tab, until FROM leases WHERE frame = ?", (number,)).fetchone()
    if held is not None and (held["holder"], held["tab"]) != (by, tab):
        who = "You work" if held["holder"] == by else f"{held['holder']} works"
        where = "in another tab " if held["holder"] == by else ""
        minutes = max(1, round((datetime.fromisoformat(held["until"]) - now) / timedelta(minutes=1)))
        raise Held(f"{who} on this frame {where}just now; it comes free in {minutes} minutes at the latest. Take another meanwhile.")
    return Lease(by, tab, _taken(connection, number, by, tab, now, STILL_YOURS).until)


def give_back(connection: sqlite3.Connection, frame_id: str, *, by: str, tab: str) -> bool:
    """Let go of a frame; whether this tab held it. Raises NotFound."""
    number = number_of(connection, frame_id)
    values = (number, clean(by), _tab(tab))
    return connection.execute("DELETE FROM leases WHERE frame = ? AND holder = ? AND tab = ?", values).rowcount > 0


def lease_of(connection: sqlite3.Connection, frame_id: str, now: datetime) -> Lease | None:
    """Who works on a frame now; None: nobody. Only reads."""
    row = connection.execute(
        "SELECT holder, tab, until FROM leases WHERE frame = (SELECT seq FROM frames WHERE id = ?) AND until > ? AND until <= ?",
        (frame_id, moment(now), moment(now + LENGTH)),
    ).fetchone()
    return None if row is None else Lease(row["holder"], row["tab"], datetime.fromisoformat(row["until"]))


def _tab(tab: str) -> str:
    if not (0 < len(tab) <= LONGEST_TAB and tab.isprintable()):
        raise Malformed(f"tab is a name of 1 to {LONGEST_TAB} characters that a page gives itself when it opens. Nothing was reserved.")
    return clean(tab)


def _sweep(connection: sqlite3.Connection, now: datetime) -> None:
    """Leases that ended, and those that a clock which was set back since has made too long."""
    connection.execute("DELETE FROM leases WHERE until <= ?", (moment(now),))
    connection.execute("DELETE FROM leases WHERE until > ?", (moment(now + LENGTH),))
    connection.execute("DELETE FROM offered WHERE at <= ? OR at > ?", (moment(now - LENGTH), moment(now)))


def _held(connection: sqlite3.Connection, by: str, tab: str) -> dict[int, int | None]:
    """Frames of a tab, first the one that it has longest, each with the one behind which it was drawn."""
    found = connection.execute("SELECT frame, behind FROM leases WHERE holder = ? AND tab = ? ORDER BY taken_at, frame", (by, tab))
    return {row["frame"]: row["behind"] for row in found}


def _taken(
    connection: sqlite3.Connection, number: int, by: str, tab: str, now: datetime, why: str, *, behind: int | None = None
) -> Reserved:
    until = now + LENGTH
    connection.execute(
        "INSERT INTO leases (frame, holder, tab, behind, taken_at, until) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (frame) DO UPDATE SET until = excluded.until, behind = coalesce(excluded.behind, behind)",
        (number, by, tab, behind, moment(now), moment(until)),
    )
    connection.execute(
        "DELETE FROM leases WHERE holder = ?1 AND tab = ?2 AND frame NOT IN "
        "(SELECT frame FROM leases WHERE holder = ?1 AND tab = ?2 ORDER BY frame = ?3 DESC, until DESC LIMIT ?4)",
        (by, tab, number, MOST_HELD),
    )
    frame_id: str = connection.execute("SELECT id FROM frames WHERE seq = ?", (number,)).fetchone()["id"]
    return Reserved(frame_id, until, why)


def _drawn(connection: sqlite3.Connection, left: int | None, by: str, tab: str, lines: Sequence[Line]) -> tuple[int, str | None]:
    """The number of the first free frame, and why it is the one; 0 and None: there is none."""
    *pressing, drawn, waiting = lines
    uncertainty = None if left is None else _stands(connection, left, by, waiting)
    tries = [(line, FRESH) for line in (*pressing, drawn)]
    # A task that was passed over comes again when nothing else waits, or after a while: in its place among the others it would lead back to them.
    tries += [(waiting, f"{place} AND {FRESH}") for place in (*(BEHIND if uncertainty is not None else ()), "TRUE")]
    tries += [(line, "TRUE") for line in (waiting, *pressing)]
    values = {"by": by, "tab": tab, "left": left, "uncertainty": uncertainty}
    for line, which in tries:
        row = connection.execute(statement(line, which), values).fetchone()
        if row is not None:
            return row["frame"], line.why
    return 0, None


def statement(line: Line, which: str = "TRUE") -> str:
    """The first free frame of a line, or of some of it; never the one that is worked on just now."""
    asked = f"{line.where} AND {which} AND s.frame IS NOT :left AND {_FREE}"
    if line.tasks:
        return f"SELECT s.frame FROM {line.index} t CROSS JOIN frame_states s ON s.frame = t.frame WHERE {asked} ORDER BY t.task LIMIT 1"  # noqa: S608
    return f"SELECT s.frame FROM frame_states s INDEXED BY {line.index} WHERE {asked} ORDER BY s.uncertainty DESC, s.frame LIMIT 1"  # noqa: S608 - written above


def _line_of(connection: sqlite3.Connection, number: int, by: str, lines: Sequence[Line]) -> str | None:
    """Why a frame would be given to this person; None: it would not."""
    return next((line.why for line in lines if _stands(connection, number, by, line) is not None), None)


def _stands(connection: sqlite3.Connection, number: int, by: str, line: Line) -> float | None:
    """The uncertainty of a frame that stands in a line for this person; None: it does not."""
    asked = f"SELECT s.uncertainty FROM frame_states s WHERE s.frame = :frame AND {line.where}"  # noqa: S608 - written above
    row = connection.execute(asked, {"frame": number, "by": by}).fetchone()
    return None if row is None else row["uncertainty"]
