"""/api/v1/frames and what belongs to a frame: take in, assess, look at, correct. Turns requests into the desk's verbs, decides nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import orjson
from fastapi import APIRouter, Request
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from annotations.desk import Desk
from core.errors import AppError, FrameRefused, FrameTooLarge, Malformed, NotFound
from core.profile import Profile
from core.rights import Role
from core.schema import Correction, Frame
from ui.asking import Crew
from ui.identity import actor_of
from ui.inspector.draw import annotated_jpeg
from ui.keys import DESCRIPTION, once_of
from ui.refusals import MODEL, in_json, numbered, told
from ui.wire import Calibrated, assessment_json, correction_from_json, sheet_json, to_json

MAX_FILES = 100  # of one request
MAX_JSON = 2 * 2**20  # bytes; 500 findings are some 60 KiB
_ID = re.compile(r"[0-9a-f]{64}\Z")
_BLOB_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-cache",  # kept by the browser, and asked for each time: another may sit there, or the frame may be erased
}


def frame_routes(
    desk: Desk, profile: Profile, crew: Crew, refused: Callable[[AppError], object], calibrated: Calibrated | None = None
) -> APIRouter:
    """The routes of frames. `refused` is told of every file that was not taken; `calibrated` gives what may be shown in percent."""
    router = APIRouter(prefix="/api/v1", tags=["frames"])

    @router.post("/frames", responses=told(413, 415, 422, 507), openapi_extra=DESCRIPTION)
    async def receive(request: Request) -> JSONResponse:
        """Several files in one multipart body, each judged alone; 413 or 415 only when none was taken."""
        return await _received(request, desk, await files_of(request), refused)

    @router.get("/frames/{frame_id}", responses=told(404))
    def sheet(frame_id: str, request: Request) -> JSONResponse:
        """The frame with the machine's word and the latest person's, as far as who asks may see it."""
        actor = actor_of(request)
        seen = desk.sheet(frame_id_of(frame_id), by=actor.name, judge=actor.may("reviewer"))
        return JSONResponse(sheet_json(seen, calibrated))

    @router.post("/frames/{frame_id}/assess", responses=told(404, 409, *MODEL), openapi_extra=DESCRIPTION)
    async def assess(frame_id: str, request: Request) -> JSONResponse:
        """Ask the model, or the record when it was asked the same before. A client that closes the connection stops the model.

        409 for a frame that was drawn to be judged without the model's word, until somebody has saved their own.
        """
        await run_in_threadpool(desk.may_be_shown, frame_id_of(frame_id))
        known, by, once = frame_id_of(frame_id), actor_of(request).name, once_of(request, b"")
        assessment, from_store = await crew.ask(request, lambda patience: desk.assess(known, patience, by=by, once=once))
        return JSONResponse({**assessment_json(assessment, calibrated), "from_store": from_store})

    @router.post("/frames/{frame_id}/corrections", responses=told(404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def correct(frame_id: str, request: Request) -> JSONResponse:
        """Write what a person said; 409 with both versions when somebody was faster."""
        said = await said_of(request, profile, frame_id)
        once = once_of(request, await request.body())
        saved: Correction = await run_in_threadpool(desk.correct, said, by=actor_of(request).name, once=once)
        return JSONResponse(saved_json(saved))

    @router.get("/frames/{frame_id}/history", responses=told(404))
    def history(frame_id: str, request: Request) -> JSONResponse:
        """All that people said of a frame, oldest first; nothing for who owes an opinion that has not seen the others'."""
        return JSONResponse(to_json(desk.history(frame_id_of(frame_id), by=actor_of(request).name)))

    @router.get("/walk")
    def walk(limit: int = 60, before: str | None = None) -> JSONResponse:
        """Cards of frames, newest first; `before` is the last frame of the page before."""
        return JSONResponse(to_json(desk.walk(limit=max(1, min(limit, 200)), before=frame_id_of(before) if before else None)))

    @router.get("/next")
    def following(after: str | None = None) -> JSONResponse:
        """The unreviewed frame that is most uncertain, or null."""
        return JSONResponse({"frame_id": desk.next(frame_id_of(after) if after else None)})

    return router


