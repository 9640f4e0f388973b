"""The app: one FastAPI with the API, the inspector at "/" and the dashboard at "/dashboard", behind one guard. It makes no desk and opens no store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse

from annotations.desk import Desk
from annotations.entering.members import Members
from annotations.reports import Reports
from core.errors import AppError, Malformed, NotFound
from core.settings import Settings
from ui.asking import Crew
from ui.describing import describe
from ui.doorman import Doorman
from ui.guard import Guard, doors, in_base64
from ui.metrics import Metrics
from ui.refusals import refusal, template
from ui.routes import frame_routes, picture_routes
from ui.routes_inspect import inspect_routes
from ui.routes_lists import list_routes
from ui.routes_people import people_routes
from ui.routes_queue import queue_routes
from ui.routes_review import lead_routes, review_routes
from ui.routes_site import Ready, health_routes, last_routes, site_routes
from ui.routes_tables import table_routes
from ui.wire import Calibrated

if TYPE_CHECKING:
    from ui.dashboard.board import Learning  # imports the dashboard's toolkit

ABOUT = """Inspection of frames by a vision model, and review of what it says by people.

Boxes are left, top, right, bottom in 0..1 of the upright frame. A risk level of null is "undetermined": a person has to judge. Every
refusal is a sentence for a person (`error`), a kind for programs (`kind`), and a number that stands in the server's log (`id`).
Where people log in, a program shows a token of its person: `Authorization: Bearer gl_...`. A browser must be on a page of the server itself."""

_log = logging.getLogger(__name__)


def create(
    desk: Desk,
    reports: Reports,
    settings: Settings,
    *,
    ready: Ready | None = None,
    metrics: Metrics | None = None,
    calibrated: Calibrated | None = None,
    members: Members | None = None,
    more: Sequence[APIRouter] = (),
    learning: Learning | None = None,
    screens: bool = True,
) -> FastAPI:
    """The whole app. `ready` asks whether the model answers (None given: whether there is one); `screens` False leaves the API alone.

    `members` are the people who may come in; None given: no doorman, and whoever asks is whoever sits here. `calibrated` gives what of an
    assessment may be shown in percent; `more` are routes that somebody else made; `learning` is what the dashboard's pages about it read. At most one app with screens can live in a process:
    Streamlit knows one script only.
    """
    profile, crew, counted = desk.profile, Crew(), metrics or Metrics()
    most_bytes = settings.max_upload_mib * 1024 * 1024
    app = FastAPI(title="GembaLens", version="1", description=ABOUT, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.include_router(health_routes(ready or _has_model(desk), counted))
    app.include_router(inspect_routes(desk, crew, counted.refused, most_json=in_base64(most_bytes)))
    app.include_router(list_routes(desk))
    app.include_router(table_routes(desk))
    app.include_router(queue_routes(desk))
    app.include_router(review_routes(desk, profile))
    app.include_router(lead_routes(desk))
    app.include_router(frame_routes(desk, profile, crew, counted.refused, calibrated))
    app.include_router(picture_routes(desk, profile, settings.see_faces))
    app.include_router(site_routes(desk, profile, settings))
    if members is not None:
        app.include_router(people_routes(members, settings))
    for router in more:
        app.include_router(router)
    app.include_router(last_routes())
    _answer_errors(app, counted)
    describe(app)
    if screens:
        from ui.dashboard.mount import mount_dashboard
        from ui.inspector.app import mount_inspector

        mount_dashboard(app, reports, profile, settings, guarded=members is not None, learning=learning)
        mount_inspector(app, desk, profile, settings)
    if members is not None:
        app.add_middleware(Doorman, members=members, behind_tls=settings.behind_tls, language=settings.language)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(Guard, doors=doors(settings.host, most_bytes, public=settings.public_hosts, behind_tls=settings.behind_tls))
    return app


def _has_model(desk: Desk) -> Ready:
    return lambda: None if desk.model else "No model is loaded here. Frames can be marked by hand."


def _answer_errors(app: FastAPI, metrics: Metrics) -> None:
    """Every error leaves as {"error": sentence, "kind": ..., "id": ...}; the id stands in the log, beside the traceback of what is no sentence of ours."""

    @app.exception_handler(AppError)
    async def ours(request: Request, error: AppError) -> JSONResponse:
        metrics.refused(error)
        return refusal(request, error)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> JSONResponse:
        said = {404: "There is nothing at this address.", 405: "This address does not take that method."}.get(error.status_code)
        kind = NotFound if error.status_code == 404 else Malformed
        answer = await ours(request, kind(said or "This request cannot be understood."))
        answer.status_code = error.status_code
        return answer

    @app.exception_handler(RequestValidationError)
    async def asked_wrongly(request: Request, error: RequestValidationError) -> JSONResponse:
        place = ".".join(str(part) for part in error.errors()[0]["loc"][1:]) or "the request"
        return await ours(request, Malformed(f"{place[:60]} has a value that is not taken here."))

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        number = uuid4().hex[:8]
        metrics.broken()
        _log.error("bug %s at %s %s", number, request.method, template(request))
        said = f"Something is broken here. Nothing more was saved; the log tells more under {number}."
        return JSONResponse({"error": said, "kind": "bug", "id": number}, 500)
