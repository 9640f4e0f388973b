"""/api/v1/frames and what belongs to a frame: take in, assess, look at, correct. Turns requests into the desk's verbs, decides nothing."""

from __future__ import annotations

import re
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
from core.schema import Correction, Frame
from ui.inspector.draw import annotated_jpeg
from ui.wire import correction_from_json, error_json, to_json

LOCAL = "local"
"""Who acts while nobody logs in."""

MAX_FILES = 100  # of one request
MAX_JSON = 2 * 2**20  # bytes; 500 findings are some 60 KiB
_ID = re.compile(r"[0-9a-f]{64}\Z")
_BLOB_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=31536000, immutable",  # named by content, so it never changes
}


def frame_routes(desk: Desk, profile: Profile) -> APIRouter:
    """The routes of frames."""
    router = APIRouter(prefix="/api/v1")

    @router.post("/frames")
    async def receive(request: Request) -> JSONResponse:
        """Several files in one multipart body, each judged alone; 413 or 415 only when none was taken."""
        taken: list[dict[str, Any]] = []
        refused: list[AppError] = []
        for name, content in await _files(request):
            try:
                frame = await run_in_threadpool(desk.receive, content, name, by=LOCAL)
            except FrameRefused as error:
                refused.append(error)
                taken.append({"name": name, **error_json(error)})
            else:
                taken.append({"frame": to_json(frame)})
        if refused and len(refused) == len(taken):
            status = 413 if all(isinstance(error, FrameTooLarge) for error in refused) else 415
            return JSONResponse({**error_json(refused[0]), "files": taken}, status)
        return JSONResponse(taken)

    @router.get("/frames/{frame_id}")
    def sheet(frame_id: str) -> JSONResponse:
        """The frame with the machine's word and the latest person's."""
        return JSONResponse(to_json(desk.sheet(_id(frame_id))))

    @router.post("/frames/{frame_id}/assess")
    def assess(frame_id: str) -> JSONResponse:
        """Ask the model, or the record when it was asked the same before."""
        assessment, from_store = desk.assess(_id(frame_id))
        return JSONResponse({**to_json(assessment), "from_store": from_store})

    @router.post("/frames/{frame_id}/corrections")
    async def correct(frame_id: str, request: Request) -> JSONResponse:
        """Write what a person said; 409 with both versions when somebody was faster."""
        body = await read_json(request)
        correction = correction_from_json(body, profile, frame_id=_id(frame_id), author=LOCAL)
        saved: Correction = await run_in_threadpool(desk.correct, correction)
        return JSONResponse({"revision": saved.revision, "at": to_json(saved.at), "author": saved.author})

    @router.get("/frames/{frame_id}/history")
    def history(frame_id: str) -> JSONResponse:
        """All that people said of a frame, oldest first."""
        return JSONResponse(to_json(desk.history(_id(frame_id))))

    @router.get("/walk")
    def walk(limit: int = 60, before: str | None = None) -> JSONResponse:
        """Cards of frames, newest first; `before` is the last frame of the page before."""
        return JSONResponse(to_json(desk.walk(limit=max(1, min(limit, 200)), before=_id(before) if before else None)))

    @router.get("/next")
    def following(after: str | None = None) -> JSONResponse:
        """The unreviewed frame that is most uncertain, or null."""
        return JSONResponse({"frame_id": desk.next(_id(after) if after else None)})

    return router


def picture_routes(desk: Desk, profile: Profile) -> APIRouter:
    """A frame's pixels, always re-encoded by us: upright, JPEG, without metadata, by id only."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/frames/{frame_id}/preview/{size}")
    def preview(frame_id: str, size: str) -> Response:
        """A small upright JPEG without metadata; longest side 320 or 1600 pixels."""
        if size not in ("320", "1600"):
            raise NotFound("Previews are 320 or 1600 pixels long.")
        return _picture(desk.preview(_id(frame_id), int(size)), frame_id)

    @router.get("/frames/{frame_id}/picture")
    def picture(frame_id: str) -> Response:
        """The upright frame in full size as JPEG, without metadata."""
        return _picture(desk.picture(_id(frame_id)), frame_id)

    @router.get("/frames/{frame_id}/annotated")
    def annotated(frame_id: str, lang: str = "en") -> Response:
        """The frame with boxes drawn in, for download: a person's if there are any, else the machine's."""
        sheet = desk.sheet(_id(frame_id))
        said = sheet.correction or sheet.assessment
        with Image.open(BytesIO(desk.picture(frame_id))) as picture:
            drawn = annotated_jpeg(picture.convert("RGB"), said.findings if said else (), profile, "zh" if lang == "zh" else "en")
        return _picture(drawn, frame_id, attachment=True)

    return router


def received(frame: Frame) -> JSONResponse:
    """The answer to one frame that came in."""
    return JSONResponse({"frame": to_json(frame)})


def _id(frame_id: str) -> str:
    if not _ID.match(frame_id):
        raise NotFound("There is no frame of this name.")
    return frame_id


def _picture(content: bytes, frame_id: str, *, attachment: bool = False) -> Response:
    kind = "attachment" if attachment else "inline"
    headers = {**_BLOB_HEADERS, "Content-Disposition": f'{kind}; filename="frame-{frame_id[:12]}.jpg"'}
    if attachment:
        headers["Cache-Control"] = "no-store"  # what people say of a frame changes
    return Response(content, media_type="image/jpeg", headers=headers)


async def _files(request: Request) -> list[tuple[str, bytes]]:
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
    """A JSON body. Only as application/json: a plain form of another site cannot claim that type."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Malformed("Send JSON as application/json. Nothing was saved.")
    body = await request.body()
    if len(body) > MAX_JSON:
        raise Malformed(f"This is more than {MAX_JSON // 2**20} MiB of JSON. Nothing was saved.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("This is not JSON that can be read. Nothing was saved.") from error
