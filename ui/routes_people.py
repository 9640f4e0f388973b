"""Coming in and going out, people, links and tokens. Turns requests into the verbs of `annotations.entering.members`; roles were asked for at the door.

POST /api/v1/login {"name", "password"} -> who it is, and a cookie; 401 when they do not belong together, 429 after five wrong tries
GET  /api/v1/me -> {"name", "shown", "role", "via", "login": whether anybody has to log in here}
POST /api/v1/people {"name", "role", "shown"} -> the person, and the link by which they set a password: told once
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from annotations.entering.members import Members
from annotations.entering.people import checked_role, elsewhere_as, known_as
from core.errors import Forbidden, LoginNeeded, Malformed, NotFound
from core.rights import Actor
from core.settings import Settings
from ui.entrance import pages
from ui.identity import actor_of
from ui.refusals import told
from ui.routes import read_json
from ui.routes_oidc import oidc_routes
from ui.session_cookie import give, said, take_back
from ui.throttle import Throttle
from ui.wire import to_json

NO_STORE = {"Cache-Control": "no-store"}
LINK_LASTS = timedelta(hours=72)


def people_routes(members: Members, settings: Settings, throttle: Throttle | None = None) -> APIRouter:
    """All of them."""
    router = APIRouter()
    router.include_router(_page_routes(members, settings))
    router.include_router(_coming_and_going(members, settings, throttle or Throttle()))
    router.include_router(oidc_routes(members, settings))
    router.include_router(_admin_routes(members, settings))
    router.include_router(_token_routes(members))
    return router


def _page_routes(members: Members, settings: Settings) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def login_page(request: Request) -> Response:
        place = pages.own_place(request.query_params.get("next"))
        here = not members.login or (actor_of(request).name and "again" not in request.query_params)
        elsewhere = settings.oidc_name if settings.oidc_issuer else None
        return RedirectResponse(place, 303) if here else pages.login_page(request.scope, settings.language, place, elsewhere)

    @router.get("/join/{token}")
    def join_page(token: str, request: Request) -> Response:
        try:
            return pages.join_page(request.scope, settings.language, members.invited(token))
        except NotFound:
            return pages.gone_page(request.scope, settings.language)

    @router.get("/entrance/{name}")
    def entrance(name: str) -> Response:
        return pages.asset(name)

    return router


def _coming_and_going(members: Members, settings: Settings, throttle: Throttle) -> APIRouter:
    router = APIRouter(tags=["login"])

    @router.post("/api/v1/login", responses=told(401, 422, 429))
    async def login(request: Request) -> JSONResponse:
        """Begin a session. Whatever session the browser had before is over."""
        body = await _object(request)
        name, password = body.get("name"), body.get("password")
        if not isinstance(name, str) or not isinstance(password, str):
            raise Malformed("name and password are wanted. Nothing was done.")
        keys = f"name {name.strip().casefold()[:64]}", f"from {request.client.host if request.client else ''}"

        def enter() -> str:
            with throttle.trying(*keys):
                return members.log_in(name, password, agent=_agent(request))

        cookie = await run_in_threadpool(enter)
        throttle.forget(keys[0])
        return await _begun(request, cookie)

    @router.post("/join/{token}", responses=told(404, 422))
    async def join(token: str, request: Request) -> JSONResponse:
        """Set a password by a link, which is used up then, and begin a session."""
        body = await _object(request)
        name, shown = body.get("name", ""), body.get("shown", "")
        if not isinstance(name, str) or not isinstance(shown, str):
            raise Malformed("name and shown are texts. Nothing was saved.")
        asked = {"name": name, "shown": shown, "agent": _agent(request)}
        return await _begun(request, await run_in_threadpool(members.join, token, body.get("password"), **asked))

    @router.post("/api/v1/logout")
    async def logout(request: Request) -> JSONResponse:
        """This session is over, in every window."""
        await _end_old(request)
        answer = JSONResponse({"out": True}, headers=NO_STORE)
        take_back(answer, behind_tls=settings.behind_tls)
        return answer

    @router.get("/api/v1/me", responses=told(401))
    def me(request: Request) -> JSONResponse:
        """Who asks, and whether anybody has to log in here."""
        return JSONResponse({**_actor_json(actor_of(request)), "login": members.login}, headers=NO_STORE)

    async def _begun(request: Request, cookie: str) -> JSONResponse:
        await _end_old(request)
        actor = await run_in_threadpool(members.by_cookie, cookie)
        if actor is None:  # shut out in the same moment
            raise LoginNeeded("You cannot come in any more. Ask an admin.")
        answer = JSONResponse({**_actor_json(actor), "login": True}, headers=NO_STORE)
        give(answer, cookie, behind_tls=settings.behind_tls)
        return answer

    async def _end_old(request: Request) -> None:
        old = said(request.headers, behind_tls=settings.behind_tls)
        if old is not None:
            await run_in_threadpool(members.end, old)

    return router


def _admin_routes(members: Members, settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/api/v1/people", tags=["people"])

    @router.get("")
    def people() -> JSONResponse:
        """Everybody who may come in, or might once."""
        return JSONResponse({"people": to_json(members.everybody()), "login": members.login}, headers=NO_STORE)

    @router.post("", status_code=201, responses=told(422))
    async def add(request: Request) -> JSONResponse:
        """A new person, with the link by which they set a password, or, with "login_elsewhere", without one.

        The first one of all is an admin; from then on everybody logs in.
        """
        body = await _object(request)
        role = checked_role(body.get("role"))
        shown = body.get("shown", "")
        by = actor_of(request).name
        subject = elsewhere_as(body.get("login_elsewhere"))
        person, link = await run_in_threadpool(members.add, known_as(body.get("name")), role, shown=shown, by=by, subject=subject)
        told_once = _link(request, settings, link) if link else {"link": None, "ends_at": None}
        return JSONResponse({**to_json(person), **told_once}, 201, headers=NO_STORE)

    @router.patch("/{name}", responses=told(403, 404, 422))
    async def change(name: str, request: Request) -> JSONResponse:
        """Another role, let in again, shut out, or known elsewhere by another name; every session of theirs ends within five seconds."""
        body = await _object(request)
        if not body or set(body) - {"role", "active", "login_elsewhere"} or not isinstance(body.get("active", True), bool):
            raise Malformed('Send {"role": ...}, {"active": true or false}, {"login_elsewhere": ...}, or several. Nothing was saved.')
        by, subject = actor_of(request).name, elsewhere_as(body.get("login_elsewhere"))
        person = await run_in_threadpool(members.person, name)
        if "role" in body:
            person = await run_in_threadpool(members.set_role, name, checked_role(body["role"]), by=by)
        if "active" in body:
            person = await run_in_threadpool(members.set_active, name, body["active"], by=by)
        if "login_elsewhere" in body:
            person = await run_in_threadpool(members.set_subject, name, subject, by=by)
        return JSONResponse(to_json(person), headers=NO_STORE)

    @router.post("/{name}/link", responses=told(403, 404))
    def link(name: str, request: Request) -> JSONResponse:
        """A new link by which this person sets a password; earlier ones end. It works once, for 72 hours."""
        return JSONResponse(_link(request, settings, members.invite(name, by=actor_of(request).name)), headers=NO_STORE)

    @router.get("/{name}/tokens", responses=told(404))
    def tokens(name: str) -> JSONResponse:
        """The tokens of a person, without what they say."""
        return JSONResponse({"tokens": to_json(members.tokens(name))}, headers=NO_STORE)

    @router.delete("/{name}/tokens/{token_id}", responses=told(404))
    def end(name: str, token_id: str, request: Request) -> JSONResponse:
        """End a token of a person."""
        members.end_token(name, token_id, by=actor_of(request).name)
        return JSONResponse({"ended": token_id}, headers=NO_STORE)

    return router


def _token_routes(members: Members) -> APIRouter:
    router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])

    @router.get("", responses=told(403))
    def tokens(request: Request) -> JSONResponse:
        """Your own tokens, without what they say."""
        return JSONResponse({"tokens": to_json(members.tokens(_self(request)))}, headers=NO_STORE)

    @router.post("", status_code=201, responses=told(403, 422))
    async def issue(request: Request) -> JSONResponse:
        """A token by which a program acts for you, with a role that is not above yours: `Authorization: Bearer gl_...`. Told once."""
        person, body = _self(request), await _object(request)
        ends_at = _moment(body.get("ends_at"))
        made = await run_in_threadpool(members.issue, person, body.get("name"), body.get("role"), ends_at=ends_at)
        return JSONResponse({"token": made}, 201, headers=NO_STORE)

    @router.delete("/{token_id}", responses=told(403, 404))
    def end(token_id: str, request: Request) -> JSONResponse:
        """End one of your tokens."""
        members.end_token(_self(request), token_id, by=_self(request))
        return JSONResponse({"ended": token_id}, headers=NO_STORE)

    return router


def _self(request: Request) -> str:
    """Who looks after their own tokens: a person at a screen, never a token, or one of little rights could make one of more."""
    actor = actor_of(request)
    if actor.via == "local":
        raise Forbidden("Nobody logs in here, so there is nobody for whom a token could act. Add people first.")
    if actor.via == "token":
        raise Forbidden("A token cannot look after tokens. Log in for that.")
    return actor.name


def _actor_json(actor: Actor) -> dict[str, Any]:
    return {"name": actor.name, "shown": actor.shown or actor.name, "role": actor.role, "via": actor.via}


def _link(request: Request, settings: Settings, token: str) -> dict[str, str]:
    scheme = "https" if settings.behind_tls else request.url.scheme
    ends_at = (datetime.now(UTC) + LINK_LASTS).isoformat(timespec="seconds")
    return {"link": f"{scheme}://{request.headers['host']}/join/{token}", "ends_at": ends_at}


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")[:200]


async def _object(request: Request) -> dict[str, Any]:
    body = await read_json(request)
    if not isinstance(body, dict):
        raise Malformed("Send a JSON object. Nothing was saved.")
    return body


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise Malformed("ends_at is no time such as 2027-01-31T18:00:00Z. Nothing was saved.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
