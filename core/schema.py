"""The words of the house: what is passed between the rooms. No behaviour but each word's own invariants.

Inside, a box is always in unit space of the upright frame; pixels and grids exist only at the borders (`core.geometry`).
`None` means "not said"; nothing here has a default that looks like an answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

SaidBy = Literal["model", "person", "confirmed"]
"""Who stands behind a box or a field: the model alone, a person, or a person who looked at the model's and agreed."""

Verdict = Literal["reviewed", "cannot_tell"]
"""How a person ended with a frame. Only `reviewed` may ever become training data."""

FIELDS = ("tool", "part", "action", "phase")
"""The fields of a `Step`, in the order in which a model is asked for them: what decides comes before what follows."""


Alternatives = tuple[tuple[str, float], ...]
"""Other keys of the profile that a model could have said in a value's place, and how likely each was (0..1), likeliest first."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in 0..1 of the upright frame, origin top left.

    Raises ValueError for a corner that is not a number, lies outside 0..1, or leaves no area.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not (0 <= self.x0 < self.x1 <= 1 and 0 <= self.y0 < self.y1 <= 1):  # what is not a number fails here too
            if not all(math.isfinite(corner) for corner in self.xyxy):
                raise ValueError(f"a corner is not a number: {self.xyxy}")
            raise ValueError(f"not a box inside the frame: {self.xyxy}")

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in 0..1."""
        return (self.x0, self.y0, self.x1, self.y1)


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture as it was admitted. `id` is the SHA-256 of the bytes that came in, in hex."""

    id: str
    width: int  # pixels, upright
    height: int  # pixels, upright
    name: str  # what the sender called it; shown, never a path
    media_type: str  # image/jpeg, image/png or image/webp, from the content
    received_at: datetime  # UTC
    taken_at: datetime | None = None  # from EXIF or the name; local time of the camera
    source: str = "upload"  # upload, sample, folder, api ...
    site: str = ""  # where it was taken, as the settings of the server say; empty: nobody said


@dataclass(frozen=True, slots=True)
class Finding:
    """Something seen. No box: said of the whole frame. No confidence: the model did not say (never 1.0)."""

    label: str  # a key of the profile
    box: Box | None = None
    confidence: float | None = None  # 0..1, the model's own probability that it is there and is of this label
    said_by: SaidBy = "model"
    overlap: float | None = None  # 0..1, the IoU that the box is expected to have with the true one, from the spread of its corners
    alternatives: Alternatives = ()  # to the label


@dataclass(frozen=True, slots=True)
class Value:
    """One field of a step. No value: not said or not understood."""

    value: str | None = None  # a key of the profile
    confidence: float | None = None  # 0..1
    said_by: SaidBy = "model"
    alternatives: Alternatives = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What is being done: which tool, on which part, by which action, in which phase."""

    tool: Value = field(default_factory=Value)
    part: Value = field(default_factory=Value)
    action: Value = field(default_factory=Value)
    phase: Value = field(default_factory=Value)

    def __getitem__(self, name: str) -> Value:
        if name not in FIELDS:
            raise KeyError(name)
        found: Value = getattr(self, name)
        return found


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be so. No rule cited: none was found, and the violation stands all the same."""

    hazard: str  # a key of the profile
    risk: str | None = None  # the level this hazard has by the profile
    box: Box | None = None
    confidence: float | None = None
    rules: tuple[str, ...] = ()  # ids of clauses
    said_by: SaidBy = "model"


@dataclass(frozen=True, slots=True)
class Risk:
    """How dangerous the frame is. `level` None is *undetermined*: a person has to judge; it is never "none"."""

    level: str | None = None  # none, low, medium, high
    probabilities: Mapping[str, float] = field(default_factory=dict)  # by level; empty: the model did not say
    reasons: tuple[str, ...] = ()  # full sentences or keys of hazards
    said_by: SaidBy = "model"


@dataclass(frozen=True, slots=True)
class Rule:
    """A clause of a regulation."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Token:
    """One generated token: its bytes, its log-probability, and the likeliest at its place (itself included)."""

    text: str
    logprob: float  # natural logarithm
    top: tuple[tuple[str, float], ...] = ()  # (text, natural-log probability), likeliest first


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's words, kept for ever. Parsing, confidence and risk can be computed from it anew."""

    text: str
    model: str  # id with everything that changes an answer: name, weights hash, adapter, quantisation
    prompt_id: str
    seconds: float
    tokens: tuple[Token, ...] = ()  # in order, their texts joined are `text`; empty: no log-probabilities given
    masked: bool = False  # the log-probabilities are shares among what a grammar allowed; False: among everything
    host: str = ""  # of the server that was asked, as host:port; empty: the frame did not leave this program
    others: tuple[str, ...] = ()  # further replies, sampled, from a model that gives no log-probabilities


@dataclass(frozen=True, slots=True)
class Dropped:
    """A part of a reply that was not used, and why, in a sentence."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the machine said of a frame, once. Never changed afterwards."""

    frame_id: str
    model: str
    prompt_id: str
    findings: tuple[Finding, ...]
    step: Step
    violations: tuple[Violation, ...]
    risk: Risk
    dropped: tuple[Dropped, ...]
    seconds: float  # of the model alone
    reply: Reply | None = None  # None: the model gave none (`dropped` says why)
    missed: Mapping[str, float] = field(default_factory=dict)  # "findings", "violations" -> probability that one more was due


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said of a frame, whole, against the revision that the person saw."""

    frame_id: str
    author: str
    saw_revision: int  # 0: nobody had corrected it yet
    verdict: Verdict
    findings: tuple[Finding, ...]
    step: Step
    violations: tuple[Violation, ...]
    risk: Risk
    active_seconds: float = 0.0  # time with the frame in front of the person, pauses left out
    note: str = ""
    saw_model: str | None = None  # whose proposal the person started from; None: from an empty sheet
    at: datetime | None = None  # UTC, set by the store
    revision: int | None = None  # 1, 2, 3 ... of its frame, set by the store


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A frame and what is true of it: its latest correction that ended in a review."""

    frame: Frame
    correction: Correction


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of training data: a frame's pixels by content name, the prompt, the answer that teaches."""

    frame_id: str
    image: str  # path relative to the data set's folder
    width: int  # pixels of `image`
    height: int
    prompt: str
    answer: str  # the JSON that the prompt asks for, boxes in the family's convention


@dataclass(frozen=True, slots=True)
class Pair:
    """What a correction prefers: for one frame and prompt the answer that a person made true, and the one that a model gave. Never equal."""

    frame_id: str
    image: str  # path relative to the data set's folder
    width: int  # pixels of `image`
    height: int
    prompt: str
    chosen: str  # the JSON that the prompt asks for, boxes in the family's convention
    rejected: str  # so too, never the model's text as it stood
    kinds: tuple[str, ...] = ()  # of edit, see `annotations.pairing.KINDS`
    model: str = ""  # whose answer was rejected

    def __post_init__(self) -> None:
        if self.chosen == self.rejected:
            raise ValueError(f"chosen and rejected are the same for frame {self.frame_id}")
