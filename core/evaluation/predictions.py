"""What a model said of the frames of a part, and what is true of them, as files that go round exactly. Asks nobody and counts nothing.

A file of predictions is JSON Lines: a frame a line, in the order of asking; blank pictures, of which nothing is true, stand in it too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from core import sft
from core.errors import Malformed
from core.geometry import FAMILIES, BoxFormat
from core.parsing import parse_reply
from core.profile import Profile
from core.schema import Correction, Finding, Step, Violation


@dataclass(frozen=True, slots=True)
class Gold:
    """What people hold to be true of a frame. No level: the profile does not speak of it, so nobody is right or wrong about its risk."""

    frame_id: str
    scene: int  # near-duplicates share it
    findings: tuple[Finding, ...]
    step: Step
    violations: tuple[Violation, ...]
    risk_level: str | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model said of a frame, as it would have been shown: rules applied, boxes in unit space."""

    frame_id: str
    scene: int
    findings: tuple[Finding, ...] = ()
    step: Step = field(default_factory=Step)
    violations: tuple[Violation, ...] = ()
    risk_level: str | None = None  # None: undetermined
    valid_json: bool = True  # the reply is the JSON that was asked for, as it stands; one that had to be repaired is not
    unknown_clauses: tuple[str, ...] = ()  # hazards and clauses it named that nobody knows
    unknown_labels: tuple[str, ...] = ()  # labels and values of fields it named that are not of the profile
    readable: bool = True  # False: nothing in it was understood, so everything in it is wrong
    blank: bool = False  # of a grey picture; `frame_id` is then "blank:0" and so on
    risk_probabilities: Mapping[str, float] = field(default_factory=dict)
    text: str = ""  # the reply, as it was written
    size: tuple[int, int] | None = None  # pixels of the picture that it was shown
    model: str = ""
    prompt_id: str = ""
    seconds: float = 0.0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Prediction).decode


def line(prediction: Prediction) -> bytes:
    """One line of the file, with its end."""
    return _encode(prediction) + b"\n"


def write(path: Path, predictions: Iterable[Prediction]) -> Path:
    """The whole file, or none: it takes its name when its last line is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.writelines(map(line, predictions))
        file.flush()
        os.fsync(file.fileno())
    return fresh.replace(path)


def read(path: Path) -> tuple[Prediction, ...]:
    """Every prediction of a file. Raises Malformed with file, line and reason."""
    made = []
    try:
        with path.open("rb") as file:
            for number, each in enumerate(file, start=1):
                try:
                    made.append(_decode(each))
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise Malformed(f"{path.name}, line {number}: this is no prediction ({error}).") from error
    except OSError as error:
        raise Malformed(f"The predictions {path.name} cannot be read: {error.strerror or error}.") from error
    return tuple(made)


def gold_of(part_folder: Path, profile: Profile) -> tuple[Gold, ...]:
    """What is true of every frame of an exported part. Raises Malformed with file, line and reason."""
    family = family_of(part_folder)
    scene = sft.scenes(part_folder)
    made: list[Gold] = []
    for number, sample in enumerate(sft.samples(part_folder), start=1):
        said = parse_reply(sample.answer, profile, family, (sample.width, sample.height))
        if said.dropped or not said.whole:
            why = said.dropped[0].why if said.dropped else "something that is asked for is missing"
            raise Malformed(f"{sft.SAMPLES}, line {number}: the answer is not understood whole ({why}). Nothing can be measured by it.")
        if sample.frame_id not in scene:
            raise Malformed(f"{sft.SAMPLES}, line {number}: the manifest does not know the frame {sample.frame_id[:12]}.")
        made.append(Gold(sample.frame_id, scene[sample.frame_id], said.findings, said.step, said.violations, said.risk_level))
    return tuple(made)


def family_of(part_folder: Path) -> BoxFormat:
    """How the boxes of a part are written. Raises Malformed."""
    coordinates = sft.about(part_folder).get("coordinates")
    name = coordinates.get("family") if isinstance(coordinates, dict) else None
    if not isinstance(name, str) or name not in FAMILIES:
        raise Malformed(f"{part_folder.name}/{sft.MANIFEST}: nobody knows the model family {str(name)[:60]}.")
    return FAMILIES[name]


def by_frame(predictions: Iterable[Prediction]) -> dict[str, Prediction]:
    """Those of real frames, by frame id. Raises Malformed when one is there twice: which of them should count?"""
    found: dict[str, Prediction] = {}
    for each in predictions:
        if each.blank:
            continue
        if each.frame_id in found:
            raise Malformed(f"The frame {each.frame_id[:12]} is predicted twice. Ask for the predictions anew.")
        found[each.frame_id] = each
    return found


def blanks(predictions: Iterable[Prediction]) -> tuple[Prediction, ...]:
    """Those of blank pictures."""
    return tuple(each for each in predictions if each.blank)


def gold_from(told: Correction, scene: int = 0) -> Gold:
    """What one person said, to be held against another's."""
    return Gold(told.frame_id, scene, told.findings, told.step, told.violations, told.risk.level)
