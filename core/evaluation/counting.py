"""What each frame adds to every figure, counted once: columns of sums. Turns nothing into a share and draws nothing.

An answer that could not be read is a wrong answer, and a frame without an answer is one that could not be read: both stay in every
denominator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson

from core.evaluation.boxes import SIZES, by_label, pairs, size_of
from core.evaluation.predictions import Gold, Prediction, by_frame
from core.evaluation.resampling import Numbers, Sums
from core.evaluation.risks import HIGH, SAID, UNDETERMINED, alarmed, cost
from core.geometry import iou
from core.profile import LEVELS
from core.schema import FIELDS, Violation

RISK = "risk"
CLOSED = (*FIELDS, RISK)
"""Fields of which one of a list is said."""

TOUCHED = 0.3
"""The IoU from which on a violation was said of the right place."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Frames in the order of the gold, and what each adds. `classes`: of each field those that are true somewhere; `fields`: those with any."""

    gold: tuple[Gold, ...]
    said: tuple[Prediction, ...]  # one for each; a frame that was not answered has one that could not be read
    missing: tuple[str, ...]  # frames without an answer
    classes: Mapping[str, tuple[str, ...]]
    labels: tuple[str, ...]  # of true boxes
    weights: Numbers
    sums: Sums

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of which something is true."""
        return tuple(name for name in CLOSED if self.classes[name])

    @property
    def scenes(self) -> list[int]:
        """The scene of each frame."""
        return [each.scene for each in self.gold]


def count(gold: Sequence[Gold], predictions: Iterable[Prediction], weights: Mapping[str, float] | None = None) -> Counted:
    """Every column. `weights`: by frame id, as 1 / its inclusion probability; the shares are then Hájek's. Raises Malformed for a frame twice."""
    found = by_frame(predictions)
    said = tuple(found.get(g.frame_id) or Prediction(g.frame_id, g.scene, valid_json=False, readable=False) for g in gold)
    missing = tuple(g.frame_id for g in gold if g.frame_id not in found)
    classes = {name: tuple(sorted({value for g in gold if (value := true_value(g, name)) is not None})) for name in CLOSED}
    labels = tuple(sorted({f.label for g in gold for f in g.findings if f.box is not None}))
    columns = _Columns(len(gold))
    for at, (g, p) in enumerate(zip(gold, said, strict=True)):
        _plain(columns, at, g, p)
        _fields(columns, at, g, p, classes)
        _boxes(columns, at, g, p)
        _violations(columns, at, g, p)
        _risk(columns, at, g, p)
    known = np.array([1.0 if weights is None else weights[g.frame_id] for g in gold])
    return Counted(tuple(gold), said, missing, classes, labels, known, columns.sums(_every(classes, labels), known))


def true_value(gold: Gold, name: str) -> str | None:
    """What is true of a closed field."""
    return gold.risk_level if name == RISK else gold.step[name].value


def said_value(prediction: Prediction, name: str) -> str | None:
    """What was said of a closed field."""
    return prediction.risk_level if name == RISK else prediction.step[name].value


def same_violations(said: Sequence[Violation], true: Sequence[Violation]) -> int:
    """How many are right, one to one: the hazard or a clause is the same, and the place is where one is true (IoU .3 or better)."""
    left = list(said)
    hits = 0
    for violation in true:
        near = [(_place(other, violation), other) for other in left if _same_matter(other, violation)]
        best = max(near, key=lambda one: one[0], default=None)
        if best is not None and best[0] >= TOUCHED:
            hits += 1
            left.remove(best[1])
    return hits


def _same_matter(a: Violation, b: Violation) -> bool:
    return a.hazard == b.hazard or bool(set(a.rules) & set(b.rules))


def _place(said: Violation, true: Violation) -> float:
    """IoU; 1 where the truth names no place."""
    if true.box is None:
        return 1.0
    return iou(said.box, true.box) if said.box is not None else 0.0


