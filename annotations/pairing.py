"""Preference pairs out of corrections: what a person made true of a frame, and what the machine had said of it. Trains nothing, writes no file.

At most one pair a frame. Chosen is its latest correction: an earlier revision was itself put right, so it is no truth to prefer. Rejected is the
answer from which that chain of corrections began, as it stood on the person's sheet (the written rules' word in it), in the form that the prompt
asks for, never as raw text; what a model said later never comes in. Who began with an empty sheet is held against the answer that the record had
by then. Of a reply that was not understood whole, what was understood is rejected: such a pair teaches to answer in full, and has the kind
"unparsed", so that a trainer may leave it out. A pair about nothing but boxes moved by little is none (an IoU above .8).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from annotations import edits, rows, teaching
from annotations.store import Reader
from annotations.teaching import ANOTHER_PROFILE, AT_ONCE, NOT_REVIEWED, UNREADABLE, Listed, why_not
from core import answers, prompts
from core.geometry import FAMILIES, BoxFormat, Size, smart_resize
from core.profile import Profile
from core.schema import FIELDS, Assessment, Correction, Frame, Pair, Sample, Violation

KINDS = edits.KINDS
"""Names of edits; a pair has at least one of them."""

LOOKED_SECONDS = 3.0
"""Active seconds from which on an answer that was let stand counts as looked at: two glances along four fields and a few boxes. Chosen, not measured."""

NO_ANSWER, UNCHANGED, NUDGED, GLANCED = "no answer", "unchanged", "boxes moved by little", "no time to look"
"""Why a frame gives none, beside the reasons of `annotations.teaching`."""

SizeOf = Callable[[Frame], Size]
"""Pixels of the exported picture of a frame. Raises ValueError for one that the family does not take."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A frame that gives no pair, and why, in a few words."""

    frame_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What a person and a machine said of a frame, both written as the prompt asks, and how they differ."""

    frame: Frame
    told: Correction
    said: Assessment
    size: Size  # pixels of the exported picture
    true: str
    machine: str
    kinds: tuple[str, ...]  # empty: nothing but boxes moved by little, or nothing at all
    prompt: str

    @property
    def pair(self) -> Pair | Skipped:
        """The pair, or why there is none."""
        if not self.differs:
            return Skipped(self.frame.id, UNCHANGED)
        if not self.kinds:
            return Skipped(self.frame.id, NUDGED)
        image = f"frames/{self.frame.id}.jpg"
        return Pair(self.frame.id, image, *self.size, self.prompt, self.true, self.machine, self.kinds, self.said.model)

    @property
    def differs(self) -> bool:
        """Whether the two answers are two; the order in which hazards are named makes none."""
        return self.true != self.machine


def pairs_of(
    reader: Reader, profile: Profile, family: str, *, size_of: SizeOf | None = None, listed: Iterable[Listed] | None = None
) -> Iterator[Pair | Skipped]:
    """For every frame, by id, its pair or why it gives none. `listed`: only these, as `teaching.frozen` has them for a set; None: all, each with its latest correction.

    `size_of` None: the size at which the frame is exported for the family.
    """
    for found in compared(reader, profile, family, size_of=size_of, listed=listed):
        yield found if isinstance(found, Skipped) else found.pair


def verdicts_of(
    reader: Reader,
    profile: Profile,
    family: str,
    *,
    size_of: SizeOf | None = None,
    listed: Iterable[Listed] | None = None,
    looked_seconds: float = LOOKED_SECONDS,
) -> Iterator[tuple[Sample, bool] | Skipped]:
    """For every frame, by id, a single answer and whether it was good (for KTO), or why it gives none.

    Good: the machine's answer that a person let stand as it was, after at least so many active seconds with the frame. Not good: the answer
    that its pair rejects. The corrected answer of a pair is no example here: nobody judged it, somebody wrote it.
    """
    for found in compared(reader, profile, family, size_of=size_of, listed=listed):
        if isinstance(found, Skipped):
            yield found
            continue
        pair = found.pair
        image = f"frames/{found.frame.id}.jpg"
        if isinstance(pair, Pair):
            yield Sample(found.frame.id, image, *found.size, found.prompt, pair.rejected), False
        elif pair.reason == NUDGED:
            yield pair
        elif found.told.active_seconds < looked_seconds:
            yield Skipped(found.frame.id, GLANCED)
        else:
            yield Sample(found.frame.id, image, *found.size, found.prompt, found.true), True


def compared(
    reader: Reader, profile: Profile, family: str, *, size_of: SizeOf | None = None, listed: Iterable[Listed] | None = None
) -> Iterator[Compared | Skipped]:
    """For every frame, by id, what a person and the machine said of it, or why it cannot be told. Raises KeyError for a family that nobody knows."""
    fmt = FAMILIES[family]
    prompt = prompts.build(profile, "brief" if family == "compact" else "full", fmt).text
    words = _Words(profile)
    measured = size_of or (lambda frame: exported_size(frame, fmt))
    for look in _looks(reader, teaching.everything(reader) if listed is None else listed):
        reason = look.aside or (NOT_REVIEWED if look.told is None else why_not(look.told, profile))
        if look.told is None or reason is not None:
            yield Skipped(look.frame.id, reason or NOT_REVIEWED)
        elif look.said is None:
            yield Skipped(look.frame.id, NO_ANSWER)
        elif not words.are_of(look.said):
            yield Skipped(look.frame.id, ANOTHER_PROFILE)
        else:
            try:
                size = measured(look.frame)
            except ValueError:
                yield Skipped(look.frame.id, UNREADABLE)
                continue
            yield _held_together(look.frame, look.told, look.said, profile, fmt, size, prompt)


def exported_size(frame: Frame, fmt: BoxFormat) -> Size:
    """Pixels of the picture that an export writes for a family. Raises ValueError for a frame that the family does not take."""
    size = (frame.width, frame.height)
    return smart_resize(size, fmt.factor, fmt.min_pixels, fmt.max_pixels) if fmt.resized else size


def _held_together(frame: Frame, told: Correction, said: Assessment, profile: Profile, fmt: BoxFormat, size: Size, prompt: str) -> Compared:
    true = answers.write(told.findings, told.step, told.violations, told.risk, profile, fmt, size)
    machine = answers.write(said.findings, said.step, _ordered(said.violations, told.violations), said.risk, profile, fmt, size)
    return Compared(frame, told, said, size, true, machine, edits.kinds_of(said, told, profile), prompt)


def _ordered(said: Sequence[Violation], told: Sequence[Violation]) -> list[Violation]:
    """The machine's hazards in the order in which the person left them, what the person took out behind them: an order is no preference."""
    places = {violation.hazard: at for at, violation in reversed(list(enumerate(told)))}
    return sorted(said, key=lambda violation: places.get(violation.hazard, len(told)))


