"""Words of the house <-> rows and their JSON bodies: the one file that knows both. Reads and writes nothing itself.

The body of an opinion is written down key by key, so that renaming a word in the program cannot silently lose what old rows say.
Numbers go through unrounded; a time is ISO 8601 in UTC, always of the same length, so that text order is time order.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from core.schema import (
    FIELDS,
    Alternatives,
    Assessment,
    Box,
    Correction,
    Dropped,
    Finding,
    Frame,
    Reply,
    Risk,
    Step,
    Token,
    Value,
    Violation,
)

Row = Mapping[str, Any] | sqlite3.Row
Body = dict[str, Any]


def moment(at: datetime) -> str:
    """A time as it is kept. Raises ValueError without a zone: an hour of nowhere cannot be ordered.

    >>> moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05.000000Z'
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def clean(text: str) -> str:
    """Text that UTF-8 can hold: halves of broken surrogate pairs, as a file name may bring them, become "?".

    >>> clean("bench" + chr(0xDC80) + ".jpg")
    'bench?.jpg'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def from_frame(frame: Frame, by: str) -> dict[str, Any]:
    """The row of a frame, without its number."""
    return {
        "id": frame.id,
        "width": frame.width,
        "height": frame.height,
        "name": clean(frame.name),
        "media_type": frame.media_type,
        "received_at": moment(frame.received_at),
        "received_by": clean(by),
        "taken_at": frame.taken_at.isoformat() if frame.taken_at else None,
        "source": clean(frame.source),
        "site": clean(frame.site),
    }


def to_frame(row: Row) -> Frame:
    """A frame out of its row."""
    return Frame(
        id=row["id"],
        width=row["width"],
        height=row["height"],
        name=row["name"],
        media_type=row["media_type"],
        received_at=datetime.fromisoformat(row["received_at"]),
        taken_at=datetime.fromisoformat(row["taken_at"]) if row["taken_at"] else None,
        source=row["source"],
        site=row["site"],
    )


def from_reply(reply: Reply) -> dict[str, Any]:
    """The row of a reply, without its number, frame and time."""
    return {
        "model": clean(reply.model),
        "prompt_id": reply.prompt_id,
        "text": clean(reply.text),
        "seconds": reply.seconds,
        "tokens": _pack([[t.text, t.logprob, t.top] for t in reply.tokens]) if reply.tokens else None,
        "host": clean(reply.host),
        "masked": int(reply.masked),
        "others": orjson.dumps([clean(other) for other in reply.others]).decode(),
    }


def to_reply(row: Row) -> Reply:
    """A reply out of its row."""
    said = json.loads(zlib.decompress(row["tokens"])) if row["tokens"] is not None else []
    tokens = tuple(Token(text, logprob, tuple((other, p) for other, p in top)) for text, logprob, top in said)
    return Reply(
        text=row["text"],
        model=row["model"],
        prompt_id=row["prompt_id"],
        seconds=row["seconds"],
        tokens=tokens,
        masked=bool(row["masked"]),
        host=row["host"],
        others=tuple(orjson.loads(row["others"])),
    )


def from_assessment(assessment: Assessment, uncertainty: float) -> dict[str, Any]:
    """The row of an assessment, without its number, frame, reply and time."""
    dropped = [{"what": clean(d.what), "why": clean(d.why)} for d in assessment.dropped]
    body = _opinion(assessment) | {"dropped": dropped, "missed": dict(assessment.missed)}
    return {
        "model": clean(assessment.model),
        "prompt_id": assessment.prompt_id,
        "risk_level": assessment.risk.level,
        "uncertainty": uncertainty,
        "seconds": assessment.seconds,
        "body": orjson.dumps(body).decode(),
    }


def to_assessment(row: Row, frame_id: str, reply: Reply | None) -> Assessment:
    """An assessment out of its row."""
    body = orjson.loads(row["body"])
    return Assessment(
        frame_id=frame_id,
        model=row["model"],
        prompt_id=row["prompt_id"],
        findings=_findings(body),
        step=_step(body),
        violations=_violations(body),
        risk=_risk(body["risk"]),
        dropped=tuple(Dropped(d["what"], d["why"]) for d in body["dropped"]),
        seconds=row["seconds"],
        reply=reply,
        missed=body.get("missed", {}),  # older rows have none
    )


def from_correction(correction: Correction, at: datetime) -> dict[str, Any]:
    """The row of a correction that follows the revision it saw, without its number and frame."""
    return {
        "revision": correction.saw_revision + 1,
        "saw_revision": correction.saw_revision,
        "author": clean(correction.author),
        "verdict": correction.verdict,
        "risk_level": correction.risk.level,
        "saw_model": correction.saw_model and clean(correction.saw_model),
        "active_seconds": correction.active_seconds,
        "note": clean(correction.note),
        "body": orjson.dumps(_opinion(correction)).decode(),
        "at": moment(at),
    }


def to_correction(row: Row, frame_id: str) -> Correction:
    """A correction out of its row."""
    body = orjson.loads(row["body"])
    return Correction(
        frame_id=frame_id,
        author=row["author"],
        saw_revision=row["saw_revision"],
        verdict=row["verdict"],
        findings=_findings(body),
        step=_step(body),
        violations=_violations(body),
        risk=_risk(body["risk"]),
        active_seconds=row["active_seconds"],
        note=row["note"],
        saw_model=row["saw_model"],
        at=datetime.fromisoformat(row["at"]),
        revision=row["revision"],
    )


def _opinion(said: Assessment | Correction) -> Body:
    """What machine and person say alike of a frame."""
    return {
        "findings": [
            {
                "label": f.label,
                "box": _corners(f.box),
                "confidence": f.confidence,
                "said_by": f.said_by,
                **({"overlap": f.overlap} if f.overlap is not None else {}),
                **({"alternatives": f.alternatives} if f.alternatives else {}),
            }
            for f in said.findings
        ],
        "step": {
            name: {
                "value": v.value,
                "confidence": v.confidence,
                "said_by": v.said_by,
                **({"alternatives": v.alternatives} if v.alternatives else {}),
            }
            for name in FIELDS
            for v in (said.step[name],)
        },
        "violations": [
            {
                "hazard": v.hazard,
                "risk": v.risk,
                "box": _corners(v.box),
                "confidence": v.confidence,
                "rules": [clean(rule) for rule in v.rules],
                "said_by": v.said_by,
            }
            for v in said.violations
        ],
        "risk": {
            "level": said.risk.level,
            "probabilities": dict(said.risk.probabilities),
            "reasons": [clean(reason) for reason in said.risk.reasons],
            "said_by": said.risk.said_by,
        },
    }


def _findings(body: Body) -> tuple[Finding, ...]:
    return tuple(
        Finding(f["label"], _box(f["box"]), f["confidence"], f["said_by"], f.get("overlap"), _alternatives(f)) for f in body["findings"]
    )


def _step(body: Body) -> Step:
    said = body["step"]
    return Step(
        **{name: Value(said[name]["value"], said[name]["confidence"], said[name]["said_by"], _alternatives(said[name])) for name in FIELDS}
    )


def _alternatives(said: Body) -> Alternatives:
    return tuple((key, p) for key, p in said.get("alternatives", ()))  # older rows have none


def _violations(body: Body) -> tuple[Violation, ...]:
    return tuple(
        Violation(v["hazard"], v["risk"], _box(v["box"]), v["confidence"], tuple(v["rules"]), v["said_by"]) for v in body["violations"]
    )


def _risk(said: Body) -> Risk:
    return Risk(said["level"], said["probabilities"], tuple(said["reasons"]), said["said_by"])


def _corners(box: Box | None) -> list[float] | None:
    return None if box is None else list(box.xyxy)


def _box(corners: Sequence[float] | None) -> Box | None:
    return None if corners is None else Box(*corners)


def _pack(value: object) -> bytes:
    """Log-probabilities are the bulk of a record. The library's own JSON, because a token may hold a part of a character (a lone
    surrogate, written as an escape) and a probability may be nothing at all (minus infinity); orjson takes neither."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode("ascii"), level=1)
