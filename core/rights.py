"""Who may do what: a ladder of roles. The words alone; who somebody is, and what a route asks for, is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["viewer", "inspector", "annotator", "reviewer", "lead", "admin"]

ROLES: tuple[Role, ...] = ("viewer", "inspector", "annotator", "reviewer", "lead", "admin")
"""Each may do what those before it may. viewer: look. inspector: bring frames and ask the model. annotator: correct. reviewer: accept, return,
decide between two. lead: bulk, bin, export, backups, erasure, originals, figures about people. admin: people, tokens of others, models."""

LOCAL = "local"
"""Who acts while nobody has to log in: whoever sits at this machine."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in a request."""

    name: str  # the name to log in by; stands in the record
    role: Role
    via: Literal["local", "session", "token"] = "local"
    shown: str = ""  # what others read; empty: the name

    def may(self, role: Role) -> bool:
        """Whether this is a step of the ladder that the actor stands on or above.

        >>> Actor("lin", "reviewer").may("annotator"), Actor("lin", "reviewer").may("lead")
        (True, False)
        """
        return ROLES.index(self.role) >= ROLES.index(role)
