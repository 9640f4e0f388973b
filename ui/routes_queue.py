"""The queue under /api/v1: draw a frame and hold it, hold it longer, give it back. A lease is a courtesy between people; saving asks for none."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from annotations.desk import Desk
from annotations.queueing.leases import Lease
from core.errors import Forbidden, Held, Malformed
from ui.identity import actor_of
from ui.refusals import refusal, told
from ui.routes import frame_id_of, read_json
from ui.wire import to_json


def queue_routes(desk: Desk) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1", tags=["queue"])

    @router.post("/next", responses=told(403, 404, 422, 507))
    async def reserve(request: Request) -> JSONResponse:
        """Draw the next frame for a tab and hold it for fifteen minutes: {"tab", "after": the frame in work or null, "disputed": for reviewers}.

        Asked again with the same words it gives the same frame.
        """
        body, actor = _object(await read_json(request)), actor_of(request)
        after, disputed = body.get("after"), body.get("disputed", False)
        if not isinstance(after, str | None) or not isinstance(disputed, bool):
            raise Malformed("after is the id of a frame or null, disputed is true or false. Nothing was reserved.")
        if disputed and not actor.may("reviewer"):
            raise Forbidden("Frames on which two disagree are given to reviewers. Leave `disputed` out.")
        known = None if after is None else frame_id_of(after)
        found = await run_in_threadpool(desk.reserve, actor.name, _tab(body), known, disputed=disputed)
        if found is None:
            return JSONResponse({"frame_id": None, "lease": None, "why": None})
        return JSONResponse({"frame_id": found.frame_id, "lease": {"until": to_json(found.until)}, "why": found.why})

    @router.put("/frames/{frame_id}/lease", responses=told(404, 409, 422, 507))
    async def renew(frame_id: str, request: Request) -> JSONResponse:
        """Hold a frame for another fifteen minutes, or take it when it is free: {"tab"}. 409 with whose it is when somebody else works on it."""
        tab, actor, known = _tab(_object(await read_json(request))), actor_of(request), frame_id_of(frame_id)
        try:
            held = await run_in_threadpool(desk.renew, actor.name, tab, known)
        except Held as error:
            lease = await run_in_threadpool(desk.lease, known)
            said = orjson.loads(bytes(refusal(request, error).body))
            return JSONResponse({**said, "lease": lease and lease_json(lease, actor.name)}, 409)
        return JSONResponse(lease_json(held, actor.name))

    @router.delete("/frames/{frame_id}/lease", responses=told(404, 422, 507))
    async def give_back(frame_id: str, request: Request) -> JSONResponse:
        """Let go of a frame: {"tab"}. `given_back` false: this tab did not hold it."""
        tab = _tab(_object(await read_json(request)))
        return JSONResponse({"given_back": await run_in_threadpool(desk.give_back, actor_of(request).name, tab, frame_id_of(frame_id))})

    return router


def lease_json(lease: Lease, name: str) -> dict[str, Any]:
    """A lease as this person sees it; not in which tab."""
    return {"holder": lease.holder, "until": to_json(lease.until), "mine": lease.holder == name}


def _object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Malformed('Send an object such as {"tab": "a name that this page gave itself"}. Nothing was reserved.')
    return body


def _tab(body: dict[str, Any]) -> str:
    tab = body.get("tab")
    if not isinstance(tab, str):
        raise Malformed("tab is missing: a name that a page gives itself when it opens. Nothing was reserved.")
    return tab
