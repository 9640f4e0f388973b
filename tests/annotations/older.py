"""Records as earlier programs left them: made by the steps of their time and rows of their time, never by today's verbs."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from annotations import migrations, rows, summaries
from tests import makers

RELEASED = (1, 2, 3)
"""Shapes that programs out in the world have written."""

AT = "2026-01-0{day}T08:00:00.000000Z"


def older(record: Path, frames: int, *, shape: int) -> dict[str, int]:
    """A record of a released shape: each frame came, was judged, every second one corrected. How many rows each table has."""
    record.parent.mkdir(parents=True, exist_ok=True)
    steps = {number: step for number, step in migrations.STEPS.items() if number <= shape}
    with closing(sqlite3.connect(record, isolation_level=None)) as connection:
        migrations.migrate(connection, record, steps)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        _opinions(connection, frames, shape)
        _summaries(connection, frames)
        connection.execute("COMMIT")
        return counts(connection)


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows of every opinion."""
    tables = ("frames", "arrivals", "replies", "assessments", "corrections")
    return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def _opinions(connection: sqlite3.Connection, frames: int, shape: int) -> None:
    said = rows.from_assessment(makers.assessment(), 0.5)
    told = rows.from_correction(makers.correction(), makers.NOON)
    more = ", host, masked, others" if shape >= 2 else ""
    for number in range(1, frames + 1):
        at = AT.format(day=1 + number % 5)
        _insert(
            connection,
            "frames",
            id=f"{number:064x}",
            width=64,
            height=48,
            name="a.jpg",
            media_type="image/jpeg",
            received_at=at,
            received_by="lin",
            source="upload",
        )
        _insert(connection, "arrivals", frame=number, name="a.jpg", source="upload", received_by="lin", received_at=at)
        connection.execute(
            f"INSERT INTO replies (frame, model, prompt_id, text, seconds, at{more}) VALUES (?, 'scripted:0', 'prompt', '{{}}', 0.5, ?{', ?, 0, ?' if more else ''})",
            (number, at, *(("", "[]") if more else ())),
        )
        _insert(connection, "assessments", **{**said, "frame": number, "reply": number, "at": at})
        if number % 2 == 0:
            _insert(connection, "corrections", **{**told, "frame": number, "at": at})


def _summaries(connection: sqlite3.Connection, frames: int) -> None:
    """As the program of that time counted them."""
    corrected = frames // 2
    connection.execute(
        "INSERT INTO frame_states (frame, assessment, correction, revision, verdict, level, uncertainty) "
        "SELECT a.frame, a.seq, c.seq, coalesce(c.revision, 0), c.verdict, 'low', 0.5 FROM assessments a LEFT JOIN corrections c ON c.frame = a.frame"
    )
    states = {("", "low"): frames - corrected, ("reviewed", "low"): corrected}
    connection.executemany("INSERT INTO tally_states (verdict, level, n) VALUES (?, ?, ?)", [(*key, n) for key, n in states.items()])
    for day in range(5):
        these = [number for number in range(1, frames + 1) if number % 5 == day]
        done = sum(number % 2 == 0 for number in these)
        seconds = done * makers.correction().active_seconds
        day_row = (AT.format(day=1 + day)[:10], len(these), len(these), done, done, done, seconds)
        connection.execute("INSERT INTO tally_days VALUES (?, ?, ?, ?, ?, ?, ?)", day_row)
    pairs = Counter(summaries.pairs(makers.assessment(), makers.correction()))
    connection.executemany(
        "INSERT INTO tally_pairs VALUES ('scripted:0', ?, ?, ?, ?)", [(*pair, n * corrected) for pair, n in pairs.items()]
    )


def _insert(connection: sqlite3.Connection, table: str, **row: object) -> None:
    marks = ", ".join(f":{key}" for key in row)
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)
