"""Reads the id of a model: its base, the adapter over it, the rest. An id of another kind (a server's, a script's) has no parts and none is invented."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ID = re.compile(r"(?P<base>[\w./~-]+@[0-9a-f]{12})(?:\+(?P<adapter>[\w./~-]+)@(?P<mark>[0-9a-f]{12}))?(?P<rest>(?::\w+)*)")


@dataclass(frozen=True, slots=True)
class Spoken:
    """The parts of `NAME@FINGERPRINT[+ADAPTER@FINGERPRINT][:merged][:nf4][:guided]`."""

    base: str  # NAME@FINGERPRINT
    adapter: str | None  # the adapter's name; None: the base speaks alone
    mark: str | None  # the adapter's fingerprint, which names it whatever it is called

    @property
    def weights(self) -> tuple[str, str | None]:
        """What is the same for two ids with the same weights: how they are held (4 bits, a grammar) is left out."""
        return self.base, self.mark


def parts_of(model: str) -> Spoken | None:
    """The parts of a model's id; None: it is no model of this machine.

    >>> parts_of("compact@0a1b2c3d4e5f+bench@00112233aabb:nf4:guided")
    Spoken(base='compact@0a1b2c3d4e5f', adapter='bench', mark='00112233aabb')
    >>> parts_of("compact@0a1b2c3d4e5f:guided").adapter is None
    True
    >>> parts_of("127.0.0.1:8000/bench:guided") is None
    True
    """
    found = _ID.fullmatch(model)
    return Spoken(found["base"], found["adapter"], found["mark"]) if found else None


def same_weights(one: str, other: str) -> bool:
    """Whether two ids are of one base with one adapter.

    >>> same_weights("a@0a1b2c3d4e5f:guided", "a@0a1b2c3d4e5f:nf4")
    True
    """
    first, second = parts_of(one), parts_of(other)
    return one == other if first is None or second is None else first.weights == second.weights
