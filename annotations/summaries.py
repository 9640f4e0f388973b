"""What dashboards and queues read instead of the opinions: one state a frame and a few tallies, kept in the transaction of each write.

Everything here follows from the opinions. `rebuild` throws it away and replays them; the outcome must be the same to the last number.
A frame in the bin keeps its state and is in no tally, as if it had never come. What a model has learned from never judges it: such a frame makes
no pairs with that model's words. In the tallies "" stands for None, because a key of SQLite never equals NULL.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator

from annotations import rows
from annotations.learning.seen import Seen
from annotations.learning.spoken import parts_of
from annotations.reviewing import standing
from core.schema import FIELDS, Assessment, Correction

Pair = tuple[str, str, str]
"""Field, what the machine said, what is true by a person's word."""

_DAY = 10  # characters of a kept time that are its day (UTC)


def frame_received(connection: sqlite3.Connection, frame: int, at: str) -> None:
    """A frame is there, and nobody has said anything of it: as uncertain as can be."""
    connection.execute("INSERT INTO frame_states (frame, revision, uncertainty) VALUES (?, 0, 1.0)", (frame,))
    count_state(connection, None, None, 1)
    count_day(connection, at, received=1)


def frame_assessed(connection: sqlite3.Connection, frame: int, number: int, said: Assessment, uncertainty: float, at: str) -> None:
    """A machine spoke. Its pairs with what is held true take the place of those of the same model's earlier word."""
    state = connection.execute(
        "SELECT assessment, correction, verdict, level, binned FROM frame_states WHERE frame = ?", (frame,)
    ).fetchone()
    level = said.risk.level if state["verdict"] is None else state["level"]
    connection.execute(
        "UPDATE frame_states SET assessment = ?, level = ?, uncertainty = ? WHERE frame = ?", (number, level, uncertainty, frame)
    )
    if state["binned"]:
        return
    latest = _correction(connection, state["correction"])
    if latest is not None and not Seen(connection).has(said.model, frame):
        change = Counter(pairs(said, latest))
        for before in _words_of(connection, frame, model=said.model, before=number):
            change.subtract(pairs(before, latest))
        count_pairs(connection, said.model, change)
    _move_state(connection, (state["verdict"], state["level"]), (state["verdict"], level))
    count_day(connection, at, assessed=int(state["assessment"] is None))


def frame_corrected(
    connection: sqlite3.Connection, frame: int, number: int, told: Correction, before: Correction | None, at: str
) -> tuple[str, str]:
    """A person spoke, after `before`. Frees the frame from the queue and sets each machine's latest word against it.

    Gives back where the frame stood, and where it stands now.
    """
    state = connection.execute("SELECT verdict, level, state, opinions, binned FROM frame_states WHERE frame = ?", (frame,)).fetchone()
    level = told.risk.level if told.verdict == "reviewed" else None  # who cannot tell has not judged: undetermined
    connection.execute(
        "UPDATE frame_states SET correction = ?, revision = ?, verdict = ?, level = ?, state = 'corrected', author = ? WHERE frame = ?",
        (number, told.saw_revision + 1, told.verdict, level, rows.clean(told.author), frame),
    )
    stands = standing.settle(connection, frame) if state["opinions"] else "corrected"
    if state["binned"]:
        return state["state"], stands
    for said in _judged(connection, frame):
        change = Counter(pairs(said, told))
        if before is not None:
            change.subtract(pairs(said, before))
        count_pairs(connection, said.model, change)
    _move_state(connection, (state["verdict"], state["level"]), (told.verdict, level))
    reviewed = int(told.verdict == "reviewed") - int(state["verdict"] == "reviewed")
    count_day(connection, at, corrections=1, settled=int(before is None), reviewed=reviewed, active_seconds=told.active_seconds)
    return state["state"], stands


