"""The routes that belong to no single frame: is it alive, what is looked for here, sample frames, writing the training file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from annotations.desk import Desk
from core.errors import Malformed, NotFound
from core.geometry import FAMILIES
from core.profile import Profile
from core.settings import Settings
from ui.identity import actor_of
from ui.keys import DESCRIPTION, once_of
from ui.metrics import CONTENT_TYPE, Metrics
from ui.routes import read_json, received
from ui.samples import content, samples
from ui.shapes import Alive, Standing
from ui.wire import profile_json, to_json, without_paths

Language = Literal["en", "zh"]
USUAL_FAMILY = "qwen2.5-vl"

Ready = Callable[[], str | None]
"""Asks whether a model answers: None when it does, otherwise the reason in a sentence."""


def health_routes(ready: Ready, metrics: Metrics) -> APIRouter:
    """Liveness: the process serves. Readiness: a model answered a known frame not long ago. Metrics, for Prometheus."""
    router = APIRouter(tags=["health"])

    @router.get("/livez", response_model=Alive)
    async def livez() -> JSONResponse:
        """The process serves."""
        return JSONResponse({"alive": True}, headers={"Cache-Control": "no-store"})

    @router.get("/readyz", response_model=Standing, responses={503: {"model": Standing, "description": "It does not; `error` says why."}})
    def readyz() -> JSONResponse:
        """The model answered a known frame not long ago. The answer is at hand at once; an old proof is renewed beside it."""
        reason = ready()
        said: dict[str, Any] = {"ready": reason is None}
        if reason is not None:
            said["error"] = without_paths(reason)
        return JSONResponse(said, 200 if reason is None else 503, headers={"Cache-Control": "no-store"})

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def numbers() -> Response:
        """Numbers of this process in Prometheus' text format."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    return router


def site_routes(desk: Desk, profile: Profile, settings: Settings) -> APIRouter:
    """Profile, samples and export under /api/v1."""
    router = APIRouter(prefix="/api/v1", tags=["site"])
    default: Language = "zh" if settings.language == "zh" else "en"

    @router.get("/profile")
    def about(lang: Language = default) -> JSONResponse:
        """Labels, choices and hazards with their names."""
        return JSONResponse(profile_json(profile, lang))

    @router.get("/samples")
    def listed(lang: Language = default) -> JSONResponse:
        """The sample frames, each with the address of its picture."""
        return JSONResponse([{**to_json(sample), "url": f"/api/v1/samples/{sample.name}"} for sample in samples(lang)])

    @router.get("/samples/{name}")
    def sample(name: str) -> Response:
        """The picture of a sample."""
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "public, max-age=86400"}
        picture = content(name)
        return Response(picture, media_type="image/jpeg", headers={**headers, "Content-Disposition": f'inline; filename="{name}"'})

    @router.post("/samples/{name}", openapi_extra=DESCRIPTION)
    def take(name: str, request: Request) -> JSONResponse:
        """Receive a sample as if it had been uploaded."""
        picture = content(name)
        return received(desk.receive(picture, name, by=actor_of(request).name, source="sample", once=once_of(request, picture)))

    @router.post("/exports/sft", openapi_extra=DESCRIPTION)
    async def export(request: Request) -> JSONResponse:
        """Write every reviewed frame as training data into a new folder of the data folder, and tell what was left out and why."""
        body = await read_json(request) if await request.body() else {}
        family = body.get("family", USUAL_FAMILY) if isinstance(body, dict) else None
        if not isinstance(family, str) or family not in FAMILIES:
            raise Malformed(f"family must be one of {', '.join(FAMILIES)}. Nothing was written.")
        out = _new_folder(settings.data / "exports")
        once = once_of(request, await request.body())
        report = await run_in_threadpool(desk.export_sft, out, family=family, by=actor_of(request).name, once=once)
        said = to_json(report)
        return JSONResponse({**said, "folder": f"exports/{Path(report.folder).name}", "family": family})

    return router


def last_routes() -> APIRouter:
    """What must stand after all other routes and before the inspector, which is mounted at "/" and would answer."""
    router = APIRouter()

    @router.get("/dashboard", include_in_schema=False)
    def dashboard(request: Request) -> RedirectResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/dashboard/{query}", 307)

    @router.api_route("/api/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"], include_in_schema=False)
    async def nothing(rest: str) -> JSONResponse:
        raise NotFound("There is nothing at this address.")

    return router


def _new_folder(parent: Path) -> Path:
    """A folder name of this second that is not taken yet."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    names = (f"sft-{stamp}{suffix}" for suffix in ("", *(f"-{i}" for i in range(2, 1000))))
    return next(path for path in (parent / name for name in names) if not path.exists())
