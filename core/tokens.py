"""A reply's tokens laid over the bytes of its text, and what each of them could have been instead. Knows no profile and judges nothing.

By bytes and not by characters or words: a token may end inside a character, and punctuation may stick to a value.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from core.schema import Reply, Token
from core.spans import Layout, Span


@dataclass(frozen=True, slots=True)
class Piece:
    """A token where it touches a value. Probabilities are those of its place in the reply, given all that was said before."""

    prefix: bytes  # of the value, said before this token
    lead: bytes  # carried by the token before the value begins
    inside: bytes  # of the value
    trail: bytes  # carried by the token behind the value
    p: float
    others: tuple[tuple[bytes, float], ...]  # what could have stood in the place of inside + trail, and how likely
    elsewhere: float  # of the likeliest tokens that do not begin with `lead`: had one been said, there would be no such value


class Tokens:
    """All tokens of a reply in order."""

    def __init__(self, tokens: Sequence[Token], pieces: Sequence[bytes], text: bytes) -> None:
        self._tokens, self._pieces, self.text = tokens, pieces, text
        self._starts = [0, *accumulate(len(piece) for piece in pieces)][:-1]

    def over(self, span: Span, *, reach: int = 0) -> list[Piece]:
        """The tokens that touch the bytes of a span, or one of the `reach` bytes before it, in order."""
        return [self._piece(at, span) for at in self.numbers((span[0] - reach, span[1]))]

    def numbers(self, span: Span) -> list[int]:
        """The places in the reply of the tokens that touch the bytes of a span."""
        touching = []
        for at in range(max(0, bisect_right(self._starts, span[0]) - 1), len(self._pieces)):
            if self._starts[at] >= span[1]:
                break
            if self._starts[at] + len(self._pieces[at]) > span[0]:
                touching.append(at)
        return touching

    def _piece(self, at: int, span: Span) -> Piece:
        start, end = self._starts[at], self._starts[at] + len(self._pieces[at])
        lead = self.text[start : span[0]] if start < span[0] else b""
        others, elsewhere = [], 0.0
        for words, logprob in self._tokens[at].top:
            other, p = in_bytes(words), math.exp(min(0.0, logprob))
            if other == self._pieces[at]:
                continue
            if other.startswith(lead):
                others.append((other[len(lead) :], p))
            else:
                elsewhere += p
        return Piece(
            prefix=self.text[span[0] : max(start, span[0])],
            lead=lead,
            inside=self.text[max(start, span[0]) : min(end, span[1])],
            trail=self.text[span[1] : end] if end > span[1] else b"",
            p=math.exp(min(0.0, self._tokens[at].logprob)),
            others=tuple(others),
            elsewhere=elsewhere,
        )


def lay(reply: Reply) -> Tokens | None:
    """The tokens of a reply over its text; None when it has none, or when they do not make up its text."""
    text = in_bytes(reply.text)
    pieces = tuple(in_bytes(token.text) for token in reply.tokens)
    return Tokens(reply.tokens, pieces, text) if pieces and b"".join(pieces) == text else None


def in_bytes(words: str) -> bytes:
    """UTF-8; pieces of a character, which are written as surrogates, become what they are."""
    try:
        return words.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character of UTF-16, as a server may send it: it stands in no value that is known
        return words.encode("utf-8", "replace")


def spans_in_bytes(text: str, layout: Layout) -> Layout:
    """Spans in characters -> spans in bytes."""
    if text.isascii():
        return layout
    at = [0, *accumulate(len(in_bytes(character)) for character in text)]
    values = {path: (at[start], at[end]) for path, (start, end) in layout.values.items()}
    turns = {path: tuple((at[start], at[end]) for start, end in spans) for path, spans in layout.turns.items()}
    return Layout(values, turns)
