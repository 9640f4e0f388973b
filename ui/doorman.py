"""The doorman: finds out who comes, looks up what the address asks for, and lets in or not. Stands behind the guard and before all three apps.

Pure ASGI. He knows no app; the table is `ui.permissions`, and what he found out stands in `scope["state"]["actor"]`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol
from urllib.parse import quote
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import AppError, Forbidden, LoginNeeded, Malformed, NotFound
from core.rights import Actor
from ui.entrance.pages import refused_page
from ui.identity import ALONE, NAME_HEADER, NOBODY, ROLE_HEADER, as_headers
from ui.permissions import WEBSOCKET, Need, Permissions, compiled
from ui.session_cookie import said as cookie_said
from ui.shutting import shut_when_over
from ui.texts import LANGUAGES

SCHEME = "bearer "
MOST = 200  # signs of a token that are looked at
LOG_IN = "Log in first; nothing was done. What you have typed stays on your screen."
NO_TOKEN = "This token is not known here, was ended, or is too old. Nothing was done."  # noqa: S105 - a sentence
DASHBOARD = "/dashboard"
_OURS = (ROLE_HEADER.encode(), NAME_HEADER.encode())
_log = logging.getLogger(__name__)


class Believer(Protocol):
    """What of `annotations.entering.members.Members` is asked at every request."""

    @property
    def login(self) -> bool: ...
    def at_hand(self, said: str) -> bool: ...
    def by_cookie(self, cookie: str, *, sign_of_life: bool = True) -> Actor | None: ...
    def by_token(self, said: str) -> Actor | None: ...


class Doorman:
    """The ASGI layer. Refuses with 401 or a way to the login, 403, 404 and 405."""

    def __init__(
        self, app: ASGIApp, members: Believer, *, behind_tls: bool = False, language: str = "en", table: Permissions | None = None
    ) -> None:
        self.app = app
        self._members = members
        self._behind_tls = behind_tls
        self._language = language
        self._table = table or compiled()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        method = WEBSOCKET if scope["type"] == "websocket" else scope["method"]
        need = self._table.need(method, scope["path"])
        if need is None:
            await self._refuse(scope, receive, send, headers, self._shut(scope["path"]))
            return
        cookie, token = cookie_said(headers, behind_tls=self._behind_tls), _bearer(headers)
        actor = await self._actor(cookie, token)
        wrong = self._judge(need, actor, token)
        if wrong is not None:
            await self._refuse(scope, receive, send, headers, wrong)
            return
        scope.setdefault("state", {})["actor"] = actor or NOBODY
        scope["headers"] = [pair for pair in scope["headers"] if not self._foreign(pair[0])]
        if scope["type"] == "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(DASHBOARD):
            scope["headers"] = [*scope["headers"], *as_headers(actor or NOBODY)]
        await shut_when_over(self.app, scope, receive, send, self._still(actor or NOBODY, cookie, token))

    def _foreign(self, name: bytes) -> bool:
        """What nobody may say to the apps: who they are, and, with nothing in front of us, under which address we are reached."""
        return name in _OURS or (not self._behind_tls and name.startswith(b"x-forwarded-"))

    async def _actor(self, cookie: str | None, token: str | None) -> Actor | None:
        """A token that is shown is the only proof that counts: with it another site's rules apply, so it must never fall back to a cookie."""
        if token is not None:
            if self._members.at_hand(token):
                return self._members.by_token(token)
            return await run_in_threadpool(self._members.by_token, token)
        if not self._members.login:
            return ALONE
        if cookie is None:
            return None
        if self._members.at_hand(cookie):
            return self._members.by_cookie(cookie)
        return await run_in_threadpool(self._members.by_cookie, cookie)

    def _judge(self, need: Need, actor: Actor | None, token: str | None) -> AppError | None:
        if actor is None and token is not None:
            return LoginNeeded(NO_TOKEN)
        if need.role is None:
            return None
        if actor is None:
            return LoginNeeded(LOG_IN)
        if not actor.may(need.role):
            return Forbidden(f"This needs the role {need.role} or one above, and yours is {actor.role}. Ask an admin. Nothing was done.")
        return None

    def _shut(self, path: str) -> tuple[AppError, list[str]] | AppError:
        others = self._table.others(path)
        return (Malformed("This address does not take that method."), others) if others else NotFound("There is nothing at this address.")

    def _still(self, actor: Actor, cookie: str | None, token: str | None) -> Callable[[bool], bool]:
        """Asks whether who opened a socket is still who they were; True: they gave a sign of life."""

        def still(sign_of_life: bool) -> bool:
            if token is not None:
                return self._members.by_token(token) == actor
            if not self._members.login:
                return actor == ALONE
            return cookie is not None and self._members.by_cookie(cookie, sign_of_life=sign_of_life) == actor

        return still

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, wrong: AppError | tuple[AppError, list[str]]
    ) -> None:
        error, allowed = wrong if isinstance(wrong, tuple) else (wrong, [])
        if isinstance(error, LoginNeeded) and _is_navigation(scope, headers):
            query = scope["query_string"].decode("latin-1")
            place = quote(scope["path"]) + (f"?{query}" if query else "")
            language = QueryParams(query).get("lang", "")
            spoken = f"&lang={language}" if language in LANGUAGES else ""
            answer: Response = RedirectResponse(f"/login?next={quote(place, safe='')}{spoken}", 303, headers={"Cache-Control": "no-store"})
        else:
            answer = self._said(scope, headers, error)
        if allowed:
            answer.headers["Allow"] = ", ".join(allowed)
        if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})

    def _said(self, scope: Scope, headers: Headers, error: AppError) -> Response:
        number, status = uuid4().hex[:8], _STATUS[type(error)]
        _log.warning("error %s %s %d at the door, %s", number, type(error).__name__, status, scope.get("method", WEBSOCKET))
        if _is_navigation(scope, headers) and not isinstance(error, Malformed):
            return refused_page(scope, status, number, self._language)
        said = {"error": str(error), "kind": type(error).__name__, "id": number}
        challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        return JSONResponse(said, status, headers={"Cache-Control": "no-store", **challenge})


_STATUS = {LoginNeeded: 401, Forbidden: 403, NotFound: 404, Malformed: 405}


def _bearer(headers: Headers) -> str | None:
    """The token that is shown; an empty one when something is shown that cannot be one."""
    said = headers.get("authorization")
    if said is None or not said.lower().startswith(SCHEME):
        return None
    return said[len(SCHEME) :].strip()[:MOST]


def _is_navigation(scope: Scope, headers: Headers) -> bool:
    """Whether a person looks at a page, so that a way on helps more than JSON."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"].startswith("/api/"):
        return False
    return headers.get("sec-fetch-mode", "navigate") == "navigate" and "text/html" in headers.get("accept", "")
