"""Where each value of a JSON text stands in it, and where each list went on or closed. Reads only valid JSON, and explains nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Keys and indices from the outermost value inwards."""

Span = tuple[int, int]
"""First and last + 1 character; of a string what stands between its quotes."""

_TOKEN = re.compile(r'\s*(?:"(?P<string>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s\[\]{},:"]+)|(?P<mark>[\[\]{},:]))', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand. `turns` of a list of n items are n + 1: after its bracket and after each item, up to what decided."""

    values: Mapping[Path, Span]  # every string, number and constant
    turns: Mapping[
        Path, tuple[Span, ...]
    ]  # from the end of what came before to behind the comma, the bracket or the first letter of an item


@dataclass(slots=True)
class _Open:
    """An object or a list that has not closed yet."""

    is_object: bool
    key: str | int  # of the value that is awaited
    keys: set[str] = field(default_factory=set)
    turns: list[Span] = field(default_factory=list)


def locate(text: str, start: int = 0) -> Layout:
    """Where everything stands in the value that begins at `start`. Of a key that is there twice the last counts, as in every parser.

    >>> locate('x {"a":["b",12]}', 2)
    Layout(values={('a', 0): (9, 10), ('a', 1): (12, 14)}, turns={('a',): ((8, 9), (11, 12), (14, 15))})
    """
    walk = _Walk()
    for token in _TOKEN.finditer(text, start):
        walk.take(token)
        if not walk.open:
            break
    return Layout(walk.values, walk.turns)


class _Walk:
    """From mark to mark through a text."""

    def __init__(self) -> None:
        self.values: dict[Path, Span] = {}
        self.turns: dict[Path, tuple[Span, ...]] = {}
        self.open: list[_Open] = []
        self._key_awaited = False
        self._before = 0  # the end of the mark or value before

    def take(self, token: re.Match[str]) -> None:
        """One mark, key or value."""
        mark, begins = token["mark"], token.end() - len(token[0].lstrip())
        if self.open and not self.open[-1].is_object and (mark in (",", "]") or not self.open[-1].turns):
            self.open[-1].turns.append((self._before, begins + 1))
        self._before = token.end()
        if mark in ("{", "["):
            self.open.append(_Open(mark == "{", "" if mark == "{" else 0))
            self._key_awaited = mark == "{"
        elif mark in ("}", "]"):
            closed = self.open.pop()
            if not closed.is_object:
                self.turns[self._path()] = tuple(closed.turns)
        elif mark == ",":
            self._key_awaited = self.open[-1].is_object
            if isinstance(self.open[-1].key, int):
                self.open[-1].key += 1
        elif mark == ":":
            self._key_awaited = False
        elif self._key_awaited:
            self._name(json.loads(f'"{token["string"]}"'))
        else:
            self.values[self._path()] = token.span("string" if token["string"] is not None else "plain")

    def _name(self, key: str) -> None:
        """A key. What stood under the same key before is forgotten."""
        self.open[-1].key = key
        if key in self.open[-1].keys:
            path = self._path()
            for places in (self.values, self.turns):
                for known in [known for known in places if known[: len(path)] == path]:
                    del places[known]
        self.open[-1].keys.add(key)

    def _path(self) -> Path:
        return tuple(one.key for one in self.open)
