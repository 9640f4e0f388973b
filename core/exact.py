"""Reads a reply that says exactly what it was asked for, quickly. Of any other it says nothing: `core.parsing` reads that with care.

The schema of `core.prompts` as a type: a reply that fits it is read into objects, written again, and must come out letter by
letter as it came in, but for white space. So no key stands in it twice, none is missing, and nothing is understood by luck.
What it gives is what the careful reader would give; a test holds the two side by side.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec

from core.extraction import How
from core.geometry import BoxFormat, Size, on_grid
from core.parsed import Parsed
from core.profile import Profile
from core.schema import Finding, Step, Value, Violation
from core.spans import Path

MAX_OBJECTS = 500
"""Of findings, and of violations, that are read of one reply."""

_MAX_KEPT = 64  # readers; a house has a few profiles and models
_encode = msgspec.json.Encoder().encode


class Exact:
    """The reader for one profile and one way of writing boxes."""

    def __init__(self, profile: Profile, fmt: BoxFormat) -> None:
        self.of = (profile, fmt)
        self._fmt = fmt
        self._fields = profile.fields
        labels = [term.key for term in profile.labels if term.key not in profile.not_applicable]
        hazards = {hazard.key: Violation(hazard.key, hazard.risk) for hazard in profile.hazards}
        self._violations: Mapping[str, Violation] = hazards
        self._values = {term.key: Value(term.key) for name in self._fields for term in profile.terms(name)}
        number: Any = int if fmt.most > 1 else float
        corner: Any = Annotated[number, msgspec.Meta(ge=0, le=fmt.most)]
        box: Any = tuple[corner, corner, corner, corner]
        finding: Any = msgspec.defstruct(
            "Finding",
            [("box", box | msgspec.UnsetType, msgspec.UNSET), ("label", _one_of(labels))],
            kw_only=True,
            forbid_unknown_fields=True,  # here and below: nobody climbs down into what was not asked for
        )
        hazard: Any = _one_of(hazards)
        bounded = msgspec.Meta(max_length=MAX_OBJECTS)
        reply = msgspec.defstruct(
            "Reply",
            [
                ("findings", Annotated[list[finding], bounded]),
                *((name, _one_of([term.key for term in profile.terms(name)])) for name in self._fields),
                ("violations", Annotated[list[hazard], bounded if hazards else msgspec.Meta(max_length=0)]),
                ("risk", _one_of(profile.levels)),
            ],
            forbid_unknown_fields=True,
        )
        self._decode = msgspec.json.Decoder(reply).decode

    def read(self, words: bytes, size: Size, how: How, start: int) -> Parsed | None:
        """What `words` say of a frame of `size`; None when they are not exactly as asked. `how` and `start`: where they were taken from."""
        try:
            said: Any = self._decode(words)
            written = _encode(said)
            if written != words and written != b"".join(words.split()):  # keys in another order, or twice
                return None
            grid, fmt = self._fmt.grid(size), self._fmt
            findings = [Finding(each.label, None if each.box is msgspec.UNSET else on_grid(each.box, fmt, grid)) for each in said.findings]
        except ValueError:  # not such a reply (msgspec's errors are of this kind), or not such a box
            return None
        violations = tuple(self._violations[hazard] for hazard in said.violations)
        if len(violations) > 1 and len(set(said.violations)) < len(violations):
            return None
        values = self._values
        return Parsed(
            tuple(findings),
            Step(**{name: values[getattr(said, name)] for name in self._fields}),
            violations,
            said.risk,
            (),
            how,
            True,
            None,
            start,
            _places(tuple(finding.box is not None for finding in findings), self._fields, len(violations)),
        )


def reader(profile: Profile, fmt: BoxFormat) -> Exact:
    """The reader for a profile and a format; made once for each pair of objects."""
    key = (id(profile), id(fmt))  # a profile holds tables and has no hash; a reader keeps its profile, so an id is never another's
    known = _READERS.get(key)
    if known is None:
        if len(_READERS) >= _MAX_KEPT:
            _READERS.clear()
        known = _READERS[key] = Exact(profile, fmt)
    return known


_READERS: dict[tuple[int, int], Exact] = {}


@functools.lru_cache(maxsize=256)
def _places(boxed: tuple[bool, ...], fields: tuple[str, ...], violations: int) -> Mapping[str, Path]:
    """Where the values stand in every reply of this shape."""
    places: dict[str, Path] = {}
    for at, has_box in enumerate(boxed):
        places[f"findings.{at}.label"] = ("findings", at, "label")
        if has_box:
            places[f"findings.{at}.box"] = ("findings", at, "box")
    places |= {name: (name,) for name in (*fields, "risk")}
    places |= {f"violations.{at}": ("violations", at) for at in range(violations)}
    return MappingProxyType(places)


def _one_of(keys: Any) -> Any:
    return Literal[tuple(keys)] if keys else str