def frame_moved(connection: sqlite3.Connection, frame: int, *, into_bin: bool) -> None:
    """A frame was put into the bin, or taken out: all that it adds to the tallies goes, or comes back."""
    connection.execute("UPDATE frame_states SET binned = ? WHERE frame = ?", (int(into_bin), frame))
    sign = -1 if into_bin else 1
    state = connection.execute("SELECT correction, verdict, level FROM frame_states WHERE frame = ?", (frame,)).fetchone()
    count_state(connection, state["verdict"], state["level"], sign)
    _count_days_of(connection, frame, sign)
    latest = _correction(connection, state["correction"])
    if latest is not None:
        for said in _judged(connection, frame):
            change = Counter({pair: sign * n for pair, n in Counter(pairs(said, latest)).items()})
            count_pairs(connection, said.model, change)
    if into_bin:
        connection.execute("DELETE FROM tally_days WHERE received = 0 AND assessed = 0 AND corrections = 0")


def pairs(said: Assessment, told: Correction) -> Iterator[Pair]:
    """Each field that a person answered for in a review, beside what the machine had said of it ("": it said nothing).

    What nobody looked at (`said_by` "model") is no truth and is left out: a model would agree with itself.
    """
    if told.verdict != "reviewed":
        return
    for name in FIELDS:
        value = told.step[name].value
        if value is not None and told.step[name].said_by != "model":
            yield name, said.step[name].value or "", value
    if told.risk.said_by != "model":
        yield "risk", said.risk.level or "", told.risk.level or ""


def recount(connection: sqlite3.Connection, mark: str) -> None:
    """Count the pairs of an adapter's models anew, by its fingerprint: from when it is registered it is known what it has learned from."""
    models = [row["model"] for row in connection.execute("SELECT DISTINCT model FROM tally_pairs WHERE instr(model, ?)", (f"@{mark}",))]
    for model in models:
        spoken = parts_of(model)
        if spoken is None or spoken.mark != mark:
            continue
        connection.execute("DELETE FROM tally_pairs WHERE model = ?", (model,))
        seen = Seen(connection)
        for row in connection.execute(
            "SELECT DISTINCT a.frame, s.correction FROM assessments a JOIN frame_states s ON s.frame = a.frame "
            "WHERE a.model = ? AND s.correction IS NOT NULL AND s.binned = 0",
            (model,),
        ).fetchall():
            latest = _correction(connection, row["correction"])
            if latest is None or seen.has(model, row["frame"]):
                continue
            for said in _words_of(connection, row["frame"], model=model):
                count_pairs(connection, model, Counter(pairs(said, latest)))


