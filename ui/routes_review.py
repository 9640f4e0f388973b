"""What is done about corrections under /api/v1: reviews, restoring, second opinions, the bin, many frames at once, the audit. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from annotations.desk import Desk
from annotations.queueing.pages import asked_of
from annotations.reviewing.bulk import Asked, Frames
from core.errors import Malformed
from core.profile import Profile
from core.schema import Correction
from ui.identity import actor_of
from ui.keys import DESCRIPTION, once_of
from ui.refusals import told
from ui.routes import frame_id_of, json_of, read_json, said_of, saved_json
from ui.wire import to_json

MOST_JSON = 4 * 2**20  # bytes; 10,000 ids are some 700 KiB


def review_routes(desk: Desk, profile: Profile) -> APIRouter:
    """The routes of one frame: what becomes of its correction."""
    router = APIRouter(prefix="/api/v1", tags=["review"])
    _deciding(router, desk)
    _speaking(router, desk, profile)
    _putting_away(router, desk)
    return router


def _deciding(router: APIRouter, desk: Desk) -> None:
    @router.post("/frames/{frame_id}/reviews", responses=told(403, 404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def review(frame_id: str, request: Request) -> JSONResponse:
        """Accept the latest correction, or return it with a comment; 409 when `revision` is no longer the latest."""
        body = await _fields(request, ("verdict", "comment", "revision"))
        verdict, comment, revision = _text(body, "verdict"), _text(body, "comment"), _whole(body, "revision")
        once = once_of(request, await request.body())
        by = actor_of(request).name
        return JSONResponse(await run_in_threadpool(desk.review, frame_id_of(frame_id), verdict, comment, revision, by=by, once=once))

    @router.post("/frames/{frame_id}/restore", responses=told(404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def restore(frame_id: str, request: Request) -> JSONResponse:
        """Say again what an earlier revision said, as a new one."""
        body = await _fields(request, ("revision", "saw_revision"))
        revision, saw, by = _whole(body, "revision"), _whole(body, "saw_revision"), actor_of(request).name
        once = once_of(request, await request.body())
        saved: Correction = await run_in_threadpool(desk.restore, frame_id_of(frame_id), revision, saw, by=by, once=once)
        return JSONResponse(saved_json(saved))

    @router.put("/frames/{frame_id}/wanted", responses=told(404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def want(frame_id: str, request: Request) -> JSONResponse:
        """Say how many people are to give their opinion on a frame, 1 to 3."""
        n = _whole(await _fields(request, ("n",)), "n")
        once = once_of(request, await request.body())
        return JSONResponse(await run_in_threadpool(desk.want, frame_id_of(frame_id), n, by=actor_of(request).name, once=once))


def _speaking(router: APIRouter, desk: Desk, profile: Profile) -> None:
    @router.post("/frames/{frame_id}/opinions", responses=told(404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def opine(frame_id: str, request: Request) -> JSONResponse:
        """An opinion that has not seen the others; a body like that of a correction, without `saw_revision`."""
        said = await said_of(request, profile, frame_id, blind=True)
        once = once_of(request, await request.body())
        return JSONResponse(await run_in_threadpool(desk.second_opinion, said, once=once))

    @router.post("/frames/{frame_id}/adjudicate", responses=told(403, 404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def adjudicate(frame_id: str, request: Request) -> JSONResponse:
        """A reviewer's own word where two opinions differ; a body like that of a correction. The frame is accepted with it."""
        said = await said_of(request, profile, frame_id)
        once = once_of(request, await request.body())
        saved: Correction = await run_in_threadpool(desk.adjudicate, said, once=once)
        return JSONResponse({**saved_json(saved), "state": "accepted"})


