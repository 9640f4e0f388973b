"""Which part each frame goes to: whole groups, never single frames; the same frames and seed give the same parts. Knows no record.

A group is everything that is tied together by a scene or by what is asked to stay together (a camera, a day), directly or over others, so neither a
scene nor a camera is ever on both sides. Groups are placed one by one, those with the rarest things first, then the large ones (equal ones in the order
of a hash of seed and group), each where it brings the parts nearest to their shares of frames, labels, hazards and levels of risk: the greedy rule of
iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011), with whole groups in the place of single examples, and the squared distance over what is due (Pearson's chi-square) as its measure.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annotations.freezing.frozen import PARTS, Part
from core.errors import DatasetUnfit, Malformed

SHARES: Mapping[Part, float] = {"train": 0.7, "validation": 0.1, "test": 0.2}
"""What is usual."""

_FRAMES = ""  # the column that counts frames


@dataclass(frozen=True, slots=True)
class Unit:
    """A frame that is to be placed."""

    frame_id: str
    scene: int
    together: Hashable  # frames with the same one stay together, as those of a scene do; the scene's number asks for nothing more
    shows: tuple[str, ...] = ()  # what is to be balanced, each once: labels, hazards, the level of risk
    before: Part | None = None  # where it was in the sets whose test part is kept


@dataclass(frozen=True, slots=True)
class Split:
    """Where each frame goes."""

    parts: Mapping[str, Part]  # by frame id
    groups: Mapping[Part, int]
    left_out: tuple[str, ...]  # frames of groups of which one frame has taught and another has judged, so that they may do neither


def split(units: Sequence[Unit], shares: Mapping[Part, float], seed: int) -> Split:
    """Place every frame. A group stays in the part in which it was before; what once taught never judges.

    Raises Malformed for shares that are none, DatasetUnfit when there are too few groups for the parts.
    """
    wanted = checked(shares)
    fixed: dict[int, Part] = {}
    free: list[int] = []
    left_out: list[str] = []
    groups = _grouped(units)
    for number, group in enumerate(groups):
        seen = {unit.before for unit in group} - {None}
        if not seen:
            free.append(number)
        elif "test" not in seen:
            fixed[number] = "validation" if seen == {"validation"} and "validation" in wanted else "train"
        elif seen == {"test"} and "test" in wanted:
            fixed[number] = "test"
        else:
            left_out += [unit.frame_id for unit in group]
    _enough(wanted, set(fixed.values()), len(free), len(left_out))
    placed = fixed | _placed(groups, fixed, free, wanted, seed)
    parts = {unit.frame_id: part for number, part in placed.items() for unit in groups[number]}
    counted = Counter(placed.values())
    return Split(parts, {part: counted[part] for part in wanted}, tuple(sorted(left_out)))


def checked(shares: Mapping[Part, float]) -> dict[Part, float]:
    """Shares without the parts that get nothing. Raises Malformed."""
    for name, share in shares.items():
        if name not in PARTS:
            raise Malformed(f'"{str(name)[:40]}" is no part. There are: {", ".join(PARTS)}. Nothing was frozen.')
        if isinstance(share, bool) or not isinstance(share, int | float) or not math.isfinite(share) or share < 0:
            raise Malformed(f"The share of {name} must be a number between 0 and 1. Nothing was frozen.")
    if not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        raise Malformed(f"The shares make {sum(shares.values()):g} together and must make 1. Nothing was frozen.")
    if not shares.get("train"):
        raise Malformed("The part train needs a share, or nothing could be learned. Nothing was frozen.")
    return {part: float(shares[part]) for part in PARTS if shares.get(part)}


def _grouped(units: Iterable[Unit]) -> list[list[Unit]]:
    """Frames that hang together over scenes and what stays together, each group and all groups by frame id."""
    above: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        while above.setdefault(key, key) != key:
            above[key] = above[above[key]]
            key = above[key]
        return key

    ordered = sorted(units, key=lambda unit: unit.frame_id)
    for unit in ordered:
        above[root(("scene", unit.scene))] = root(("together", unit.together))
    groups: dict[Hashable, list[Unit]] = defaultdict(list)
    for unit in ordered:
        groups[root(("scene", unit.scene))].append(unit)
    return list(groups.values())


def _enough(wanted: Mapping[Part, float], filled: set[Part], free: int, left_out: int) -> None:
    empty = [part for part in wanted if part not in filled]
    if free >= len(empty):
        return
    lost = f" ({left_out} frames hang together with both a frame that taught and one that judged, and were left out.)" if left_out else ""
    raise DatasetUnfit(
        f"There are too few groups to split: {free} that may go anywhere, for the parts {', '.join(empty)}. Review frames of more scenes, split by "
        f"something finer, or give a part no share.{lost} Nothing was frozen."
    )


def _placed(
    groups: Sequence[Sequence[Unit]], fixed: Mapping[int, Part], free: Sequence[int], wanted: Mapping[Part, float], seed: int
) -> dict[int, Part]:
    """The parts of the free groups."""
    parts = list(wanted)
    counts = {number: Counter(each for unit in groups[number] for each in (_FRAMES, *unit.shows)) for number in (*fixed, *free)}
    total: Counter[str] = Counter()
    for each in counts.values():
        total.update(each)
    columns = {name: at for at, name in enumerate(sorted(total))}
    all_of = np.array([total[name] for name in columns], float)
    weights = (
        np.array([len(columns) if name == _FRAMES else 1 for name in columns]) / all_of**2
    )  # frames count as much as all else together
    due = np.array([wanted[part] for part in parts])
    over = -np.outer(due, all_of)  # how far each part is over its due; under, as long as it is negative
    for number, part in fixed.items():
        at, found = _row(counts[number], columns)
        over[parts.index(part), at] += found
    dice = {number: hashlib.sha256(f"{seed} {groups[number][0].frame_id}".encode()).digest() for number in free}
    order = sorted(free, key=lambda n: (min(total[name] for name in counts[n]), -len(groups[n]), dice[n]))
    empty = [part for part in parts if part not in fixed.values()]
    placed: dict[int, Part] = {}
    for left, number in zip(range(len(order), 0, -1), order, strict=True):
        at, found = _row(counts[number], columns)
        costs = ((2 * over[:, at] + found) * found * weights[at]).sum(
            axis=1
        ) / due  # by how much the squared distances over what is due grow
        may = [n for n, part in enumerate(parts) if part in empty] if left <= len(empty) else range(len(parts))
        start = dice[number][0] % len(parts)  # equal costs: no part has a right to be first
        best = min(may, key=lambda n: (round(float(costs[n]), 12), (n - start) % len(parts)))
        over[best, at] += found
        placed[number] = parts[best]
        empty = [part for part in empty if part != parts[best]]
    return placed


def _row(counted: Mapping[str, int], columns: Mapping[str, int]) -> tuple[list[int], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    return [columns[name] for name in counted], np.array(list(counted.values()), float)
