"""/api/v1/erasures: frames, a site's frames or a person go for good. First a preview that says what would go, then the same with its token.

POST {"kind": "frames", "frames": [ids], "why": ...} · {"kind": "site", "site": ...} · {"kind": "person", "person": ...}
without "token": what would go, and the token; with it: done, 409 when it is no longer the same. Both name the frozen data sets that held one
of the frames, and the adapters that learned from one: those cannot unlearn it, and have to be trained anew without
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from annotations.erasing import Erased, Eraser
from core.errors import Forbidden, Malformed, OutOfTurn
from ui.identity import actor_of
from ui.refusals import told
from ui.routes import frame_id_of, read_json
from ui.wire import to_json

KINDS = ("frames", "site", "person")
MOST = 10_000  # frames of one request


def erasing_routes(eraser: Eraser) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1", tags=["privacy"])

    @router.post("/erasures", responses=told(403, 404, 409, 422, 507))
    async def erase(request: Request) -> JSONResponse:
        """Erase for good, after a preview. Backups are not reached into: the answer names those that still hold it, and when they may go."""
        body, actor = await read_json(request), actor_of(request)
        kind, what, why = _asked(body)
        if kind == "person" and not actor.may("admin"):
            raise Forbidden("Only an admin erases a person. Nothing was erased.")
        ids = await run_in_threadpool(eraser.of_site, what) if kind == "site" else what if kind == "frames" else []
        token = hashlib.sha256(orjson.dumps([kind, what, ids, why, actor.name])).hexdigest()
        if not isinstance(body, dict) or "token" not in body:
            saw = await run_in_threadpool(eraser.saw, ids)
            return JSONResponse({"would": {"kind": kind, "frames": len(ids)}, "saw": saw, "token": token, **_beyond(eraser)})
        if body["token"] != token:
            raise OutOfTurn("This is no longer what the preview said. Look at it again; nothing was erased.")
        done: Erased = (
            await run_in_threadpool(eraser.person, what, by=actor.name, why=why)
            if kind == "person"
            else await run_in_threadpool(eraser.frames, ids, by=actor.name, why=why)
        )
        return JSONResponse({"done": to_json(done), **_beyond(eraser)})

    return router


def _beyond(eraser: Eraser) -> dict[str, Any]:
    """What an erasure does not reach: backups until they expire, and what was trained on earlier exports."""
    return {"still_in_backups": to_json(eraser.still_in()), "exported_before": to_json(eraser.exported())}


def _asked(body: object) -> tuple[str, Any, str]:
    """Kind, what, and why."""
    said = body if isinstance(body, dict) else {}
    kind, why = said.get("kind"), said.get("why")
    if kind not in KINDS:
        raise Malformed(f"kind is one of {', '.join(KINDS)}. Nothing was erased.")
    if not isinstance(why, str) or not why.strip():
        raise Malformed("why is the reason, such as the request it answers. Nothing was erased.")
    what = said.get(kind)
    if kind == "frames":
        if not isinstance(what, list) or not 0 < len(what) <= MOST or not all(isinstance(each, str) for each in what):
            raise Malformed(f"frames is a list of 1 to {MOST} ids. Nothing was erased.")
        return kind, [frame_id_of(each) for each in what], why.strip()
    if not isinstance(what, str) or not what.strip():
        raise Malformed(f"{kind} is a name. Nothing was erased.")
    return kind, what.strip(), why.strip()
