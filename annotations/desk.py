"""What can be done with frames, as verbs: receive, assess, correct, review, walk, next, export. The one door of the record; it knows no screen and no model.

Which model answers is a plain callable that it is handed. Safe to use from many threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from annotations import audit, datasets, opinions
from annotations.datasets import ExportReport
from annotations.once import Once, answered, done
from annotations.queueing import leases, listing, queues, tasks
from annotations.queueing.drawing import Drawing
from annotations.queueing.listing import Listed
from annotations.queueing.queues import Card
from annotations.reviewing import bins, reviews, second_opinions, standing
from annotations.reviewing.judging import Judging
from annotations.reviewing.reviews import Review
from annotations.rows import clean, moment
from annotations.store import Store
from annotations.turns import Turns
from core.confidence import uncertainty
from core.errors import Malformed, ModelMissing
from core.frames import Admit, Cover, Limits, Vault, admit, preview
from core.patience import Patience
from core.profile import Profile
from core.rights import LOCAL
from core.schema import Assessment, Correction, Frame, Reviewed

__all__ = ["Desk", "Inspect", "Patience", "Sheet"]  # whoever asks the desk brings patience along

Inspect = Callable[[Frame, bytes, Patience | None], Assessment]
"""Asks a model about a frame and its bytes, for as long as somebody waits. Raises ModelError when it could not answer."""

_PICTURE_QUALITY = 92


@dataclass(frozen=True, slots=True)
class SeenLease:
    """Somebody works on a frame just now, as another sees it."""

    holder: str
    until: datetime  # UTC, if nothing more is heard
    mine: bool  # the holder is who asked


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is known of a frame, as of one moment; of who owes a blind opinion, what the others said is kept back."""

    frame: Frame
    assessment: Assessment | None  # of the desk's model if it spoke, else the latest; without its tokens
    correction: Correction | None  # the latest
    revision: int  # of `correction`; 0: nobody has corrected it
    state: str = "open"  # open, corrected, accepted, returned, disputed
    reviews: tuple[Review, ...] = ()  # oldest first
    binned: bool = False
    bin_why: str = ""  # of a frame in the bin
    lease: SeenLease | None = None
    wanted: int = 1  # opinions, the first correction among them
    blind: bool = False  # who asked has to give an opinion, and does not see the others'
    unaided: bool = (
        False  # drawn to be judged without the machine's word, which nobody who works on it sees until somebody has saved their own
    )
    opinions: tuple[Correction, ...] = ()  # the blind ones, for a reviewer of a disputed frame
    agreed: bool | None = None  # the opinions say the same; None: they are not all in, or there is only one
    differences: tuple[str, ...] = ()  # where they differ (`comparing.differences`), for a reviewer of a disputed frame


