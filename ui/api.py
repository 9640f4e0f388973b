"""The app: one FastAPI with the API, the inspector at "/" and the dashboard at "/dashboard", behind one guard. It makes no desk and opens no store."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from uuid import uuid4

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse

from annotations.desk import Desk
from annotations.reports import Reports
from core.errors import AppError, Conflict, ExportError, FrameRefused, FrameTooLarge, Malformed, ModelBusy, ModelError, NotFound, StoreError
from core.settings import Settings
from ui.guard import Guard, doors
from ui.routes import frame_routes, picture_routes
from ui.routes_site import Ready, health_routes, last_routes, site_routes
from ui.wire import error_json

STATUS: Mapping[type[AppError], int] = {
    FrameTooLarge: 413,
    FrameRefused: 415,
    NotFound: 404,
    Malformed: 422,
    Conflict: 409,
    StoreError: 507,
    ExportError: 507,
    ModelBusy: 503,
    ModelError: 503,
    AppError: 400,
}
"""The status of an error: that of its nearest ancestor in this table."""

_log = logging.getLogger(__name__)


def create(desk: Desk, reports: Reports, settings: Settings, *, ready: Ready | None = None, screens: bool = True) -> FastAPI:
    """The whole app. `ready` asks whether the model answers (None given: whether there is one); `screens` False leaves the API alone.

    At most one app with screens can live in a process: Streamlit knows one script only.
    """
    profile = desk.profile
    app = FastAPI(title="GembaLens", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.include_router(health_routes(ready or _has_model(desk)))
    app.include_router(frame_routes(desk, profile))
    app.include_router(picture_routes(desk, profile))
    app.include_router(site_routes(desk, profile, settings))
    app.include_router(last_routes())
    _answer_errors(app)
    if screens:
        from ui.dashboard.mount import mount_dashboard
        from ui.inspector.app import mount_inspector

        mount_dashboard(app, reports, profile, settings)
        mount_inspector(app, desk, profile, settings)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(Guard, doors=doors(settings.host, settings.max_upload_mib * 1024 * 1024, public=settings.public_hosts))
    return app


def _has_model(desk: Desk) -> Ready:
    return lambda: None if desk.model else "No model is loaded here. Frames can be marked by hand."


def _answer_errors(app: FastAPI) -> None:
    """Every error leaves as {"error": sentence}; what is no sentence of ours gets an id that stands beside the traceback in the log."""

    @app.exception_handler(AppError)
    async def ours(request: Request, error: AppError) -> JSONResponse:
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        return JSONResponse(error_json(error), status, headers={"Retry-After": "5"} if status == 503 else None)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> JSONResponse:
        said = {404: "There is nothing at this address.", 405: "This address does not take that method."}.get(error.status_code)
        return JSONResponse({"error": said or "This request cannot be understood."}, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def asked_wrongly(request: Request, error: RequestValidationError) -> JSONResponse:
        place = ".".join(str(part) for part in error.errors()[0]["loc"][1:]) or "the request"
        return JSONResponse({"error": f"{place[:60]} has a value that is not taken here."}, 422)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        number = uuid4().hex[:8]
        _log.error("bug %s at %s %s", number, request.method, request.url.path)
        return JSONResponse({"error": f"Something is broken here. Nothing more was saved; the log tells more under {number}."}, 500)
