"""Where a frame stands: open -> corrected -> accepted | returned -> corrected ..., or disputed. Derived from opinions alone; it writes none.

The latest review of the latest correction decides. Without one, and once all wanted opinions are in, a correction and the blind opinions
of others either say the same (`comparing`) or are disputed.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from annotations import rows
from annotations.reviewing import comparing
from core.rights import LOCAL
from core.schema import Correction

STATES = ("open", "corrected", "accepted", "returned", "disputed")


@dataclass(frozen=True, slots=True)
class Stand:
    """A frame as the summaries know it."""

    frame: int  # its number
    state: str
    author: str | None  # of the latest correction
    revision: int  # 0: nobody corrected it
    wanted: int  # opinions, the first correction among them
    opinions: int  # blind ones that are there
    binned: bool

    @property
    def waits_for(self) -> int:
        """Opinions that are still to come. What was decided waits for none."""
        return max(0, self.wanted - 1 - self.opinions) if self.state in ("open", "corrected") else 0


def of(connection: sqlite3.Connection, frame: int) -> Stand:
    """Where the frame of this number stands."""
    row = connection.execute(
        "SELECT state, author, revision, wanted, opinions, binned FROM frame_states WHERE frame = ?", (frame,)
    ).fetchone()
    return Stand(frame, row["state"], row["author"], row["revision"], row["wanted"], row["opinions"], bool(row["binned"]))


def settle(connection: sqlite3.Connection, frame: int) -> str:
    """Bring the summary of a frame up to date with its opinions, but for the bin; its state."""
    latest = connection.execute("SELECT * FROM corrections WHERE frame = ? ORDER BY revision DESC LIMIT 1", (frame,)).fetchone()
    wanted = connection.execute("SELECT n FROM wanted_opinions WHERE frame = ?", (frame,)).fetchone()
    n = 1 if wanted is None else wanted["n"]
    others = blind(connection, frame, "")
    state = _state(connection, frame, None if latest is None else rows.to_correction(latest, ""), others, n)
    author = None if latest is None else latest["author"]
    connection.execute(
        "UPDATE frame_states SET state = ?, author = ?, wanted = ?, opinions = ? WHERE frame = ?", (state, author, n, len(others), frame)
    )
    return state


def _state(connection: sqlite3.Connection, frame: int, latest: Correction | None, others: list[Correction], wanted: int) -> str:
    if latest is None:
        return "open"
    review = connection.execute(
        "SELECT verdict FROM reviews WHERE frame = ? AND revision = ? ORDER BY seq DESC LIMIT 1", (frame, latest.revision)
    ).fetchone()
    if review is not None:
        return str(review["verdict"])
    return "disputed" if compared(latest, others, wanted) else "corrected"


def compared(latest: Correction, others: list[Correction], wanted: int) -> tuple[str, ...] | None:
    """Where the opinions on a frame differ; None: there are not yet two to compare. A person's later word takes the place of the blind one."""
    counted = [latest, *(other for other in others if other.author != latest.author)]
    if len(counted) < 2 or 1 + len(others) < wanted:
        return None
    return comparing.all_differences(counted)


def blind(connection: sqlite3.Connection, frame: int, frame_id: str) -> list[Correction]:
    """The blind opinions on a frame, in order."""
    found = connection.execute("SELECT *, 0 AS saw_revision, NULL AS revision FROM blind_opinions WHERE frame = ? ORDER BY seq", (frame,))
    return [rows.to_correction(row, frame_id) for row in found]


def owes(connection: sqlite3.Connection, stand: Stand, by: str) -> bool:
    """Whether this person, if anybody asked, would have to give an opinion without having seen the others'."""
    return stand.state == "corrected" and stand.waits_for > 0 and not has_spoken(connection, stand.frame, by)


def has_spoken(connection: sqlite3.Connection, frame: int, by: str) -> bool:
    """Whether this person has corrected the frame or given an opinion."""
    said = (
        "SELECT 1 FROM corrections WHERE frame = ?1 AND author = ?2 UNION ALL SELECT 1 FROM blind_opinions WHERE frame = ?1 AND author = ?2"
    )
    return connection.execute(said, (frame, rows.clean(by))).fetchone() is not None


def is_alone(connection: sqlite3.Connection, by: str) -> bool:
    """Whether nobody else could look at this person's work: nobody has to log in here, or nobody else may."""
    if by == LOCAL:
        return True
    count: int = connection.execute("SELECT count(*) FROM people WHERE active = 1").fetchone()[0]
    return count == 1
