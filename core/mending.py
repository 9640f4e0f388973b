"""Makes JSON of what is nearly JSON: cut off, single-quoted, with comments, with commas too many, in full-width signs. Adds no value that was not said.

What was cut off in the middle is left out: half a word may be another word, half a number another number.
"""

from __future__ import annotations

import json
import re
from typing import Any

_WIDE = str.maketrans("｛｝［］：，“”„‟＂「」『』‘’＇", '{}[]:,"""""""""' + "'''")
_WORDS = {"True": "true", "False": "false", "None": "null", "NaN": "null", "true": "true", "false": "false", "null": "null"}
_CLOSING = {"{": "}", "[": "]"}
_PIECE = re.compile(
    r"""\s*(?:(?P<double>"(?:[^"\\]|\\.)*") | (?P<single>'(?:[^'\\]|\\.|'(?!\s*[:,\]}]))*'(?=\s*[:,\]}])) | (?P<mark>[\[\]{}:,])
    | (?P<comment>//[^\n]*(?:\n|\Z)|\#[^\n]*(?:\n|\Z)|/\*.*?\*/) | (?P<plain>[^\s\[\]{}:,"'/\#]+))""",
    re.DOTALL | re.VERBOSE,
)
_OPEN = re.compile(r"""\s*(?:"(?:[^"\\]|\\.)*\\?|'[^']*)""", re.DOTALL)  # a string that is never closed


def mended(words: str) -> tuple[Any, str]:
    """The value that begins at the first bracket of `words`, and as what it was read. Raises ValueError when it cannot be told what was meant."""
    for candidate in dict.fromkeys((words, words.translate(_WIDE))):  # full-width signs inside a sound string stay what they are
        start = min((at for at in (candidate.find("{"), candidate.find("[")) if at >= 0), default=-1)
        try:
            written = _rewritten(candidate, start)
            return json.loads(written), written
        except (ValueError, RecursionError):
            continue
    if start < 0:
        raise ValueError("There is no bracket in it.")
    import json_repair  # only what is broken in an odd way pays for it

    try:
        return json_repair.loads(_without_open_string(candidate[start:])), ""
    except RecursionError as error:
        raise ValueError("Its brackets stand too deep in one another.") from error


def _rewritten(words: str, start: int) -> str:
    """The same pieces as JSON writes them, up to the end of the value or to the last thing that was said whole. Raises ValueError."""
    if start < 0:
        raise ValueError("There is no bracket in it.")
    written: list[str] = []
    stack: list[str] = []
    whole = (0, "")  # pieces, and the brackets that were open after them, when the last value was whole
    at = start
    while piece := _PIECE.match(words, at):
        kind, at = piece.lastgroup, piece.end()
        said = piece[kind or 0]
        if kind == "comment":
            continue
        if said in ("}", "]"):
            if written[-1] == ",":
                written.pop()
            if not stack or _CLOSING[stack.pop()] != said:
                raise ValueError("Its brackets do not match.")
        elif said == "," and kind == "mark":
            whole = (len(written), "".join(stack))
        elif said in ("{", "["):
            stack.append(said)
        elif kind == "single":
            said = '"' + said[1:-1].replace('"', '\\"').replace("\\'", "'") + '"'
        elif kind == "plain" and at < len(words):  # the last may be cut off
            said = _WORDS.get(said) or _number(said)
        written.append(said)
        if kind == "mark" and said in "{}[]":
            whole = (len(written), "".join(stack))
            if not stack:
                return "".join(written)
        elif kind in ("double", "single") and written[-2:-1] == [":"]:
            whole = (len(written), "".join(stack))
    if words[at:].strip() and not _OPEN.fullmatch(words, at):
        raise ValueError("Something else stands in it.")
    pieces, open_brackets = whole
    return "".join([*written[:pieces], *(_CLOSING[bracket] for bracket in reversed(open_brackets))])


def _number(said: str) -> str:
    return str(float(said)) if "." in said else str(int(said))


def _without_open_string(words: str) -> str:
    """Up to the quote that is never closed."""
    open_at: int | None = None
    for mark in re.finditer(r'\\.|"', words, re.DOTALL):
        if mark.group() == '"':
            open_at = mark.start() if open_at is None else None
    return words if open_at is None else words[:open_at]
