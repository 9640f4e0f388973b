"""Under which licences the parts of the product stand, by what they say of themselves, and which of them may not be part of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Protocol

FILE = Path(__file__).with_name("licences.toml")
_WORDS = re.compile(r"\(|\)|[\w.+-]+(?: WITH [\w.-]+)?")


class Metadata(Protocol):
    """What a distribution says of itself."""

    def get_all(self, name: str) -> list[str] | None:
        """Every line of this name."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is allowed, and what older packages call it."""

    allowed: frozenset[str]
    names: Mapping[str, str]  # classifier or free words -> SPDX expression


def rules(file: Path = FILE) -> Rules:
    """The rules of a file."""
    read = tomllib.loads(file.read_text("utf-8"))
    return Rules(frozenset(read["allowed"]), dict(read["names"]))


def of(metadata: Metadata, rules: Rules) -> str | None:
    """An SPDX expression. None: it says none that we understand, and then it is not allowed."""
    for line in metadata.get_all("License-Expression") or ():
        return line.strip()
    classed = [line.removeprefix("License :: ") for line in metadata.get_all("Classifier") or () if line.startswith("License :: ")]
    said = classed or [line.strip() for line in metadata.get_all("License") or ()]
    known = [rules.names.get(line, line if line in rules.allowed or " AND " in line or " OR " in line else "") for line in said]
    return " AND ".join(f"({each})" if " OR " in each and len(known) > 1 else each for each in known) if known and all(known) else None


def is_allowed(expression: str, allowed: frozenset[str]) -> bool:
    """Whether one may use what stands under an SPDX expression; AND binds more than OR.

    >>> is_allowed("MIT AND (GPL-3.0-only OR Apache-2.0)", frozenset({"MIT", "Apache-2.0"}))
    True
    """
    words = _WORDS.findall(expression)
    found, rest = _either(words, allowed)
    return found and not rest


def _either(words: list[str], allowed: frozenset[str]) -> tuple[bool, list[str]]:
    found, rest = _both(words, allowed)
    while rest and rest[0] == "OR":
        more, rest = _both(rest[1:], allowed)
        found = found or more
    return found, rest


def _both(words: list[str], allowed: frozenset[str]) -> tuple[bool, list[str]]:
    found, rest = _one(words, allowed)
    while rest and rest[0] == "AND":
        more, rest = _one(rest[1:], allowed)
        found = found and more
    return found, rest


def _one(words: list[str], allowed: frozenset[str]) -> tuple[bool, list[str]]:
    if not words:
        return False, []
    if words[0] == "(":
        found, rest = _either(words[1:], allowed)
        return (found, rest[1:]) if rest[:1] == [")"] else (False, rest)
    return words[0] in allowed, words[1:]


def faults(found: Mapping[str, str | None], rules: Rules) -> Iterator[str]:
    """A sentence for each distribution that may not be part of the product."""
    for name, expression in found.items():
        if expression is None:
            yield f"{name} names no licence that we understand; look, and write what it calls it into {FILE.name}."
        elif not is_allowed(expression, rules.allowed):
            yield f"{name} stands under {expression}, which is not allowed here."


def installed(names: Iterable[str], rules: Rules) -> dict[str, str | None]:
    """Name -> licence, of those that are in this environment."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = of(distribution(name).metadata, rules)
        except PackageNotFoundError:
            continue
    return found
