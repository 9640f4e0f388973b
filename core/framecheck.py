"""In which frame a model's boxes are: held against boxes that are known, on pictures drawn here or annotated by people. Asks no model.

A wrong convention does not fail loudly: a perfect detector read in the wrong one has an IoU of .05 to .9. So every model that is
added, and every adapter, says boxes of some pictures whose boxes are known; each way of writing boxes is tried on its numbers, and
the one under which they fall on the known boxes is the one it speaks. Boxes that are missing, doubled or wrong fit none of them
and so decide nothing. A model that sees nothing in the pictures cannot be told: that is neither a pass nor a failure.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.geometry import FAMILIES, BoxFormat, Size
from core.schema import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    Numbers = NDArray[np.float64]

Corners = tuple[float, float, float, float]
Order = Literal["xyxy", "yxyx", "xywh"]
_UNITS: Mapping[float, str] = {
    1000: "thousandths of the picture (0 to 1000)",
    100: "percent of the picture (0 to 100)",
    1: "shares of the picture (0 to 1)",
}
Verdict = Literal["fits", "other", "scaled", "undecided"]
"""The declared convention, another one, the declared one times a constant, or nobody can say."""

UNTOLD = "could not be told"
"""How the words of a check begin that neither passed nor failed."""

ALARM = 0.05  # IoU that another convention, or a constant, may gain over the declared one
LEAST_PAIRS = 6  # boxes that must fall on known ones before anything is said
LEAST_SHARE = 1 / 3  # of the pairs that there could be
_PAIR, _SEEN = 0.3, 0.5  # IoU from which on two boxes belong together; from which on it was surely seen
_ALIKE = 0.02  # IoU by which two conventions must differ to be told apart
_SCALES = np.geomspace(0.25, 4.0, 57)  # constants that are tried when no convention fits as it stands: 5 % apart
_LIMITS = tuple(count * 28 * 28 for count in (256, 512, 768, 1024, 2048))  # usual limits of a resized frame besides the declared

SIZES: tuple[Size, ...] = ((640, 360), (1920, 1080), (640, 480), (1664, 1248), (480, 720), (1200, 1800))
"""Of drawn pictures: three ratios, each below and above the size to which families with pixels resize."""

COLOURS = {"red": "#d61f1f", "green": "#1f9d2f", "blue": "#1f4fd6", "yellow": "#f2c500", "black": "#101010", "purple": "#8a2fb8"}
_PAPER = "#e9e9e6"


@dataclass(frozen=True, slots=True)
class Known:
    """A picture and all the boxes in it. `true`: label -> box; a label may stand several times."""

    picture: Image.Image
    true: tuple[tuple[str, Box], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a model said of a picture with known boxes: labels and bare numbers, as they were written."""

    size: Size  # pixels of the picture that the model was handed
    true: tuple[tuple[str, Box], ...]
    said: tuple[tuple[str, Corners], ...]


@dataclass(frozen=True, slots=True)
class Convention:
    """A way of writing boxes. `scale` as in BoxFormat; `most_pixels` of a resized frame, None: as declared."""

    order: Order = "xyxy"
    scale: float | None = 1000
    resized: bool = False
    most_pixels: int | None = None

    @property
    def words(self) -> str:
        """In words, to stand after "in".

        >>> Convention("yxyx", 1000).words
        'thousandths of the picture (0 to 1000), y before x'
        """
        if self.scale is not None:
            unit = _UNITS.get(self.scale, f"{self.scale:g}ths of the picture")
        elif not self.resized:
            unit = "pixels of the picture as it was sent"
        else:
            limit = f" to at most {self.most_pixels} pixels" if self.most_pixels else ""
            unit = f"pixels of the picture as the model resizes it{limit}"
        return unit + {"xyxy": "", "yxyx": ", y before x", "xywh": ", as left, top, width, height"}[self.order]

    @property
    def families(self) -> tuple[str, ...]:
        """Keys of `core.geometry.FAMILIES` that write boxes so, those first that say every number and mean it; empty: none does, or a limit is to be set instead."""
        alike = [(fmt.step > 1 or fmt.bins, key) for key, fmt in FAMILIES.items() if convention_of(fmt) == self and not self.most_pixels]
        plain = tuple(key for coarse, key in alike if not coarse)
        return plain or tuple(key for _, key in alike)


