"""What a file of another tool says, understood by the words of a profile: whole, by key, name or alias, or refused with its place. Guesses nothing.

Risk may be said in the five words of the fire-hazard competition too. A part of a word never counts: "非高风险" (not high) is no level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from annotations.bringing.incoming import Incoming, Said, Told
from core.answers import NOT_APPLICABLE
from core.errors import Malformed
from core.frames import shown_name
from core.profile import NO_TERM, Profile, fold
from core.schema import FIELDS, Assessment, Box, Correction, Finding, Risk, Step, Value, Violation

BESIDE_PIXELS = 1.0
"""How far a box may reach out of its frame: rounding of other tools; it is cut there."""

COMPETITION = {"none": "无风险", "low": "低风险", "medium": "中风险", "high": "高风险"}
"""The words of the fire-hazard competition; its fifth is the name of what the profile does not speak of (非楼道)."""

_LEVELS = {
    fold(word): level
    for level, words in {
        "none": ("none", "no risk", "无风险", "无"),
        "low": ("low", "low risk", "低", "低风险"),
        "medium": ("medium", "medium risk", "中", "中风险", "中等风险"),
        "high": ("high", "high risk", "高", "高风险"),
    }.items()
    for word in words
}


@dataclass(slots=True)
class Heard:
    """What one frame is said to show. `findings` and `risk` may each be unsaid, which is not the same as nothing."""

    findings: list[Finding] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)  # field -> key
    hazards: list[str] = field(default_factory=list)
    level: str | None = None
    reviewed: bool = False  # somebody looked, even if nothing is here

    @property
    def empty(self) -> bool:
        """Nothing was said at all: that is not a frame with nothing in it."""
        return not (self.reviewed or self.findings or self.values or self.hazards or self.level)


@dataclass(frozen=True, slots=True)
class Hearing:
    """Understands words by a profile. Every verb raises Malformed, which begins with the place."""

    profile: Profile
    by: str  # whose words they are

    def label(self, place: str, word: str) -> str:
        """The key of a label."""
        return self._key(place, "label", word)

    def finding(self, place: str, word: str, box: Box | None) -> Finding:
        """Something that a person saw."""
        return Finding(self.label(place, word), box, said_by="person")

    def value(self, place: str, name: str, word: str) -> str:
        """The key of a choice of a field."""
        if name not in self.profile.fields:
            raise Malformed(f"{place}: the profile {self.profile.key} asks for no {name}. The frame was not taken.")
        return self._key(place, name, word)

    def hazard(self, place: str, word: str) -> str:
        """The key of a hazard."""
        return self._key(place, "hazard", word)

    def grade(self, place: str, word: str, heard: Heard) -> None:
        """A level of risk; or that the profile does not speak of such a frame, which is a finding."""
        said = fold(word)
        level, label = _LEVELS.get(said), self.profile.key_of("label", word)
        if level in self.profile.levels:
            heard.level = level
        elif self.profile.not_applicable and (said == fold(NOT_APPLICABLE) or label in self.profile.not_applicable):
            key = label or self.profile.not_applicable[0]
            if not any(each.label == key for each in heard.findings):
                heard.findings.append(Finding(key, said_by="person"))
        else:
            raise Malformed(f'{place}: "{word[:60]}" is no level of risk of the profile {self.profile.key}. The frame was not taken.')

    def step(self, place: str, said: Mapping[str, str | None], heard: Heard) -> None:
        """The fields of a step, those that were said."""
        for name in FIELDS:
            word = said.get(name)
            if word is not None and word.strip():
                heard.values[name] = self.value(place, name, word)

    def told(self, heard: Heard, note: str = "") -> Told:
        """A person's word."""
        step = Step(*(Value(heard.values[name], said_by="person") if name in heard.values else Value() for name in FIELDS))
        found = tuple(dict.fromkeys(heard.hazards))
        violations = tuple(Violation(key, self.profile.hazard(key).risk, said_by="person") for key in found)
        risk = Risk(heard.level, said_by="person")
        return Told(Correction("", self.by, 0, "reviewed", tuple(heard.findings), step, violations, risk, note=note[:5_000]), None)

    def _key(self, place: str, name: str, word: str) -> str:
        key = self.profile.key_of(name, word) if word.strip() or name in ("label", "hazard") else NO_TERM
        if key is None:
            raise Malformed(f'{place}: "{word[:60]}" is no {name} of the profile {self.profile.key}. The frame was not taken.')
        return key


def machine(file: str, findings: Sequence[Finding], level: str | None = None, *, model: str | None = None) -> Said:
    """A machine's word out of a file; it was never asked for the rest, so it is wholly unsure."""
    name = model or f"imported:{file}"[:200]
    return Said(Assessment("", name, "imported", tuple(findings), Step(), (), Risk(level), (), 0.0), 1.0, None)


def incoming(
    place: str,
    file: str,
    size: tuple[int, int] | None,
    *,
    told: Iterable[Told] = (),
    said: Iterable[Said] = (),
    content: bytes | None = None,
) -> Incoming:
    """A frame with what was said of it; `content`: the picture, where it lies in no file."""
    return Incoming(place, file, shown_name(Path(file).name), size, said=tuple(said), told=tuple(told), content=content)


def unit(place: str, xyxy: Sequence[float], size: tuple[float, float], said: Sequence[float] | None = None) -> Box:
    """The box of left, top, right, bottom in pixels of a frame of `size`; one that reaches out by rounding is cut. Raises Malformed.

    `said`: the numbers as the file has them, for the sentence.
    """
    shown = list(xyxy if said is None else said)
    sides = (*size, *size)
    if len(xyxy) != 4 or not all(-BESIDE_PIXELS <= corner <= side + BESIDE_PIXELS for corner, side in zip(xyxy, sides, strict=True)):
        raise Malformed(f"{place}: the box {shown} lies outside a frame of {size[0]:g} x {size[1]:g} pixels. The frame was not taken.")
    try:
        return Box(*(min(max(corner / side, 0.0), 1.0) for corner, side in zip(xyxy, sides, strict=True)))
    except ValueError as error:
        raise Malformed(f"{place}: the box {shown} has no area. The frame was not taken.") from error


def small_enough(path: Path, most: int) -> None:
    """Raises Malformed for a file that is larger than so many bytes."""
    if path.stat().st_size > most:
        raise Malformed(f"{path.name}: this file is larger than {most // 2**20} MiB. Part it into several. Nothing was taken.")