@dataclass(slots=True)
class _Columns:
    """Columns while they are filled."""

    frames: int
    filled: dict[str, Numbers] = field(default_factory=dict)

    def add(self, name: str, at: int, value: float = 1.0) -> None:
        column = self.filled.get(name)
        if column is None:
            column = self.filled[name] = np.zeros(self.frames)
        column[at] += value

    def sums(self, names: Sequence[str], weights: Numbers) -> Sums:
        empty = np.zeros(self.frames)
        table = np.stack([self.filled.get(name, empty) for name in names], axis=1) if self.frames else np.zeros((0, len(names)))
        return Sums({name: at for at, name in enumerate(names)}, table * weights[:, None])


def _plain(columns: _Columns, at: int, g: Gold, p: Prediction) -> None:
    columns.add("frames", at)
    columns.add("json", at, p.valid_json)
    columns.add("readable", at, p.readable)


def _fields(columns: _Columns, at: int, g: Gold, p: Prediction, classes: Mapping[str, tuple[str, ...]]) -> None:
    raw = _raw(p)
    right = []
    for name in CLOSED:
        true, said = true_value(g, name), said_value(p, name) if p.readable else None
        if true is None:
            continue
        columns.add(f"{name}.n", at)
        columns.add(f"{name}.true.{true}", at)
        right.append(said == true)
        columns.add(f"{name}.exact", at, said == true and (raw is None or raw.get(name) == true))
        if said in classes[name]:
            columns.add(f"{name}.said.{said}", at)
        if said == true:
            columns.add(f"{name}.right", at)
            columns.add(f"{name}.hit.{true}", at)
    if right:
        columns.add("joint.n", at)
        columns.add("joint.right", at, all(right) and {v.hazard for v in p.violations} == {v.hazard for v in g.violations})


def _raw(p: Prediction) -> Mapping[str, object] | None:
    """The reply's own words; None where the reply was not kept."""
    if not p.text:
        return None
    try:
        found = orjson.loads(p.text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _boxes(columns: _Columns, at: int, g: Gold, p: Prediction) -> None:
    for label, (said, true) in by_label(p.findings if p.readable else (), g.findings).items():
        columns.add("box.said", at, len(said))
        columns.add(f"box.said.{label}", at, len(said))
        columns.add("box.true", at, len(true))
        columns.add(f"box.true.{label}", at, len(true))
        for box in true:
            columns.add(f"size.true.{size_of(box)}", at)
        for _, which, overlap in pairs(said, true):
            columns.add("box.hit", at)
            columns.add(f"box.hit.{label}", at)
            columns.add("box.iou", at, overlap)
            columns.add(f"size.hit.{size_of(true[which])}", at)


def _violations(columns: _Columns, at: int, g: Gold, p: Prediction) -> None:
    said = p.violations if p.readable else ()
    columns.add("violation.true", at, len(g.violations))
    columns.add("violation.said", at, len(said))
    columns.add("violation.hit", at, same_violations(said, g.violations))


def _risk(columns: _Columns, at: int, g: Gold, p: Prediction) -> None:
    columns.add("alarms", at, alarmed(p))
    if g.risk_level is None:
        return
    said = p.risk_level if p.readable else None
    columns.add("cost", at, cost(g.risk_level, said))
    columns.add(f"confusion.{g.risk_level}.{said or UNDETERMINED}", at)
    if g.risk_level == HIGH:
        columns.add("high", at)
        columns.add("high.called", at, alarmed(p) and p.readable)


def _every(classes: Mapping[str, tuple[str, ...]], labels: Sequence[str]) -> list[str]:
    """Every name of a column, whether or not anything was counted there."""
    names = ["frames", "json", "readable", "joint.n", "joint.right", "box.said", "box.true", "box.hit", "box.iou"]
    names += ["violation.true", "violation.said", "violation.hit", "alarms", "cost", "high", "high.called"]
    names += [f"box.{what}.{label}" for label in labels for what in ("said", "true", "hit")]
    names += [f"size.{what}.{size}" for size, _ in SIZES for what in ("true", "hit")]
    names += [f"{name}.{what}" for name in CLOSED for what in ("n", "right", "exact")]
    names += [f"{name}.{what}.{value}" for name in CLOSED for value in classes[name] for what in ("true", "said", "hit")]
    return names + [f"confusion.{true}.{said}" for true in LEVELS for said in SAID]
