"""/api/v1/inspect: frames in, what the model says of them out, in one request. They are kept, so everything else can be done with them after."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from annotations.desk import Desk, Patience
from core.errors import AppError, FrameRefused, Malformed
from ui.asking import Crew
from ui.identity import actor_of
from ui.keys import DESCRIPTION, once_of
from ui.refusals import AGAIN_SECONDS, MODEL, in_json, numbered, status_of, told
from ui.routes import MAX_FILES, files_of, json_of
from ui.shapes import INSPECTION, Inspection
from ui.wire import inspection_line

Refused = Callable[[AppError], object]
"""Told of every frame that was refused inside an answer."""

UNREAD = "unread"
"""What a frame without a judgement is called in the totals."""

_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {"description": "At least one frame was judged. Look at each entry.", "content": {"application/json": {"example": INSPECTION}}},
    **told(409, 413, 415, 422, 507, *MODEL),
}
_MULTIPART = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "maxItems": MAX_FILES, "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
} | DESCRIPTION
_ONE = {"name": "20231102150443.jpg", "content": "/9j/4AAQSkZJRgABAQ…"}
_BASE64 = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "frames": {
                            "type": "array",
                            "maxItems": MAX_FILES,
                            "items": {
                                "type": "object",
                                "required": ["content"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "content": {"type": "string", "contentEncoding": "base64", "description": "A data URL is taken too."},
                                },
                            },
                        }
                    },
                },
                "examples": {"several": {"value": {"frames": [_ONE]}}, "one": {"value": _ONE}},
            }
        },
    }
} | DESCRIPTION


def inspect_routes(desk: Desk, crew: Crew, refused: Refused, *, most_json: int) -> APIRouter:
    """The routes. `most_json`: bytes of a JSON body."""
    router = APIRouter(prefix="/api/v1", tags=["inspect"])

    @router.post("/inspect", response_model=Inspection, responses=_ANSWERED, openapi_extra=_MULTIPART)
    async def inspect(request: Request) -> JSONResponse:
        """Judge the files of a multipart body, each alone and in their order.

        A file that cannot be read or judged stands in the answer with its error; the status is an error's only when none was judged. So does a frame
        that was drawn to be judged without the model's word, until somebody has saved their own.
        A client that closes the connection stops the model.
        """
        return await _inspected(request, desk, crew, refused, await files_of(request))

    @router.post("/inspect/base64", response_model=Inspection, responses=_ANSWERED, openapi_extra=_BASE64)
    async def inspect_base64(request: Request) -> JSONResponse:
        """The same for frames inside JSON: `{"frames": [{"name": ..., "content": base64}]}`, or one of them alone."""
        body = await json_of(request, most_json)
        return await _inspected(request, desk, crew, refused, await run_in_threadpool(_sent, body))

    return router


async def _inspected(
    request: Request, desk: Desk, crew: Crew, refused: Refused, files: Sequence[tuple[str, bytes | AppError]]
) -> JSONResponse:
    found = await crew.ask_each(request, [_question(request, desk, place, *file) for place, file in enumerate(files)])
    entries: list[dict[str, Any]] = []
    errors: list[AppError] = []
    for (name, _), answer in zip(files, found, strict=True):
        entry, error = ({"file": name}, answer) if isinstance(answer, AppError) else answer
        if error is not None:
            errors.append(error)
            refused(error)
            entry = {**entry, **in_json(error)}
        entries.append(entry)
    levels = Counter(UNREAD if "error" in entry else entry["risk"]["level"] or "undetermined" for entry in entries)
    said: dict[str, Any] = {"frames": entries, "totals": dict(levels)}
    if len(errors) < len(entries):
        return JSONResponse(said)
    status = status_of(errors[0])
    again = {"Retry-After": str(AGAIN_SECONDS)} if status == 503 else None
    return JSONResponse({**numbered(request, errors[0], status), **said}, status, headers=again)


def _question(
    request: Request, desk: Desk, place: int, name: str, content: bytes | AppError
) -> Callable[[Patience], tuple[dict[str, Any], AppError | None]]:
    """What is done with one frame: taken in, and the model asked. Its entry, and what went wrong."""
    by = actor_of(request).name

    def ask(patience: Patience) -> tuple[dict[str, Any], AppError | None]:
        if isinstance(content, AppError):
            return {"file": name}, content
        frame = desk.receive(content, name, by=by, source="api", once=once_of(request, content, f"#{place}"))
        try:
            desk.may_be_shown(frame.id)
            said, known = desk.assess(frame.id, patience, by=by, once=once_of(request, content, f"#{place}:assess"))
        except AppError as error:
            return {"file": name, "frame_id": frame.id}, error
        return {**inspection_line(frame, said, name), "from_store": known}, None

    return ask


def _sent(body: object) -> list[tuple[str, bytes | AppError]]:
    """(name, bytes) of the frames inside JSON; what is no base64 is refused for itself. Raises Malformed when there is no frame at all."""
    sent = body.get("frames", [body]) if isinstance(body, dict) else None
    if not isinstance(sent, list) or not sent or not all(isinstance(each, dict) and isinstance(each.get("content"), str) for each in sent):
        raise Malformed(
            'Send {"frames": [{"name": ..., "content": base64}, ...]}, or one {"name": ..., "content": base64}. Nothing was kept.'
        )
    if len(sent) > MAX_FILES:
        raise Malformed(f"frames has {len(sent)} entries; at most {MAX_FILES} are taken at once. Nothing was kept.")
    return [(_name(each.get("name")), _bytes(each["content"], _name(each.get("name")))) for each in sent]


def _name(said: object) -> str:
    return said if isinstance(said, str) and said.strip() else "frame"


def _bytes(content: str, name: str) -> bytes | AppError:
    if content.startswith("data:"):
        content = content.partition(",")[2]
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return FrameRefused(f"{name[:200]}: its content is not base64.")
