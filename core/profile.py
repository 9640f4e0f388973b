"""Reads a profile from TOML, or refuses it with file, line and reason. Judges nothing; its words are those of `core.terms`."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import ProfileError
from core.terms import LANGUAGES, LEVELS, NO_TERM, SAMPLERS, Condition, Hazard, Profile, StepRule, Term, fold

__all__ = ["LANGUAGES", "LEVELS", "NO_TERM", "Condition", "Hazard", "Profile", "StepRule", "Term", "available", "fold", "read"]

_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")
_TOP = frozenset(
    {"key", "version", "name", "levels", "labels", "actions", "phases", "groups", "geometry", "steps", "hazards", "not_applicable", "queue"}
)
_TERM = frozenset({"key", "aliases", *LANGUAGES})
_HAZARD = frozenset({"key", "risk", "fix", "mark", "when", *LANGUAGES})
_CONDITION = frozenset({"hand", "tool", "at_part", "joined", "any", "count", "near", "at_edge", "gap"})
_NONE_NAMES = {"en": "None", "zh": "无"}
_NONE_ALIASES = ("no tool", "no part", "n/a", "没有")


def available(folder: Path) -> tuple[str, ...]:
    """Keys of the profiles in a folder, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def read(path: Path) -> Profile:
    """Read a profile. Raises ProfileError with file, line and reason."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise ProfileError(f"There is no profile {path.name} in {path.parent}. `launch.py doctor` lists those that are there.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path.name}: this file cannot be read as UTF-8 text ({error}).") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path.name}: not valid TOML: {error}.") from error
    return _Reader(path.name, text).profile(raw)


class _Reader:
    """Turns the raw tables into a Profile and knows in which line a word stands."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines = text.splitlines()
        self._labels: dict[str, Term] = {}
        self._groups: dict[str, tuple[str, ...]] = {}

    def profile(self, raw: Mapping[str, Any]) -> Profile:
        for needed in ("key", "version", "name", "labels"):
            if needed not in raw:
                raise ProfileError(f'{self._file}, line 1: "{needed}" is missing.')
        self._only(raw, _TOP, "means nothing here")
        if type(raw["version"]) is not int:
            raise self._wrong("version", "the version must be a whole number.")
        levels = self._strings(raw.get("levels", LEVELS), "levels")
        if levels != tuple(level for level in LEVELS if level in levels) or len(levels) < 2:
            raise self._wrong("levels", f"levels must be some of {', '.join(LEVELS)}, in this order.")
        labels = self._terms(raw["labels"], "label")
        self._labels = {term.key: term for term in labels}
        self._groups = self._read_groups(raw.get("groups", {}))
        actions, phases = self._terms(raw.get("actions", []), "action"), self._terms(raw.get("phases", []), "phase")
        tools, parts = self._of_kind("tool", bool(actions)), self._of_kind("part", bool(actions))
        hazards = self._hazards(raw.get("hazards", []), levels)
        choices = {"label": labels, "tool": tools, "part": parts, "action": actions, "phase": phases}
        choices["hazard"] = tuple(Term(hazard.key, hazard.names) for hazard in hazards)
        geometry = self._table(raw.get("geometry", {}), "geometry")
        self._only(geometry, {"hands", "held", "touch"}, 'means nothing in "geometry"')
        return Profile(
            key=self._key(raw, "the profile"),
            version=raw["version"],
            names=self._names(raw["name"], "name", "the profile"),
            levels=levels,
            labels=labels,
            tools=tools,
            parts=parts,
            actions=actions,
            phases=phases,
            hazards=hazards,
            steps=tuple(self._step(step, actions, phases) for step in self._list(raw.get("steps", []), "steps")),
            hands=self._expand(geometry.get("hands", []), "hands"),
            held=self._share(geometry, "held", 0.1),
            touch=self._share(geometry, "touch", 0.0),
            not_applicable=self._expand(raw.get("not_applicable", []), "not_applicable"),
            _lookup={name: self._lookup(terms, name) for name, terms in choices.items()},
            mix=self._mix(raw.get("queue", {})),
        )

    def _mix(self, raw: object) -> dict[str, float]:
        """The shares of the samplers in the queue; empty when the profile says nothing of it."""
        queue = self._table(raw, "queue")
        self._only(queue, {"mix"}, 'means nothing in "queue"', "[queue]")
        shares = self._table(queue.get("mix", {}), "mix")
        self._only(shares, SAMPLERS, f"is no sampler ({', '.join(SAMPLERS)})", "[queue]")
        for name, share in shares.items():
            if type(share) not in (int, float) or not 0 < share < math.inf:
                raise self._wrong(name, f'the share of "{name}" in the queue must be a number over 0.', after="[queue]")
        return {name: float(share) for name, share in shares.items()}

    def _wrong(self, near: str, reason: str, *, last: bool = False, after: str = "") -> ProfileError:
        """The sentence, with the first (or the last) line in which `near` stands; with `after`, from the line of that on."""
        lines = [text.split("#")[0].replace(" ", "") for text in self._lines]
        start = next((n for n, text in enumerate(lines) if after.replace(" ", "") in text), 0)
        found = [n for n, text in enumerate(lines[start:], start + 1) if near.replace(" ", "") in text] or [start + 1]
        return ProfileError(f"{self._file}, line {found[-1 if last else 0]}: {reason}")

    def _table(self, raw: object, near: str) -> Mapping[str, Any]:
        if not isinstance(raw, Mapping):
            raise self._wrong(near, f'"{near}" takes a table of names and values.')
        return raw

    def _list(self, raw: object, near: str) -> list[Any]:
        if not isinstance(raw, list):
            raise self._wrong(near, f'"{near}" takes a list.')
        return raw

    def _strings(self, raw: object, near: str) -> tuple[str, ...]:
        words = (raw,) if isinstance(raw, str) else raw
        if not isinstance(words, list | tuple) or not all(isinstance(word, str) and word.strip() for word in words):
            raise self._wrong(near, f'"{near}" takes a list of words.')
        return tuple(words)

    def _only(self, raw: Mapping[str, Any], known: Iterable[str], complaint: str, after: str = "") -> None:
        for word in sorted(set(raw) - set(known)):
            raise self._wrong(word, f'"{word}" {complaint}.', after=after)

    def _key(self, raw: Mapping[str, Any], whose: str) -> str:
        key = raw.get("key")
        if not isinstance(key, str) or not _KEY.match(key):
            said = "has no key" if key is None else f'has the key "{key}", which is none: small letters, digits and _ only'
            raise self._wrong(f'"{key}"', f"{whose} {said}.")
        return key

    def _names(self, raw: object, near: str, whose: str) -> dict[str, str]:
        table = self._table(raw, near)
        for language in LANGUAGES:
            if not isinstance(table.get(language), str) or not table[language].strip():
                raise self._wrong(near, f'{whose} has no name in "{language}".')
        self._only(table, LANGUAGES, f"is no language of ours ({', '.join(LANGUAGES)})", near)
        return {language: table[language] for language in LANGUAGES}

    def _terms(self, raw: object, what: str) -> tuple[Term, ...]:
        terms: dict[str, Term] = {}
        for entry in self._list(raw, f"{what}s"):
            table = self._table(entry, f"{what}s")
            key = self._key(table, f"a {what}")
            near = f'key = "{key}"'
            self._only(table, _TERM | ({"kind"} if what == "label" else set()), f"means nothing among the {what}s", near)
            if key in terms:
                raise self._wrong(near, f'the {what} "{key}" is there twice.', last=True)
            if what == "label" and key == NO_TERM:
                raise self._wrong(near, f'a label cannot be called "{NO_TERM}": that key says that there is none.')
            kind = table.get("kind", "object" if what == "label" else "")
            if not isinstance(kind, str):
                raise self._wrong(near, f'the kind of "{key}" must be a word.')
            names = self._names({language: table[language] for language in LANGUAGES if language in table}, near, f'"{key}"')
            terms[key] = Term(key, names, self._strings(table.get("aliases", ()), near), kind)
        return tuple(terms.values())

    def _of_kind(self, kind: str, asked: bool) -> tuple[Term, ...]:
        """The labels of a kind as choices of a field, with "none" as the last; empty when no step is asked for."""
        found = tuple(term for term in self._labels.values() if term.kind == kind)
        return (*found, Term(NO_TERM, _NONE_NAMES, _NONE_ALIASES)) if asked and found else ()

    def _lookup(self, terms: Iterable[Term], what: str) -> dict[str, str]:
        """Key, and folded key, name or alias -> key. Two terms of one field may not share a word."""
        lookup: dict[str, str] = {}
        for term in terms:
            for word in (term.key, *term.names.values(), *term.aliases):
                other = lookup.setdefault(fold(word), term.key)
                if other != term.key:
                    raise self._wrong(f'key = "{term.key}"', f'"{word}" is a word for the {what} "{other}" already.')
        return {**lookup, **{term.key: term.key for term in terms}}

    def _read_groups(self, raw: object) -> dict[str, tuple[str, ...]]:
        kinds: dict[str, tuple[str, ...]] = {}
        for term in self._labels.values():
            kinds[term.kind] = (*kinds.get(term.kind, ()), term.key)
        named = {name: self._strings(members, name) for name, members in self._table(raw, "groups").items()}
        for name, members in named.items():
            for member in members:
                if member not in self._labels:
                    raise self._wrong(f'"{member}"', f'"{member}" in group "{name}" is no label.')
        return {**kinds, **named}

    def _expand(self, raw: object, near: str) -> tuple[str, ...]:
        """Labels and "@group" names -> labels."""
        out: list[str] = []
        for word in self._strings(raw, near):
            if word.startswith("@") and word[1:] in self._groups:
                out += self._groups[word[1:]]
            elif word in self._labels:
                out.append(word)
            else:
                raise self._wrong(f'"{word}"', f'"{word}" is neither a label nor a "@group".')
        return tuple(dict.fromkeys(out))

    def _share(self, raw: Mapping[str, Any], name: str, default: float) -> float:
        value = raw.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._wrong(name, f'"{name}" must be a number between 0 and 1.')
        return float(value)

    def _condition(self, raw: object, near: str) -> Condition:
        table = self._table(raw, near)
        self._only(table, _CONDITION, "is no condition", near)
        if not set(table) - {"count", "gap"}:
            raise self._wrong(near, "there is no condition: it would hold for every frame.")
        for name in ("hand", "at_part"):
            if not isinstance(table.get(name), bool | None):
                raise self._wrong(name, f'"{name}" is true or false.', after=near)
        if type(table.get("count", 1)) is not int or table.get("count", 1) < 1:
            raise self._wrong("count", '"count" must be a whole number, 1 or more.', after=near)
        return Condition(
            hand=table.get("hand"),
            tool=self._tools(table["tool"]) if "tool" in table else None,
            at_part=table.get("at_part"),
            joined=self._pair(table, "joined"),
            any=self._expand(table["any"], "any") if "any" in table else None,
            count=table.get("count", 1),
            near=self._pair(table, "near"),
            at_edge=self._expand(table["at_edge"], "at_edge") if "at_edge" in table else None,
            gap=self._share(table, "gap", 0.0),
        )

    def _tools(self, raw: object) -> tuple[str, ...]:
        every = tuple(term.key for term in self._labels.values() if term.kind == "tool")
        return every if raw == "any" else self._expand(raw, "tool")

    def _pair(self, table: Mapping[str, Any], name: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        if name not in table:
            return None
        if not isinstance(table[name], list) or len(table[name]) != 2:
            raise self._wrong(name, f'"{name}" takes two labels or groups.')
        return self._expand(table[name][0], name), self._expand(table[name][1], name)

    def _step(self, raw: object, actions: tuple[Term, ...], phases: tuple[Term, ...]) -> StepRule:
        table = self._table(raw, "steps")
        self._only(table, {"when", "action", "phase"}, "means nothing in a step")
        for name, terms in (("action", actions), ("phase", phases)):
            if table.get(name) not in [term.key for term in terms]:
                raise self._wrong(f'{name} = "{table.get(name)}"', f'"{table.get(name)}" in a step is no {name} of this profile.')
        return StepRule(self._condition(table.get("when", {}), "[[steps]]"), table["action"], table["phase"])

    def _hazards(self, raw: object, levels: tuple[str, ...]) -> tuple[Hazard, ...]:
        hazards: dict[str, Hazard] = {}
        for entry in self._list(raw, "hazards"):
            table = self._table(entry, "hazards")
            key = self._key(table, "a hazard")
            near = f'key = "{key}"'
            self._only(table, _HAZARD, "means nothing in a hazard", near)
            if key in hazards:
                raise self._wrong(near, f'the hazard "{key}" is there twice.', last=True)
            if table.get("risk") not in levels[1:]:
                raise self._wrong(near, f'the hazard "{key}" needs a risk out of {", ".join(levels[1:])}.')
            if "fix" not in table:
                raise self._wrong(near, f'the hazard "{key}" has no "fix": what is to be done about it.')
            when = table.get("when", {})
            conditions = tuple(self._condition(condition, near) for condition in (when if isinstance(when, list) else [when]))
            if not conditions:
                raise self._wrong(near, f'"{key}" has no condition: it would hold for no frame.')
            names = self._names({language: table[language] for language in LANGUAGES if language in table}, near, f'"{key}"')
            fixes = self._names(table["fix"], near, f'the fix of "{key}"')
            hazards[key] = Hazard(key, names, fixes, table["risk"], conditions, self._expand(table.get("mark", []), "mark"))
        return tuple(hazards.values())
