"""Reads the id of a model: its base, the adapter over it, the rest. An id of another kind (a server's, a script's) has no parts and none is invented."""

from __future__ import annotations

import re
from dataclasses import dataclass

NF4 = "nf4"
"""The mark of weights that are held in 4 bits."""

_ID = re.compile(r"(?P<base>[\w./~-]+@[0-9a-f]{12})(?:\+(?P<adapter>[\w./~-]+)@(?P<mark>[0-9a-f]{12}))?(?P<rest>(?::\w+)*)")


@dataclass(frozen=True, slots=True)
class Spoken:
    """The parts of `NAME@FINGERPRINT[+ADAPTER@FINGERPRINT][:merged][:nf4][:guided]`."""

    base: str  # NAME@FINGERPRINT
    adapter: str | None  # the adapter's name; None: the base speaks alone
    mark: str | None  # the adapter's fingerprint, which names it whatever it is called
    held: str = ""  # in how few bits: "nf4"; empty: as they were made


def parts_of(model: str) -> Spoken | None:
    """The parts of a model's id; None: it is no model of this machine.

    >>> parts_of("compact@0a1b2c3d4e5f+bench@00112233aabb:nf4:guided")
    Spoken(base='compact@0a1b2c3d4e5f', adapter='bench', mark='00112233aabb', held='nf4')
    >>> parts_of("compact@0a1b2c3d4e5f:guided").adapter is None
    True
    >>> parts_of("127.0.0.1:8000/bench:guided") is None
    True
    """
    found = _ID.fullmatch(model)
    if found is None:
        return None
    return Spoken(found["base"], found["adapter"], found["mark"], NF4 if NF4 in found["rest"].split(":") else "")


def same_weights(one: str, other: str, *, held: bool = True) -> bool:
    """Whether two ids are of one base with one adapter, in as many bits: a model in 4 bits answers otherwise. A grammar changes no weight.

    `held` False: however many bits it is.

    >>> same_weights("a@0a1b2c3d4e5f:guided", "a@0a1b2c3d4e5f")
    True
    >>> same_weights("a@0a1b2c3d4e5f:nf4:guided", "a@0a1b2c3d4e5f:guided")
    False
    >>> same_weights("a@0a1b2c3d4e5f:nf4:guided", "a@0a1b2c3d4e5f:guided", held=False)
    True
    """
    first, second = parts_of(one), parts_of(other)
    if first is None or second is None:
        return one == other
    return (first.base, first.mark) == (second.base, second.mark) and (first.held == second.held or not held)
