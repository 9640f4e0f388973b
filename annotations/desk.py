"""What can be done with frames, as verbs: receive, assess, correct, walk, next, export. The one door of the record; it knows no screen and no model.

Which model answers is a plain callable that it is handed. Safe to use from many threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from annotations import datasets, listing, opinions, queues
from annotations.datasets import ExportReport
from annotations.listing import Listed
from annotations.queues import Card
from annotations.store import Store
from annotations.turns import Turns
from core.confidence import uncertainty
from core.errors import Malformed, ModelMissing
from core.frames import Limits, Vault, admit, preview
from core.patience import Patience
from core.profile import Profile
from core.schema import Assessment, Correction, Frame, Reviewed

__all__ = ["Desk", "Inspect", "Patience", "Sheet"]  # whoever asks the desk brings patience along

Inspect = Callable[[Frame, bytes, Patience | None], Assessment]
"""Asks a model about a frame and its bytes, for as long as somebody waits. Raises ModelError when it could not answer."""

_PICTURE_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is known of a frame, as of one moment."""

    frame: Frame
    assessment: Assessment | None  # of the desk's model if it spoke, else the latest; without its tokens
    correction: Correction | None  # the latest
    revision: int  # of `correction`; 0: nobody has corrected it


class Desk:
    """A record, a vault and a profile put to work. `inspect` None: there is no model, all else works."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        profile: Profile,
        inspect: Inspect | None = None,
        model: str | None = None,
        prompt_id: str | None = None,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.profile = profile
        self.model = model
        self.prompt_id = prompt_id
        self._store = store
        self._vault = vault
        self._inspect = inspect
        self._limits = limits or Limits()
        self._clock = clock
        self._turns = Turns()

    def receive(self, content: bytes, name: str, *, by: str, source: str = "upload") -> Frame:
        """Take in a picture. The same bytes are the same frame and keep the name under which they first came.

        Raises FrameRefused; nothing was kept then. The bytes are on the disk before the record speaks of them.
        """
        frame = admit(content, name, limits=self._limits, source=source, now=self._clock())
        self._vault.put(content)
        with self._store.writing() as connection:
            return opinions.add_frame(connection, frame, by=by)

    def frame(self, frame_id: str) -> Frame:
        """A frame. Raises NotFound."""
        with self._store.reading() as connection:
            return opinions.frame_of(connection, frame_id)

    def picture(self, frame_id: str) -> bytes:
        """The upright frame in full size as JPEG, without metadata: what may leave the house. Raises NotFound."""
        frame = self.frame(frame_id)
        return preview(self._vault.get(frame_id), max(frame.width, frame.height), _PICTURE_QUALITY)

    def preview(self, frame_id: str, size: int) -> bytes:
        """The upright frame at most `size` (320 or 1600) pixels long, as JPEG without metadata. Raises NotFound."""
        return self._vault.preview(frame_id, size).read_bytes()

    def assess(self, frame_id: str, patience: Patience | None = None) -> tuple[Assessment, bool]:
        """What the model says of a frame, and whether the record knew it already. Asked once, however many ask at the same time.

        Raises NotFound, ModelMissing, and what the model raises; nothing is written then, so that it can be asked again. Abandoned when
        nobody waits any more, also behind another who asks for the same.
        """
        with self._turns.of(frame_id, patience):
            known = self._known(frame_id)
            if known is not None:
                return known, True
            if self._inspect is None:
                raise ModelMissing("No model is loaded here, so nothing can be said of this frame. You can still mark it by hand.")
            said = self._inspect(self.frame(frame_id), self._vault.get(frame_id), patience)
            if said.frame_id != frame_id:
                raise ValueError(f"the model answered for frame {said.frame_id}, not {frame_id}")
            with self._store.writing() as connection:
                return opinions.add_assessment(
                    connection, said, uncertainty=uncertainty(said, self.profile.fields), at=self._clock()
                ), False

    def _known(self, frame_id: str) -> Assessment | None:
        """The stored answer of this model to this prompt. One without a reply is no answer: the model may be asked again."""
        with self._store.reading() as connection:
            opinions.number_of(connection, frame_id)
            if self.model is None or self.prompt_id is None:
                return None
            known = opinions.assessment_of(connection, frame_id, model=self.model, prompt_id=self.prompt_id)
        return known if known is not None and known.reply is not None else None

    def sheet(self, frame_id: str) -> Sheet:
        """A frame with the machine's word and the latest person's. Raises NotFound."""
        with self._store.reading() as connection:
            frame = opinions.frame_of(connection, frame_id)
            said = opinions.assessment_of(connection, frame_id, model=self.model, prompt_id=self.prompt_id, tokens=False)
            if said is None and self.model is not None:
                said = opinions.assessment_of(connection, frame_id, tokens=False)
            told = opinions.correction_of(connection, frame_id)
        return Sheet(frame, said, told, 0 if told is None or told.revision is None else told.revision)

    def correct(self, told: Correction) -> Correction:
        """Write what a person said; given back with its revision and time. Whole on the disk when this returns.

        Raises Conflict, with both versions, unless the person saw the latest revision; NotFound; Malformed for a word the profile lacks.
        """
        self._check(told)
        with self._store.writing() as connection:
            return opinions.add_correction(connection, told, at=self._clock())

    def history(self, frame_id: str) -> tuple[Correction, ...]:
        """All that people said of a frame, oldest first. Raises NotFound."""
        with self._store.reading() as connection:
            return opinions.corrections_of(connection, frame_id)

    def walk(self, limit: int = 60, before: str | None = None) -> list[Card]:
        """Cards of the frames that came last; `before` is the last frame of the page before. Raises NotFound."""
        with self._store.reading() as connection:
            return queues.newest(connection, limit=limit, before=before)

    def assessments(
        self,
        limit: int = 60,
        before: int | None = None,
        *,
        risk: str | None = None,
        model: str | None = None,
        since: datetime | None = None,
    ) -> list[Listed]:
        """What machines said, newest first; `before` is the number of the last line of the page before, `risk` a level or "undetermined"."""
        with self._store.reading() as connection:
            return listing.newest(connection, limit=limit, before=before, risk=risk, model=model, since=since)

    def next(self, after: str | None = None) -> str | None:
        """The frame that nobody has corrected and of which the machine is least sure; `after` a frame, the one behind it. Raises NotFound."""
        with self._store.reading() as connection:
            return queues.following(connection, after)

    def reviewed(self) -> Iterator[Reviewed]:
        """Frames that may teach, by id."""
        return datasets.reviewed(self._store, self.profile)

    def export_sft(self, out: Path, *, family: str = "qwen2.5-vl", formats: Sequence[str] | None = None) -> ExportReport:
        """Write the training set into the folder `out`; `formats` None: all. Raises ExportError."""
        return datasets.export_sft(self._store, self._vault, self.profile, out, family=family, formats=formats)

    def _check(self, told: Correction) -> None:
        """Only words of the profile may become truth, whoever sends them."""
        foreign = datasets.foreign_word(told, self.profile)
        if foreign is not None:
            raise Malformed(f'"{foreign[1][:60]}" is no {foreign[0]} of the profile {self.profile.key}. Nothing was saved.')
        if not told.author.strip():
            raise Malformed("A correction needs its author. Nothing was saved.")
        if told.verdict not in ("reviewed", "cannot_tell"):
            raise Malformed(f'"{told.verdict[:60]}" is no verdict. Nothing was saved.')
        if not (isfinite(told.active_seconds) and told.active_seconds >= 0):
            raise Malformed("active_seconds must be 0 or more. Nothing was saved.")
