"""What is wrong with an answer that is to be taught: its shape, its words, its boxes. Repairs nothing: what is repaired here would be taught broken.

`core.parsing` understands whatever a model says; this asks whether an answer is exactly what the prompt's schema asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from core.geometry import BoxFormat, Size
from core.profile import Profile
from core.prompts import MAX_FINDINGS, risk_words

Numbers = tuple[float, float, float, float]
"""Four numbers of a box as they are written."""

Wrong = tuple[str, str]
"""Key of a defect, and its words."""

OUTSIDE = "lies outside the frame"
"""Stands in the words of a box that does: one by one it is a mistake, all together they are in another convention."""

_NOTHING: tuple[object, ...] = (None, {}, [], "")


class Answers:
    """The schema of a profile's answers in a family's convention, ready for many answers."""

    def __init__(self, profile: Profile, fmt: BoxFormat) -> None:
        self._fmt = fmt
        self._labels = {term.key for term in profile.labels}
        self._fields: Mapping[str, set[str]] = {name: {term.key for term in profile.terms(name)} for name in profile.fields}
        self._hazards = {hazard.key for hazard in profile.hazards}
        self._risks = set(risk_words(profile))
        self._keys = ["findings", *profile.fields, "violations", "risk"]

    def boxes(self, answer: str) -> Iterator[tuple[str, Numbers]]:
        """Label and numbers of every box that is one; nothing of an answer that cannot be read."""
        try:
            value = orjson.loads(answer)
            found = value["findings"] if isinstance(value, dict) else ()
        except (orjson.JSONDecodeError, KeyError):
            return
        for finding in found if isinstance(found, list) else ():
            if isinstance(finding, dict) and isinstance(finding.get("label"), str) and _four(finding.get("box")):
                a, b, c, d = finding["box"]
                yield finding["label"], (a, b, c, d)

    def wrong(self, answer: str, size: Size) -> Iterator[Wrong]:
        """Everything that is wrong with the answer for a frame file of `size`."""
        if not answer.strip():
            yield "empty", "There is no answer."
            return
        try:
            value = orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            yield "schema", f"The answer is no JSON ({error})."
            return
        if value in _NOTHING:
            yield "empty", f"The answer says nothing: {answer.strip()[:40]}."
        elif not isinstance(value, dict):
            yield "schema", "The answer is no JSON object."
        else:
            yield from self._keys_of(value)
            yield from self._findings(value.get("findings", []), size)
            yield from self._words(value)

    def _keys_of(self, value: Mapping[str, Any]) -> Iterator[Wrong]:
        if list(value) == self._keys:
            return
        missing, more = [key for key in self._keys if key not in value], [key for key in value if key not in self._keys]
        if missing:
            yield "schema", f"The answer lacks {', '.join(missing)}."
        if more:
            yield "schema", f"The answer has {', '.join(map(_shown, more))}, which nobody asks for."
        if not missing and not more:
            yield "schema", f"The answer's keys stand in another order than {', '.join(self._keys)}."

    def _findings(self, found: object, size: Size) -> Iterator[Wrong]:
        if not isinstance(found, list) or len(found) > MAX_FINDINGS:
            yield "schema", f"The findings are no list of at most {MAX_FINDINGS}."
            return
        for number, finding in enumerate(found, start=1):
            if not isinstance(finding, dict) or not isinstance(finding.get("label"), str) or not {"box", "label"} >= finding.keys():
                yield "schema", f"Finding {number} is not a label, or a box and a label."
                continue
            if finding["label"] not in self._labels:
                yield "label", f"Finding {number} is called {_shown(finding['label'])}, which is no label of the profile."
            if "box" in finding:
                yield from self._box(finding["box"], number, size)

    def _box(self, box: object, number: int, size: Size) -> Iterator[Wrong]:
        if not _four(box):
            yield "schema", f"The box of finding {number} is not four numbers."
            return
        assert isinstance(box, list)  # what _four has seen
        if self._fmt.most > 1 and not all(isinstance(side, int) for side in box):
            yield "schema", f"The box of finding {number} is not in whole numbers: {box}."
        x0, y0, x1, y1 = turned((box[0], box[1], box[2], box[3]), self._fmt)
        if x1 <= x0 or y1 <= y0:
            yield "box", f"The box of finding {number} has no size: {box}."
        elif not inside((x0, y0, x1, y1), edges(self._fmt, size)):
            right, lower = edges(self._fmt, size)
            yield "box", f"The box of finding {number} {OUTSIDE}, whose right lower corner is {right:g}, {lower:g}: {box}."

    def _words(self, value: Mapping[str, Any]) -> Iterator[Wrong]:
        for name, known in (*self._fields.items(), ("risk", self._risks)):
            said = value.get(name)
            if name in value and (not isinstance(said, str) or said not in known):
                yield "label", f"The {name} is {_shown(said)}, which the profile does not have."
        hazards = value.get("violations", [])
        if not isinstance(hazards, list) or not all(isinstance(each, str) for each in hazards):
            yield "schema", "The violations are no list of words."
            return
        for each in dict.fromkeys(hazards):
            if each not in self._hazards:
                yield "label", f"The violation {_shown(each)} is no hazard of the profile."
        if len(set(hazards)) != len(hazards):
            yield "schema", "A violation is said twice."


def turned(numbers: Numbers, fmt: BoxFormat) -> Numbers:
    """Left, top, right, bottom."""
    a, b, c, d = numbers
    return numbers if fmt.order == "xyxy" else (b, a, d, c)


def edges(fmt: BoxFormat, size: Size) -> tuple[float, float]:
    """The largest numbers that may stand in a box on a frame file of `size`. Boxes of a pixel family are in pixels of the file as it is."""
    return (fmt.scale - fmt.bins, fmt.scale - fmt.bins) if fmt.scale is not None else (float(size[0]), float(size[1]))


def inside(numbers: Numbers, most: tuple[float, float]) -> bool:
    """Whether no corner of left, top, right, bottom lies beyond the frame."""
    x0, y0, x1, y1 = numbers
    return x0 >= 0 and y0 >= 0 and x1 <= most[0] and y1 <= most[1]


def _four(box: object) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(isinstance(side, int | float) and not isinstance(side, bool) for side in box)


def _shown(what: object) -> str:
    return f'"{str(what)[:60]}"'
