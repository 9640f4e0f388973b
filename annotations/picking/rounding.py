"""Shares made whole by chance, each with exactly its own expectation, while sums stay within one of what they were. Knows no frames.

Amounts are whole numbers of 1/ONE, so nothing is lost to rounding of floats. Two steps that keep every expectation:
`round_flow` rounds a network in which nothing is lost between source and sink (controlled rounding: Cox 1987; dependent rounding: Gandhi, Khuller,
Parthasarathy and Srinivasan 2006), `systematic` then takes elements out of one edge (systematic sampling with unequal probabilities: Madow 1949).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

ONE = 1 << 40
"""A whole one. The smallest probability that can be told is 1/ONE, about 1e-12."""


def round_flow(tails: Sequence[int], heads: Sequence[int], amounts: Sequence[int], dice: Generator) -> list[int]:
    """Whole numbers for a flow: each edge gets the whole number below or above its amount, and its amount on average.

    What flows into a vertex flows out of it, before and after; so every sum that is an edge (of a camera and hour, of a cluster, of all) stays within
    one of what it was. Edges given last are used first, which keeps the work small when they are those at source and sink.
    Raises ValueError when a vertex does not hold what it gets.
    """
    part = [amount % ONE for amount in amounts]
    whole = [amount // ONE for amount in amounts]
    size = max([*tails, *heads], default=-1) + 1
    edges: list[list[int]] = [[] for _ in range(size)]
    balance = [0] * size
    for edge, (tail, head) in enumerate(zip(tails, heads, strict=True)):
        balance[tail] -= amounts[edge]
        balance[head] += amounts[edge]
        if part[edge]:
            edges[tail].append(edge)
            edges[head].append(edge)
    if any(balance):
        raise ValueError("What flows into a vertex must flow out of it.")
    for start in range(size):
        _settle(start, tails, heads, part, whole, edges, dice)
    return whole


def _settle(
    start: int,
    tails: Sequence[int],
    heads: Sequence[int],
    part: list[int],
    whole: list[int],
    edges: list[list[int]],
    dice: Generator,
) -> None:
    """Walks along edges that are not whole until it comes back to where it was, and shifts as much around this circle as one of its edges can take."""
    vertices, path, place = [start], [-1], {start: 0}
    while True:
        here = vertices[-1]
        edge = _open(edges[here], part, path[-1])
        if edge < 0:
            return
        there = heads[edge] if tails[edge] == here else tails[edge]
        vertices.append(there)
        path.append(edge)
        if there not in place:
            place[there] = len(vertices) - 1
            continue
        back = place[there]
        _shift([(path[i], tails[path[i]] == vertices[i - 1]) for i in range(back + 1, len(path))], part, whole, dice)
        for gone in vertices[back + 1 : -1]:
            del place[gone]
        del vertices[back + 1 :], path[back + 1 :]


def _open(edges: list[int], part: list[int], but: int) -> int:
    """The last edge here that is not whole yet and is not the one just come by; -1: none. Whole ones are dropped from the end."""
    while edges and not part[edges[-1]]:
        edges.pop()
    if not edges:
        return -1
    if edges[-1] != but:
        return edges[-1]
    while len(edges) > 1 and not part[edges[-2]]:
        edges.pop(-2)
    return edges[-2] if len(edges) > 1 else -1


def _shift(circle: list[tuple[int, bool]], part: list[int], whole: list[int], dice: Generator) -> None:
    """Up by the least that makes an edge whole, or down by the least that does, so that on average nothing changes."""
    up = min(ONE - part[edge] if forward else part[edge] for edge, forward in circle)
    down = min(part[edge] if forward else ONE - part[edge] for edge, forward in circle)
    by = up if dice.random() * (up + down) < down else -down
    for edge, forward in circle:
        part[edge] += by if forward else -by
        if part[edge] == ONE:
            part[edge], whole[edge] = 0, whole[edge] + 1


def systematic(amounts: NDArray[np.int64], count: int, dice: Generator) -> NDArray[np.int64]:
    """Takes `count` of the elements, in their order; `count` is the whole number below or above their sum, drawn with that expectation.

    Then each element is taken with exactly its amount (at most ONE), and any run of neighbours gives the whole number below or above its own sum.

    >>> systematic(np.array([ONE, 0, ONE]), 2, np.random.default_rng(0)).tolist()
    [0, 2]
    """
    ends = np.cumsum(amounts)
    rest = int(ends[-1]) % ONE
    start = int(dice.integers(0, rest)) if count > int(ends[-1]) // ONE else int(dice.integers(rest, ONE))
    return np.searchsorted(ends, start + ONE * np.arange(count, dtype=np.int64), side="right").astype(np.int64)
