"""The API as several people use it at once: who acts stands in a header, in the place of a doorman."""

from __future__ import annotations

from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from core.rights import Actor, Role


class Acting:
    """Puts the actor that a request names ("x-actor: lin reviewer") where the doorman puts him."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        said = dict(scope.get("headers", [])).get(b"x-actor")
        if said:
            name, role = said.decode().split()
            scope.setdefault("state", {})["actor"] = Actor(name, cast(Role, role), "session")
        await self.app(scope, receive, send)


def as_(name: str, role: str = "reviewer", key: str | None = None) -> dict[str, Any]:
    """The headers of somebody's request, under a key of theirs."""
    return {"X-Actor": f"{name} {role}", **({"Idempotency-Key": key} if key else {})}
