"""What two parts of a set have in common and must not: frames, files, scenes, looks. Holds no frame, only what stands for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from core.preflight.defects import Defect
from core.preflight.frames import Seen
from core.prints import near

NEAR = 2
"""Bits of 64 by which the perceptual hashes of two frames may differ while they count as near-duplicates, as in the scenes of a record."""

_Where = tuple[str, str]
"""Part and place."""


@dataclass(slots=True)
class Parts:
    """The frames of all parts, by everything by which two can be the same."""

    _frames: dict[str, _Where] = field(default_factory=dict)
    _files: dict[str, _Where] = field(default_factory=dict)
    _scenes: dict[object, _Where] = field(default_factory=dict)
    _looks: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # by part: hash and place
    _found: list[Defect] = field(default_factory=list)

    def add(self, part: str, place: str, frame_id: str, scene: object, seen: Seen) -> None:
        """A line of a part: at most one defect, the plainest."""
        if seen.looks is not None:
            self._looks.setdefault(part, []).append((seen.looks, place))
        scene = scene if isinstance(scene, int) and not isinstance(scene, bool) else None
        same = [
            (self._frames, frame_id, "This frame"),
            (self._files, seen.sha256, "The same file"),
            (self._scenes, scene, f"Scene {scene}"),
        ]
        told = False
        for known, key, what in same:
            if key in ("", None):
                continue
            other, where = known.setdefault(key, (part, place))  # type: ignore[attr-defined]
            if other != part and not told:
                told = True
                self._found.append(Defect(place, "leak", f"{what} is in {other} too ({where})."))

    def defects(self) -> Iterator[Defect]:
        """Everything that is in two parts."""
        yield from self._found
        told = {defect.place for defect in self._found}
        for one, other in combinations(self._looks, 2):
            hashes = [np.array([each for each, _ in self._looks[part]], np.uint64) for part in (one, other)]
            left, right, apart = near(hashes[0], hashes[1], NEAR)
            for i, j, bits in zip(left.tolist(), right.tolist(), apart.tolist(), strict=True):
                place, like = self._looks[other][j][1], self._looks[one][i][1]
                if place not in told:
                    told.add(place)
                    yield Defect(place, "leak", f"This frame looks like one in {one} ({like}): {bits} of 64 bits differ.")
