"""What an import brings for one frame: which picture, and what machines and people said of it. Words alone; nothing here reads or writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.errors import AppError
from core.schema import Assessment, Correction


@dataclass(frozen=True, slots=True)
class Said:
    """A machine's word, and when it was said."""

    assessment: Assessment
    uncertainty: float  # 0..1
    at: datetime | None  # UTC; None: not known, so it counts from now


@dataclass(frozen=True, slots=True)
class Told:
    """A person's word, and when it was said; its `saw_revision` follows from its place among the others."""

    correction: Correction
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A frame and what was said of it. `frame_id` of what is said inside is empty: the picture's content decides."""

    place: str  # where it stands, for a person: "records.jsonl, line 7"
    file: str  # the picture, relative to the folder
    name: str  # what the frame is called
    size: tuple[int, int] | None = None  # upright pixels that the boxes are about; None: not said
    frame_id: str | None = None  # SHA-256 that the picture must have; None: not said
    taken_at: datetime | None = None
    said: tuple[Said, ...] = ()
    told: tuple[Told, ...] = ()
    content: bytes | None = None  # the picture itself, where it lies in no file of its own


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame that was not taken, and why."""

    place: str
    reason: AppError
