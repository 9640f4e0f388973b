"""Assessments one after the other: a page of them for a reader, and those that a person's word can be held against. Changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from annotations import opinions, rows
from annotations.learning.seen import Seen
from annotations.queueing.tasks import unaided
from annotations.store import Reader
from core.schema import Assessment, Correction

UNDETERMINED = "undetermined"
"""What a level of None is called in a filter."""

_COLUMNS = "a.*, r.text, r.seconds AS reply_seconds, r.host, r.masked, r.others, NULL AS tokens, f.id AS frame_id, f.name"
_JOINED = "CROSS JOIN frames f ON f.seq = a.frame LEFT JOIN replies r ON r.seq = a.reply"


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list."""

    number: int  # grows with each assessment of a record; the cursor of the list
    at: datetime  # UTC, when it was made
    name: str  # of the frame
    assessment: Assessment  # without its tokens


def newest(
    connection: sqlite3.Connection,
    *,
    limit: int,
    before: int | None = None,
    risk: str | None = None,
    model: str | None = None,
    since: datetime | None = None,
) -> list[Listed]:
    """Assessments from the newest on, those before the number `before`. `risk`: a level or "undetermined"; `since`: made then or later.

    Those of a frame that is to be judged without the machine's word are left out until somebody has judged it.
    """
    values = {
        "limit": limit,
        "before": before,
        "risk": None if risk == UNDETERMINED else risk,
        "model": model,
        "since": rows.moment(since) if since else None,
    }
    found = connection.execute(
        statement(before=before is not None, risk=risk is not None, model=model is not None, since=since is not None), values
    )
    return [
        Listed(row["seq"], datetime.fromisoformat(row["at"]), row["name"], opinions.assessment_from(row, row["frame_id"])) for row in found
    ]


def statement(*, before: bool, risk: bool, model: bool, since: bool) -> str:
    """The rows of a page come out of an index in their order; nothing is sorted, and nothing is read that is not shown."""
    asked = [
        ("a.seq < :before", before),
        ("a.risk_level IS :risk", risk),
        ("a.model = :model", model),
        ("a.at >= :since", since),
    ]
    where = " AND ".join([condition for condition, wanted in asked if wanted] + [f"NOT {unaided('a.frame')}"])
    return f"SELECT {_COLUMNS} FROM assessments a {_JOINED} WHERE {where} ORDER BY a.seq DESC LIMIT :limit"  # noqa: S608 - written above


def judged(reader: Reader) -> Iterator[tuple[Assessment, Correction]]:
    """Every assessment that holds a model's words (without its tokens), beside the latest correction of its frame that ended in a review.

    As of one moment, by frame and then by age. What was returned, is disputed or lies in the bin is left out, and so is what the model has
    learned from. These frames were drawn by the queue,
    most uncertain first, so they are no fair sample.
    """
    with reader.reading() as connection:
        seen = Seen(connection)
        found = connection.execute(
            "SELECT a.seq, a.frame, a.model, s.correction FROM frame_states s CROSS JOIN assessments a ON a.frame = s.frame "
            "WHERE s.verdict = 'reviewed' AND s.state IN ('corrected', 'accepted') AND s.binned = 0 AND a.reply IS NOT NULL "
            "ORDER BY s.frame, a.seq"
        )
        numbers = [pair for pair in found.fetchall() if not seen.has(pair["model"], pair["frame"])]
    for pair in numbers:
        with reader.reading() as connection:  # rows never change, so what was the latest is still there
            row = connection.execute(f"SELECT {_COLUMNS} FROM assessments a {_JOINED} WHERE a.seq = ?", (pair["seq"],)).fetchone()  # noqa: S608
            told = connection.execute("SELECT * FROM corrections WHERE seq = ?", (pair["correction"],)).fetchone()
        yield opinions.assessment_from(row, row["frame_id"]), rows.to_correction(told, row["frame_id"])
