"""Who acts in a request, as the doorman found out. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote

from starlette.requests import HTTPConnection

from core.rights import LOCAL, ROLES, Actor

ALONE = Actor(LOCAL, "admin")
"""Who acts while nobody has to log in."""

NOBODY = Actor("", "viewer", "session")
"""Who asks for what is open to everybody, and did not say who they are."""

ROLE_HEADER, NAME_HEADER = "x-gembalens-role", "x-gembalens-name"
"""How the doorman tells the dashboard, which sees only the headers of its socket, who looks. What a client sends under these names is dropped."""


def actor_of(request: HTTPConnection) -> Actor:
    """The actor of this request. Without a doorman in front (an app of the API alone, on this machine) everybody is whoever sits here."""
    actor = request.scope.get("state", {}).get("actor")
    return actor if isinstance(actor, Actor) else ALONE


def as_headers(actor: Actor) -> list[tuple[bytes, bytes]]:
    """An actor as the headers of a request to the dashboard."""
    return [(ROLE_HEADER.encode(), actor.role.encode()), (NAME_HEADER.encode(), quote(actor.name).encode())]


def actor_in(headers: Mapping[str, str], *, guarded: bool = True) -> Actor:
    """The actor whom the doorman wrote into these headers. Without a word of it: nobody, or, where there is no doorman, whoever sits here.

    >>> actor_in({"X-Gembalens-Role": "lead", "X-Gembalens-Name": "%E6%9D%8E"})
    Actor(name='李', role='lead', via='session', shown='')
    """
    said = {name.lower(): value for name, value in headers.items()}
    role = next((known for known in ROLES if known == said.get(ROLE_HEADER)), None)
    if role is None:
        return NOBODY if guarded else ALONE
    name = unquote(said.get(NAME_HEADER, ""))
    return ALONE if name == LOCAL else Actor(name, role, "session")
