"""/api/v1/adapters and /api/v1/lineage: which adapters there are, what the gate said of each, which one speaks; and what taught a verdict.

GET /api/v1/adapters ->
    {"running": "compact@0a09...+bench-2@77aa...:guided",   the id of the model that answers now; null: none
     "live": "bench-2",                                     the adapter that was promoted last; null: the base alone
     "adapters": [{"name", "id": "bench-2@77aa...", "base", "dataset", "digest", "job", "by", "at", "live": true,
                   "gate": null | GATE}],                   what was found of it last beside the model that answers now
     "promotions": [{"adapter": null | "bench-2", "back", "anyway", "why", "by", "at"}]}      the latest first
GET /api/v1/adapters/NAME  -> the adapter as above, and "prompt_id", "trained_from", "recipe", "about", "metrics", "gates": [GATE], "lineage": LINEAGE
                              (without people for those below lead)
POST /api/v1/adapters {"job": ID, "name"?}                  -> 201, the adapter; "name": how it is to be called here, else as its training
POST /api/v1/adapters/NAME/promote {"why", "anyway"?}       -> {"promotion": ..., "running": ID}; anyway: although its gate was not passed, for admins
POST /api/v1/adapters/roll-back {"why"}                     -> the same
GET /api/v1/lineage?assessment=N | frame=ID[&model=ID] | adapter=NAME         -> LINEAGE: model, adapter, data sets, corrections, authors
GET /api/v1/lineage?frame=ID&revision=N | correction=N      -> what ate the correction: data sets, adapters, whether what speaks now learned from it
GATE is {"adapter", "against", "passed", "reasons": [{"key", "passed", "words", "values"}], "by", "at"}
Refusals: 409 the gate was not passed, the model does not take the adapter, or nothing can be taken back; nothing was changed then.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from annotations.desk import Desk
from annotations.learning.adapters import Adapter, Adapters, Gate, Promotion
from core.errors import Forbidden, Malformed, ModelMissing, ModelUnfit, NotFound
from ui.identity import actor_of
from ui.refusals import numbered, told
from ui.routes import frame_id_of, read_json
from ui.wire import to_json, without_paths

_NO_STORE = {"Cache-Control": "no-store"}
_JOB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def adapter_routes(desk: Desk, adapters: Adapters, jobs: Path) -> APIRouter:
    """The routes. `jobs`: where the trainings lie, each a folder."""
    router = APIRouter(prefix="/api/v1", tags=["adapters"])
    _telling(router, desk, adapters)
    _deciding(router, desk, adapters, jobs)
    _asking(router, adapters)
    return router


def _telling(router: APIRouter, desk: Desk, adapters: Adapters) -> None:
    @router.get("/adapters")
    def every(request: Request) -> JSONResponse:
        """All adapters, the latest first, what was found of each beside the model that answers now, and who let which one speak."""
        live = adapters.live()
        body = {
            "running": desk.model or None,
            "live": live.name if live else None,
            "adapters": [_short(adapters, each, live) for each in adapters.adapters()],
            "promotions": [_promotion(each) for each in adapters.promotions()],
        }
        return JSONResponse(body, headers=_NO_STORE)

    @router.get("/adapters/{name}", responses=told(404))
    def one(name: str, request: Request) -> JSONResponse:
        """An adapter whole: recipe, figures, gates, what taught it."""
        adapter, taught = adapters.one(name), to_json(adapters.lineage_of_adapter(name))
        if not actor_of(request).may("lead"):  # figures about people
            taught = {key: value for key, value in taught.items() if key not in ("authors", "sources")}
        body = {
            **_short(adapters, adapter, adapters.live()),
            "prompt_id": adapter.prompt_id,
            "trained_from": adapter.trained_from,
            "recipe": to_json(adapter.recipe),
            "about": to_json(adapter.about),
            "metrics": to_json(adapter.metrics),
            "gates": [_gate(each) for each in adapters.gates(name)],
            "lineage": taught,
        }
        return JSONResponse(body, headers=_NO_STORE)


def _deciding(router: APIRouter, desk: Desk, adapters: Adapters, jobs: Path) -> None:
    @router.post("/adapters", responses=told(403, 404, 409, 422, 507), status_code=201)
    async def register(request: Request) -> JSONResponse:
        """Take the adapter of a training into the registry, with its figures and its gate. It does not speak by that."""
        body = _only(await read_json(request), ("job", "name"))
        job, name = _text(body, "job"), _text(body, "name") if body.get("name") is not None else None
        if not _JOB.fullmatch(job):
            raise NotFound(f"There is no training {without_paths(job)[:80]}.")
        try:
            made = await run_in_threadpool(adapters.register, jobs / job, by=actor_of(request).name, name=name)
        except (ModelUnfit, ModelMissing) as error:
            return JSONResponse(numbered(request, error, 409), 409)
        return JSONResponse(await run_in_threadpool(_short, adapters, made, None), 201, headers=_NO_STORE)

    @router.post("/adapters/roll-back", responses=told(403, 409, 422, 503, 504, 507))
    async def roll_back(request: Request) -> JSONResponse:
        """Let the adapter speak again that spoke before, or the base alone."""
        why = _text(_only(await read_json(request), ("why",)), "why")
        try:
            done = await run_in_threadpool(adapters.roll_back, by=actor_of(request).name, why=why)
        except (ModelUnfit, ModelMissing) as error:
            return JSONResponse(numbered(request, error, 409), 409)
        return JSONResponse({"promotion": _promotion(done), "running": desk.model or None}, headers=_NO_STORE)

    @router.post("/adapters/{name}/promote", responses=told(403, 404, 409, 422, 503, 504, 507))
    async def promote(name: str, request: Request) -> JSONResponse:
        """Let an adapter speak from now on, without a restart: what was asked before ends under the old id."""
        body, actor = _only(await read_json(request), ("why", "anyway")), actor_of(request)
        why, anyway = _text(body, "why"), body.get("anyway", False)
        if not isinstance(anyway, bool):
            raise Malformed("anyway is true or false. Nothing was changed.")
        if anyway and not actor.may("admin"):
            raise Forbidden("Only an admin promotes an adapter that did not pass its gate. Nothing was changed.")
        try:
            done = await run_in_threadpool(adapters.promote, name, by=actor.name, why=why, anyway=anyway)
        except (ModelUnfit, ModelMissing) as error:
            return JSONResponse(numbered(request, error, 409), 409)
        return JSONResponse({"promotion": _promotion(done), "running": desk.model or None}, headers=_NO_STORE)


def _asking(router: APIRouter, adapters: Adapters) -> None:
    @router.get("/lineage", responses=told(404, 422))
    def lineage(
        assessment: int | None = Query(None, ge=1, le=2**53),
        frame: str | None = None,
        revision: int | None = Query(None, ge=1, le=2**53),
        correction: int | None = Query(None, ge=1, le=2**53),
        model: str | None = Query(None, max_length=300),
        adapter: str | None = Query(None, max_length=100),
    ) -> JSONResponse:
        """What taught a verdict or an adapter; or what a correction went into."""
        asked = [each for each in (assessment, frame, correction, adapter) if each is not None]
        if len(asked) != 1:
            raise Malformed("Say one of: assessment, frame (with revision for a correction), correction, adapter.")
        found: object
        if assessment is not None:
            found = adapters.lineage_of_assessment(assessment)
        elif correction is not None:
            found = adapters.adapters_of_correction(correction)
        elif adapter is not None:
            found = adapters.lineage_of_adapter(adapter)
        elif revision is not None:
            found = adapters.adapters_of_revision(frame_id_of(str(frame)), revision)
        else:
            found = adapters.lineage_of_frame(frame_id_of(str(frame)), model)
        return JSONResponse(to_json(found), headers=_NO_STORE)


def _short(adapters: Adapters, adapter: Adapter, live: Adapter | None) -> dict[str, Any]:
    gate = adapters.gate(adapter.name)
    return {
        "name": adapter.name,
        "id": adapter.id,
        "base": adapter.base,
        "dataset": adapter.dataset,
        "digest": adapter.digest,
        "job": adapter.about.get("job"),
        "by": adapter.by,
        "at": to_json(adapter.at),
        "live": live is not None and live.number == adapter.number,
        "gate": _gate(gate) if gate else None,
    }


def _gate(gate: Gate) -> dict[str, Any]:
    said: dict[str, Any] = to_json(gate)
    del said["number"]
    return said


def _promotion(promotion: Promotion) -> dict[str, Any]:
    said: dict[str, Any] = to_json(promotion)
    del said["number"]
    return said


def _only(body: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Malformed("The request is a JSON object. Nothing was changed.")
    strange = sorted(set(body) - set(names))
    if strange:
        raise Malformed(f'"{str(strange[0])[:60]}" means nothing here; there are: {", ".join(names)}. Nothing was changed.')
    return body


def _text(body: dict[str, Any], name: str) -> str:
    said = body.get(name)
    if not isinstance(said, str) or not said.strip() or len(said) > 2000:
        raise Malformed(f"{name} is a text of up to 2000 characters. Nothing was changed.")
    return said.strip()
