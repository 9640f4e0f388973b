"""Are the boxes of a part in the frame of reference that its manifest declares? Told from the numbers alone, and from known boxes where there are some.

A wrong frame of reference does not fail loudly: a perfect set read in the wrong one teaches boxes of an IoU of .05 to .9. Numbers that lie outside
declare themselves; numbers of a narrower convention all lie inside and are told by never passing its edge though they come close to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.framecheck import Told, fit
from core.geometry import FAMILIES, BoxFormat, Size, smart_resize
from core.preflight.defects import Defect
from core.preflight.said import Numbers, edges, inside, turned
from core.schema import Box

Known = Mapping[str, Sequence[tuple[str, Box]]]
"""By frame id, the boxes that are known to be true: label and box in unit space."""

LEAST_OUTSIDE, LEAST_SHARE = 3, 0.1  # boxes that lie outside before all of them are taken for another convention, and of all boxes
LEAST_INSIDE = 20  # boxes that never pass a narrower edge before that is taken for more than chance
CLOSE = 0.95  # of that edge, which they must reach in both directions
MOST_TOLD = 200  # frames that are held against known boxes


@dataclass(slots=True)
class Tally:
    """The boxes of a part, as far as they tell conventions apart."""

    fmt: BoxFormat
    boxes: int = 0
    outside: int = 0
    first: str = ""  # place of the first box outside
    fitting: dict[str, int] = field(default_factory=dict)  # by convention: boxes outside that lie inside under it
    passed: dict[str, bool] = field(default_factory=dict)  # a box passed the convention's edge
    reached: dict[str, tuple[float, float]] = field(default_factory=dict)  # how near the edge they came, in shares of it
    narrower: dict[str, int] = field(default_factory=dict)  # boxes on frames on which the convention is the narrower one
    told: list[Told] = field(default_factory=list)  # beside known boxes

    def add(self, numbers: Numbers, size: Size, place: str) -> None:
        """One box, as it is written."""
        numbers = turned(numbers, self.fmt)
        self.boxes += 1
        mine = edges(self.fmt, size)
        out = not inside(numbers, mine)
        if out:
            self.outside += 1
            self.first = self.first or place
        for name, its in _others(self.fmt, size):
            if out:
                self.fitting[name] = self.fitting.get(name, 0) + inside(numbers, its)
            if its[0] < 0.9 * mine[0] and its[1] < 0.9 * mine[1]:
                self.narrower[name] = self.narrower.get(name, 0) + 1
                near = self.reached.get(name, (0.0, 0.0))
                self.reached[name] = (max(near[0], numbers[2] / its[0]), max(near[1], numbers[3] / its[1]))
                self.passed[name] = self.passed.get(name, False) or not inside(numbers, its)

    @property
    def other(self) -> str | None:
        """In words, the convention in which nearly all boxes seem to be that lie outside; None: they are single mistakes."""
        if self.outside < max(LEAST_OUTSIDE, LEAST_SHARE * self.boxes):
            return None
        return next((name for name, n in self.fitting.items() if n == self.outside), "another one")

    @property
    def silent(self) -> str | None:
        """In words, a narrower convention in which all boxes seem to be though each lies inside the declared one."""
        for name, n in self.narrower.items():
            if n >= LEAST_INSIDE and n == self.boxes and not self.passed[name] and min(self.reached[name]) >= CLOSE:
                return name
        return None


def of_tally(tally: Tally, at: str) -> Iterator[Defect]:
    """What the numbers of a part tell. `at`: the file."""
    declared = _declared(tally.fmt)
    other = tally.other
    if other is not None:
        words = f"{tally.outside} of {tally.boxes} boxes lie outside; they seem to be in {other}, and {declared} are declared."
        yield Defect(tally.first, "coordinates", words)
    elif tally.silent is not None:
        words = f"None of {tally.boxes} boxes passes the edge of {tally.silent}, and they come close to it; {declared} are declared."
        yield Defect(at, "coordinates", words)
    if tally.told:
        found = fit(tally.told, tally.fmt)
        if found.verdict in ("other", "scaled"):
            yield Defect(at, "coordinates", f"Held against known boxes: {found.words}")


def of_manifest(about: Mapping[str, Any], at: str) -> Iterator[Defect]:
    """What the manifest declares against what the family means. `at`: the manifest."""
    said = about.get("coordinates")
    said = said if isinstance(said, Mapping) else {}
    family = said.get("family")
    fmt = FAMILIES.get(family) if isinstance(family, str) else None
    if fmt is None:
        yield Defect(at, "coordinates", f'The family "{family}" is none of {", ".join(FAMILIES)}, so nobody knows what its boxes mean.')
        return
    ours = {"order": fmt.order, "scale": fmt.scale, "step": fmt.step, "max_pixels": fmt.max_pixels if fmt.resized else None}
    for name, right in ours.items():
        if name in said and said[name] != right:
            yield Defect(at, "coordinates", f"The {name} of the coordinates is {said[name]}, and that of {family} is {right}.")


def of_size(fmt: BoxFormat, size: Size, listed: Mapping[str, Any], place: str) -> Iterator[Defect]:
    """What a frame file's size tells: the one that the manifest lists, and one at which the model's own resize changes nothing."""
    said = (listed.get("width"), listed.get("height"))
    if said != (None, None) and said != size:
        words = (
            f"The frame has {size[0]} x {size[1]} pixels, and the manifest says {said[0]} x {said[1]}: its boxes belong to another size."
        )
        yield Defect(place, "coordinates", words)
    if not fmt.resized:
        return
    try:
        brought = smart_resize(size, fmt.factor, fmt.min_pixels, fmt.max_pixels)
    except ValueError as error:
        yield Defect(place, "coordinates", f"The model does not take this frame: {error}.")
        return
    if brought != size:
        words = f"The model would look at this frame of {size[0]} x {size[1]} pixels as {brought[0]} x {brought[1]}, and its boxes would stay behind."
        yield Defect(place, "coordinates", words)


def _others(fmt: BoxFormat, size: Size) -> Iterator[tuple[str, tuple[float, float]]]:
    """Conventions beside the declared one, the likelier first, and the edges of a frame under each."""
    if fmt.scale is not None:
        yield "pixels of the frame file", (float(size[0]), float(size[1]))
    for scale, name in ((1000.0, "thousandths of the frame"), (100.0, "percent of the frame"), (1.0, "shares of the frame")):
        if fmt.scale is None or scale != fmt.scale:
            yield name, (scale, scale)
    if fmt.scale is None:
        yield "pixels with y before x", (float(size[1]), float(size[0]))


def _declared(fmt: BoxFormat) -> str:
    return "pixels of the frame file" if fmt.scale is None else f"{fmt.scale:g}ths of the frame"
