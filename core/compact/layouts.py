"""What can be going on at a bench: one function a kind of scene, and how often each is drawn. What it means is judged by the profile's rules, not here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from core.compact.table import Laid, Table, inside


def _idle(table: Table, tools: tuple[int, int], parts: int) -> list[Laid] | None:
    table.scale *= 0.75 if tools[0] > 8 else 1
    table.spare_parts(parts)
    table.bystanders(tools[1], least=tools[0])
    return table.laid


def _finished(table: Table) -> list[Laid] | None:
    plate = table.free(table.warp("plate"), (), 0)
    if plate is None:
        return None
    h, w = plate.rgba.shape[:2]
    bolt = table.put(table.warp("bolt"), plate.x + w * table.dice.uniform(0.3, 0.7), plate.y + h * table.dice.uniform(0.3, 0.7))
    table.laid += [plate, bolt]
    table.bystanders(6)
    return table.laid


def _reaching(table: Table) -> list[Laid] | None:
    hand, _ = table.hand()
    table.laid.append(hand)
    table.spare_parts(2)
    table.bystanders(7)
    return [*table.laid[1:], hand]


def _holding(table: Table, working: bool, labels: Sequence[str] = (), second_hand: bool = False) -> list[Laid] | None:
    """A tool in the hand, at a part or not; perhaps a second hand at the part."""
    hand, tip = table.hand()
    known = [label for label in labels if label in table.stock.tools] or table.stock.tools
    tool = table.in_hand(str(table.dice.choice(known)), tip)
    first = [table.at_work(str(table.dice.choice(("bolt", "plate", "bearing"))), tool, hand)] if working else []
    last = [hand]
    if second_hand:
        other, _ = table.hand()
        last.append(other)
    table.laid = [*first, tool, *last]
    if any(inside(thing, table.size) < 0.85 for thing in (*first, tool)):
        return None
    held = len(table.laid)
    table.spare_parts(0 if working else 2)
    table.bystanders(6)
    return [*first, *table.laid[held:], tool, *last]


def _inserting(table: Table) -> list[Laid] | None:
    hand, tip = table.hand()
    part = table.put(table.warp(str(table.dice.choice(("bolt", "plate", "bearing")))), *tip)
    if inside(part, table.size) < 0.85:
        return None
    table.laid = [part, hand]
    table.bystanders(7)
    return [part, *table.laid[2:], hand]


def _near_blade(table: Table) -> list[Laid] | None:
    hand, tip = table.hand()
    blades = [label for label in ("backsaw", "drill", "handsaw", "utility_knife") if label in table.stock.tools]
    tool = table.warp(str(table.dice.choice(blades)))
    h, w = tool.rgba.shape[:2]
    tool = table.put(tool, tip[0] + w * table.dice.uniform(-0.5, 0.5), tip[1] - h * table.dice.uniform(0.3, 0.55))
    if inside(tool, table.size) < 0.85:
        return None
    table.laid = [tool, hand]
    table.spare_parts(1)
    table.bystanders(6)
    return [tool, *table.laid[2:], hand]


def _at_edge(table: Table) -> list[Laid] | None:
    thing = table.warp(table.any_tool())
    h, w = thing.rgba.shape[:2]
    x, y = table.dice.uniform(0, 1, 2) * (table.size[0] - w, table.size[1] - h)
    side = int(table.dice.integers(4))
    over = float(table.dice.uniform(-0.15, 0.005))
    x = over * table.size[0] if side == 0 else table.size[0] * (1 - over) - w if side == 1 else x
    y = over * table.size[1] if side == 2 else table.size[1] * (1 - over) - h if side == 3 else y
    thing = replace(thing, x=round(x), y=round(y))
    if inside(thing, table.size) < 0.5:
        return None
    table.laid.append(thing)
    table.spare_parts(1)
    table.bystanders(6)
    return table.laid


_CUTTING = ("backsaw", "drill", "handsaw", "utility_knife")
_GRIPPING = ("cutting_pliers", "needle_nose_pliers", "pliers")
LAYOUTS: dict[str, Callable[[Table], list[Laid] | None]] = {
    "idle": partial(_idle, tools=(1, 12), parts=2),
    "crowded": partial(_idle, tools=(11, 17), parts=1),
    "finished": _finished,
    "reaching": _reaching,
    "holding": partial(_holding, working=False),
    "working": partial(_holding, working=True),
    "gripping": partial(_holding, working=True, labels=_GRIPPING),
    "cutting": partial(_holding, working=True, labels=_CUTTING),
    "striking": partial(_holding, working=True, labels=("hammer",)),
    "striking with a second hand": partial(_holding, working=True, labels=("hammer",), second_hand=True),
    "inserting": _inserting,
    "near a blade": _near_blade,
    "at the edge": _at_edge,
}
SHARES = np.array([0.19, 0.12, 0.07, 0.08, 0.15, 0.17, 0.05, 0.05, 0.04, 0.04, 0.08, 0.03, 0.03])
SHARES = SHARES / SHARES.sum()
