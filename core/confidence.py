"""How sure a model was of each thing it said, from the probabilities of its own tokens. Asks nothing, calibrates nothing.

A field's confidence is the product over the tokens at which another allowed value was still possible (a mean over tokens looks
surer than it is: expected calibration error .31 against .01-.02). A box's is the probability mass within one step of each corner.
None means that the model gave no probabilities, or that the reply had to be mended; it is never 1.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from core.geometry import BoxFormat
from core.parsing import Parsed
from core.profile import Profile
from core.prompts import risk_words
from core.schema import FIELDS, Assessment, Finding, Reply, Step, Token, Violation
from core.spans import Path, Span, locate

_WHOLE_NUMBER = re.compile(rb"\d+\Z")


def of(reply: Reply, parsed: Parsed, profile: Profile, fmt: BoxFormat) -> Parsed:
    """`parsed` with the confidences that the tokens of `reply` give; unchanged when they give none."""
    text = reply.text.encode("utf-8", "surrogateescape")
    pieces = tuple(token.text.encode("utf-8", "surrogateescape") for token in reply.tokens)
    if not pieces or parsed.start is None or b"".join(pieces) != text:
        return parsed
    said = _Said(reply.tokens, pieces, text, _in_bytes(reply.text, locate(reply.text, parsed.start)), parsed.places)
    labels, hazards = [term.key for term in profile.labels], [hazard.key for hazard in profile.hazards]

    def finding(at: int, found: Finding) -> Finding:
        label, box = said.choice(f"findings.{at}.label", labels), said.box(f"findings.{at}.box", fmt.step)
        if label is None or (found.box is not None and box is None):
            return found
        return replace(found, confidence=label * (1.0 if box is None else box))

    def violation(at: int, found: Violation) -> Violation:
        return replace(found, confidence=said.choice(f"violations.{at}", hazards))

    step = {name: replace(parsed.step[name], confidence=said.choice(name, [t.key for t in profile.terms(name)])) for name in FIELDS}
    return replace(
        parsed,
        findings=tuple(finding(at, found) for at, found in enumerate(parsed.findings)),
        step=Step(**step),
        violations=tuple(violation(at, found) for at, found in enumerate(parsed.violations)),
        risk_probabilities={level: p for level, p in said.shares("risk", risk_words(profile)).items() if level in profile.levels},
    )


def uncertainty(assessment: Assessment, fields: Sequence[str] = ()) -> float:
    """0..1 for the queue: one minus the least confidence of the fields, the violations and the risk.

    1 when the risk is undetermined, when one of `fields` (those that the profile asks for) was not understood, and when the
    model said nothing of how sure it was: who is not known to be sure is looked at first.
    """
    if assessment.risk.level is None or any(assessment.step[name].value is None for name in fields):
        return 1.0
    known = [assessment.step[name].confidence for name in FIELDS] + [violation.confidence for violation in assessment.violations]
    known.append(assessment.risk.probabilities.get(assessment.risk.level))
    return 1 - min((confidence for confidence in known if confidence is not None), default=0.0)


def _in_bytes(text: str, spans: Mapping[Path, Span]) -> Mapping[Path, Span]:
    """Spans in characters -> spans in bytes: a token may end inside a character."""
    if text.isascii():
        return spans
    at = [0, *accumulate(len(character.encode("utf-8", "surrogateescape")) for character in text)]
    return {path: (at[start], at[end]) for path, (start, end) in spans.items()}


@dataclass(frozen=True, slots=True)
class _Piece:
    """A token where it touches a value: the bytes of the value before it, what it carries besides, and what it could have been."""

    prefix: bytes  # of the value, said before this token
    lead: bytes  # carried by the token before the value begins
    inside: bytes  # of the value
    trail: bytes  # carried by the token behind the value
    p: float
    others: tuple[tuple[bytes, float], ...]  # bytes of the value that the token could have been, and how likely

    @classmethod
    def of(cls, token: Token, piece: bytes, start: int, span: Span, text: bytes) -> _Piece:
        end = start + len(piece)
        lead = text[start : span[0]] if start < span[0] else b""
        trail = text[span[1] : end] if end > span[1] else b""
        others = []
        for words, logprob in token.top:
            other = words.encode("utf-8", "surrogateescape")
            if other != piece and other.startswith(lead):
                others.append((other[len(lead) :], math.exp(logprob)))
        inside = text[max(start, span[0]) : min(end, span[1])]
        return cls(text[span[0] : max(start, span[0])], lead, inside, trail, math.exp(min(0.0, token.logprob)), tuple(others))


class _Said:
    """The reply's tokens laid over its values."""

    def __init__(
        self, tokens: Sequence[Token], pieces: Sequence[bytes], text: bytes, spans: Mapping[Path, Span], places: Mapping[str, Path]
    ) -> None:
        self._tokens, self._pieces, self._text, self._spans, self._places = tokens, pieces, text, spans, places
        self._starts = [0, *accumulate(len(piece) for piece in pieces)][:-1]

    def choice(self, place: str, choices: Sequence[str]) -> float | None:
        """The probability of a string that is one of `choices`; its closing quote belongs to it (`hand"` is not `handsaw"`)."""
        span = self._span(self._places.get(place))
        if span is None:
            return None
        allowed = [choice.encode() + b'"' for choice in choices]
        known = self._text[span[0] : span[1] + 1] in allowed  # an alias or an escape is not: then every token counts
        probability = 1.0
        for piece in self._over((span[0], span[1] + 1)):
            if not known or sum(choice.startswith(piece.prefix) for choice in allowed) > 1:
                probability *= piece.p
        return probability

    def shares(self, place: str, choices: Sequence[str]) -> dict[str, float]:
        """How the mass at the first token of a string is shared among `choices`; empty when that cannot be told."""
        span = self._span(self._places.get(place))
        if span is None or self._text[span[0] : span[1]].decode("utf-8", "replace") not in choices:
            return {}
        first = next(iter(self._over((span[0], span[1] + 1))))
        shares = dict.fromkeys(choices, 0.0)
        for said, p in ((first.inside + first.trail, first.p), *first.others):
            meant = [choice for choice in choices if said and _fits(choice.encode() + b'"', said)]
            if len(meant) > 1:
                return {}
            for choice in meant:
                shares[choice] += p
        whole = sum(shares.values())
        return {choice: p / whole for choice, p in shares.items()} if first.others and whole > 0 else {}

    def box(self, place: str, step: int) -> float | None:
        """The mass of all four corners within one step of what was said."""
        path = self._places.get(place)
        if path is None:
            return None
        mass = 1.0
        for corner in range(4):
            span = self._span((*path, corner))
            if span is None:
                return None
            mass *= self._near(span, step)
        return mass

    def _near(self, span: Span, step: int) -> float:
        """The mass within `step` of a number. Where a higher digit could have been another, its nearest end counts (299 beside 300).

        What the model would have said after another digit is not known: the end stands for it (rank correlation with the true
        spread .994).
        """
        number = self._text[span[0] : span[1]]
        exact, near = 1.0, 0.0
        for piece in self._over(span):
            if _WHOLE_NUMBER.match(number):
                behind = len(number) - len(piece.prefix) - len(piece.inside)  # digits that are still to come
                for other, p in piece.others:
                    digits = other.removesuffix(piece.trail) if piece.trail else other
                    if _WHOLE_NUMBER.match(piece.prefix + digits) and _distance(int(number), int(piece.prefix + digits), behind) <= step:
                        near += exact * p
            exact *= piece.p
        return min(1.0, near + exact)

    def _span(self, path: Path | None) -> Span | None:
        return None if path is None else self._spans.get(path)

    def _over(self, span: Span) -> list[_Piece]:
        """The tokens that touch a span, in order."""
        first = bisect_right(self._starts, span[0]) - 1
        touching = []
        for at in range(first, len(self._pieces)):
            if self._starts[at] >= span[1]:
                break
            if self._pieces[at]:
                touching.append(_Piece.of(self._tokens[at], self._pieces[at], self._starts[at], span, self._text))
        return touching


def _fits(choice: bytes, said: bytes) -> bool:
    """One goes on from the other."""
    return choice.startswith(said) or said.startswith(choice)


def _distance(number: int, head: int, behind: int) -> int:
    """From a number to the nearest of those that begin with `head` and have `behind` more digits."""
    unit = int(10**behind)
    low, high = head * unit, (head + 1) * unit - 1
    return max(low - number, number - high, 0)
