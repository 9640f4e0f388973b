"""What is looked for on a site: labels, actions, parts, phases, hazards, risk levels, and the rules that join them. Reads TOML, judges nothing.

A profile is data. `core.judging` applies its rules, `core.prompts` asks for it, the screens offer its terms as choices.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import ProfileError

LEVELS = ("none", "low", "medium", "high")
LANGUAGES = ("en", "zh")
NO_TERM = "none"
"""The key that says "there is none" (no tool in the hand, no part on the bench). Something seen, not something unsaid."""

_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Term:
    """A thing with a name: `key` stands in JSON, `names` by language are read by people, `aliases` mean the same."""

    key: str
    names: Mapping[str, str]
    aliases: tuple[str, ...] = ()
    kind: str = ""  # of labels: tool, body, part, object ...

    def name(self, language: str) -> str:
        """The name in `language`."""
        return self.names[language]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold; a field that is None asks nothing. `core.judging.holds` says what each means."""

    hand: bool | None = None
    tool: tuple[str, ...] | None = None  # the tool in the hand is one of these labels
    at_part: bool | None = None
    joined: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    any: tuple[str, ...] | None = None
    count: int = 1
    near: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    at_edge: tuple[str, ...] | None = None
    gap: float = 0.0  # share of the frame's side


@dataclass(frozen=True, slots=True)
class StepRule:
    """When all of `when` holds, this is what is being done."""

    when: Condition
    action: str
    phase: str


@dataclass(frozen=True, slots=True)
class Hazard:
    """Something that must not be so: its level, the conditions by which it is seen, and what to do."""

    key: str
    names: Mapping[str, str]
    fixes: Mapping[str, str]
    risk: str
    when: tuple[Condition, ...]  # one of them is enough
    mark: tuple[str, ...] = ()  # labels whose box is drawn for it

    def name(self, language: str) -> str:
        """What is wrong, in `language`."""
        return self.names[language]

    def fix(self, language: str) -> str:
        """What to do about it, in `language`."""
        return self.fixes[language]


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that is looked for on one kind of site."""

    key: str
    version: int
    names: Mapping[str, str]
    levels: tuple[str, ...]
    labels: tuple[Term, ...]
    tools: tuple[Term, ...]  # choices of Step.tool, "none" last; empty: this profile has no such field
    parts: tuple[Term, ...]
    actions: tuple[Term, ...]
    phases: tuple[Term, ...]
    hazards: tuple[Hazard, ...]
    steps: tuple[StepRule, ...] = ()
    hands: tuple[str, ...] = ()
    held: float = 0.1
    touch: float = 0.0
    not_applicable: tuple[str, ...] = ()  # labels that say: this profile does not speak of such a frame
    _lookup: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def terms(self, field_name: str) -> tuple[Term, ...]:
        """The choices of a field: `tool`, `part`, `action`, `phase` or `label`. Empty: the profile has no such field."""
        return {"tool": self.tools, "part": self.parts, "action": self.actions, "phase": self.phases, "label": self.labels}[field_name]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a step that this profile asks for, in the order of asking."""
        return tuple(name for name in ("tool", "part", "action", "phase") if self.terms(name))

    def key_of(self, field_name: str, said: str) -> str | None:
        """The key that `said` stands for in a field (or as `label`, `hazard`), by key, name or alias, whole and exact; None when it stands for nothing here.

        Case, width (NFKC), spaces, hyphens and underscores do not matter; a part of a word never matches.
        """
        return self._lookup[field_name].get(fold(said))

    def term(self, field_name: str, key: str) -> Term:
        """The term of a key. Raises KeyError."""
        for term in self.terms(field_name):
            if term.key == key:
                return term
        raise KeyError(key)

    def hazard(self, key: str) -> Hazard:
        """The hazard of a key. Raises KeyError."""
        for hazard in self.hazards:
            if hazard.key == key:
                return hazard
        raise KeyError(key)


