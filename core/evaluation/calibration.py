"""What people's corrections say of a model's confidences: a calibrator for each field, kept by the model that it belongs to and given to no other.

The confidence that is stored stays as the model said it; a calibrated one is computed when it is shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from core.errors import AppError
from core.evaluation.calibrators import FEW, Calibrator, Method, calibrator, fitted, held_out
from core.evaluation.certainty import brier, ece, noise_floor
from core.geometry import iou
from core.profile import Profile
from core.schema import Assessment, Correction, Finding

VERSION = 1
FINDINGS, VIOLATIONS, RISK = "findings", "violations", "risk"
SAME = 0.5
"""The IoU from which on two boxes are one thing."""
TOUCHED = 0.3
"""The IoU from which on a box was meant for a thing, though badly placed."""

_LABELS_SHOWN = 50  # from so many on a percentage may be shown


@dataclass(frozen=True, slots=True)
class Label:
    """One claim and what came of it. `group`: the frame, whose claims stand or fall together."""

    field: str  # tool, part, action, phase, findings, violations, risk, missed.findings, missed.violations
    p: float
    right: bool
    group: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one field, before and after, every claim calibrated by labels of other frames. `floor`: the ECE of a perfect claim."""

    n: int
    right: float  # share
    brier: tuple[float, float]
    ece: tuple[float, float]
    floor: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Calibrators:
    """Those of one key. A field with few labels shares a temperature with the others and shows no percentage."""

    key: str
    fields: Mapping[str, Calibrator]

    def apply(self, field: str, p: float | None) -> float | None:
        """The calibrated confidence; as it was for a field that has no calibrator; None stays None."""
        found = self.fields.get(field)
        return p if found is None or p is None else found.apply(p)

    def percent_allowed(self, field: str) -> bool:
        """Whether enough labels stand behind the field to say a percentage; otherwise low, medium or high, uncalibrated."""
        found = self.fields.get(field)
        return found is not None and found.n >= _LABELS_SHOWN


def key_of(assessment: Assessment) -> str:
    """What must be the same for a calibrator to serve: the model with everything that changes its answers, the mask, and the prompt.

    The model's id holds base, adapter, quantisation, back end and constraint; the prompt's id text, schema and profile.
    """
    masked = "masked" if assessment.reply is not None and assessment.reply.masked else "open"
    return f"{assessment.model} {masked} {assessment.prompt_id}"


def fit(pairs: Iterable[tuple[Assessment, Correction]], profile: Profile) -> Calibrators:
    """The calibrators of one model from what people made of its assessments. Raises AppError when the pairs are of several keys, or none.

    `fit_each` takes pairs of any.
    """
    made = fit_each(pairs, profile)
    if len(made) != 1:
        told = ", ".join(one.key for one in made) if made else "there are none"
        raise AppError(f"Calibrators are fitted on reviewed frames of one model and one prompt ({told}). Choose one of them.")
    return made[0]


def fit_each(pairs: Iterable[tuple[Assessment, Correction]], profile: Profile) -> tuple[Calibrators, ...]:
    """The same for every key among the pairs, each from its own pairs alone."""
    by_key: dict[str, list[Label]] = {}
    for assessment, correction in pairs:
        by_key.setdefault(key_of(assessment), []).extend(labels_of(assessment, correction, profile))
    return tuple(Calibrators(key, fit_labels(labels)) for key, labels in sorted(by_key.items()) if labels)


def kept(
    pairs: Sequence[tuple[Assessment, Correction]], profile: Profile, folder: Path
) -> Iterator[tuple[Calibrators, dict[str, Measured], int]]:
    """`fit_each`, each written into the folder: with how far off its fields are, and of how many frames."""
    for made in fit_each(pairs, profile):
        write(folder, made)
        said = [pair for pair in pairs if key_of(pair[0]) == made.key]
        yield made, measure([label for pair in said for label in labels_of(*pair, profile)]), len(said)


def labels_of(assessment: Assessment, correction: Correction, profile: Profile) -> list[Label]:
    """What a person's word says of each claim: right when the person's final value is the machine's. What nobody looked at says nothing."""
    if correction.verdict != "reviewed":
        return []
    group = assessment.frame_id
    made = []
    for name in profile.fields:
        said, true = assessment.step[name], correction.step[name]
        if said.value is not None and said.confidence is not None and true.value is not None and true.said_by != "model":
            made.append(Label(name, said.confidence, said.value == true.value, group))
    if assessment.risk.level is not None and correction.risk.level is not None and correction.risk.said_by != "model":
        p = assessment.risk.probabilities.get(assessment.risk.level)
        made += [Label(RISK, p, assessment.risk.level == correction.risk.level, group)] if p is not None else []
    if all(finding.said_by != "model" for finding in correction.findings):
        hits = found(assessment.findings, correction.findings)
        made += [
            Label(FINDINGS, f.confidence, hit, group) for f, hit in zip(assessment.findings, hits, strict=True) if f.confidence is not None
        ]
        made += _missed(assessment, FINDINGS, overlooked(assessment.findings, correction.findings), group)
    if all(violation.said_by != "model" for violation in correction.violations):
        true_hazards = {violation.hazard for violation in correction.violations}
        said_hazards = {violation.hazard for violation in assessment.violations}
        made += [
            Label(VIOLATIONS, v.confidence, v.hazard in true_hazards, group) for v in assessment.violations if v.confidence is not None
        ]
        made += _missed(assessment, VIOLATIONS, bool(true_hazards - said_hazards), group)
    return made


