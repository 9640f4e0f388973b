"""Where each value of a JSON text stands in it. Reads only text that was found to be valid JSON, and explains nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Keys and indices from the outermost value inwards."""

Span = tuple[int, int]
"""First and last + 1 character; of a string what stands between its quotes."""

_TOKEN = re.compile(r'\s*(?:"(?P<string>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s\[\]{},:"]+)|(?P<mark>[\[\]{},:]))', re.DOTALL)


def locate(text: str, start: int = 0) -> Mapping[Path, Span]:
    """Path -> span of every string, number and constant of the value that begins at `start`.

    >>> locate('x {"a":["b",12]}', 2)
    {('a', 0): (9, 10), ('a', 1): (12, 14)}
    """
    spans: dict[Path, Span] = {}
    path: list[str | int] = []  # of the value that is awaited
    in_object: list[bool] = []
    indices: list[int] = []
    key_awaited = False
    for token in _TOKEN.finditer(text, start):
        mark = token["mark"]
        if mark in ("{", "["):
            in_object.append(mark == "{")
            indices.append(0)
            path.append("" if mark == "{" else 0)
            key_awaited = mark == "{"
        elif mark in ("}", "]"):
            in_object.pop()
            indices.pop()
            path.pop()
        elif mark == ",":
            key_awaited = in_object[-1]
            if not key_awaited:
                indices[-1] += 1
                path[-1] = indices[-1]
        elif mark == ":":
            key_awaited = False
        elif key_awaited:
            path[-1] = json.loads(f'"{token["string"]}"')
        else:
            spans[tuple(path)] = token.span("string" if token["string"] is not None else "plain")
        if not in_object:
            break
    return spans
