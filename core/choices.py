"""How likely a choice was, among values that are known beforehand, and how likely the others were. Knows tokens only, no profile.

The product over the tokens at which another value was still possible. A mean over tokens looks surer than it is: expected
calibration error .31 against .01-.02.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.schema import Alternatives
from core.spans import Span
from core.tokens import Piece, Tokens

_FEWEST = 0.001  # of an alternative that is worth telling


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that was said. `p` and the alternatives sum to 1 at most: what the likeliest tokens do not tell is nobody's."""

    p: float
    alternatives: Alternatives = ()
    told: bool = False  # whether the reply says what else could have been said


def choose(tokens: Tokens, span: Span, values: Sequence[str]) -> Choice:
    """The string that stands at `span`, which is one of `values`. Its closing quote belongs to it: `hand"` is not `handsaw"`.

    What is none of the values (another name for one, an escape) is as likely as all its tokens.
    """
    ends = [value.encode() + b'"' for value in values]
    pieces = tokens.over((span[0], span[1] + 1))
    told = any(piece.others or piece.elsewhere for piece in pieces)
    said = tokens.text[span[0] : span[1] + 1]
    p = 1.0
    if said not in ends:
        for piece in pieces:
            p *= piece.p
        return Choice(p)
    others = dict.fromkeys(ends, 0.0)
    for piece in pieces:
        allowed = [end for end in ends if end.startswith(piece.prefix)]
        if len(allowed) > 1:
            p *= _branch(piece, p, allowed, others)
    named = {value: others[end] for value, end in zip(values, ends, strict=True) if end != said and others[end] >= _FEWEST}
    return Choice(p, tuple(sorted(named.items(), key=lambda kv: -kv[1])), told)


def _branch(piece: Piece, reached: float, allowed: Sequence[bytes], others: dict[bytes, float]) -> float:
    """The share of what was said at one place; the shares of what was not are added to `others`.

    Shares are renormalised by leaving out the tokens that lead to no value; what lies beyond the likeliest tokens is not known
    and stays in the denominator, so that nothing looks surer than it is. A grammar's shares have nothing to leave out. A token
    that could go on to several values is split evenly among them.
    """
    ruled_out = piece.elsewhere
    shares: list[tuple[list[bytes], float]] = []
    for other, p in piece.others:
        meant = [end for end in allowed if other and _fits(end[len(piece.prefix) :], other)]
        if meant:
            shares.append((meant, p))
        else:
            ruled_out += p
    whole = max(piece.p + sum(p for _, p in shares), 1 - ruled_out)
    if whole <= 0:
        return 0.0
    for meant, p in shares:
        for end in meant:
            others[end] += reached * p / whole / len(meant)
    return piece.p / whole


def _fits(value: bytes, said: bytes) -> bool:
    """One goes on from the other."""
    return value.startswith(said) or said.startswith(value)


def went_on(tokens: Tokens, turn: Span, *, first: bool) -> float | None:
    """The probability that a list went on where it went on or closed; `first`: before its first item. None: the reply does not tell.

    Tokens that say neither (an indent) are left out, and so is what lies beyond the likeliest tokens.
    """
    reached, on, closed, told = 1.0, 0.0, 0.0, False
    for piece in tokens.over(turn, reach=1):  # with `[` in a token of its own, `[]` was possible there
        told = told or bool(piece.others) or piece.elsewhere > 0
        for other, p in piece.others:
            letter = other.lstrip()[:1]
            if letter == b"]":
                closed += reached * p
            elif letter == b"," if not first else letter or (piece.lead and not other):
                on += reached * p
        if piece.prefix + piece.inside == tokens.text[turn[0] : turn[1]]:  # here it was decided
            if tokens.text[turn[1] - 1 : turn[1]] == b"]":
                closed += reached * piece.p
            else:
                on += reached * piece.p
        reached *= piece.p
    return on / (on + closed) if told and on + closed > 0 else None
