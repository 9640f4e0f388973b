"""Whether an evaluation may be believed at all: the same file twice, frames that were dropped, an answer that never changes. Measures no quality.

What is red here makes every figure beside it worthless, so it is told before any of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from core.errors import DatasetUnfit
from core.evaluation.counting import CLOSED, said_value, true_value
from core.evaluation.predictions import Gold, Prediction, by_frame
from core.evaluation.reasons import Reason
from core.schema import FIELDS

Answer = tuple[object, ...]

LEAST_FOR_CONSTANT = 10
"""Frames from which on an answer that never changes is no accident."""


def answer(said: Prediction) -> Answer:
    """All that is measured of a prediction, for two to be held against each other."""
    findings = sorted((f.label, f.box.xyxy if f.box else ()) for f in said.findings)
    hazards = sorted((v.hazard, *v.rules) for v in said.violations)
    return (said.readable, tuple(said.step[name].value for name in FIELDS), said.risk_level, tuple(findings), tuple(hazards))


def differing(before: Iterable[Prediction], after: Iterable[Prediction]) -> tuple[int, int]:
    """How many answers of the frames that both were asked about differ, and how many there are."""
    old, new = by_frame(before), by_frame(after)
    both = [frame for frame in old if frame in new]
    return sum(answer(old[frame]) != answer(new[frame]) for frame in both), len(both)


def faults(gold: Sequence[Gold], predictions: Sequence[Prediction], whose: str = "the model") -> tuple[Reason, ...]:
    """What is red about one file of predictions; empty: nothing is. Raises Malformed for a frame that stands there twice."""
    found = by_frame(predictions)
    known = {g.frame_id for g in gold}
    missing, foreign = len(known - found.keys()), len(found.keys() - known)
    red = []
    if not gold:
        red.append(Reason("no frames", False, "There is no frame to measure by. Freeze a set with a test part.", undetermined=True))
    if missing:
        words = f"{missing} of {len(known)} frames have no answer of {whose}: they count as wrong, and the figures are not to be compared. Ask again."
        red.append(Reason("dropped frames", False, words, {"missing": missing, "frames": len(known), "whose": whose}))
    if foreign:
        words = (
            f"{foreign} answers of {whose} are of frames that this part does not hold. They are of another set: take the file of this one."
        )
        red.append(Reason("foreign frames", False, words, {"foreign": foreign, "whose": whose}))
    constant = [name for name in CLOSED if _varies(gold, name) and _constant(gold, found, name)]
    varying = [name for name in CLOSED if _varies(gold, name)]
    if varying and constant == varying and len(found) >= LEAST_FOR_CONSTANT:
        words = f"Every answer of {whose} is the same in all fields, whatever the frame shows. It looks at nothing, or its answers were mixed up."
        red.append(Reason("constant", False, words, {"fields": constant, "whose": whose}))
    return tuple(red)


def constant_fields(gold: Sequence[Gold], predictions: Iterable[Prediction]) -> tuple[str, ...]:
    """Fields in which the truth varies and the answer never does; to be told, and red only when it is all of them."""
    found = by_frame(predictions)
    return tuple(name for name in CLOSED if _varies(gold, name) and _constant(gold, found, name))


def identical(before: Sequence[Prediction], after: Sequence[Prediction]) -> Reason | None:
    """Red when one result is held against itself."""
    changed, both = differing(before, after)
    if not both or changed or {p.text for p in before} != {p.text for p in after}:
        return None
    words = f"The two results are the same in all {both} answers. One file was given twice, or the adapter was not loaded."
    return Reason("identical", False, words, {"frames": both})


def refuse_learned(gold: Iterable[Gold], frames: Collection[str], scenes: Collection[int] = ()) -> None:
    """What a model learned from never judges it. Raises DatasetUnfit, with a defect for each frame, when one of `frames` or `scenes` is among the gold."""
    learned, seen = set(frames), set(scenes)
    defects = [
        f"frame {g.frame_id[:12]}: the model learned from {'it' if g.frame_id in learned else 'its scene'}"
        for g in gold
        if g.frame_id in learned or g.scene in seen
    ]
    if defects:
        raise DatasetUnfit(
            f"{len(defects)} of the frames to judge by were learned from. Judge by frames of scenes that the model has never seen.",
            tuple(defects),
        )


def _varies(gold: Sequence[Gold], name: str) -> bool:
    return len({value for g in gold if (value := true_value(g, name)) is not None}) > 1


def _constant(gold: Sequence[Gold], found: Mapping[str, Prediction], name: str) -> bool:
    said = {said_value(found[g.frame_id], name) for g in gold if g.frame_id in found and true_value(g, name) is not None}
    return len(said) == 1
