"""The words of a profile: what is looked for on one kind of site, and by which rules it is judged. Opens no file and judges nothing.

A profile is data. `core.profile` reads it, `core.judging` applies its rules, `core.prompts` asks for it, the screens offer its
terms as choices.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

LEVELS = ("none", "low", "medium", "high")
LANGUAGES = ("en", "zh")
NO_TERM = "none"
"""The key that says "there is none" (no tool in the hand, no part on the bench). Something seen, not something unsaid."""

SAMPLERS = (
    "random",
    "uncertain",
    "margin",
    "entropy",
    "missed",
    "risk",
    "disagreement",
    "diverse",
    "rare",
    "threshold",
    "drifted",
    "garbled",
)
"""What a profile may say in its mix of the queue; what each measures stands in `annotations.samplers`."""


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
    mix: Mapping[str, float] = field(default_factory=dict, repr=False)  # sampler -> share of the queue, of any sum; empty: the usual one

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
        lookup = self._lookup[field_name]
        return lookup.get(said) or lookup.get(fold(said))  # nearly always it is the key itself

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
