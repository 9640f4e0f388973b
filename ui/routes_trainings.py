"""/api/v1/trainings: teach a model by an exported set, see how it goes, end it, let it go on. It trains nothing and names no folder of this machine.

GET /api/v1/trainings  -> {"trainings": [TRAINING]}                     the latest first
GET /api/v1/trainings/ID -> TRAINING and "curve": [{"step", "loss", "rate", "memory", "at", "more"}]
POST /api/v1/trainings {"dataset": NAME, "base"?: NAME, "against"?: ADAPTER, "recipe"?: {...}, "metric"?: NAME, "name"?: NAME} -> 202, TRAINING
POST /api/v1/trainings/ID/cancel {"now"?: true}  -> TRAINING            it ends after the step it takes; now: at once
POST /api/v1/trainings/ID/resume                 -> 202, TRAINING       from its last whole checkpoint
TRAINING is {"id", "method", "base", "dataset", "against", "metric", "by", "at", "recipe": {...}, "running", "may_resume",
             "phase": "waiting" | "measuring" | "training" | "evaluating" | "done" | "failed" | "cancelled", "step", "steps", "loss",
             "seconds_left", "memory_start", "memory_loaded", "memory_now", "memory_peak" (bytes), "adapter_bytes", "adapter_share",
             "resumed", "error": null | sentence, "updated_at", "gate": null | {"passed", "words", "reasons": [...]}}
Refusals: 404 no such training, set, model or adapter; 409 one runs already, or there is nothing to end or to go on with; 422 the recipe or the
set must not teach, with "defects" where there are several; 503 the model cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from core.errors import AppError, DatasetUnfit, Malformed, ModelMissing, ModelUnfit, NotFound, TrainingError
from ui.identity import actor_of
from ui.refusals import numbered, told
from ui.routes import read_json
from ui.trainings import Places, Trainings
from ui.wire import without_paths

_NO_STORE = {"Cache-Control": "no-store"}
MOST_DEFECTS = 50  # told of a set that must not teach

Began = Callable[[str, str, Mapping[str, Any]], object]
"""Told who began which training, and what it is: for the record of who did what."""


def training_routes(trainings: Trainings, places: Places, as_json: Callable[[Any], dict[str, Any]], began: Began) -> APIRouter:
    """The routes. `as_json`: a training as plain values (`core.training.trainings.as_json`)."""
    router = APIRouter(prefix="/api/v1", tags=["training"])

    def shown(training: Any) -> dict[str, Any]:
        said = as_json(training)
        return {**said, "error": without_paths(said["error"]) if said.get("error") else None}

    _telling(router, trainings, shown)
    _doing(router, trainings, places, shown, began)
    return router


def _telling(router: APIRouter, trainings: Trainings, shown: Callable[[Any], dict[str, Any]]) -> None:
    @router.get("/trainings")
    def every() -> JSONResponse:
        """All trainings, the latest first."""
        return JSONResponse({"trainings": [shown(each) for each in trainings.list()]}, headers=_NO_STORE)

    @router.get("/trainings/{name}", responses=told(404))
    def one(name: str) -> JSONResponse:
        """A training, and its loss by step."""
        return JSONResponse({**shown(trainings.one(name)), "curve": list(trainings.curve(name))}, headers=_NO_STORE)


def _doing(router: APIRouter, trainings: Trainings, places: Places, shown: Callable[[Any], dict[str, Any]], began: Began) -> None:
    def start(body: Mapping[str, Any], by: str) -> Any:
        against = _text(body, "against")
        made = trainings.start(
            body.get("recipe") or {},
            places.base(_text(body, "base")),
            places.data(_text(body, "dataset")),
            places.adapter(against) if against else None,
            by=by,
            metric=_text(body, "metric"),
            name=_text(body, "name"),
        )
        began(made.id, by, {"dataset": made.dataset, "base": made.base, "method": made.method})
        return made

    @router.post("/trainings", responses=told(403, 404, 409, 422, 503, 507), status_code=202)
    async def begin(request: Request) -> JSONResponse:
        """Begin a training beside everything else; one at a time."""
        body = _only(await read_json(request), ("dataset", "base", "against", "recipe", "metric", "name"))
        if not _text(body, "dataset"):
            raise Malformed("dataset is the name of an exported set. Nothing was begun.")
        if not isinstance(body.get("recipe") or {}, dict):
            raise Malformed("recipe is an object of names and values. Nothing was begun.")
        try:
            made = await run_in_threadpool(start, body, actor_of(request).name)
        except (DatasetUnfit, TrainingError) as error:
            return _unfit(request, error)
        except ModelMissing as error:
            raise NotFound(without_paths(str(error))) from error
        except ModelUnfit as error:
            return JSONResponse(numbered(request, error, 409), 409)
        return JSONResponse(shown(made), 202, headers=_NO_STORE)

    @router.post("/trainings/{name}/cancel", responses=told(403, 404, 409, 422))
    async def cancel(name: str, request: Request) -> JSONResponse:
        """End a training after the step it takes. What is there of it is kept."""
        body = _only(await read_json(request), ("now",)) if await request.body() else {}
        if not isinstance(body.get("now", False), bool):
            raise Malformed("now is true or false. Nothing was changed.")
        done = await run_in_threadpool(lambda: trainings.cancel(name, now=bool(body.get("now", False))))
        return JSONResponse(shown(done), headers=_NO_STORE)

    @router.post("/trainings/{name}/resume", responses=told(403, 404, 409), status_code=202)
    async def resume(name: str, request: Request) -> JSONResponse:
        """Let a training go on that was cancelled, failed, or was killed."""
        done = await run_in_threadpool(trainings.resume, name)
        began(done.id, actor_of(request).name, {"dataset": done.dataset, "base": done.base, "method": done.method, "resumed": True})
        return JSONResponse(shown(done), 202, headers=_NO_STORE)


def _unfit(request: Request, error: AppError) -> JSONResponse:
    """What must not teach, with what is wrong in it."""
    said = numbered(request, error, 422)
    defects = [without_paths(each) for each in getattr(error, "defects", ())[:MOST_DEFECTS]]
    return JSONResponse({**said, **({"defects": defects} if defects else {})}, 422)


def _only(body: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Malformed("The request is a JSON object. Nothing was changed.")
    strange = sorted(set(body) - set(names))
    if strange:
        raise Malformed(f'"{str(strange[0])[:60]}" means nothing here; there are: {", ".join(names)}. Nothing was changed.')
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    said = body.get(name)
    if said is None:
        return ""
    if not isinstance(said, str) or len(said) > 200:
        raise Malformed(f"{name} is a name of up to 200 characters. Nothing was changed.")
    return said.strip()