def picture_routes(desk: Desk, profile: Profile, see_faces: Role = "viewer") -> APIRouter:
    """A frame's pixels, re-encoded by us: upright, JPEG, without metadata, by id only. Below the role `see_faces` faces are covered.

    Only `original` gives what came in, for leads, and the audit tells of it.
    """
    router = APIRouter(prefix="/api/v1")

    def covered(request: Request) -> bool:
        return not actor_of(request).may(see_faces)

    @router.get("/frames/{frame_id}/preview/{size}")
    def preview(frame_id: str, size: str, request: Request) -> Response:
        """A small upright JPEG without metadata; longest side 320 or 1600 pixels."""
        if size not in ("320", "1600"):
            raise NotFound("Previews are 320 or 1600 pixels long.")
        hidden = covered(request)
        desk.frame(frame_id_of(frame_id))  # a preview may lie there a moment longer than its frame
        tag = f'"{frame_id[:16]}-{size}-{"covered" if hidden else "clear"}"'
        if request.headers.get("if-none-match") == tag and not hidden:
            return Response(status_code=304, headers={**_BLOB_HEADERS, "ETag": tag})
        return _picture(desk.preview(frame_id, int(size), covered=hidden), frame_id, covered=hidden, tag=tag)

    @router.get("/frames/{frame_id}/picture")
    def picture(frame_id: str, request: Request) -> Response:
        """The upright frame in full size as JPEG, without metadata."""
        hidden = covered(request)
        return _picture(desk.picture(frame_id_of(frame_id), covered=hidden), frame_id, covered=hidden)

    @router.get("/frames/{frame_id}/original", responses=told(403, 404))
    def original(frame_id: str, request: Request) -> Response:
        """The frame byte for byte as it came in, metadata and all. The audit is told who took it."""
        frame, content = desk.original(frame_id_of(frame_id), by=actor_of(request).name)
        kind = frame.media_type.rpartition("/")[2]
        headers = {
            **_BLOB_HEADERS,
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="frame-{frame_id[:12]}.{kind}"',
        }
        return Response(content, media_type=frame.media_type, headers=headers)

    @router.get("/frames/{frame_id}/annotated")
    def annotated(frame_id: str, request: Request, lang: str = "en") -> Response:
        """The frame with boxes drawn in, for download: a person's if there are any, else the machine's."""
        sheet = desk.sheet(frame_id_of(frame_id), by=actor_of(request).name)
        said = sheet.correction or sheet.assessment
        with Image.open(BytesIO(desk.picture(frame_id, covered=covered(request)))) as picture:
            drawn = annotated_jpeg(picture.convert("RGB"), said.findings if said else (), profile, "zh" if lang == "zh" else "en")
        return _picture(drawn, frame_id, attachment=True)

    return router


async def _received(request: Request, desk: Desk, files: list[tuple[str, bytes]], refused: Callable[[AppError], object]) -> JSONResponse:
    taken: list[dict[str, Any]] = []
    wrong: list[AppError] = []
    for place, (name, content) in enumerate(files):
        once = once_of(request, content, f"#{place}")
        try:
            frame = await run_in_threadpool(desk.receive, content, name, by=actor_of(request).name, once=once)
        except FrameRefused as error:
            wrong.append(error)
            refused(error)
            taken.append({"name": name, **in_json(error)})
        else:
            taken.append({"frame": to_json(frame)})
    if wrong and len(wrong) == len(taken):
        status = 413 if all(isinstance(error, FrameTooLarge) for error in wrong) else 415
        return JSONResponse({**numbered(request, wrong[0], status), "files": taken}, status)
    return JSONResponse(taken)


async def said_of(request: Request, profile: Profile, frame_id: str, *, blind: bool = False) -> Correction:
    """What a person sent about a frame. Who logged in speaks in no other name; where nobody has to, the body may name its author.

    `blind`: an opinion, which follows no revision.
    """
    actor, body = actor_of(request), await read_json(request)
    if isinstance(body, dict):
        known = body.keys() - {"author"} if actor.via != "local" else body.keys()
        body = {**({"saw_revision": 0} if blind else {}), **{key: body[key] for key in known}}
    return correction_from_json(body, profile, frame_id=frame_id_of(frame_id), author=actor.name)


def saved_json(saved: Correction) -> dict[str, Any]:
    """The answer to a correction that was written."""
    return {"revision": saved.revision, "at": to_json(saved.at), "author": saved.author}


def received(frame: Frame) -> JSONResponse:
    """The answer to one frame that came in."""
    return JSONResponse({"frame": to_json(frame)})


def frame_id_of(frame_id: str) -> str:
    """An id out of an address. Raises NotFound for anything else."""
    if not _ID.match(frame_id):
        raise NotFound("There is no frame of this name.")
    return frame_id


def _picture(content: bytes, frame_id: str, *, attachment: bool = False, covered: bool = False, tag: str = "") -> Response:
    kind = "attachment" if attachment else "inline"
    headers = {**_BLOB_HEADERS, "Content-Disposition": f'{kind}; filename="frame-{frame_id[:12]}.jpg"'}
    if attachment or covered:
        headers["Cache-Control"] = "no-store"  # what people say of a frame changes, and so may who looks at it
    if tag and not covered:
        headers["ETag"] = tag
    return Response(content, media_type="image/jpeg", headers=headers)


async def files_of(request: Request) -> list[tuple[str, bytes]]:
    """(name, bytes) of every file of a multipart body. The guard has capped its length."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Malformed("Send frames as multipart/form-data, one file a part. Nothing was kept.")
    try:
        async with request.form(max_files=MAX_FILES, max_fields=10, max_part_size=64 * 1024) as form:
            uploads = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            files = [(upload.filename or "frame", await upload.read()) for upload in uploads]
    except HTTPException as error:  # so Starlette says what a multipart body lacks
        raise Malformed(f"This upload cannot be read ({error.detail.rstrip('.')}). Nothing was kept.") from error
    if not files:
        raise Malformed("There is no file in this upload. Nothing was kept.")
    return files


async def read_json(request: Request) -> object:
    """The JSON body of a correction or the like."""
    return await json_of(request, MAX_JSON)


async def json_of(request: Request, most: int) -> object:
    """A JSON body of at most so many bytes. Only as application/json: a plain form of another site cannot claim that type."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Malformed("Send JSON as application/json. Nothing was saved.")
    body = await request.body()
    if len(body) > most:
        raise Malformed(f"This is more than {most // 2**20} MiB of JSON. Nothing was saved.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("This is not JSON that can be read. Nothing was saved.") from error
