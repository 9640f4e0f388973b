"""Tasks that a draw made, as lists and sheets need them: which wait, and which are to be judged without the machine's word. Draws nothing."""

from __future__ import annotations

import sqlite3

from core.errors import OutOfTurn

UNAIDED = (
    "This frame was drawn to be judged without the model's proposal, so that it can be told what the proposal does to people. "
    "Save your own word first; the model's is shown then."
)


def unaided(frame: str) -> str:
    """As a condition of a statement: the frame of this column waits for somebody who has not seen what the machine says of it."""
    return f"EXISTS (SELECT 1 FROM open_tasks o WHERE o.frame = {frame} AND o.kind = 'blind')"  # noqa: S608 - a column, written by us


def is_unaided(connection: sqlite3.Connection, frame: int) -> bool:
    """Whether a frame, by its number, waits for somebody who has not seen what the machine says of it."""
    return bool(connection.execute(f"SELECT {unaided('?')}", (frame,)).fetchone()[0])


def may_be_shown(connection: sqlite3.Connection, frame: int) -> None:
    """Raises OutOfTurn for a frame whose proposal is kept back."""
    if is_unaided(connection, frame):
        raise OutOfTurn(UNAIDED)
