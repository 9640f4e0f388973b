"""Which frames may teach and why others may not, and what is true of those that may, read many at a time. It writes no file and knows no format.

A body of the record is decoded by a type that only the words of a profile fit, each said or confirmed by a person: what fits may teach, and is at
hand without being taken apart twice. What does not fit is read with care, by the words of the house, which tell the reason.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple, cast

import msgspec
import orjson
from msgspec import Meta

from annotations import rows
from annotations.store import Reader
from core.profile import Profile
from core.schema import FIELDS, Correction

NOT_REVIEWED, CANNOT_TELL, UNCONFIRMED, INCOMPLETE, UNREADABLE = "not reviewed", "cannot tell", "unconfirmed", "incomplete", "unreadable"
ANOTHER_PROFILE = "another profile"
IN_THE_BIN, RETURNED, DISPUTED = "in the bin", "returned", "disputed"
REASONS = (IN_THE_BIN, NOT_REVIEWED, RETURNED, DISPUTED, CANNOT_TELL, ANOTHER_PROFILE, UNCONFIRMED, INCOMPLETE, UNREADABLE)
"""Why a frame is left out: it was put away; nobody corrected it; a reviewer sent it back; two opinions differ and nobody decided; who corrected
it could not tell; it was judged in the words of another profile; a box or field nobody looked at; a field nobody filled; a file that is missing
or damaged (never another picture in its place)."""

Corners = tuple[float, float, float, float]
"""Left, top, right, bottom in 0..1 of the upright frame."""
AT_ONCE = 500
"""Frames that one look at the record gathers."""


class Thing(msgspec.Struct, gc=False):
    """`core.schema.Finding`, as far as it leaves the house."""

    label: str
    box: Corners | None
    said_by: str
    confidence: float | None = None


class Choice(msgspec.Struct, gc=False):
    """`core.schema.Value`, so too."""

    value: str | None
    said_by: str
    confidence: float | None = None


class Choices(msgspec.Struct, gc=False):
    """`core.schema.Step`, so too."""

    tool: Choice
    part: Choice
    action: Choice
    phase: Choice


class Fault(msgspec.Struct, gc=False):
    """`core.schema.Violation`, so too."""

    hazard: str
    said_by: str
    box: Corners | None = None
    confidence: float | None = None


class Grade(msgspec.Struct, gc=False):
    """`core.schema.Risk`, so too."""

    level: str | None
    said_by: str


class Opinion(msgspec.Struct, gc=False):
    """What was said of a frame, as `annotations.rows` keeps it."""

    findings: list[Thing]
    step: Choices
    violations: list[Fault]
    risk: Grade


class Listed(NamedTuple):
    """A frame that may come into question."""

    frame_id: str
    correction: int | None  # number of the correction that says what is true of it
    aside: str | None  # why it stands aside
    scene: int
    part: str


class Truth(NamedTuple):
    """A frame that may teach, and what is true of it."""

    frame_id: str
    width: int  # pixels, upright
    height: int
    media_type: str
    revision: int
    numbers: tuple[int, int]  # of the frame and of the correction in the record
    said: Opinion


def why_not(told: Correction, profile: Profile) -> str | None:
    """The reason for which a frame with this latest correction may not teach; None: it may. No findings at all is a full answer."""
    if told.verdict != "reviewed":
        return CANNOT_TELL
    if foreign_word(told, profile) is not None:
        return ANOTHER_PROFILE
    values = [told.step[name] for name in profile.fields]
    unanswered = told.risk.level is None and not any(f.label in profile.not_applicable for f in told.findings)
    if unanswered or any(value.value is None for value in values):
        return INCOMPLETE
    said_by = [*(f.said_by for f in told.findings), *(v.said_by for v in values), *(v.said_by for v in told.violations), told.risk.said_by]
    if "model" in said_by:
        return UNCONFIRMED
    return None


def foreign_word(told: Correction, profile: Profile) -> tuple[str, str] | None:
    """The first word of a correction that is no key of the profile, after what it would have to be: label, tool ... hazard, risk."""
    hazards = {hazard.key for hazard in profile.hazards}
    said = [("label", f.label, _keys(profile, "label")) for f in told.findings]
    said += [(name, value, _keys(profile, name)) for name in FIELDS if (value := told.step[name].value) is not None]
    said += [("hazard", v.hazard, hazards) for v in told.violations]
    said += [("risk", level, set(profile.levels)) for level in (told.risk.level, *(v.risk for v in told.violations)) if level is not None]
    return next(((what, key) for what, key, known in said if key not in known), None)


def everything(reader: Reader) -> list[Listed]:
    """Every frame by id, with its latest correction, as of one moment."""
    with reader.reading() as connection:
        found = connection.execute(
            "SELECT f.id, f.seq, s.correction, s.state, s.binned, c.scene FROM frames f CROSS JOIN frame_states s ON s.frame = f.seq "
            "LEFT JOIN scenes c ON c.frame = f.seq ORDER BY f.id"
        )
        aside = {"returned": RETURNED, "disputed": DISPUTED}
        return [
            Listed(name, told, IN_THE_BIN if binned else aside.get(state), number if scene is None else scene, "")
            for name, number, told, state, binned, scene in found
        ]


def frozen(reader: Reader, name: str) -> list[Listed]:
    """Every frame of a frozen set that was not erased since, by id, with the correction that was fixed for it."""
    with reader.reading() as connection:
        found = connection.execute(
            "SELECT f.id, d.correction, d.scene, d.part FROM datasets s JOIN dataset_frames d ON d.dataset = s.seq "
            "JOIN frames f ON f.seq = d.frame WHERE s.name = ? ORDER BY f.id",
            (name,),
        )
        return [Listed(frame_id, told, None, scene, part) for frame_id, told, scene, part in found]


def truths(reader: Reader, profile: Profile, listed: Iterable[Listed], left_out: Counter[str]) -> Iterator[tuple[Listed, Truth]]:
    """Those that may teach, in the order given; the others are counted. Rows never change: what was true when the list was made still is."""
    decode = strict(profile)
    some: list[Listed] = []
    for each in listed:
        if each.aside is not None or each.correction is None:
            left_out[each.aside or NOT_REVIEWED] += 1
            continue
        some.append(each)
        if len(some) == AT_ONCE:
            yield from _looked_up(reader, profile, decode, some, left_out)
            some.clear()
    if some:
        yield from _looked_up(reader, profile, decode, some, left_out)


def opinions(reader: Reader, profile: Profile, corrections: Sequence[int]) -> dict[int, Opinion]:
    """What some corrections say that may teach, by number. One that was erased meanwhile is not there."""
    decode = strict(profile)
    with reader.reading() as connection:
        return {row[0]: decode(row[1]) for row in connection.execute(_BODIES, (_numbers(corrections),))}


def machines(reader: Reader, corrections: Sequence[int]) -> dict[int, tuple[str, Opinion]]:
    """By number of a correction: the model that last spoke of its frame, and what it said. A frame of which none spoke is not there."""
    with reader.reading() as connection:
        found = connection.execute(_MACHINES, (_numbers(corrections),)).fetchall()
    return {number: (model, _loose.decode(body)) for number, model, body in found}


def strict(profile: Profile) -> Any:
    """Bytes or text of a body -> Opinion, when it may teach in the words of this profile; otherwise it raises msgspec.ValidationError."""
    words = {name: Literal[tuple(term.key for term in profile.terms(name))] for name in profile.fields}
    person = Literal["person", "confirmed"]
    level: Any = Literal[profile.levels]
    label: Any = Literal[tuple(term.key for term in profile.labels)]
    hazard: Any = Literal[tuple(each.key for each in profile.hazards)] if profile.hazards else str
    thing = _struct("Thing", label=label, box=Corners | None, said_by=person)
    fault = _struct("Fault", hazard=hazard, said_by=person, risk=level | None, box=Corners | None)
    faults = list[fault] if profile.hazards else Annotated[list[Any], Meta(max_length=0)]  # type: ignore[valid-type]
    answered = {name: _struct("Choice", value=words[name], said_by=person) for name in profile.fields}
    choices = {name: answered.get(name) or _struct("Nothing", value=None, said_by=str) for name in FIELDS}
    graded = _struct("Grade", level=level | None if profile.not_applicable else level, said_by=person)
    body = _struct("Opinion", findings=list[thing], step=_struct("Choices", **choices), violations=faults, risk=graded)  # type: ignore[valid-type]
    decode = msgspec.json.Decoder(body).decode
    if not profile.not_applicable:
        return decode
    silent = frozenset(profile.not_applicable)

    def judged(said: str | bytes) -> Opinion:
        found = cast("Opinion", decode(said))
        if found.risk.level is None and not any(each.label in silent for each in found.findings):
            raise msgspec.ValidationError("no level of risk")
        return found

    return judged


_BODIES = "SELECT seq, body FROM corrections WHERE seq IN (SELECT value FROM json_each(?))"
_TRUTHS = (
    "SELECT c.seq, c.frame, f.width, f.height, f.media_type, c.revision, c.verdict, c.body FROM corrections c JOIN frames f ON f.seq = c.frame "
    "WHERE c.seq IN (SELECT value FROM json_each(?))"
)
_MACHINES = (
    "SELECT c.seq, a.model, a.body FROM corrections c JOIN frame_states s ON s.frame = c.frame JOIN assessments a ON a.seq = s.assessment "
    "WHERE c.seq IN (SELECT value FROM json_each(?))"
)
_loose = msgspec.json.Decoder(Opinion)


def _looked_up(
    reader: Reader, profile: Profile, decode: Any, some: Sequence[Listed], left_out: Counter[str]
) -> Iterator[tuple[Listed, Truth]]:
    with reader.reading() as connection:
        found = {row[0]: row for row in connection.execute(_TRUTHS, (_numbers([each.correction for each in some]),))}
    for each in some:
        row = found.get(cast("int", each.correction))
        if row is None:
            continue  # erased since the list was made
        number, frame, width, height, media_type, revision, verdict, body = row
        reason = CANNOT_TELL
        if verdict == "reviewed":
            try:
                yield each, Truth(each.frame_id, width, height, media_type, revision, (frame, number), decode(body))
                continue
            except msgspec.ValidationError as error:
                reason = _with_care(reader, number, profile) or _disagreed(number, error)
        left_out[reason] += 1


def _with_care(reader: Reader, number: int, profile: Profile) -> str | None:
    with reader.reading() as connection:
        row: sqlite3.Row | None = connection.execute("SELECT * FROM corrections WHERE seq = ?", (number,)).fetchone()
    return NOT_REVIEWED if row is None else why_not(rows.to_correction(row, ""), profile)


def _disagreed(number: int, error: Exception) -> str:
    raise AssertionError(f"correction {number} may teach and does not fit: {error}")


def _numbers(corrections: Sequence[int | None]) -> str:
    return orjson.dumps(corrections).decode()


def _keys(profile: Profile, name: str) -> set[str]:
    return {term.key for term in profile.terms(name)}


def _struct(name: str, **fields: Any) -> Any:
    return msgspec.defstruct(name, list(fields.items()), gc=False)