@dataclass(frozen=True, slots=True)
class Fit:
    """What the numbers fit. IoU are means over the boxes that were seen; None where nothing could be told."""

    verdict: Verdict
    declared: Convention
    convention: Convention | None  # the one that fits
    like: tuple[Convention, ...]  # others that these pictures cannot tell from it
    iou: float | None  # under `convention`, times `scale` where that is the verdict
    declared_iou: float | None
    scale: tuple[float, float] | None  # constants by which x and y are to be multiplied under `convention`; 1.0 is right
    gain: float | None  # of IoU over the declared convention as it stands
    seen: int  # boxes that fell on known ones
    true: int  # known boxes
    said: int  # boxes that were said

    @property
    def words(self) -> str:
        """What was found, in a sentence or two, with the family to declare."""
        counted = f"{self.seen} of {self.true} known boxes were found"
        if self.convention is None or self.iou is None or self.scale is None or self.declared_iou is None:
            return f"{UNTOLD}: {counted} by any reading of its numbers ({self.said} boxes were said)"
        scale = f"{self.scale[0]:.2f} x {self.scale[1]:.2f}"
        if self.verdict == "fits":
            return f"as declared, {self.declared.words}: mean IoU {self.declared_iou:.2f}, scale {scale}; {counted}"
        found = f"not as declared: its boxes are in {self.convention.words}, and {self.declared.words} are declared. "
        if self.verdict == "scaled":
            found = f"not as declared: its boxes must be multiplied by {scale} to be in {self.declared.words}. "
        return f"{found}Mean IoU {self.iou:.2f} so and {self.declared_iou:.2f} as declared; {counted}. {self._advice()}"

    def _advice(self) -> str:
        assert self.convention is not None  # `words` has looked
        if self.verdict == "scaled":
            return "It learned on frames of another size than it is shown now: train it anew, on frames exported for its family."
        if self.convention.most_pixels:
            return f"Set the picture's limit to {self.convention.most_pixels} pixels, here and at its server."
        families = self.convention.families
        if not families:
            return "No family here writes boxes so; tell it in its server's prompt to write them as declared, or use another model."
        others = f" ({', '.join(families[1:])} are the same)" if len(families) > 1 else ""
        return f"Declare the family {families[0]}{others} and check it again."


def convention_of(fmt: BoxFormat) -> Convention:
    """How a format writes boxes, without its limits."""
    return Convention(fmt.order, fmt.scale, fmt.resized)


def conventions(declared: BoxFormat) -> tuple[Convention, ...]:
    """Every way of writing boxes that is tried: the declared one first, then the likelier ones."""
    pixels = ((None, True), (None, False))
    units = dict.fromkeys(((declared.scale, declared.resized), (1000, False), *pixels, (1, False), (100, False)))
    orders: tuple[Order, ...] = ("xyxy", "yxyx", "xywh")
    plain = [Convention(order, scale, resized) for order in orders for scale, resized in units]
    limits = [Convention("xyxy", None, True, most) for most in _LIMITS if most != declared.max_pixels]
    return tuple(dict.fromkeys((convention_of(declared), *plain, *limits)))


def drawn(seed: int = 7, sizes: Sequence[Size] = SIZES) -> tuple[Known, ...]:
    """Pictures with four rectangles each, no two of one colour or on top of each other; 12 to 40 % of the sides."""
    dice = random.Random(seed)
    return tuple(_sheet(size, dice) for size in sizes)


def fit(told: Sequence[Told], declared: BoxFormat) -> Fit:
    """Which convention the numbers are in. `told` should hold several sizes and ratios: one size alone cannot tell all of them apart."""
    tries = [(each, *_matched(told, each, declared)) for each in conventions(declared)]
    possible = sum(_possible(one) for one in told)
    best = max(tries, key=lambda one: one[1])
    like = [one for one in tries if best[1] - one[1] <= _ALIKE * max(1, _count(best[2], _SEEN))]
    chosen, _, pairs = like[0]  # in the order of likelihood, the declared one first
    verdict: Verdict = "fits" if chosen == tries[0][0] else "other"
    scale = (1.0, 1.0)
    if not _enough(pairs, possible):
        scale, pairs = _searched(told, declared)
        chosen, verdict = tries[0][0], "scaled"
        like = like[:0]
    true, said = sum(len(one.true) for one in told), sum(len(one.said) for one in told)
    if not _enough(pairs, possible):
        return Fit("undecided", tries[0][0], None, (), None, None, None, None, max(_count(one[2], _SEEN) for one in tries), true, said)
    known, numbers, sizes = _together(told, pairs)
    under = _decoded(numbers, sizes, chosen, declared)
    scale = _constant(under, known)
    plain, scaled = _mean_iou(under, known), _mean_iou(under * np.array(scale * 2), known)
    as_declared = _mean_iou(_decoded(numbers, sizes, tries[0][0], declared), known)
    if verdict == "fits" and scaled - as_declared > ALARM:
        verdict = "scaled"
    elif verdict == "other" and plain - as_declared <= ALARM:
        verdict, chosen, plain = "fits", tries[0][0], as_declared
        scale = _constant(_decoded(numbers, sizes, chosen, declared), known)
    iou = scaled if verdict == "scaled" else plain
    others = tuple(one[0] for one in like if one[0] != chosen)
    return Fit(verdict, tries[0][0], chosen, others, iou, as_declared, scale, max(plain, scaled) - as_declared, len(pairs), true, said)


_Pair = tuple[int, int, int, float]
"""Number of the picture, of the said box, of the true box, and their IoU."""