def rebuild(connection: sqlite3.Connection) -> None:
    """Replay every opinion. The order between machines and people does not matter: only the latest word of each counts."""
    for table in ("frame_states", "tally_days", "tally_states", "tally_pairs"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of the line above
    for row in connection.execute("SELECT seq, received_at FROM frames ORDER BY seq").fetchall():
        frame_received(connection, row["seq"], row["received_at"])
    for row in connection.execute("SELECT * FROM assessments ORDER BY seq").fetchall():
        frame_assessed(connection, row["frame"], row["seq"], rows.to_assessment(row, "", None), row["uncertainty"], row["at"])
    for row in connection.execute("SELECT * FROM corrections ORDER BY seq").fetchall():
        before = connection.execute("SELECT correction FROM frame_states WHERE frame = ?", (row["frame"],)).fetchone()
        latest = _correction(connection, before["correction"])
        frame_corrected(connection, row["frame"], row["seq"], rows.to_correction(row, ""), latest, row["at"])
    looked_at = " UNION ".join(f"SELECT frame FROM {table}" for table in ("reviews", "blind_opinions", "wanted_opinions"))  # noqa: S608
    for row in connection.execute(f"{looked_at} ORDER BY frame").fetchall():
        standing.settle(connection, row["frame"])
    for row in connection.execute(
        "SELECT frame, move FROM bin_moves WHERE seq IN (SELECT max(seq) FROM bin_moves GROUP BY frame)"
    ).fetchall():
        if row["move"] == "binned":
            frame_moved(connection, row["frame"], into_bin=True)


def _count_days_of(connection: sqlite3.Connection, frame: int, sign: int) -> None:
    """What one frame adds to the days, or takes from them."""
    came = connection.execute("SELECT received_at FROM frames WHERE seq = ?", (frame,)).fetchone()
    count_day(connection, came["received_at"], received=sign)
    first = connection.execute("SELECT at FROM assessments WHERE frame = ? ORDER BY seq LIMIT 1", (frame,)).fetchone()
    if first is not None:
        count_day(connection, first["at"], assessed=sign)
    before = None
    for row in connection.execute(
        "SELECT verdict, active_seconds, at FROM corrections WHERE frame = ? ORDER BY revision", (frame,)
    ).fetchall():
        reviewed = int(row["verdict"] == "reviewed") - int(before == "reviewed")
        settled = sign * int(before is None)
        count_day(
            connection, row["at"], corrections=sign, settled=settled, reviewed=sign * reviewed, active_seconds=sign * row["active_seconds"]
        )
        before = row["verdict"]


def _words_of(connection: sqlite3.Connection, frame: int, *, model: str | None = None, before: int | None = None) -> list[Assessment]:
    """The latest word of each machine (or of one, before a certain number) on a frame."""
    latest = connection.execute(
        "SELECT * FROM assessments WHERE seq IN (SELECT max(seq) FROM assessments "
        "WHERE frame = ?1 AND (?2 IS NULL OR model = ?2) AND (?3 IS NULL OR seq < ?3) GROUP BY model)",
        (frame, model, before),
    )
    return [rows.to_assessment(row, "", None) for row in latest]


def _judged(connection: sqlite3.Connection, frame: int) -> list[Assessment]:
    """The latest word of each machine that has not learned from this frame."""
    seen = Seen(connection)
    return [said for said in _words_of(connection, frame) if not seen.has(said.model, frame)]


def _correction(connection: sqlite3.Connection, number: int | None) -> Correction | None:
    row = connection.execute("SELECT * FROM corrections WHERE seq = ?", (number,)).fetchone()
    return None if row is None else rows.to_correction(row, "")


def _move_state(connection: sqlite3.Connection, old: tuple[str | None, str | None], new: tuple[str | None, str | None]) -> None:
    if old != new:
        count_state(connection, *old, -1)
        count_state(connection, *new, 1)


def count_state(connection: sqlite3.Connection, verdict: str | None, level: str | None, by: int) -> None:
    """So many frames more stand there."""
    connection.execute(
        "INSERT INTO tally_states (verdict, level, n) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        (verdict or "", level or "", by),
    )


def count_pairs(connection: sqlite3.Connection, model: str, change: Counter[Pair]) -> None:
    """Of a machine, how often it said what where a person held what to be true."""
    connection.executemany(
        "INSERT INTO tally_pairs (model, field, machine, person, n) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        [(model, *pair, by) for pair, by in change.items() if by],
    )


def count_day(
    connection: sqlite3.Connection,
    at: str,
    *,
    received: int = 0,
    assessed: int = 0,
    corrections: int = 0,
    settled: int = 0,
    reviewed: int = 0,
    active_seconds: float = 0.0,
) -> None:
    """Add to the day of a kept time. `assessed` and `settled` count frames, at their first; `reviewed` may fall again."""
    connection.execute(
        "INSERT INTO tally_days (day, received, assessed, corrections, settled, reviewed, active_seconds) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET received = received + excluded.received, assessed = assessed + excluded.assessed, "
        "corrections = corrections + excluded.corrections, settled = settled + excluded.settled, "
        "reviewed = reviewed + excluded.reviewed, active_seconds = active_seconds + excluded.active_seconds",
        (at[:_DAY], received, assessed, corrections, settled, reviewed, active_seconds),
    )
