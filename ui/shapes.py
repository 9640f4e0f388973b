"""The shapes of the API's answers, for its description alone: what a route really sends is made by `ui.wire`, and a test holds both together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SeenFinding:
    """Something seen. `box`: left, top, right, bottom in 0..1 of the upright frame, null for the whole of it."""

    label: str
    box: list[float] | None
    confidence: float | None


@dataclass
class SaidValue:
    """A field of the step; null: not said."""

    value: str | None
    confidence: float | None


@dataclass
class SaidStep:
    """What is being done."""

    action: SaidValue
    tool: SaidValue
    part: SaidValue
    phase: SaidValue


@dataclass
class SaidViolation:
    """A hazard that holds."""

    hazard: str
    risk: str | None
    box: list[float] | None
    confidence: float | None
    rules: list[str]
    said_by: str


@dataclass
class SaidRisk:
    """`level` null is "undetermined": a person has to judge. It is never "no risk"."""

    level: str | None
    probabilities: dict[str, float]
    reasons: list[str]


@dataclass
class NotUsed:
    """A part of the model's words that was not understood."""

    what: str
    why: str


@dataclass
class Inspected:
    """A frame that the model judged: the same line that `launch.py inspect --json` prints."""

    frame_id: str
    file: str
    width: int
    height: int
    findings: list[SeenFinding]
    step: SaidStep
    violations: list[SaidViolation]
    risk: SaidRisk
    model: str
    prompt_id: str
    seconds: float
    dropped: list[NotUsed]
    from_store: bool


@dataclass
class NotInspected:
    """A frame that was not judged, and why. With a `frame_id` it was kept, and can be asked about again."""

    file: str
    error: str
    kind: str
    frame_id: str | None = None


@dataclass
class Inspection:
    """One entry a frame, in the order in which they were sent, and how many there were of each level."""

    frames: list[Inspected | NotInspected]
    totals: dict[str, int]


@dataclass
class Refusal:
    """Why a request was not answered: a sentence for a person, a kind for programs, a number that the server's log has too."""

    error: str
    kind: str
    id: str


@dataclass
class FrameCard:
    """A frame as it stands in a list. `level`: a person's word if there is one, else the machine's."""

    frame_id: str
    name: str
    received_at: str
    level: str | None
    uncertainty: float | None
    reviewed: bool
    revision: int
    verdict: str | None
    state: str
    author: str | None
    binned: bool


@dataclass
class FramePage:
    """`next`: the cursor of the page behind, null on the last; a page that is not the last may hold fewer lines than asked, even none."""

    frames: list[FrameCard]
    next: str | None


@dataclass
class ListedAssessment:
    """What a machine said of a frame, once."""

    number: int
    at: str
    name: str
    frame_id: str
    model: str
    prompt_id: str
    host: str
    risk: SaidRisk
    findings: list[SeenFinding]
    violations: list[SaidViolation]
    seconds: float
    dropped: int


@dataclass
class AssessmentPage:
    """`next`: the cursor of the page behind, null on the last."""

    assessments: list[ListedAssessment]
    next: str | None


@dataclass
class Alive:
    """The process serves."""

    alive: bool


@dataclass
class Standing:
    """Whether a model answers."""

    ready: bool
    error: str | None = None


# No null in it: the description would leave it out.
LINE = {
    "frame_id": "9c2f0a31" * 8,
    "file": "20231102150443.jpg",
    "width": 640,
    "height": 480,
    "findings": [{"label": "hammer", "box": [0.1, 0.2, 0.4, 0.5], "confidence": 0.93}],
    "step": {
        "action": {"value": "strike", "confidence": 0.9},
        "tool": {"value": "hammer", "confidence": 0.97},
        "part": {"value": "bolt", "confidence": 0.8},
        "phase": {"value": "work", "confidence": 0.9},
    },
    "violations": [
        {"hazard": "tool_at_edge", "risk": "low", "box": [0.1, 0.2, 0.4, 0.5], "confidence": 0.7, "rules": [], "said_by": "model"}
    ],
    "risk": {"level": "low", "probabilities": {"none": 0.2, "low": 0.8}, "reasons": ["model", "rule:tool_at_edge"]},
    "model": "compact@1f2e3d4c5b6a",
    "prompt_id": "bench-brief-0a1b2c3d",
    "seconds": 0.8,
    "dropped": [],
    "from_store": False,
}
"""An example of a frame that was judged."""

INSPECTION = {
    "frames": [LINE, {"file": "notes.txt", "error": "notes.txt: this is something else. Frames are JPEG, PNG or WebP.", "kind": "FrameRefused"}],
    "totals": {"low": 1, "unread": 1},
}  # fmt: skip
"""An example of an answer to several frames."""
