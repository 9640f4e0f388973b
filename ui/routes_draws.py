"""/api/v1/draws: let the queue draw frames, and what its draws made. Turns requests into the verbs of `annotations.picking.drawn`; measures nothing.

POST {"budget": 40, "policy": "usual"} · {"budget": 40, "mix": {"risk": 1, "rare": 1}, "floor": .2, "most_a_stratum": 3, "blind": .05, "double": .1, "seed": 7}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from core.errors import Malformed
from ui.identity import actor_of
from ui.keys import DESCRIPTION, once_of
from ui.refusals import told
from ui.routes import read_json
from ui.wire import to_json

if TYPE_CHECKING:
    from annotations.picking.drawn import Picking

SHARES = ("floor", "blind", "double")
KNOWN = ("budget", "policy", "mix", "seed", "most_a_stratum", *SHARES)


def draw_routes(picking: Picking) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1", tags=["queue"])

    @router.get("/policies")
    def policies() -> JSONResponse:
        """What a draw may go by: mixes of samplers that have a name; the profile's own is the usual one. And how many frames nobody looked at yet."""
        prints, vectors = picking.wanting()
        known = [{"name": name, "mix": dict(mix)} for name, mix in picking.policies.items()]
        return JSONResponse({"policies": known, "eyes": picking.eyes_id or None, "without_print": prints, "without_vector": vectors})

    @router.post("/draws", responses=told(409, 422, 507), openapi_extra=DESCRIPTION)
    async def draw(request: Request) -> JSONResponse:
        """Draw frames and make them tasks, which come before all else that waits. 409 when nothing waits that was not drawn already."""
        body = _asked(await read_json(request))
        once = once_of(request, await request.body())
        by = actor_of(request).name
        return JSONResponse(to_json(await run_in_threadpool(lambda: picking.draw(**body, by=by, once=once))))

    @router.get("/draws", responses=told(422))
    def draws(limit: int = Query(60, ge=1, le=200), before: int | None = Query(None, ge=0, le=2**53)) -> JSONResponse:
        """Draws, the latest first, each with how many of its tasks are done. `before` is the `next` of the page before."""
        found = picking.draws(limit + 1, before)
        return JSONResponse({"draws": to_json(found[:limit]), "next": found[limit - 1].number if len(found) > limit else None})

    @router.get("/draws/{number}", responses=told(404, 422))
    def tasks(number: int, limit: int = Query(200, ge=1, le=1000), after: int = Query(0, ge=0, le=2**53)) -> JSONResponse:
        """A draw and its tasks, in the order in which they are given to people. `after` is the `next` of the page before.

        Of a task that is to be judged unaided nothing that was measured is said before it is done.
        """
        if not 0 < number <= 2**53:
            number = 0
        found = picking.tasks(number, limit + 1, after)
        page = {"tasks": to_json(found[:limit]), "next": found[limit - 1].number if len(found) > limit else None}
        return JSONResponse({"draw": to_json(picking.drawn(number)), **page})

    return router


def _asked(body: object) -> dict[str, Any]:
    if not isinstance(body, Mapping):
        raise Malformed('Send an object such as {"budget": 40, "policy": "usual"}. Nothing was drawn.')
    for name in body:
        if name not in KNOWN:
            raise Malformed(f'"{str(name)[:60]}" is not known here. There are: {", ".join(KNOWN)}. Nothing was drawn.')
    if "policy" in body and "mix" in body:
        raise Malformed("Name a policy, or a mix, and not both. Nothing was drawn.")
    asked: dict[str, Any] = {name: _whole(body[name], name) for name in ("budget", "seed", "most_a_stratum") if body.get(name) is not None}
    if "budget" not in asked:
        raise Malformed("budget is missing: how many frames to draw. Nothing was drawn.")
    asked |= {name: _share(body[name], name) for name in SHARES if body.get(name) is not None}
    if body.get("policy") is not None:
        if not isinstance(body["policy"], str):
            raise Malformed("policy is the name of one; GET /api/v1/policies lists them. Nothing was drawn.")
        asked["policy"] = body["policy"]
    if body.get("mix") is not None:
        if not isinstance(body["mix"], Mapping) or not body["mix"]:
            raise Malformed('mix is an object of samplers and their shares, such as {"risk": 1}. Nothing was drawn.')
        asked["mix"] = {str(name): _share(share, f"mix.{str(name)[:60]}", most=1e6) for name, share in body["mix"].items()}
    return asked


def _whole(said: object, name: str) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or not 0 <= said < 2**31:
        raise Malformed(f"{name} must be a whole number. Nothing was drawn.")
    return said


def _share(said: object, name: str, most: float = 1.0) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= most:
        raise Malformed(f"{name} must be a number from 0 to {most:g}. Nothing was drawn.")
    return float(said)
