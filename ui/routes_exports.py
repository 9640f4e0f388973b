"""/api/v1/exports: large exports in the background. Ask for one, look how it stands, fetch it as one file, of which any part can be asked for again.

POST {"family": ..., "formats": [...], "dataset": name or null, "pictures": true}; all may be missing. Decides nothing about what may teach.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from annotations.exporting import Exports, Job, Wanted
from core.errors import Malformed
from ui.identity import actor_of
from ui.keys import DESCRIPTION, once_of
from ui.refusals import told
from ui.routes import read_json
from ui.wire import to_json

_USUAL = Wanted()
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")  # no file is larger, and a number of thousands of digits is none that Python reads


def export_routes(exports: Exports) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1", tags=["exports"])

    @router.post("/exports", responses=told(404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def ask(request: Request) -> JSONResponse:
        """Ask for an export. The answer comes at once; `link` is where it can be fetched when its phase is "done"."""
        content = await request.body()
        wanted = _wanted(await read_json(request) if content else {})
        once, by = once_of(request, content), actor_of(request).name
        return JSONResponse(job_json(await run_in_threadpool(exports.start, wanted, by=by, once=once)))

    @router.get("/exports")
    def listed() -> JSONResponse:
        """All exports that were asked for, the latest first."""
        return JSONResponse({"exports": [job_json(job) for job in exports.every()]})

    @router.get("/exports/{name}", responses=told(404))
    def one(name: str) -> JSONResponse:
        """How an export stands."""
        return JSONResponse(job_json(exports.one(name)), headers={"Cache-Control": "no-store"})

    @router.post("/exports/{name}/cancel", responses=told(404, 409, 507))
    def cancel(name: str) -> JSONResponse:
        """End an export that is not done yet; what it wrote goes."""
        return JSONResponse(job_json(exports.cancel(name)))

    @router.get("/exports/{name}/file", response_class=StreamingResponse, responses={**told(404, 409), **_FILE})
    def fetch(name: str, request: Request) -> Response:
        """The finished export as one ZIP file. A broken download goes on with `Range`."""
        archive = exports.archive(name)
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Disposition": f'attachment; filename="{name}.zip"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        part = _part(request.headers.get("Range", ""), archive.size)
        if part is None:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{archive.size}"})
        start, end = part
        headers["Content-Length"] = str(end - start)
        if (start, end) != (0, archive.size):
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{archive.size}"
        status = 206 if "Content-Range" in headers else 200
        return StreamingResponse(archive.stream(start, end), status, headers, media_type="application/zip")

    return router


def job_json(job: Job) -> dict[str, Any]:
    """An export for the wire."""
    said: dict[str, Any] = to_json(job)
    wanted = said.pop("wanted")
    return {**said, **wanted, "link": f"/api/v1/exports/{job.id}/file" if job.phase == "done" else None}


_BINARY = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": _BINARY},
    206: {"description": "The part that was asked for.", "content": _BINARY},
    416: {"description": "The file has no such part."},
}


def _wanted(body: Any) -> Wanted:
    if not isinstance(body, dict) or not set(body) <= {"family", "formats", "dataset", "pictures"}:
        raise Malformed("An export takes family, formats, dataset and pictures. Nothing was begun.")
    family, formats, dataset, pictures = (
        body.get(name, usual) for name, usual in (("family", _USUAL.family), ("formats", []), ("dataset", None), ("pictures", True))
    )
    if not isinstance(family, str) or not isinstance(formats, list) or not all(isinstance(each, str) for each in formats):
        raise Malformed("family is a word and formats a list of words. Nothing was begun.")
    if not (dataset is None or isinstance(dataset, str)) or not isinstance(pictures, bool):
        raise Malformed("dataset is the name of a frozen set or null, and pictures is true or false. Nothing was begun.")
    return Wanted(family, tuple(formats), dataset, pictures)


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """What a Range header asks for, from and up to but without; the whole where it says nothing that we know; None: there is no such part."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found[1] == found[2] == "":
        return 0, size
    if found[1] == "":
        last = min(int(found[2]), size)
        return (size - last, size) if last else None
    start, end = int(found[1]), int(found[2]) + 1 if found[2] else size
    return (start, min(end, size)) if start < size and start < end else None