class Desk(Judging, Drawing):
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
        admit: Admit = admit,
        cover: Cover | None = None,
        site: str = "",
    ) -> None:
        super().__init__(store, clock, self._may_be_said)
        self.profile = profile
        self.model = model
        self.prompt_id = prompt_id
        self._vault = vault
        self._inspect = inspect
        self._limits = limits or Limits()
        self._admit = admit
        self._cover = cover
        self._site = site
        self._turns = Turns()

    def receive(self, content: bytes, name: str, *, by: str, source: str = "upload", once: Once | None = None) -> Frame:
        """Take in a picture. The same bytes are the same frame and keep the name under which they first came.

        Raises FrameRefused; nothing was kept then. The bytes are on the disk before the record speaks of them.
        """
        frame = replace(self._admit(content, name, limits=self._limits, source=source, now=self._clock()), site=self._site)
        self._vault.put(content)
        with self._store.writing() as connection:

            def act() -> dict[str, str]:
                kept = opinions.add_frame(connection, frame, by=by)
                if not self._vault.place(kept.id).exists():  # erased between the two lines above; whoever erases waits for this transaction
                    self._vault.put(content)
                return {"frame_id": kept.id}

            answer = done(connection, once, act, who=by, at=frame.received_at)
            return opinions.frame_of(connection, answer["frame_id"])

    def frame(self, frame_id: str) -> Frame:
        """A frame. Raises NotFound."""
        with self._store.reading() as connection:
            return opinions.frame_of(connection, frame_id)

    def picture(self, frame_id: str, *, covered: bool = False) -> bytes:
        """The upright frame in full size as JPEG, without metadata: what may leave the house. `covered`: without faces.

        Raises NotFound, and a ModelError when faces cannot be covered: the frame is not shown then.
        """
        frame = self.frame(frame_id)
        if covered:
            return self._vault.covered(frame_id, None, self._coverer())
        return preview(self._vault.get(frame_id), max(frame.width, frame.height), _PICTURE_QUALITY)

    def preview(self, frame_id: str, size: int, *, covered: bool = False) -> bytes:
        """The upright frame at most `size` (320 or 1600) pixels long, as JPEG without metadata. Raises as `picture`."""
        if covered:
            return self._vault.covered(frame_id, size, self._coverer())
        return self._vault.preview(frame_id, size).read_bytes()

    def original(self, frame_id: str, *, by: str) -> tuple[Frame, bytes]:
        """The frame byte for byte as it came, metadata and all; the audit is told who took it. Raises NotFound."""
        frame, content = self.frame(frame_id), self._vault.get(frame_id)
        with self._store.writing() as connection:
            audit.note(connection, "original taken", who=by, at=moment(self._clock()), frame=frame_id)
        return frame, content

    def _coverer(self) -> Cover:
        if self._cover is None:
            raise ModelMissing("Faces cannot be covered here, so this frame is not shown. Ask for a role that may see it.")
        return self._cover

    def assess(self, frame_id: str, patience: Patience | None = None, *, by: str = "", once: Once | None = None) -> tuple[Assessment, bool]:
        """What the model says of a frame, and whether the record knew it already. Asked once, however many ask at the same time.

        Raises NotFound, ModelMissing, and what the model raises; nothing is written then, so that it can be asked again. Abandoned when
        nobody waits any more, also behind another who asks for the same.
        """
        with self._turns.of(frame_id, patience):
            if once is not None:
                with self._store.reading() as connection:
                    answer = answered(connection, once, who=by)
                    known = answer and opinions.assessment_of(connection, frame_id, model=answer["model"], prompt_id=answer["prompt_id"])
                if known:
                    return known, answer["from_store"]
            known = self._known(frame_id)
            said = known or self._asked(frame_id, patience)
            if known is not None and once is None:
                return known, True
            with self._store.writing() as connection:
                at = self._clock()

                def act() -> dict[str, object]:
                    if known is None:
                        opinions.add_assessment(connection, said, uncertainty=uncertainty(said, self.profile.fields), at=at, by=by)
                    return {"frame_id": frame_id, "model": said.model, "prompt_id": said.prompt_id, "from_store": known is not None}

                done(connection, once, act, who=by, at=at)
                return said, known is not None

    def _asked(self, frame_id: str, patience: Patience | None) -> Assessment:
        if self._inspect is None:
            raise ModelMissing("No model is loaded here, so nothing can be said of this frame. You can still mark it by hand.")
        said = self._inspect(self.frame(frame_id), self._vault.get(frame_id), patience)
        if said.frame_id != frame_id:
            raise ValueError(f"the model answered for frame {said.frame_id}, not {frame_id}")
        return said

    def _known(self, frame_id: str) -> Assessment | None:
        """The stored answer of this model to this prompt. One without a reply is no answer: the model may be asked again."""
        with self._store.reading() as connection:
            opinions.number_of(connection, frame_id)
            if self.model is None or self.prompt_id is None:
                return None
            known = opinions.assessment_of(connection, frame_id, model=self.model, prompt_id=self.prompt_id)
        return known if known is not None and known.reply is not None else None

    def sheet(self, frame_id: str, *, by: str | None = None, judge: bool = False) -> Sheet:
        """A frame with the machine's word and the latest person's, for `by`; None: for nobody in particular, who owes nothing.

        `judge`: who asks may decide between opinions. Raises NotFound.
        """
        now = self._clock()
        with self._store.reading() as connection:
            frame = opinions.frame_of(connection, frame_id)
            said = opinions.assessment_of(connection, frame_id, model=self.model, prompt_id=self.prompt_id, tokens=False)
            if said is None and self.model is not None:
                said = opinions.assessment_of(connection, frame_id, tokens=False)
            stand = standing.of(connection, opinions.number_of(connection, frame_id))
            lease = leases.lease_of(connection, frame_id, now)
            held = None if lease is None else SeenLease(lease.holder, lease.until, lease.holder == by)
            why = bins.why(connection, stand) if stand.binned else ""
            if by is not None and tasks.is_unaided(connection, stand.frame):
                return Sheet(frame, None, None, 0, stand.state, (), stand.binned, why, held, stand.wanted, unaided=True)
            if by is not None and standing.owes(connection, stand, by):
                return Sheet(frame, said, None, 0, stand.state, (), stand.binned, why, held, stand.wanted, blind=True)
            told = opinions.correction_of(connection, frame_id)
            differing = second_opinions.differences(connection, frame_id)
            agreed = None if differing is None else not differing
            shown = judge and stand.state == "disputed"
            others = second_opinions.of(connection, frame_id) if shown else ()
            looks = reviews.of(connection, frame_id)
        return Sheet(
            frame,
            said,
            told,
            stand.revision,
            stand.state,
            looks,
            stand.binned,
            why,
            held,
            stand.wanted,
            opinions=others,
            agreed=agreed,
            differences=(differing or ()) if shown else (),
        )

    def may_be_shown(self, frame_id: str) -> None:
        """Raises OutOfTurn while the machine's word on a frame is kept back from who works on it; NotFound."""
        with self._store.reading() as connection:
            tasks.may_be_shown(connection, opinions.number_of(connection, frame_id))

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
        """What machines said, newest first; `before` is the number of the last line of the page before, `risk` a level or "undetermined".

        Nothing of frames that are to be judged without it.
        """
        with self._store.reading() as connection:
            return listing.newest(connection, limit=limit, before=before, risk=risk, model=model, since=since)

    def next(self, after: str | None = None) -> str | None:
        """The frame that nobody has corrected and of which the machine is least sure; `after` a frame, the one behind it. Raises NotFound."""
        with self._store.reading() as connection:
            return queues.following(connection, after)

    def reviewed(self) -> Iterator[Reviewed]:
        """Frames that may teach, by id."""
        return datasets.reviewed(self._store, self.profile)

    def export_sft(
        self,
        out: Path,
        *,
        family: str = "qwen2.5-vl",
        formats: Sequence[str] | None = None,
        by: str = LOCAL,
        once: Once | None = None,
    ) -> ExportReport:
        """Write the training set into the folder `out`; `formats` None: all. Raises ExportError.

        Sent again under the same key it is not written again: the report tells of the folder of the first time, beside `out`.
        """
        with self._turns.of(f"export {by} {once.key}", None) if once is not None else nullcontext():
            with self._store.reading() as connection:
                known = answered(connection, once, who=by)
            if known is not None:
                return ExportReport(out.parent / known["folder"], tuple(known["files"]), known["written"], known["left_out"])
            report = datasets.export_sft(self._store, self._vault, self.profile, out, family=family, formats=formats)
            counted = {"written": report.written, "left_out": report.left_out}
            answer = {"folder": report.folder.name, "files": list(report.files), **counted}
            with self._store.writing() as connection:
                at = self._clock()

                def act() -> dict[str, object]:
                    manifest = hashlib.sha256((report.folder / datasets.MANIFEST).read_bytes()).hexdigest()
                    after = {**counted, "family": family, "manifest": manifest}
                    audit.note(connection, "exported", who=clean(by), at=moment(at), subject=clean(report.folder.name), after=after)
                    return answer

                done(connection, once, act, who=by, at=at)
        return report

    def _may_be_said(self, told: Correction) -> None:
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
