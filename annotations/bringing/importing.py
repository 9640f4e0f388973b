"""Brings frames from elsewhere into the record, with what was said of them: our lines, our training sets, other tools' files. Whole frame by frame.

What a folder or file holds is told in `annotations.bringing.telling_apart`. A picture enters by its content, as through every other door; a frame
without its bytes does not enter. One whose bytes are in the vault already needs no file, when the file would bear its id for a name. A frame of our own lines must hash to the id that the line names, which says that it was decoded when it first came in: of it only the
header is looked at again. All other pictures are decoded. What people said of a frame that somebody has corrected here stays outside: an import
overwrites nobody.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from annotations import audit, opinions, rows
from annotations.bringing import loading
from annotations.bringing.incoming import Incoming, Refused, Said
from annotations.bringing.telling_apart import opened as opened_source
from annotations.reviewing import standing
from annotations.store import Store
from core.errors import AppError, FrameRefused, FrameTooLarge, Malformed, NotFound
from core.frames import Admit, Limits, Vault, admit, shown_name
from core.pixels import FORMATS, opened, sniff, upright_size
from core.profile import Profile
from core.schema import FIELDS, Assessment, Correction, Frame

AT_ONCE = 300
"""Frames of a transaction: it holds the writer's place some 80 ms, and between two of them those who annotate come in."""

TOLD = 100  # refused frames that are named; the rest is counted
SOURCE = "import"
_ID = re.compile("[0-9a-f]{64}")


@dataclass(slots=True)
class Imported:
    """What an import did."""

    new: int = 0  # frames that the record did not know
    known: int = 0  # frames that were here already
    assessments: int = 0
    corrections: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # what was not written of frames that were here already, by reason
    refused: int = 0  # frames that were not taken
    reasons: list[str] = field(default_factory=list)  # the first of them, a sentence with its place each


