"""Finds the one JSON value in a model's words. Knows nothing of profiles, and never takes one of two different answers for the answer.

Three rungs: the words are JSON · JSON stands in them · what stands in them can be mended. How it was got is told, because
a mended reply is believed less (`core.parsing`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from core.mending import mended

How = Literal["strict", "cut", "repaired", "unread"]
"""The reply is JSON; JSON was cut out of it; JSON was made of it; there was none."""

MAX_BYTES = 64 * 1024
"""Of a reply. What is longer is cut there: a model may run on for ever."""

_MAX_TRIES = 200  # places where a value may begin
_MAX_DEPTH = 50  # brackets in brackets; a reply has four
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"\s*```[a-zA-Z]*\s*(\{.*\})\s*```\s*\Z", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_FENCES = re.compile(r"```[a-zA-Z]*|[\s\ufeff]+")


@dataclass(frozen=True, slots=True)
class Extract:
    """What was found. `start` is where the value begins in the words; None when it does not stand there as it is."""

    value: Any
    how: How
    start: int | None = None
    twice: frozenset[str] = frozenset()  # keys that an object has twice: nobody knows which was meant
    rest: str = ""  # what else was said, without fences
    problem: str = ""  # why it is `unread`, or what is wrong with it; a sentence


def unwrapped(words: str) -> tuple[str, How, int]:
    """The words without a fence and white space around them, how that was done, and where they begin; the very words when nothing is around them."""
    if words.startswith("{"):
        return words, "strict", 0
    fenced = _FENCED.match(words)
    if fenced:
        return fenced[1], "cut", fenced.start(1)
    return words, "strict", _first(words)


def extract(words: str, wanted: Callable[[Any], bool]) -> Extract:
    """The JSON value in `words` for which `wanted` holds. Never raises on `words`."""
    if _depth(words) > _MAX_DEPTH:
        return Extract(None, "unread", problem=f"More than {_MAX_DEPTH} brackets stand in one another.")
    try:
        value = orjson.loads(words)
    except orjson.JSONDecodeError:
        pass
    else:
        if wanted(value):
            return Extract(value, "strict", _first(words), _twice(words, value))
        if isinstance(value, str) and (inner := _repaired(value, wanted)):  # JSON in a JSON string
            return inner
    return _cut(words, wanted) or _repaired(words, wanted) or Extract(None, "unread", problem=_why(words))


def _first(words: str) -> int:
    return len(words) - len(words.lstrip())


def _twice(words: str, value: Any) -> frozenset[str]:
    """Keys that stand twice in one object; parsers keep the last of them in silence."""
    try:
        if orjson.dumps(value).decode() == words:  # nothing was lost: the usual, quick
            return frozenset()
    except TypeError:  # a number or a depth that orjson does not write
        pass
    twice: set[str] = set()

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice.update(key for key in found if keys.count(key) > 1)
        return found

    try:
        json.loads(words, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return frozenset(value) if isinstance(value, dict) else frozenset()  # not to be told: then none is believed
    return frozenset(twice)


def _perhaps_twice(words: str, value: Any) -> frozenset[str]:
    """Keys of the outermost object that something broken has more than once somewhere: a mender keeps one of them in silence."""
    if not isinstance(value, dict):
        return frozenset()
    return frozenset(key for key in value if len(re.findall(re.escape(key) + r"[\"'”’」』]?\s*[:：]", words)) > 1)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _cut(words: str, wanted: Callable[[Any], bool]) -> Extract | None:
    """The value that stands whole in the words; None when there is none, a problem when there are several that differ."""
    thoughts = _THOUGHTS.match(words)
    at = thoughts.end() if thoughts else 0
    found: list[tuple[Any, int, int]] = []
    for _ in range(_MAX_TRIES):
        opening = _OPENING.search(words, at)
        if opening is None:
            break
        try:
            value, end = _DECODER.raw_decode(words, opening.start())
        except (ValueError, RecursionError):
            at = opening.end()
            continue
        if wanted(value):
            found.append((value, opening.start(), end))
            at = end
        else:
            at = opening.end()  # it may be wrapped
    if not found:
        return None
    value, start, end = found[0]
    if any(other != value for other, _, _ in found):
        return Extract(None, "unread", problem="There are two different answers in it.")
    edges = [thoughts.end() if thoughts else 0, *(edge for _, a, b in found for edge in (a, b)), len(words)]
    rest = " ".join(words[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
    if isinstance(value, list) and "{" in rest:
        return None  # the one whole part of an object that is broken: what is missing can still be mended
    return Extract(value, "cut", start, _twice(words[start:end], value), _FENCES.sub(" ", rest).strip())


def _repaired(words: str, wanted: Callable[[Any], bool]) -> Extract | None:
    """What can be made of it."""
    try:
        value, written = mended(words)
    except ValueError:
        return None
    if not wanted(value):
        return None
    twice = _twice(written, value) if written else _perhaps_twice(words, value)
    return Extract(value, "repaired", twice=twice, problem="It was not valid JSON and had to be mended.")


def _depth(words: str) -> int:
    """How many brackets stand in one another at most; 0 when there are few of them."""
    if words.count("[") + words.count("{") <= _MAX_DEPTH:  # the usual, quick
        return 0
    depth = deepest = 0
    for bracket in re.findall(r"[\[\]{}]", words):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _why(words: str) -> str:
    return "There is no JSON object in it." if words.strip() else "It is empty."