def _missed(assessment: Assessment, name: str, one_more: bool, group: str) -> list[Label]:
    p = assessment.missed.get(name)
    return [Label(f"missed.{name}", p, one_more, group)] if p is not None else []


def found(said: Sequence[Finding], true: Sequence[Finding]) -> list[bool]:
    """Which of the findings are there: one true one of the same label for each, boxes at IoU .5 or better, as many as can be matched."""
    hits = _matched(np.array([[_nearness(a, b) * (a.label == b.label) for b in true] for a in said]), SAME)
    return [at in hits for at in range(len(said))]


def overlooked(said: Sequence[Finding], true: Sequence[Finding]) -> bool:
    """Whether one of the true ones is where nothing was said, of whatever label: what was called by a wrong name was not missed."""
    return len(_matched(np.array([[_nearness(a, b) for b in true] for a in said]), TOUCHED)) < len(true)


def _matched(near: NDArray[np.float64], least: float) -> frozenset[int]:
    """Rows that have a column of their own at `least` or nearer (Hungarian method)."""
    if not near.size:
        return frozenset()
    rows, columns = linear_sum_assignment(-np.where(near >= least, near, 0.0))
    return frozenset(int(row) for row, column in zip(rows, columns, strict=True) if near[row, column] >= least)


def _nearness(a: Finding, b: Finding) -> float:
    """IoU; of two that are said of the whole frame 1 for the same label."""
    if a.box is None or b.box is None:
        return float(a.box is b.box and a.label == b.label)
    return iou(a.box, b.box)


def fit_labels(labels: Sequence[Label]) -> dict[str, Calibrator]:
    """A calibrator for every field with labels. Fields with fewer than FEW share one temperature, fitted on the labels of all fields."""
    by_field = _by_field(labels)
    few = [name for name, of_field in by_field.items() if len(of_field) < FEW]
    shared = fitted("temperature", [label.p for label in labels], [label.right for label in labels]) if few else ()
    return {
        name: Calibrator("temperature", len(of_field), shared)
        if name in few
        else calibrator([one.p for one in of_field], [one.right for one in of_field], [one.group for one in of_field])
        for name, of_field in by_field.items()
    }


def measure(labels: Sequence[Label]) -> dict[str, Measured]:
    """How far off each field is before, and after by cross-validation, so that no label judges a map that it has made."""
    dice = np.random.default_rng(0)
    told = {}
    for name, of_field in _by_field(labels).items():
        p, right = np.array([one.p for one in of_field]), np.array([one.right for one in of_field])
        method = calibrator(p, right, [one.group for one in of_field]).method
        after = held_out(method, p, right, [one.group for one in of_field])
        told[name] = Measured(
            len(p), float(right.mean()), (brier(p, right), brier(after, right)), (ece(p, right), ece(after, right)),
            (noise_floor(p, dice), noise_floor(after, dice)),
        )  # fmt: skip
    return told


def _by_field(labels: Sequence[Label]) -> dict[str, list[Label]]:
    by_field: dict[str, list[Label]] = {}
    for label in labels:
        by_field.setdefault(label.field, []).append(label)
    return by_field


def write(folder: Path, made: Calibrators) -> Path:
    """Keep them, whole or not at all. The file is named by the key's hash; the key stands in it."""
    folder.mkdir(parents=True, exist_ok=True)
    body = {"version": VERSION, "key": made.key, "fields": {name: _row(one) for name, one in sorted(made.fields.items())}}
    path = _path(folder, made.key)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(body, indent=1) + "\n", "utf-8")
    return fresh.replace(path)


def read(folder: Path, key: str) -> Calibrators | None:
    """Those of this key; None when there are none. Raises AppError for a file that cannot be used: a wrong percentage is worse than none."""
    path = _path(folder, key)
    try:
        raw = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unusable(path, f"it cannot be read as JSON ({error})") from error
    if not isinstance(raw, dict) or raw.get("version") != VERSION:
        raise _unusable(path, f"it is not of version {VERSION}")
    if raw.get("key") != key:
        raise _unusable(path, f"it belongs to {raw.get('key')}, not to {key}")
    try:
        return Calibrators(key, {str(name): _calibrator(row) for name, row in raw["fields"].items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unusable(path, f"a field of it is broken ({error!r})") from error


def _path(folder: Path, key: str) -> Path:
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _row(one: Calibrator) -> dict[str, Any]:
    return {"method": one.method, "n": one.n, "parameters": list(one.parameters)}


_SLOPES: Mapping[Method, tuple[int, int]] = {"temperature": (1, 1), "platt": (2, 1), "beta": (3, 2)}
"""How many parameters, and how many of the first of them are slopes, which turn claims round when they are negative."""


def _calibrator(row: Mapping[str, Any]) -> Calibrator:
    method, parameters = row["method"], tuple(float(w) for w in row["parameters"])
    if method == "isotonic":
        claims, shares = parameters[: len(parameters) // 2], parameters[len(parameters) // 2 :]
        good = len(claims) == len(shares) > 0 and all(
            list(half) == sorted(half) and 0 <= half[0] <= half[-1] <= 1 for half in (claims, shares)
        )
    else:
        size, slopes = _SLOPES[method]
        good = len(parameters) == size and all(w >= 0 for w in parameters[:slopes])
    if not good or not np.isfinite(parameters).all() or type(row["n"]) is not int:
        raise ValueError(f"{method} with {parameters}")
    return Calibrator(method, row["n"], parameters)


def _unusable(path: Path, why: str) -> AppError:
    return AppError(f"The calibration {path.name} cannot be used: {why}. Delete it and run `launch.py calibrate` again.")
