"""Who acts in a request, as the doorman found out. Decides nothing."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from core.rights import LOCAL, Actor

ALONE = Actor(LOCAL, "admin")
"""Who acts while nobody has to log in."""


def actor_of(request: HTTPConnection) -> Actor:
    """The actor of this request. Without a doorman in front (an app of the API alone, on this machine) everybody is whoever sits here."""
    actor = request.scope.get("state", {}).get("actor")
    return actor if isinstance(actor, Actor) else ALONE
