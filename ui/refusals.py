"""How an error leaves: its status, its sentence, its kind, and a number that stands in the log too. Knows no route."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from fastapi import Request
from starlette.responses import JSONResponse

from core.errors import (
    Abandoned,
    AppError,
    Conflict,
    DatasetUnfit,
    ExportError,
    Forbidden,
    FrameRefused,
    FrameTooLarge,
    Held,
    KeyReused,
    LoginNeeded,
    Malformed,
    ModelError,
    ModelGarbled,
    ModelRefused,
    ModelSilent,
    NotFound,
    OutOfTurn,
    StoreError,
    TooOften,
    TrainingError,
)
from ui.shapes import Refusal
from ui.wire import error_json

STATUS: Mapping[type[AppError], int] = {
    FrameTooLarge: 413,
    FrameRefused: 415,
    LoginNeeded: 401,
    Forbidden: 403,
    NotFound: 404,
    Malformed: 422,
    KeyReused: 422,
    Conflict: 409,
    OutOfTurn: 409,
    DatasetUnfit: 409,
    TrainingError: 409,
    Held: 409,
    TooOften: 429,
    StoreError: 507,
    ExportError: 507,
    Abandoned: 499,  # nobody reads it; nginx's number for a client that closed the connection
    ModelSilent: 504,
    ModelRefused: 502,
    ModelGarbled: 502,
    ModelError: 503,
    AppError: 400,
}
"""The status of an error: that of its nearest ancestor in this table."""

AGAIN_SECONDS = 5
"""Told with every 503: it is no fault of the request."""

SAID: Mapping[int, str] = {
    401: "Nobody knows who asks: log in, or show a token.",
    403: "Who asks may not do this.",
    404: "There is nothing of this name here.",
    409: "Somebody was faster, or has the frame just now; where both said something, both versions are in the answer.",
    413: "Too many bytes or pixels.",
    415: "These bytes are not a frame that is taken.",
    422: "The request cannot be understood; the sentence names the field.",
    429: "Too many tries; Retry-After says when to come back.",
    499: "The client went away; the model was told to stop.",
    502: "The model's server refused, or sent something that is no answer.",
    503: "There is no model, it is busy, lost, or unfit to be used; Retry-After says when to come back.",
    504: "The model gave no answer in time.",
    507: "The record or a data set could not be written.",
}

MODEL = (499, 502, 503, 504)
"""The statuses of a route that asks a model."""

_log = logging.getLogger(__name__)


def status_of(error: AppError) -> int:
    """The status with which an error is answered."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def refusal(request: Request, error: AppError) -> JSONResponse:
    """The answer to a request that failed. The log gets kind and address, and nothing that was sent."""
    status = status_of(error)
    said = numbered(request, error, status)
    if isinstance(error, TooOften):
        return JSONResponse({**said, "seconds": error.seconds}, status, headers={"Retry-After": str(error.seconds)})
    headers = {503: {"Retry-After": str(AGAIN_SECONDS)}, 401: {"WWW-Authenticate": "Bearer"}}
    return JSONResponse(said, status, headers=headers.get(status))


def numbered(request: Request, error: AppError, status: int) -> dict[str, Any]:
    """An error as it is answered: with a number, under which the log now has it."""
    number = uuid4().hex[:8]
    _log.warning("error %s %s %d at %s %s", number, type(error).__name__, status, request.method, template(request))
    return {**in_json(error), "id": number}


def in_json(error: AppError) -> dict[str, Any]:
    """An error with its kind, for programs: the name of its class, as `core/errors.py` draws them.

    >>> in_json(FrameTooLarge("A sentence."))
    {'kind': 'FrameTooLarge', 'error': 'A sentence.'}
    """
    return {"kind": type(error).__name__, **error_json(error)}


def template(request: Request) -> str:
    """The address as a route writes it, without the ids and names in it."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "an unknown address"))


def told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for the description of the API."""
    return {
        status: {"model": Refusal, "description": SAID[status], **({"headers": _RETRY} if status in (429, 503) else {})}
        for status in statuses
    }


_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