class _Words:
    """The keys of a profile, gathered once: only they may become truth."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile.key
        self._known = {name: {term.key for term in profile.terms(name)} for name in ("label", *FIELDS)}
        self._hazards = {hazard.key for hazard in profile.hazards}
        self._levels = {*profile.levels, None}

    def check(self, place: str, said: Assessment | Correction) -> None:
        """Raises Malformed for a word that is none."""
        used = [("label", each.label) for each in said.findings]
        used += [(name, value) for name in FIELDS if (value := said.step[name].value) is not None]
        for name, word in used:
            if word not in self._known[name]:
                self._refuse(place, name, word)
        for each in said.violations:
            if each.hazard not in self._hazards:
                self._refuse(place, "hazard", each.hazard)
        for level in (said.risk.level, *(each.risk for each in said.violations), *said.risk.probabilities):
            if level not in self._levels:
                self._refuse(place, "risk level", str(level))

    def _refuse(self, place: str, name: str, word: str) -> None:
        raise Malformed(f'{place}: "{word[:60]}" is no {name} of the profile {self._profile}. The frame was not taken.')


@dataclass(frozen=True, slots=True)
class Importer:
    """A record, a vault and a profile, ready to take in what others have. `admit` decodes a picture; `clock` says now."""

    store: Store
    vault: Vault
    profile: Profile
    by: str  # who brings it; stands behind what the file names nobody for
    limits: Limits = field(default_factory=Limits)
    admit: Admit = admit
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def bring_in(self, source: Path) -> Imported:
        """From a folder with `records.jsonl`, with a training set of ours, or with a file of another tool; or from such a file itself.

        Raises Malformed, with nothing taken, where there is nothing of the kind. A frame that cannot be taken is refused with its place and the
        others go on.
        """
        folder, incoming = opened_source(source, self.profile, self.by)
        words, done = _Words(self.profile), Imported()
        ready = self._looked_at(folder.resolve(), incoming, words, done)
        while batch := list(islice(ready, AT_ONCE)):
            self._write(batch, done)
        with self.store.writing() as connection:
            after = {name: getattr(done, name) for name in ("new", "known", "assessments", "corrections", "refused")}
            audit.note(connection, "imported", who=rows.clean(self.by), at=rows.moment(self.clock()), subject=source.name, after=after)
        return done

    def _looked_at(
        self, folder: Path, incoming: Iterable[Incoming | Refused], words: _Words, done: Imported
    ) -> Iterator[tuple[Frame, Incoming]]:
        """Frames whose words and whose pictures were found good; their bytes are in the vault when they come out here."""
        for each in incoming:
            reason: AppError
            if isinstance(each, Refused):
                reason = each.reason
            else:
                try:
                    for said in each.said:
                        words.check(each.place, said.assessment)
                    for told in each.told:
                        words.check(each.place, told.correction)
                    yield self._frame(folder, each), each
                    continue
                except (Malformed, FrameRefused, NotFound) as error:
                    reason = error
            done.refused += 1
            if len(done.reasons) < TOLD:
                done.reasons.append(str(reason) if each.place in str(reason) else f"{each.place}: {reason}")

    def _frame(self, folder: Path, each: Incoming) -> Frame:
        now = self.clock()
        if each.frame_id is not None and self.vault.place(each.frame_id).is_file():
            return _seen_before(self.vault.get(each.frame_id), each, self.limits, now)  # the vault has hashed it
        kept = self._kept(folder, each)
        if kept is not None:
            return _seen_before(self.vault.get(kept), replace(each, frame_id=kept), self.limits, now)
        content = _content(folder, each, self.limits)
        if each.frame_id is None:
            frame = self.admit(content, each.name, limits=self.limits, source=SOURCE, now=now)
            if each.size is not None and (frame.width, frame.height) != each.size:
                raise Malformed(
                    f"{each.place}: the upright frame has {frame.width} x {frame.height} pixels and not {each.size[0]} x {each.size[1]}, so its boxes "
                    "would stand elsewhere. The frame was not taken."
                )
        else:
            if hashlib.sha256(content).hexdigest() != each.frame_id:
                raise Malformed(
                    f"{each.place}: {shown_name(each.file)} is not the picture of which this line speaks. The frame was not taken."
                )
            frame = _seen_before(content, each, self.limits, now)
        self.vault.put(content)
        return frame

    def _kept(self, folder: Path, each: Incoming) -> str | None:
        """The frame of the vault after which a file is named that is not in the folder: an export without pictures, brought back."""
        name = Path(each.file).stem
        if each.frame_id is not None or each.content is not None or not _ID.fullmatch(name) or not self.vault.place(name).is_file():
            return None
        with suppress(OSError, ValueError):  # a name that no system can hold
            return None if (folder / each.file).exists() else name
        return None

    def _write(self, batch: list[tuple[Frame, Incoming]], done: Imported) -> None:
        with self.store.writing() as connection:
            now = self.clock()
            marks = ", ".join("?" * len(batch))
            ids = [frame.id for frame, _ in batch]
            known = {row["id"] for row in connection.execute(f"SELECT id FROM frames WHERE id IN ({marks})", ids)}  # noqa: S608 - only marks
            new: dict[str, tuple[Frame, Incoming]] = {}
            again = []
            for frame, brought in batch:
                if frame.id in known or frame.id in new:
                    again.append((frame, brought))
                else:
                    new[frame.id] = (frame, brought)
            loading.load(connection, list(new.values()), by=self.by, now=now)
            done.new += len(new)
            done.assessments += sum(len(brought.said) for _, brought in new.values())
            done.corrections += sum(len(brought.told) for _, brought in new.values())
            for frame, brought in again:
                done.known += 1
                opinions.add_frame(connection, frame, by=self.by)
                for said in brought.said:
                    self._add_assessment(connection, frame.id, said, done)
                self._add_corrections(connection, frame.id, brought, done)

    def _add_assessment(self, connection: sqlite3.Connection, frame_id: str, said: Said, done: Imported) -> None:
        told = said.assessment
        if opinions.assessment_of(connection, frame_id, model=told.model, prompt_id=told.prompt_id, tokens=False) is not None:
            done.left_out["a machine had said it already"] += 1
            return
        at = said.at or self.clock()
        opinions.add_assessment(connection, replace(told, frame_id=frame_id), uncertainty=said.uncertainty, at=at, by=self.by)
        done.assessments += 1

    def _add_corrections(self, connection: sqlite3.Connection, frame_id: str, brought: Incoming, done: Imported) -> None:
        stand = standing.of(connection, opinions.number_of(connection, frame_id))
        if stand.revision or stand.binned:
            done.left_out["corrected here already" if stand.revision else "in the bin"] += len(brought.told)
            return
        for told in brought.told:
            opinions.add_correction(connection, replace(told.correction, frame_id=frame_id), at=told.at or self.clock())
            done.corrections += 1


def _content(folder: Path, each: Incoming, limits: Limits) -> bytes:
    """The bytes of a picture that lies in the folder, and nowhere else whatever the file says."""
    if each.content is not None:
        return each.content
    absent = Malformed(f"{each.place}: the picture {shown_name(each.file)} is not in the folder. The frame was not taken.")
    try:
        place = (folder / each.file).resolve()
        if not place.is_relative_to(folder) or not place.is_file():
            raise absent
    except (OSError, ValueError) as error:  # a name that no system can hold
        raise absent from error
    if place.stat().st_size > limits.max_bytes:
        raise FrameTooLarge(f"{each.place}: {shown_name(each.file)} has more than the {limits.max_bytes / 2**20:g} MiB that are taken.")
    return place.read_bytes()


def _seen_before(content: bytes, each: Incoming, limits: Limits, now: datetime) -> Frame:
    """The frame of a line of ours, whose bytes are those of which the line speaks: its header is looked at once more."""
    assert each.frame_id is not None
    shown = shown_name(each.name)
    kind = sniff(content, shown)
    size = upright_size(opened(content, kind, shown, limits))
    if each.size is not None and size != each.size:
        raise Malformed(f"{each.place}: {shown} has another size than the line says. The frame was not taken.")
    return Frame(each.frame_id, *size, each.name, FORMATS[kind], now, each.taken_at, SOURCE)
