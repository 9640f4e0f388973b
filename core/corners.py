"""How far a box may be off, from what each of its four numbers could have been. Knows tokens and numbers only, no frame.

The numbers that a model could have said instead are its belief of where a corner lies. Where a digit could have been another,
what would have followed is not known, and the end nearest to what was said stands for it (299 beside 300: rank correlation with
the true spread .994, of -log p of the number .79).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.spans import Span
from core.tokens import Piece, Tokens

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?\Z")
_START = re.compile(rb"-?\d+(?:\.\d*)?")  # of a number that may go on
_DIGIT = re.compile(rb"\d")
_MOST = 12  # numbers for one corner: 12^4 boxes are looked at

Belief = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Numbers and how likely each is; the first is the one that was said. They sum to 1 at most."""


def belief(tokens: Tokens, span: Span) -> Belief | None:
    """What the number at `span` could have been; None when the reply does not tell."""
    said = tokens.text[span[0] : span[1]]
    if not _NUMBER.match(said):
        return None
    likely = {float(said): 0.0}
    reached, told = 1.0, False
    for piece in tokens.over((span[0], span[1] + 1)):  # with what ends it: 29 could have been 290
        told = told or bool(piece.others) or piece.elsewhere > 0
        for other, p in piece.others:
            number = _meant(piece, other, said)
            if number is not None:
                likely[number] = likely.get(number, 0.0) + reached * p
        reached *= piece.p
    if not told:
        return None
    likely[float(said)] += reached
    kept = [float(said), *sorted(likely.keys() - {float(said)}, key=lambda number: -likely[number])[: _MOST - 1]]
    return np.array(kept), np.array([likely[number] for number in kept])


def _meant(piece: Piece, other: bytes, said: bytes) -> float | None:
    """The number that it would have become; None when it would have been none."""
    head = piece.prefix + other
    number = _START.match(head)
    if not number:
        return None
    ended = number.end() < len(head)
    to_come = b"" if ended else said[len(piece.prefix + piece.inside) :]
    low, high = (float(number[0] + _DIGIT.sub(digit, to_come)) for digit in (b"0", b"9"))
    return min((low, high), key=lambda end: abs(end - float(said)))


def expected_overlap(corners: Sequence[Belief]) -> float | None:
    """The IoU that the box which was said is expected to have with the true one, when the four numbers are independent.

    `corners`: of both axes in turn (x0, y0, x1, y1 or y0, x0, y1, x1). Each number's shares are brought to a sum of 1, and pairs
    of ends that make no box are left out. None when nothing is left, or no number has a share.
    """
    across, down = (_side(corners[axis], corners[axis + 2]) for axis in (0, 1))
    if across is None or down is None:
        return None
    (p, shared, length, own), (q, shared_y, length_y, own_y) = across, down
    both = np.outer(shared, shared_y)
    union = np.outer(length, length_y) + own * own_y - both
    overlaps = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return float(p @ overlaps @ q)


def _side(low: Belief, high: Belief) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float] | None:
    """Of each pair of ends: how likely, how much of it lies on the side that was said, how long it is; and the said side's length.

    None when no pair has a share.
    """
    a, b = (grid.ravel() for grid in np.meshgrid(low[0], high[0], indexing="ij"))
    p = np.outer(low[1], high[1]).ravel() * (b > a)
    whole = p.sum()
    if not whole > 0:
        return None
    start, end = float(low[0][0]), float(high[0][0])
    shared = np.maximum(0.0, np.minimum(b, end) - np.maximum(a, start))
    return p / whole, shared, np.maximum(0.0, b - a), end - start
