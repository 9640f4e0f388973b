"""Asks a model about annotated frames and counts what was right. An unreadable frame is listed, an unreadable answer is a wrong answer, denominators are printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.backends.base import Backend
from core.errors import AppError, FrameRefused
from core.evaluation.boxes import Tally, tally
from core.frames import Limits, admit
from core.inspection import inspect_frame
from core.profile import Profile
from core.schema import Assessment, Box, Finding

CROWDED = 8
"""Frames with more boxes than this are reported apart."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one image of a COCO file. `fields`: tool, part, action, phase, risk, as far as the file says them."""

    file: str
    findings: tuple[Finding, ...]
    fields: Mapping[str, str]
    violations: frozenset[str] | None


@dataclass(slots=True)
class _Sums:
    """What is counted while frames go by."""

    boxes: dict[str, Tally] = field(default_factory=dict)
    fields: dict[str, list[bool]] = field(default_factory=dict)
    valid_json: list[bool] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def count(self, truth: Truth, assessment: Assessment, labels: Sequence[str]) -> None:
        for label, one in tally([f for f in assessment.findings if f.label in labels], truth.findings).items():
            self.boxes.setdefault(label, Tally()).add(one)
        said = {name: assessment.step[name].value for name in ("tool", "part", "action", "phase")} | {"risk": assessment.risk.level}
        for name, value in truth.fields.items():
            self.fields.setdefault(name, []).append(said[name] == value)
        if truth.violations is not None:
            self.fields.setdefault("violations", []).append({v.hazard for v in assessment.violations} == truth.violations)
        self.valid_json.append(_is_json(assessment))
        self.seconds.append(assessment.seconds)

    def figures(self) -> dict[str, Any]:
        everything = Tally()
        for one in self.boxes.values():
            everything.add(one)
        return {
            "frames": len(self.valid_json),
            **everything.figures(),
            "valid_json": _share(self.valid_json),
            "fields": {name: {"accuracy": _share(right), "right": sum(right), "n": len(right)} for name, right in self.fields.items()},
        }


def evaluate_coco(
    coco: Path,
    images: Path,
    mapping: Path | None,
    backend: Backend,
    profile: Profile,
    limits: Limits,
    seen: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """Precision, recall, F1 at IoU .5, mean IoU, per class and in all, fields where the file says them, seconds a frame.

    `mapping`: JSON of {name in the file: key of the profile, or null to leave it out}; other names are looked up among names
    and aliases. Raises AppError when a file cannot be used or a name stands for nothing.
    """
    labels, truths = read_truth(coco, mapping, profile)
    groups = {"all": _Sums(), f"up_to_{CROWDED}": _Sums(), f"more_than_{CROWDED}": _Sums()}
    unreadable: list[dict[str, str]] = []
    for number, truth in enumerate(truths, 1):
        try:
            content = (images / truth.file).read_bytes()
            frame = admit(content, truth.file, limits=limits, source="evaluation", now=datetime.now(UTC))
        except (OSError, FrameRefused) as error:
            unreadable.append({"file": truth.file, "error": str(error)})
            continue
        assessment = inspect_frame(frame, content, backend, profile)
        crowd = f"up_to_{CROWDED}" if len(truth.findings) <= CROWDED else f"more_than_{CROWDED}"
        for name in ("all", crowd):
            groups[name].count(truth, assessment, labels)
        seen(number, len(truths))
    whole = groups.pop("all")
    return {
        "model": backend.model,
        "file": coco.name,
        **whole.figures(),
        "per_class": {label: one.figures() for label, one in sorted(whole.boxes.items())},
        "groups": {name: sums.figures() for name, sums in groups.items() if sums.valid_json},
        "seconds": {"median": float(np.median(whole.seconds)), "p95": float(np.quantile(whole.seconds, 0.95))} if whole.seconds else None,
        "unreadable": unreadable,
    }


def read_truth(coco: Path, mapping: Path | None, profile: Profile) -> tuple[tuple[str, ...], tuple[Truth, ...]]:
    """The labels in use, and what is true of each image. Raises AppError."""
    raw, renamed = _read(coco), _read(mapping) if mapping else {}
    try:
        return _truths(raw, renamed, coco.name, profile)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise AppError(f"{coco.name}: this is no COCO file that can be used: {error!r}.") from error


def _truths(raw: Mapping[str, Any], renamed: Mapping[str, Any], file: str, profile: Profile) -> tuple[tuple[str, ...], tuple[Truth, ...]]:
    names: dict[int, str | None] = {}
    for category in raw.get("categories", []):
        name = str(category["name"])
        key = renamed[name] if name in renamed else profile.key_of("label", name)
        if key is None and name not in renamed:
            raise AppError(
                f'{file}: "{name}" is neither a name nor an alias of a label in the profile {profile.key}. Name it in a --map file, with null to leave it out.'
            )
        names[category["id"]] = key
    boxes: dict[int, list[Finding]] = {}
    sizes = {image["id"]: (image["width"], image["height"]) for image in raw["images"]}
    for a in raw["annotations"]:
        label = names[a["category_id"]]
        if label is not None and min(a["bbox"][2:]) > 0:  # public sets hold boxes without any area
            boxes.setdefault(a["image_id"], []).append(Finding(label, _box(a["bbox"], sizes[a["image_id"]])))
    truths = tuple(_truth(image, boxes.get(image["id"], [])) for image in raw["images"])
    return tuple(sorted({key for key in names.values() if key})), truths


def _truth(image: Mapping[str, Any], findings: Sequence[Finding]) -> Truth:
    fields = {**image.get("step", {})} | ({"risk": image["risk"]} if "risk" in image else {})
    violations = frozenset(image["violations"]) if "violations" in image else None
    return Truth(image["file_name"], tuple(findings), fields, violations)


def _box(xywh: Sequence[float], size: tuple[int, int]) -> Box:
    x, y, w, h = xywh
    return Box(max(0.0, x / size[0]), max(0.0, y / size[1]), min(1.0, (x + w) / size[0]), min(1.0, (y + h) / size[1]))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise AppError(f"There is no file {path.name} here.") from error
    except (OSError, ValueError) as error:
        raise AppError(f"{path.name} cannot be read as JSON: {error}.") from error
    if not isinstance(found, dict):
        raise AppError(f"{path.name} is not a JSON object.")
    return found


def _is_json(assessment: Assessment) -> bool:
    """Whether the reply is JSON as it stands: one that had to be repaired is not."""
    try:
        json.loads(assessment.reply.text if assessment.reply else "")
    except ValueError:
        return False
    return True


def _share(right: Sequence[bool]) -> float | None:
    return sum(right) / len(right) if right else None
