"""`records.jsonl`: everything that was said of a frame in one line, pictures beside it in `frames/`. What a record writes, a record reads back whole.

Only the log-probabilities of replies stay behind: they are the bulk of a record, and no person ever said them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import orjson

from annotations.bringing.incoming import Incoming, Refused, Said, Told
from annotations.formats.spelled import SpelledAssessment, SpelledCorrection, SpelledLine
from annotations.store import Reader
from core.errors import Malformed
from core.frames import shown_name
from core.schema import Assessment, Correction, Reply

FILE = "records.jsonl"
FORMAT = "gembalens.record/1"
MOST_LINE = 4 * 2**20  # bytes; 1,000 findings are some 150 KiB
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
_DECODER = msgspec.json.Decoder(SpelledLine)
_AT_ONCE = 500  # frames that one look at the record gathers


def lines(reader: Reader) -> Iterator[bytes]:
    """Every frame that is not in the bin, by the order of arrival, as a line. Each few hundred are of one moment; none waits for a slow reader."""
    last = 0
    while True:
        with reader.reading() as connection:
            made = [(row["seq"], _line(connection, row)) for row in connection.execute(_FRAMES, (last, _AT_ONCE)).fetchall()]
        if not made:
            return
        yield from (line for _, line in made)
        last = made[-1][0]


def read(path: Path) -> Iterator[Incoming | Refused]:
    """Frame by frame; a line that cannot be read is refused, and the next one is read. Raises Malformed for a line without an end."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MOST_LINE + 1), b""), start=1):
            place = f"{path.name}, line {number}"
            if len(line) > MOST_LINE:
                raise Malformed(
                    f"{place}: this line is longer than {MOST_LINE // 2**20} MiB, which no frame needs. Nothing behind it was read."
                )
            if line.strip():
                try:
                    yield _incoming(place, line)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, ValueError, OverflowError) as error:
                    yield Refused(place, Malformed(f"{place}: this is no frame of a record ({str(error)[:200]})."))


_FRAMES = (
    "SELECT f.*, s.binned FROM frames f JOIN frame_states s ON s.frame = f.seq WHERE f.seq > ? AND s.binned = 0 ORDER BY f.seq LIMIT ?"
)


def _line(connection: sqlite3.Connection, row: sqlite3.Row) -> bytes:
    said = connection.execute(
        "SELECT a.*, r.text, r.seconds AS reply_seconds, r.host, r.masked, r.others FROM assessments a LEFT JOIN replies r ON r.seq = a.reply "
        "WHERE a.frame = ? ORDER BY a.seq",
        (row["seq"],),
    )
    told = connection.execute("SELECT * FROM corrections WHERE frame = ? ORDER BY revision", (row["seq"],))
    frame = {name: row[name] for name in ("id", "name", "width", "height", "taken_at")}
    return orjson.dumps(
        {
            "format": FORMAT,
            "file": f"frames/{row['id']}.{_ENDINGS[row['media_type']]}",
            "frame": frame,
            "assessments": [_assessment_line(each) for each in said],
            "corrections": [_correction_line(each) for each in told],
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _assessment_line(row: sqlite3.Row) -> dict[str, Any]:
    reply = None
    if row["reply"] is not None:
        reply = {"text": row["text"], "seconds": row["reply_seconds"], "host": row["host"], "masked": bool(row["masked"])}
        reply["others"] = orjson.Fragment(row["others"])
    own = {name: row[name] for name in ("model", "prompt_id", "uncertainty", "seconds", "at")}
    return {**own, "reply": reply, "said": orjson.Fragment(row["body"])}


def _correction_line(row: sqlite3.Row) -> dict[str, Any]:
    own = {name: row[name] for name in ("author", "verdict", "active_seconds", "note", "saw_model", "at")}
    return {**own, "said": orjson.Fragment(row["body"])}


def _incoming(place: str, line: bytes) -> Incoming:
    spelled = _DECODER.decode(line)
    frame = spelled.frame
    return Incoming(
        place,
        spelled.file,
        shown_name(frame.name),
        (frame.width, frame.height),
        frame.id,
        None if frame.taken_at is None else datetime.fromisoformat(frame.taken_at).replace(tzinfo=None),
        tuple(_said(each) for each in spelled.assessments),
        tuple(_told(each, number) for number, each in enumerate(spelled.corrections)),
    )


def _said(each: SpelledAssessment) -> Said:
    reply = None
    if each.reply is not None:
        told = each.reply
        reply = Reply(told.text, each.model, each.prompt_id, told.seconds, masked=told.masked, host=told.host, others=tuple(told.others))
    findings, step, violations, risk = each.said.words()
    made = Assessment(
        "", each.model, each.prompt_id, findings, step, violations, risk, each.said.drops(), each.seconds, reply, each.said.missed
    )
    return Said(made, each.uncertainty, _moment(each.at))


def _told(each: SpelledCorrection, number: int) -> Told:
    findings, step, violations, risk = each.said.words()
    made = Correction(
        "", each.author, number, each.verdict, findings, step, violations, risk, each.active_seconds, each.note, each.saw_model
    )
    return Told(made, _moment(each.at))


def _moment(said: str) -> datetime:
    at = datetime.fromisoformat(said)
    if at.tzinfo is None:
        raise ValueError(f"{said!r} has no zone")
    return at.astimezone(UTC)