def fold(said: str) -> str:
    """A name as it is compared.

    >>> fold(" Allen  Key ") == fold("allen_key") == fold("ＡＬＬＥＮ-KEY")
    True
    """
    return re.sub(r"[\s_\-]+", " ", unicodedata.normalize("NFKC", said).casefold()).strip()


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

    def _wrong(self, near: str, reason: str) -> ProfileError:
        """The sentence, with the first line in which `near` stands."""
        line = next((n for n, text in enumerate(self._lines, 1) if near in text.split("#")[0]), 1)
        return ProfileError(f"{self._file}, line {line}: {reason}")

    def profile(self, raw: Mapping[str, Any]) -> Profile:
        for needed in ("key", "version", "name", "labels"):
            if needed not in raw:
                raise ProfileError(f'{self._file}, line 1: "{needed}" is missing.')
        unknown = set(raw) - {
            "key",
            "version",
            "name",
            "levels",
            "labels",
            "actions",
            "phases",
            "groups",
            "geometry",
            "steps",
            "hazards",
            "not_applicable",
        }
        if unknown:
            word = sorted(unknown)[0]
            raise self._wrong(word, f'"{word}" means nothing here.')
        if not isinstance(raw["version"], int):
            raise self._wrong("version", "the version must be a whole number.")
        levels = tuple(raw.get("levels", LEVELS))
        if levels != tuple(level for level in LEVELS if level in levels) or len(levels) < 2:
            raise self._wrong("levels", f"levels must be some of {', '.join(LEVELS)}, in this order.")
        labels = self._terms(raw["labels"], "label")
        self._labels = {term.key: term for term in labels}
        self._groups = self._read_groups(raw.get("groups", {}))
        actions, phases = self._terms(raw.get("actions", []), "action"), self._terms(raw.get("phases", []), "phase")
        geometry = raw.get("geometry", {})
        tools, parts = self._of_kind(labels, "tool", bool(actions)), self._of_kind(labels, "part", bool(actions))
        hazards = tuple(self._hazard(h, levels) for h in raw.get("hazards", []))
        choices = {"label": labels, "tool": tools, "part": parts, "action": actions, "phase": phases}
        choices["hazard"] = tuple(Term(hazard.key, hazard.names) for hazard in hazards)
        return Profile(
            key=self._key(raw["key"]),
            version=raw["version"],
            names=self._names(raw["name"], "name"),
            levels=levels,
            labels=labels,
            tools=tools,
            parts=parts,
            actions=actions,
            phases=phases,
            hazards=hazards,
            steps=tuple(self._step(s, actions, phases) for s in raw.get("steps", [])),
            hands=self._expand(geometry.get("hands", [])),
            held=self._share(geometry, "held", 0.1),
            touch=self._share(geometry, "touch", 0.0),
            not_applicable=self._expand(raw.get("not_applicable", [])),
            _lookup={name: self._read_lookup(terms, name) for name, terms in choices.items()},
        )

    def _key(self, key: object) -> str:
        if not isinstance(key, str) or not _KEY.match(key):
            raise self._wrong(str(key), f'"{key}" is not a key: small letters, digits and _ only.')
        return key

    def _names(self, raw: Any, near: str) -> dict[str, str]:
        for language in LANGUAGES:
            if not isinstance(raw, Mapping) or not isinstance(raw.get(language), str) or not raw[language].strip():
                raise self._wrong(near, f'"{near}" has no name in "{language}".')
        return {language: raw[language] for language in LANGUAGES}

    def _terms(self, raw: Sequence[Mapping[str, Any]], what: str) -> tuple[Term, ...]:
        terms: list[Term] = []
        for entry in raw:
            key = self._key(entry.get("key", f"a {what} without a key"))
            near = f'"{key}"'
            if any(term.key == key for term in terms):
                raise self._wrong(near, f"the {what} {near} is there twice.")
            if what == "label" and key == NO_TERM:
                raise self._wrong(near, f'a label cannot be called "{NO_TERM}": that key says that there is none.')
            names = self._names({k: entry.get(k) for k in LANGUAGES}, key)
            terms.append(Term(key, names, tuple(entry.get("aliases", ())), entry.get("kind", "object" if what == "label" else "")))
        return tuple(terms)

    @staticmethod
    def _of_kind(labels: tuple[Term, ...], kind: str, asked: bool) -> tuple[Term, ...]:
        """The labels of a kind as choices of a field, with "none" as the last; empty when no step is asked for."""
        found = tuple(term for term in labels if term.kind == kind)
        none = Term(NO_TERM, {"en": "None", "zh": "无"}, ("no tool", "no part", "n/a", "没有"))
        return (*found, none) if asked and found else ()

    def _read_lookup(self, terms: tuple[Term, ...], what: str) -> dict[str, str]:
        """Folded key, name or alias -> key. Two terms of one field may not share a word."""
        lookup: dict[str, str] = {}
        for term in terms:
            for word in (term.key, *term.names.values(), *term.aliases):
                other = lookup.setdefault(fold(word), term.key)
                if other != term.key:
                    raise self._wrong(f'"{term.key}"', f'"{word}" is a word for the {what} "{other}" already.')
        return lookup

    def _read_groups(self, raw: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        kinds: dict[str, tuple[str, ...]] = {}
        for term in self._labels.values():
            kinds[term.kind] = (*kinds.get(term.kind, ()), term.key)
        for name, members in raw.items():
            for member in members:
                if member not in self._labels:
                    raise self._wrong(
                        f'"{member}"' if any(f'"{member}"' in x for x in self._lines) else name,
                        f'"{member}" in group "{name}" is no label.',
                    )
        return {**kinds, **{name: tuple(members) for name, members in raw.items()}}

    def _expand(self, words: str | Sequence[str]) -> tuple[str, ...]:
        """Labels and "@group" names -> labels."""
        out: list[str] = []
        for word in [words] if isinstance(words, str) else words:
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

    def _condition(self, raw: Mapping[str, Any], near: str) -> Condition:
        unknown = set(raw) - {"hand", "tool", "at_part", "joined", "any", "count", "near", "at_edge", "gap"}
        if unknown:
            raise self._wrong(sorted(unknown)[0], f'"{sorted(unknown)[0]}" is no condition.')
        if not raw:
            raise self._wrong(near, f'"{near}" has no condition: it would hold for every frame.')
        tools = tuple(label.key for label in self._labels.values() if label.kind == "tool")

        def pair(name: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
            if name not in raw:
                return None
            if not isinstance(raw[name], list) or len(raw[name]) != 2:
                raise self._wrong(name, f'"{name}" takes two labels or groups.')
            return self._expand(raw[name][0]), self._expand(raw[name][1])

        return Condition(
            hand=raw.get("hand"),
            tool=None if "tool" not in raw else tools if raw["tool"] == "any" else self._expand(raw["tool"]),
            at_part=raw.get("at_part"),
            joined=pair("joined"),
            any=self._expand(raw["any"]) if "any" in raw else None,
            count=int(raw.get("count", 1)),
            near=pair("near"),
            at_edge=self._expand(raw["at_edge"]) if "at_edge" in raw else None,
            gap=self._share(raw, "gap", 0.0),
        )

    def _step(self, raw: Mapping[str, Any], actions: tuple[Term, ...], phases: tuple[Term, ...]) -> StepRule:
        for name, terms in (("action", actions), ("phase", phases)):
            if raw.get(name) not in {term.key for term in terms}:
                raise self._wrong(f'{name} = "{raw.get(name)}"', f'"{raw.get(name)}" in a step is no {name} of this profile.')
        return StepRule(self._condition(raw.get("when", {}), "steps"), raw["action"], raw["phase"])

    def _hazard(self, raw: Mapping[str, Any], levels: tuple[str, ...]) -> Hazard:
        key = self._key(raw.get("key", "a hazard without a key"))
        near = f'"{key}"'
        if raw.get("risk") not in levels[1:]:
            raise self._wrong(near, f"the hazard {near} needs a risk out of {', '.join(levels[1:])}.")
        when = raw.get("when", {})
        conditions = tuple(self._condition(c, key) for c in (when if isinstance(when, list) else [when]))
        return Hazard(
            key,
            self._names({k: raw.get(k) for k in LANGUAGES}, key),
            self._names(raw.get("fix"), key),
            raw["risk"],
            conditions,
            self._expand(raw.get("mark", [])),
        )