class _Words:
    """The words of a profile, to tell whether a machine spoke in them; it may have been asked under another."""

    def __init__(self, profile: Profile) -> None:
        self._labels = {term.key for term in profile.terms("label")}
        self._fields = {name: {None, *(term.key for term in profile.terms(name))} for name in profile.fields}
        self._hazards = {hazard.key for hazard in profile.hazards}
        self._levels = {None, *profile.levels}

    def are_of(self, said: Assessment) -> bool:
        """Whether each is a key of the profile."""
        return (
            all(finding.label in self._labels for finding in said.findings)
            and all(said.step[name].value in known for name, known in self._fields.items())
            and all(violation.hazard in self._hazards for violation in said.violations)
            and said.risk.level in self._levels
        )


@dataclass(frozen=True, slots=True)
class _Look:
    """A frame of the record with the person's word and the machine's."""

    frame: Frame
    told: Correction | None
    said: Assessment | None  # None: there was none, or it says nothing and there was no reply
    aside: str | None  # why the frame stands aside


def _looks(reader: Reader, listed: Iterable[Listed]) -> Iterator[_Look]:
    """Frame by frame, in the order given; each few hundred are of one moment. Rows never change, so what the list says is still true."""
    flow = iter(listed)
    while some := list(islice(flow, AT_ONCE)):
        with reader.reading() as connection:
            made = [_look(connection, each) for each in some]
        yield from (look for look in made if look is not None)


def _look(connection: sqlite3.Connection, each: Listed) -> _Look | None:
    """None: the frame was erased since it was listed."""
    row = connection.execute("SELECT * FROM frames WHERE id = ?", (each.frame_id,)).fetchone()
    if row is None:
        return None
    told = connection.execute("SELECT * FROM corrections WHERE seq = ?", (each.correction,)).fetchone()
    if told is None:
        return _Look(rows.to_frame(row), None, None, each.aside)
    return _Look(rows.to_frame(row), rows.to_correction(told, each.frame_id), _seen(connection, told, each.frame_id), each.aside)


# Where the chain of corrections began that started from this model's proposal: a later one starts from the one before and keeps its model.
_BEGAN = (
    "SELECT min(c.at) FROM corrections c WHERE c.frame = :frame AND c.revision <= :revision AND c.revision > coalesce((SELECT max(o.revision) "
    "FROM corrections o WHERE o.frame = :frame AND o.revision < :revision AND o.saw_model IS NOT :model), 0)"
)
_SAID = (
    "SELECT a.* FROM assessments a WHERE a.frame = :frame AND (:model IS NULL OR a.model = :model) AND a.at <= :began "
    "ORDER BY a.reply IS NULL, a.seq DESC LIMIT 1"
)


def _seen(connection: sqlite3.Connection, told: sqlite3.Row, frame_id: str) -> Assessment | None:
    """The machine's answer from which a correction began."""
    asked: dict[str, Any] = {"frame": told["frame"], "revision": told["revision"], "model": told["saw_model"]}
    began = connection.execute(_BEGAN, asked).fetchone()[0]
    row = connection.execute(_SAID, {**asked, "began": began}).fetchone()
    if row is None:
        return None
    said = rows.to_assessment(row, frame_id, None)
    says = said.findings or said.violations or said.risk.level or any(said.step[name].value for name in FIELDS)
    return said if row["reply"] is not None or says else None
