"""Whether a model of the catalogue may be used: what its check found, and whether it is still the model that was checked. Opens and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from core.backends.catalogue import EndpointSpec, Entry
from core.errors import ModelUnfit
from core.framecheck import UNTOLD, convention_of

if TYPE_CHECKING:
    from core.geometry import BoxFormat

State = Literal["unchecked", "failed", "untold", "fit"]
"""Nobody looked yet; must not be used; its boxes could not be told; may be used."""

UNCHECKED = "unchecked"
"""The finding under which it is kept that a person took a model into use whose boxes could not be told."""


class Named(Protocol):
    """What is compared with what was checked: a backend, or what a folder says of itself."""

    @property
    def model(self) -> str: ...
    @property
    def box_format(self) -> BoxFormat: ...


def state(entry: Entry) -> State:
    """How an entry stands, by what is kept of its check."""
    if entry.checked is None:
        return "unchecked"
    if entry.checked.passed or UNCHECKED in entry.checked.findings:
        return "fit"
    return "untold" if entry.checked.findings.get("frame", "").startswith(UNTOLD) else "failed"


def why_not(entry: Entry) -> str | None:
    """Why a model cannot be used and what to do about it, in sentences; None: it can."""
    again, stands = f"`launch.py models check {entry.name}`", state(entry)
    if stands == "fit":
        return None
    if stands == "unchecked" or entry.checked is None:
        return f"{entry.name} was never checked, so nobody knows whether its boxes land where they belong. Check it: {again}."
    found = entry.checked.findings
    if stands == "untold":
        return (
            f"Whether the boxes of {entry.name} land where they belong {found['frame'].rstrip('.')}. If you know that they do, say so: "
            f"`launch.py models use {entry.name} --unchecked`; that you did is kept."
        )
    if "frame" not in found:
        return f"{entry.name} did not pass its check. Does it answer: {found.get('answers', 'not said').rstrip('.')}. Mend that, then: {again}."
    how = "add it again with that --family" if isinstance(entry.spec, EndpointSpec) else 'write "family" into gembalens.json in its folder'
    adapter = ", or train its adapter on data exported for the family that is declared" if getattr(entry.spec, "adapter", None) else ""
    mend = f" To declare one, {how}{adapter}." if "Declare" in found["frame"] else ""
    return f"{entry.name} did not pass its check. Its boxes are {found['frame'].rstrip('.')}.{mend} Then: {again}."


def refuse(entry: Entry, backend: Named) -> None:
    """Raises ModelUnfit when the entry may not be used, or when `backend`, opened or described from it, is not what was checked."""
    reason = why_not(entry)
    if reason or entry.checked is None:
        raise ModelUnfit(reason or "")
    then, now = entry.checked.model, backend.model
    if then == now:
        then, now = entry.checked.findings.get("declared", "not said"), convention_of(backend.box_format).words
    if then != now:
        raise ModelUnfit(
            f"{entry.name} is not what was checked: that was {then}, this is {now}. Check it: `launch.py models check {entry.name}`."
        )
