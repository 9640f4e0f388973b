"""A reason: what was asked of an evaluation or of an adapter, whether it held, and why, in words. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was looked at. `key` and `values` let a screen say it in another language; `words` is the sentence in English."""

    key: str
    passed: bool
    words: str
    values: Mapping[str, Any] = field(default_factory=dict)
    undetermined: bool = False  # not passed because nobody can tell, not because it is bad

    def told(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"key": self.key, "passed": self.passed, "undetermined": self.undetermined, "words": self.words, "values": dict(self.values)}


def points(share: float) -> str:
    """A difference of shares in points of percent.

    >>> points(-0.0213)
    '-2.1 points'
    """
    return f"{100 * share:+.1f} points"


def percent(share: float | None) -> str:
    """A share.

    >>> percent(0.9812), percent(None)
    ('98.1 %', 'unknown')
    """
    return "unknown" if share is None else f"{100 * share:.1f} %"
