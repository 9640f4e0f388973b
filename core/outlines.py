"""Finds what was asked for in a reply that is no JSON: Markdown lists and tables, "key: value" lines. Reads no prose: a sentence says too much between the words.

What is found is believed no more than mended JSON (`core.parsing`), so it never says that there is no risk.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from core.extraction import Extract
from core.terms import fold

KeyOf = Callable[[object], str | None]
"""The field of a reply that a word names; None when it names none."""

_LISTS = ("findings", "violations")
_NOTHING = {fold(word) for word in ("", "none", "no", "n/a", "[]", "-", "无", "没有", "（无）")}
_COLUMNS = {
    "label": "label",
    "class": "label",
    "object": "label",
    "标签": "label",
    "类别": "label",
    "box": "box",
    "bbox": "box",
    "坐标": "box",
}
_BULLET = re.compile(r"\s*(?:[-*+•·]|\d+[.)、．])\s+|\s*[•·]")
_LINE = re.compile(r"(?P<key>[^:：]{1,40})[:：](?P<value>.*)")
_RULE = re.compile(r"[\s|:+\-—=]*")
_NUMBERS = r"-?\d+(?:\.\d+)?(?:\s*[,，、]\s*-?\d+(?:\.\d+)?)*"
_BOXED = re.compile(rf"(?P<label>.*?)\s*[:：@]?\s*[\[(（【［]\s*(?P<box>{_NUMBERS})\s*[\])）】］]")
_AROUND = " \t\r*_`\"'“”‘’「」『』。.;；,，"


def outlined(words: str, key_of: KeyOf, is_one: Callable[[str], bool]) -> Extract | None:
    """A reply as an object, from its lines; None when there are fewer than three of its keys in it, or any braces.

    `is_one`: whether words with a comma in them name one violation.
    """
    if "{" in words or "｛" in words:
        return None
    outline = _Outline(key_of, is_one)
    for line in words.splitlines():
        outline.add(line)
    if len(outline.said) < 3:
        return None
    problem = "It is no JSON, but a list or a table."
    return Extract(outline.said, "repaired", twice=frozenset(outline.twice), rest=" ".join(outline.rest), problem=problem)


class _Outline:
    """Line by line: an object, and what is not understood."""

    def __init__(self, key_of: KeyOf, is_one: Callable[[str], bool]) -> None:
        self._key_of, self._is_one = key_of, is_one
        self.said: dict[str, Any] = {}
        self.twice: set[str] = set()
        self.rest: list[str] = []
        self._open: str | None = None  # the list whose items are on the lines below its name
        self._columns: list[str | None] = []  # of the table that is being read

    def add(self, line: str) -> None:
        if line.count("|") >= 2:
            self._row([cell.strip(_AROUND) for cell in line.strip().strip("|").split("|")], line)
            return
        self._columns = []
        bullet = _BULLET.match(line)
        text = line[bullet.end() :] if bullet else line
        pair = _LINE.match(text.strip().lstrip("#"))
        key = self._key_of(pair["key"].strip(_AROUND)) if pair else None
        if pair and key:
            self._say(key, pair["value"].strip(_AROUND))
        elif bullet and self._open:
            self.said[self._open].append(_item(text.strip(_AROUND), self._open))
        elif not _RULE.fullmatch(line):
            heading = self._key_of(text.strip(_AROUND + "#"))
            if heading in _LISTS:
                self._say(heading, "")
            else:
                self.rest.append(line.strip())

    def _row(self, cells: list[str], line: str) -> None:
        if _RULE.fullmatch(line):
            return
        columns = [_COLUMNS.get(fold(cell)) or self._key_of(cell) for cell in cells]
        if not self._columns and ("label" in columns or (len(cells) > 2 and sum(column is not None for column in columns) >= 3)):
            self._columns = columns
        elif self._columns and len(cells) == len(self._columns):
            self._filled(dict(zip(self._columns, cells, strict=True)), line)
        elif len(cells) == 2 and columns[0] and columns[0] not in _COLUMNS.values():
            self._say(columns[0], cells[1])
        elif len(cells) != 2 or self.said:  # the first row of two may name the columns
            self.rest.append(line.strip())

    def _filled(self, row: dict[str | None, str], line: str) -> None:
        """A row under a head: a finding, or the whole reply."""
        if None in row:
            self.rest.append(line.strip())
        label = row.pop("label", None)
        box = row.pop("box", "")
        if label is not None:
            self.said.setdefault("findings", []).append(_item(f"{label} [{box.strip('[]()（）')}]" if box else label, "findings"))
        for key, value in row.items():
            if key and label is None:
                self._say(key, value)
            elif key:
                self.rest.append(f"{key} of {label}: {value}")

    def _say(self, key: str, value: str) -> None:
        self._open = key if key in _LISTS and not value else None
        if key in self.said:
            self.twice.add(key)
        if key in _LISTS:
            parts = [value] if self._is_one(value) else _parts(value)
            items = [] if fold(value) in _NOTHING else [_item(part.strip(_AROUND), key) for part in parts]
            self.said[key] = [*self.said.get(key, []), *items]
        else:
            self.said.setdefault(key, value)


def _parts(value: str) -> list[str]:
    """A list on one line; the commas inside a box part nothing."""
    inside = value.strip()
    if inside[:1] in "[［【" and inside[-1:] in "]］】" and not re.match(r"[\[［【]\s*-?\d", inside):
        inside = inside[1:-1]
    return [part for part in re.split(r"[,，、;；](?![^\[(（【［]*[\])）】］])", inside) if part.strip(_AROUND)]


def _item(text: str, key: str) -> Any:
    boxed = _BOXED.fullmatch(text)
    if key == "violations" or boxed is None:
        return text if key == "violations" else {"label": text}
    numbers = [float(number) for number in re.split(r"\s*[,，、]\s*", boxed["box"])]
    return {"label": boxed["label"].strip(_AROUND), "box": [int(n) if n.is_integer() else n for n in numbers]}
