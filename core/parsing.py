"""A model's words -> the words of the house. Never raises on a reply, never swallows a part of it, and never takes silence for "none".

Both halves come back: what was understood, and what was dropped and why. Labels, fields, hazards and levels are matched whole, by
key, name or alias; a part of a word never counts ("not high", "非高风险" are no level). Only a reply of which everything was
understood may say that there is no risk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.answers import NOT_APPLICABLE
from core.exact import MAX_OBJECTS, reader
from core.extraction import MAX_BYTES, Extract, extract, unwrapped
from core.geometry import BoxFormat, Size, from_model
from core.outlines import outlined
from core.parsed import Parsed
from core.profile import NO_TERM, Profile, fold
from core.schema import Box, Dropped, Finding, Step, Value, Violation
from core.spans import Path

__all__ = ["MAX_OBJECTS", "Parsed", "parse_reply", "read_with_care"]

_MAX_DROPPED = 50  # that are told one by one
_MAX_SHOWN = 80  # characters of what was dropped

_KEYS: Mapping[str, str] = {
    alias: key
    for key, aliases in {
        "findings": ("findings", "objects", "detections", "发现", "检测结果", "目标"),
        "tool": ("tool", "工具"),
        "part": ("part", "零件", "部件"),
        "action": ("action", "动作"),
        "phase": ("phase", "阶段"),
        "violations": ("violations", "hazards", "违规", "违规行为", "隐患"),
        "risk": ("risk", "risk level", "风险", "风险等级"),
    }.items()
    for alias in aliases
}
_BOX_KEYS = ("box", "bbox", "bbox_2d", "坐标")
_LABEL_KEYS = ("label", "class", "category", "标签", "类别")
_HAZARD_KEYS = ("hazard", "violation", "违规", "隐患")
_LEVEL_WORDS: Mapping[str, str] = {
    word: level
    for level, words in {
        "none": ("none", "no risk", "无风险"),
        "low": ("low", "low risk", "低", "低风险"),
        "medium": ("medium", "medium risk", "中", "中风险", "中等风险"),
        "high": ("high", "high risk", "高", "高风险"),
    }.items()
    for word in words
}


def parse_reply(text: str, profile: Profile, fmt: BoxFormat, size: Size) -> Parsed:
    """What a reply to the prompt of `profile` says of a frame of `size` (upright pixels), boxes written as `fmt` says."""
    words = text.encode("utf-8", "replace")
    if len(words) <= MAX_BYTES:
        bare, how, start = unwrapped(text)
        exact = reader(profile, fmt).read(words if bare is text else bare.encode("utf-8", "replace"), size, how, start)
        if exact is not None:
            return exact
    return read_with_care(text, profile, fmt, size)


def read_with_care(text: str, profile: Profile, fmt: BoxFormat, size: Size) -> Parsed:
    """The same for any reply; slower."""
    reading = _Reading(profile, fmt, size)
    words = text.encode("utf-8", "replace")
    if len(words) > MAX_BYTES:
        text = words[:MAX_BYTES].decode("utf-8", "ignore")
        reading.drop("the end of the reply", f"It is longer than {MAX_BYTES // 1024} KiB.")
    found = extract(text, _is_reply)
    if found.how == "unread":
        found = outlined(text, _key_of, lambda said: profile.key_of("hazard", said) is not None) or found
    if found.how == "unread":
        reading.drop(text, found.problem)
    else:
        reading.read(found)
    return reading.parsed(found)


def _key_of(key: object) -> str | None:
    return _KEYS.get(key) or _KEYS.get(fold(key)) if isinstance(key, str) else None


def _is_reply(value: Any) -> bool:
    """An object with findings or with three keys of a reply; a list of findings. A part of a cut-off reply is neither."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) and _first_of(item, _LABEL_KEYS)[0] for item in value)
    if not isinstance(value, dict):
        return False
    known = {_key_of(key) for key in value} - {None}
    return "findings" in known or len(known) >= 3