def _matched(told: Sequence[Told], convention: Convention, declared: BoxFormat, scale: float = 1.0) -> tuple[float, list[_Pair]]:
    """The sum of IoU when boxes of one label match one to one as well as they can (Hungarian method), and the pairs that belong together."""
    total, pairs = 0.0, list[_Pair]()
    for number, one in enumerate(told):
        for label in {label for label, _ in one.said} & {label for label, _ in one.true}:
            mine = [at for at, (name, _) in enumerate(one.said) if name == label]
            theirs = [at for at, (name, _) in enumerate(one.true) if name == label]
            said = _decoded(np.array([one.said[at][1] for at in mine]), np.array([one.size] * len(mine)), convention, declared) * scale
            overlaps = _iou(said[:, None], np.array([one.true[at][1].xyxy for at in theirs])[None])
            for row, column in zip(*linear_sum_assignment(-overlaps), strict=True):
                value = float(overlaps[row, column])
                total += value
                if value >= _PAIR:
                    pairs.append((number, mine[row], theirs[column], value))
    return total, pairs


def _searched(told: Sequence[Told], declared: BoxFormat) -> tuple[tuple[float, float], list[_Pair]]:
    """The constant times the declared convention under which most boxes fall on known ones."""
    tries = [(_matched(told, convention_of(declared), declared, float(scale)), float(scale)) for scale in _SCALES]
    (_, pairs), scale = max(tries, key=lambda one: one[0][0])
    return (scale, scale), pairs


def _together(told: Sequence[Told], pairs: Iterable[_Pair]) -> tuple[Numbers, Numbers, Numbers]:
    """Of each pair: the true box, the said numbers, the size of its picture."""
    rows = [(told[n].true[theirs][1].xyxy, told[n].said[mine][1], told[n].size) for n, mine, theirs, _ in pairs]
    true, said, sizes = zip(*rows, strict=True)
    return np.array(true, float), np.array(said, float), np.array(sizes, float)


def _decoded(numbers: Numbers, sizes: Numbers, convention: Convention, declared: BoxFormat) -> Numbers:
    """Said numbers (n x 4) on pictures of `sizes` (n x 2) as left, top, right, bottom in shares; what is no box has no area."""
    limits = convention.most_pixels or declared.max_pixels
    fmt = replace(declared, order="xyxy", scale=convention.scale, resized=convention.resized, max_pixels=limits)
    grids = np.array([fmt.grid((int(w), int(h))) for w, h in sizes], float)
    boxes = numbers.astype(float)
    if convention.order == "yxyx":
        boxes = boxes[:, [1, 0, 3, 2]]
    elif convention.order == "xywh":
        boxes = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    shares: Numbers = boxes / np.hstack([grids, grids])
    return shares


def _iou(a: Numbers, b: Numbers) -> Numbers:
    """Of boxes in the last axis; 0 for what has no area."""
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    both = sides[..., 0] * sides[..., 1]
    areas = [np.prod(np.clip(each[..., 2:] - each[..., :2], 0, None), axis=-1) for each in (a, b)]
    union = areas[0] + areas[1] - both
    share: Numbers = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return share


def _mean_iou(said: Numbers, true: Numbers) -> float:
    return float(_iou(said, true).mean())


def _constant(said: Numbers, true: Numbers) -> tuple[float, float]:
    """The x and the y constant with the least sum of absolute errors: the median of true/said, weighted by said. One wild box moves it little."""
    found = []
    for axis in (0, 1):
        mine, theirs = said[:, [axis, axis + 2]].ravel(), true[:, [axis, axis + 2]].ravel()
        usable = mine > 0
        ratios, weights = theirs[usable] / mine[usable], mine[usable]
        order = np.argsort(ratios)
        place = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
        found.append(float(ratios[order][min(place, len(order) - 1)]))
    return found[0], found[1]


def _possible(one: Told) -> int:
    """How many pairs there could be in a picture."""
    said, true = [label for label, _ in one.said], [label for label, _ in one.true]
    return sum(min(said.count(label), true.count(label)) for label in set(said))


def _enough(pairs: Sequence[_Pair], possible: int) -> bool:
    return _count(pairs, _SEEN) >= max(LEAST_PAIRS, LEAST_SHARE * possible)


def _count(pairs: Iterable[_Pair], least: float) -> int:
    return sum(value >= least for *_, value in pairs)


def _sheet(size: Size, dice: random.Random) -> Known:
    from PIL import Image, ImageDraw

    width, height = size
    picture = Image.new("RGB", size, _PAPER)
    pen, taken = ImageDraw.Draw(picture), list[tuple[str, tuple[int, int, int, int]]]()
    colours = dice.sample(list(COLOURS), 4)
    while colours:
        w, h = (round(dice.uniform(0.12, 0.4) * side) for side in size)
        x, y = dice.randrange(width - w), dice.randrange(height - h)
        if all(x + w < a or c < x or y + h < b or d < y for _, (a, b, c, d) in taken):
            pen.rectangle((x, y, x + w - 1, y + h - 1), fill=COLOURS[colours[-1]])
            taken.append((colours.pop(), (x, y, x + w, y + h)))
    return Known(picture, tuple((name, Box(a / width, b / height, c / width, d / height)) for name, (a, b, c, d) in taken))