def _putting_away(router: APIRouter, desk: Desk) -> None:
    @router.post("/frames/{frame_id}/bin", responses=told(404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def put_away(frame_id: str, request: Request) -> JSONResponse:
        """Put a frame into the bin, and say why. Nothing of it is deleted."""
        why = _text(await _fields(request, ("why",)), "why")
        once = once_of(request, await request.body())
        return JSONResponse(await run_in_threadpool(desk.bin, frame_id_of(frame_id), why, by=actor_of(request).name, once=once))

    @router.post("/frames/{frame_id}/unbin", responses=told(404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def take_out(frame_id: str, request: Request) -> JSONResponse:
        """Take a frame out of the bin, as it was. The body may say why."""
        content = await request.body()
        why = _text(await _fields(request, ("why",)), "why") if content else ""
        once = once_of(request, content)
        return JSONResponse(await run_in_threadpool(desk.unbin, frame_id_of(frame_id), why, by=actor_of(request).name, once=once))


def lead_routes(desk: Desk) -> APIRouter:
    """What is in the bin, verbs for many frames, the audit."""
    router = APIRouter(prefix="/api/v1", tags=["review"])

    @router.get("/bin", responses=told(422))
    def binned(limit: int = Query(60, ge=1, le=200), before: int | None = Query(None, ge=0, le=2**53)) -> JSONResponse:
        """What is in the bin, the last that was put there first. `before` is the `next` of the page before."""
        found = desk.binned(limit + 1, before)
        return JSONResponse({"frames": to_json(found[:limit]), "next": found[limit - 1].number if len(found) > limit else None})

    @router.post("/bulk", responses=told(409, 422, 507), openapi_extra=DESCRIPTION)
    async def bulk(request: Request) -> JSONResponse:
        """A verb for many frames. First with `preview` true: what it would do, and a token; then with the token: it is done, or 409."""
        body = _only(await json_of(request, MOST_JSON), ("verb", "frames", "filter", "preview", "token", "comment", "why", "n"))
        text = _text(body, "comment") or _text(body, "why")
        asked = Asked(_text(body, "verb"), text, _whole(body, "n") if "n" in body else 1)
        frames, by = _chosen(body), actor_of(request).name
        if body.get("preview", True) is not False:
            return JSONResponse(await run_in_threadpool(desk.preview_bulk, asked, frames, by=by))
        token = _text(body, "token")
        if not token:
            raise Malformed("Send the token of a preview. Nothing was changed.")
        once = once_of(request, await request.body())
        return JSONResponse(await run_in_threadpool(desk.do_bulk, asked, frames, token, by=by, once=once))

    @router.get("/audit", responses=told(404, 422))
    def audit(
        limit: int = Query(60, ge=1, le=200),
        before: int | None = Query(None, ge=0, le=2**53),
        frame: str | None = None,
        who: str | None = None,
    ) -> JSONResponse:
        """Who did what, the latest first; of a frame, of a person, or all. `before` is the `next` of the page before."""
        found = desk.audit(limit + 1, before, frame=frame_id_of(frame) if frame else None, who=who)
        return JSONResponse({"entries": to_json(found[:limit]), "next": found[limit - 1].seq if len(found) > limit else None})

    return router


def _chosen(body: Mapping[str, Any]) -> Frames:
    """Ids, or a list by the words that GET /frames takes."""
    frames, filter = body.get("frames"), body.get("filter")
    if (frames is None) == (filter is None):
        raise Malformed("Name the frames, or a filter, and not both. Nothing was changed.")
    if filter is not None:
        if not isinstance(filter, Mapping):
            raise Malformed("filter must be a JSON object with the filters of the list. Nothing was changed.")
        return asked_of(filter)
    if not isinstance(frames, list) or not all(isinstance(each, str) for each in frames):
        raise Malformed("frames must be a list of ids. Nothing was changed.")
    return [frame_id_of(each) for each in frames]


async def _fields(request: Request, known: Sequence[str]) -> Mapping[str, Any]:
    return _only(await read_json(request), known)


def _only(body: object, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise Malformed("Send a JSON object. Nothing was changed.")
    for name in body:
        if name not in known:
            raise Malformed(f'"{str(name)[:60]}" is not known here. There are: {", ".join(known)}. Nothing was changed.')
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    said = body.get(name)
    if said is None:
        return ""
    if not isinstance(said, str) or "\x00" in said:
        raise Malformed(f"{name} must be text. Nothing was changed.")
    return said


def _whole(body: Mapping[str, Any], name: str) -> int:
    said = body.get(name)
    if isinstance(said, bool) or not isinstance(said, int) or not 0 <= said < 2**31:
        raise Malformed(f"{name} must be a whole number. Nothing was changed.")
    return said