def _first_of(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, Any]:
    """The first of the keys that `item` has, and its value; "" and None when it has none of them."""
    return next(((key, item[key]) for key in keys if key in item), ("", None))


def _shown(what: object) -> str:
    """Short, on one line, and fit to be kept: a reply may hold half a character."""
    line = " ".join(str(what).encode("utf-8", "replace").decode().split())
    return line if len(line) <= _MAX_SHOWN else f"{line[: _MAX_SHOWN - 1]}…"


class _Reading:
    """One reply on its way into words."""

    def __init__(self, profile: Profile, fmt: BoxFormat, size: Size) -> None:
        self._profile, self._fmt, self._size = profile, fmt, size
        self._dropped: list[Dropped] = []
        self._untold = 0
        self._boxes = 0  # dropped
        self._whole = True
        self._repaired = False
        self._findings: list[Finding] = []
        self._values: dict[str, Value] = {}
        self._violations: list[Violation] = []
        self._level: str | None = None
        self._not_applicable: str | None = None
        self._places: dict[str, Path] = {}

    def drop(self, what: object, why: str, *, matters: bool = True) -> None:
        """Something was not used. `matters`: it could have borne on the risk."""
        self._whole = self._whole and not matters
        if len(self._dropped) >= _MAX_DROPPED:
            self._untold += 1
            return
        self._dropped.append(Dropped(_shown(what), why))

    def read(self, found: Extract) -> None:
        self._repaired = found.how == "repaired"
        if self._repaired:
            self.drop("the form of the reply", found.problem)
        if found.rest:
            self.drop(found.rest, "It stands outside the JSON object.")  # it may say the opposite
        said = self._said(found.value if isinstance(found.value, dict) else {"findings": found.value}, found.twice)
        asked = ("findings", *self._profile.fields, "violations", "risk")
        for name in asked:
            if name not in said:
                self.drop(name, "It was asked for and is not in the reply.")
        for name, (key, value) in said.items():
            path: Path = (key,) if isinstance(found.value, dict) else ()
            if name == "findings":
                self._read_findings(value, path)
            elif name == "violations":
                self._read_violations(value, path)
            elif name == "risk":
                self._read_risk(value, path)
            elif name in asked:
                self._read_field(name, value, path)
            else:
                self.drop(f"{name}: {value}", "This profile does not ask for it.")
        self._doubt()

    def _said(self, value: Mapping[str, Any], twice: frozenset[str]) -> dict[str, tuple[str, Any]]:
        """Field of a reply -> (the key as it was written, the value). What is said twice is not said, but for lists, which are read."""
        said: dict[str, tuple[str, Any]] = {}
        doubtful: set[str] = set()
        for key in twice:
            self.drop(key, "It is said twice.")
        for key, content in value.items():
            name = _key_of(key)
            if name is None:
                self.drop(f"{key}: {content}", "This key means nothing here.")
            elif name in said:
                self.drop(f"{key}: {content}", "It is said twice.")
                doubtful.add(name)
            else:
                said[name] = (key, content)
                if key in twice:
                    doubtful.add(name)
        return {name: known for name, known in said.items() if name not in doubtful or name in ("findings", "violations")}

    def _read_findings(self, items: Any, path: Path) -> None:
        for at, item in enumerate(self._listed(items, "findings")):
            if not isinstance(item, dict):
                self.drop(item, "A finding is an object with a label.")
                continue
            (label_key, said), (box_key, numbers) = _first_of(item, _LABEL_KEYS), _first_of(item, _BOX_KEYS)
            label = self._term("label", said)
            if label is None:
                self.drop(f"finding {said}", "This is no label of the profile.")
                continue
            may_stand, box = self._box(numbers, label)
            if not may_stand:
                continue
            self._place(f"findings.{len(self._findings)}.label", path, at, label_key)
            if box is not None:
                self._place(f"findings.{len(self._findings)}.box", path, at, box_key)
            self._findings.append(Finding(label, box))
            for key in item.keys() - {label_key, box_key}:
                self.drop(f"{key} of {label}: {item[key]}", "A finding has a box and a label.", matters=key not in ("confidence", "score"))

    def _box(self, numbers: Any, what: str) -> tuple[bool, Box | None]:
        """Whether it may stand, and the box; no box at all is said of the whole frame."""
        if numbers is None:
            return True, None
        try:
            return True, from_model(numbers, self._fmt, self._size)
        except ValueError as error:
            self._boxes += 1
            self.drop(f"{what} at {numbers}", f"Not a box: {error}.")
            return False, None

    def _read_field(self, name: str, value: Any, path: Path) -> None:
        key = self._term(name, value)
        if key is None:
            self.drop(f"{name}: {value}", f"This is no {name} of the profile.")
        elif key == NO_TERM and self._repaired:
            self.drop(f"{name}: {value}", "A mended reply is not believed when it says that there is none.")
        else:
            self._values[name] = Value(key)
            self._place(name, path)

    def _read_violations(self, items: Any, path: Path) -> None:
        for at, item in enumerate(self._listed(items, "violations")):
            hazard_key, said = _first_of(item, _HAZARD_KEYS) if isinstance(item, dict) else ("", item)
            key = self._term("hazard", said)
            if key is None:
                self.drop(f"violation {said}", "This is no hazard of the profile.")
                continue
            if any(violation.hazard == key for violation in self._violations):
                continue
            box = None
            if isinstance(item, dict):
                box_key, numbers = _first_of(item, _BOX_KEYS)
                box = self._box(numbers, key)[1]
                for extra in item.keys() - {hazard_key, box_key}:
                    self.drop(f"{extra} of {key}: {item[extra]}", "A violation has a hazard and a box.")
            self._place(f"violations.{len(self._violations)}", path, at, *([hazard_key] if hazard_key else []))
            self._violations.append(Violation(key, self._profile.hazard(key).risk, box))

    def _read_risk(self, value: Any, path: Path) -> None:
        said = fold(value) if isinstance(value, str) else ""
        level = _LEVEL_WORDS.get(said)
        label = self._profile.key_of("label", said)
        if level in self._profile.levels:
            self._level = level
            self._place("risk", path)
        elif self._profile.not_applicable and (said == fold(NOT_APPLICABLE) or label in self._profile.not_applicable):
            self._not_applicable = label or self._profile.not_applicable[0]
            self._place("risk", path)
        else:
            self.drop(f"risk: {value}", "This is no level of risk.")

    def _doubt(self) -> None:
        """What no reply may say lightly."""
        said_by_label = next((f.label for f in self._findings if f.label in self._profile.not_applicable), None)
        self._not_applicable = self._not_applicable or said_by_label
        if self._level == self._profile.levels[0] and not self._whole:
            self.drop(f"risk: {self._level}", "Not everything in the reply was understood, so it cannot say that there is no risk.")
            self._level = None
            self._places.pop("risk", None)

    def _listed(self, items: Any, name: str) -> list[Any]:
        if not isinstance(items, list):
            self.drop(f"{name}: {items}", "This is no list.")
            return []
        if len(items) > MAX_OBJECTS:
            self.drop(f"{len(items) - MAX_OBJECTS} more {name}", f"At most {MAX_OBJECTS} are read.")
        return items[:MAX_OBJECTS]

    def _term(self, name: str, said: Any) -> str | None:
        return self._profile.key_of(name, said) if isinstance(said, str) else None

    def _place(self, name: str, path: Path, *more: str | int) -> None:
        if path:
            self._places[name] = (*path, *more)

    def parsed(self, found: Extract) -> Parsed:
        if self._untold:
            self._dropped.append(Dropped(f"{self._untold} more", "There were too many to tell each."))
        return Parsed(
            findings=tuple(self._findings),
            step=Step(**self._values),
            violations=tuple(self._violations),
            risk_level=self._level,
            dropped=tuple(self._dropped),
            how=found.how,
            whole=self._whole,
            not_applicable=self._not_applicable,
            start=found.start,
            places=self._places,
            dropped_boxes=self._boxes,
        )
