"""Logging in elsewhere, by OpenID Connect (authorization code, PKCE): the way there and the way back. Makes nobody known who was not.

GET /api/v1/oidc/start?next=/own/path -> to the other place; GET /api/v1/oidc/back?code&state -> a session as after a password, and to that path.
Whatever goes wrong leads to the login page, which says it; a name and a password still do there.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from annotations.entering.members import Members
from core.errors import Forbidden, NotFound
from core.settings import KEY_PREFIX, Settings, environment, secret
from ui.entrance import pages
from ui.entrance.attempts import SECONDS, Attempt, Attempts
from ui.entrance.provider import Provider
from ui.entrance.unproven import Unproven
from ui.session_cookie import give, said

BACK = "/api/v1/oidc/back"
VARIABLE = f"{KEY_PREFIX}OIDC"
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}  # the address of the way back holds the code
LONGEST = 4096  # signs of a code
_log = logging.getLogger(__name__)


def oidc_routes(members: Members, settings: Settings, attempts: Attempts | None = None) -> APIRouter:
    """Both of them; without a place in the settings there is nothing at their addresses. Raises SettingsError for a secret that cannot be one."""
    router = APIRouter(include_in_schema=False)
    begun, provider, tls = attempts or Attempts(), provider_of(settings), settings.behind_tls

    @router.get("/api/v1/oidc/start")
    async def start(request: Request) -> Response:
        if provider is None:
            raise NotFound("There is nothing at this address.")
        place = pages.own_place(request.query_params.get("next"))
        language = pages.language_of(request.scope, settings.language)
        if not members.login:
            return RedirectResponse(place, 303, HEADERS)
        scheme = "https" if tls else request.url.scheme
        attempt = begun.begin(f"{scheme}://{request.headers['host']}{BACK}", place, language)
        try:
            answer = RedirectResponse(await provider.way(attempt), 303, HEADERS)
        except Unproven as error:
            return _to_login(error, place, language)
        answer.set_cookie(_cookie(tls), attempt.browser, max_age=SECONDS, path="/", secure=tls, httponly=True, samesite="lax")
        return answer

    @router.get(BACK)
    async def back(request: Request) -> Response:
        if provider is None:
            raise NotFound("There is nothing at this address.")
        attempt = begun.take(request.query_params.get("state", ""), request.cookies.get(_cookie(tls)))
        if attempt is None:
            language = pages.language_of(request.scope, settings.language)
            return _to_login(Unproven("over", "no open attempt of this browser"), "/", language)
        try:
            cookie = await _enter(members, provider, attempt, request)
        except Unproven as error:
            answer = _to_login(error, attempt.place, attempt.language)
        else:
            old = said(request.headers, behind_tls=tls)
            if old is not None:
                await run_in_threadpool(members.end, old)
            answer = RedirectResponse(attempt.place, 303, HEADERS)
            give(answer, cookie, behind_tls=tls)
        answer.delete_cookie(_cookie(tls), path="/", secure=tls, httponly=True, samesite="lax")
        return answer

    return router


def provider_of(settings: Settings) -> Provider | None:
    """The place that the settings name; without a secret in the environment this server is a public client, which PKCE alone protects."""
    if not settings.oidc_issuer:
        return None
    held = secret(VARIABLE) if environment().get(VARIABLE, "").strip() else ""
    return Provider(settings.oidc_issuer, settings.oidc_client_id, held)


async def _enter(members: Members, provider: Provider, attempt: Attempt, request: Request) -> str:
    """What the cookie of the new session says. Raises Unproven."""
    asked, code = request.query_params, request.query_params.get("code", "")
    described = await provider.described()
    if asked.get("iss", None if described.names_itself else provider.issuer) != provider.issuer:
        raise Unproven("unproven", "another place sent this browser back")
    if "error" in asked:
        raise Unproven("declined", "the place did not let them in")
    if not 0 < len(code) <= LONGEST:
        raise Unproven("unproven", "there is no code")
    claims = await provider.claims(attempt, code)
    agent = request.headers.get("user-agent", "")[:200]
    try:
        return await run_in_threadpool(members.log_in_elsewhere, f"{provider.issuer}#{claims['sub']}", first(claims), agent=agent)
    except NotFound as error:
        raise Unproven("unknown", "nobody is known by this subject") from error
    except Forbidden as error:
        raise Unproven("shut_out", "this person is shut out") from error


def first(claims: Mapping[str, Any]) -> list[str]:
    """By what an admin may have said that somebody is recognised the first time. An address that the place did not verify proves nothing.

    >>> first({"email": "Ada@Firm.example", "email_verified": True, "preferred_username": "ada"})
    ['email:ada@firm.example', 'name:ada']
    """
    email, name = claims.get("email"), claims.get("preferred_username")
    found = {"email": email if claims.get("email_verified") is True else None, "name": name}
    return [
        f"{kind}:{unicodedata.normalize('NFKC', value).strip().casefold()}"
        for kind, value in found.items()
        if isinstance(value, str) and value.strip()
    ]


def _to_login(error: Unproven, place: str, language: str) -> Response:
    """To the login page, which says why. The log gets the reason, and nothing that was sent."""
    _log.warning("login elsewhere refused, %s: %s", error.why, error)
    words = {"again": "1", "elsewhere": error.why, "next": place, "lang": language}
    return RedirectResponse(f"/login?{urlencode(words)}", 303, HEADERS)


def _cookie(behind_tls: bool) -> str:
    return "__Host-gembalens-oidc" if behind_tls else "gembalens-oidc"
