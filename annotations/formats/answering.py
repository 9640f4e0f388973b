"""The answers that teach, many at a time: letter for letter what `core.answers.write` says one by one, and boxes as `core.geometry.to_model` writes them.

Only the usual grids are worked out in columns; what is not usual (bins, shares, other orders, boxes smaller than a step) goes the way of the one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from annotations.teaching import Corners, Opinion, Thing
from core.answers import NOT_APPLICABLE
from core.geometry import BoxFormat, Size, to_model
from core.profile import Profile
from core.schema import Box

AT_ONCE = 1000

Numbers = Sequence[float]


def written(said: Iterable[tuple[Opinion, Size]], profile: Profile, fmt: BoxFormat) -> Iterator[str]:
    """The answer for each, in the order given; the size is that of the picture that is shown, in pixels."""
    silent = frozenset(profile.not_applicable)
    flow = iter(said)
    while some := list(islice(flow, AT_ONCE)):
        boxed = [sorted(opinion.findings, key=_reading_order) for opinion, _ in some]
        boxes = iter(_boxes(boxed, [size for _, size in some], fmt))
        for (opinion, _), things in zip(some, boxed, strict=True):
            yield _answer(opinion, things, boxes, profile.fields, silent)


def _answer(opinion: Opinion, things: Sequence[Thing], boxes: Iterator[Numbers], fields: Sequence[str], silent: frozenset[str]) -> str:
    found = []
    for each in things:
        if each.box is None:
            found.append(f'{{"label":"{each.label}"}}')
        else:
            a, b, c, d = next(boxes)
            found.append(f'{{"box":[{a},{b},{c},{d}],"label":"{each.label}"}}')
    said = [f'"findings":[{",".join(found)}]']
    for name in fields:
        value = getattr(opinion.step, name).value
        if value is not None:
            said.append(f'"{name}":"{value}"')
    hazards = dict.fromkeys(each.hazard for each in opinion.violations)
    said.append('"violations":[' + ",".join([f'"{each}"' for each in hazards]) + "]")
    if opinion.risk.level is not None:
        said.append(f'"risk":"{opinion.risk.level}"')
    elif silent and any(each.label in silent for each in things):
        said.append(f'"risk":"{NOT_APPLICABLE}"')
    return "{" + ",".join(said) + "}"


def _reading_order(each: Thing) -> tuple[bool, Corners, str]:
    return (each.box is None, each.box or (0.0, 0.0, 0.0, 0.0), each.label)


def _boxes(rows: Sequence[Sequence[Thing]], sizes: Sequence[Size], fmt: BoxFormat) -> list[Numbers]:
    """The numbers of each box, row by row."""
    usual = fmt.order == "xyxy" and not fmt.bins and (fmt.scale is None or fmt.scale > 1)
    flat = [each.box for row in rows for each in row if each.box is not None]
    if not usual or not flat:
        by_one = [(each.box, size) for row, size in zip(rows, sizes, strict=True) for each in row if each.box is not None]
        return [to_model(Box(*box), fmt, size) for box, size in by_one]
    grids = [fmt.grid(size) for size in sizes] if fmt.scale is None else [(fmt.scale, fmt.scale)] * len(sizes)
    counts = [sum(each.box is not None for each in row) for row in rows]
    edges = np.repeat(np.array(grids, dtype=np.float64), counts, axis=0)  # n x 2: right, lower
    corners = np.array(flat, dtype=np.float64)  # n x 4
    last = np.floor(edges / fmt.step).astype(np.int64) * fmt.step
    numbers = np.minimum(np.tile(last, 2), np.rint(corners * np.tile(edges, 2) / fmt.step).astype(np.int64) * fmt.step)
    made: list[Numbers] = numbers.tolist()
    for at in np.flatnonzero((numbers[:, 0] == numbers[:, 2]) | (numbers[:, 1] == numbers[:, 3])).tolist():
        size = sizes[int(np.searchsorted(np.cumsum(counts), at, side="right"))]
        made[at] = to_model(Box(*flat[at]), fmt, size)
    return made
