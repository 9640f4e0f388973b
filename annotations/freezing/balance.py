"""How many frames of each part of a frozen set show what, so that a part without a label is seen before a training. Counts only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from annotations.freezing.frozen import PARTS, Part, frames_of
from annotations.freezing.making import shown_in
from annotations.store import Reader


@dataclass(frozen=True, slots=True)
class Counted:
    """Frames of a part. A frame counts once for each label, hazard and level that it shows."""

    frames: int
    scenes: int
    labels: Mapping[str, int] = field(default_factory=dict)
    hazards: Mapping[str, int] = field(default_factory=dict)
    risks: Mapping[str, int] = field(default_factory=dict)  # "not_applicable": the profile does not speak of such a frame


def balance(reader: Reader, name: str) -> Mapping[Part, Counted]:
    """By part, those without a frame too; every part has the same keys, so that a 0 is seen. Raises NotFound."""
    shown: dict[Part, Counter[str]] = {part: Counter() for part in PARTS}
    scenes: dict[Part, set[int]] = {part: set() for part in PARTS}
    frames: Counter[Part] = Counter()
    for held in frames_of(reader, name):
        frames[held.part] += 1
        scenes[held.part].add(held.scene)
        shown[held.part].update(shown_in(held.reviewed.correction))
    keys = sorted({key for counted in shown.values() for key in counted})

    def only(part: Part, kind: str) -> dict[str, int]:
        return {key.removeprefix(f"{kind}:"): shown[part][key] for key in keys if key.startswith(f"{kind}:")}

    return {part: Counted(frames[part], len(scenes[part]), only(part, "label"), only(part, "hazard"), only(part, "risk")) for part in PARTS}
