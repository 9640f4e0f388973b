"""/api/v1/models: which models this place knows, what the check found of each; check and use, for those who may. Adding is a terminal verb only:
nobody names a server through a page.

GET /api/v1/models ->
    {"running": "compact@0a09...:guided",  the id of the model that answers now; null: none
     "may_change": true,                   whether check and use are open to who asks: they are for admins
     "why_not": null,                      else the reason, in a sentence
     "models": [{"name": "bench-7b", "kind": "endpoint" | "local",
                 "source": "bench-lora",   what its server calls it, a hub id, or the last name of its folder
                 "revision": null, "adapter": null, "quantisation": "none" | "nf4", "guided": true,
                 "family": "qwen2.5-vl",   as declared; null: as its folder says
                 "host": "10.0.0.5:8000",  where frames go; "": they stay on this machine
                 "remote": true,           frames may leave this machine
                 "active": false,          the next start takes it
                 "running": false,         it answers now: the one by whose name the server was started
                 "state": "ships" | "unchecked" | "failed" | "untold" | "fit" | "checking",
                 "why_not": "...",         why it cannot be used and what to do; null: it can
                 "checked": null | {"model": "...", "passed": true, "at": "2026-11-21T02:18:41+00:00",
                                    "findings": {"answers": "...", "declared": "...", "frame": "...", "schema": "...",
                                                 "logprobs": "...", "masked": "...", "picture": "...", "scale": "1.0000 x 1.0000",
                                                 "unchecked": "..."}},      each may be missing
                 "error": null | "..."}]}  why its last check, from this page, could not even begin
POST /api/v1/models/NAME/check -> 202, the model as above with "state": "checking"; ask GET until it has another state
POST /api/v1/models/NAME/use   -> {"said": "bench-7b is taken from the next start on."}
Refusals are {"kind": ..., "error": sentence}: 403 for admins only, 404 no such model, 409 it may not be used, 503 another is being checked.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from annotations.desk import Desk
from core.errors import AppError, Forbidden, ModelBusy, ModelMissing, ModelUnfit, NotFound
from ui.identity import actor_of
from ui.refusals import numbered, told
from ui.wire import to_json, without_paths

CLOSED = "Models are checked and chosen by admins. Ask one; at the server's terminal it is `launch.py models`."
_NO_STORE = {"Cache-Control": "no-store"}


class Registry(Protocol):
    """The verbs of `core.backends.registering.Registry`."""

    def chosen(self) -> str: ...
    def listed(self) -> Sequence[Any]: ...
    def shown(self, name: str) -> Any: ...
    def check(self, name: str) -> Any: ...
    def use(self, name: str) -> str: ...


@dataclass(slots=True)
class _Checking:
    """The one check that may run, beside the requests: it takes minutes."""

    registry: Registry
    name: str | None = None  # of the model that is being checked
    errors: dict[str, str] = field(default_factory=dict)  # of checks that could not begin, by name
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, name: str) -> None:
        """Raises ModelBusy while another is checked."""
        with self.lock:
            if self.name is not None:
                raise ModelBusy(f"{self.name} is being checked. Wait until that is done, then check {name}.")
            self.name = name
        threading.Thread(target=self._run, args=(name,), name=f"check {name}", daemon=True).start()

    def _run(self, name: str) -> None:
        try:
            self.registry.check(name)
            self.errors.pop(name, None)
        except AppError as error:
            self.errors[name] = without_paths(str(error))
        finally:
            with self.lock:
                self.name = None


def model_routes(desk: Desk, registry: Registry) -> APIRouter:
    """The routes of models."""
    router = APIRouter(prefix="/api/v1", tags=["models"])
    checking = _Checking(registry)
    started = registry.chosen()  # since then another may be active

    def as_json(model: Any) -> dict[str, Any]:
        said: dict[str, Any] = to_json(model)
        if model.checked:
            said["checked"]["findings"] = {key: without_paths(words) for key, words in said["checked"]["findings"].items()}
        said["why_not"] = without_paths(model.why_not) if model.why_not else None
        said["running"] = desk.model is not None and model.name == started
        if checking.name == model.name:
            said["state"] = "checking"
        return {**said, "error": checking.errors.get(model.name)}

    @router.get("/models")
    def models(request: Request) -> JSONResponse:
        """The model that answers, all that are known, and what the check found of each. No keys, no folders."""
        may = actor_of(request).may("admin")
        body = {
            "running": desk.model or None,
            "may_change": may,
            "why_not": None if may else CLOSED,
            "models": [as_json(each) for each in registry.listed()],
        }
        return JSONResponse(body, headers=_NO_STORE)

    @router.post("/models/{name}/check", responses={**_refusals(), **told(404, 503)}, status_code=202)
    def check(name: str, request: Request) -> JSONResponse:
        """Begin to check a model; it takes up to minutes and goes on beside this answer."""
        _for_admins(request)
        model = _known(registry, name)
        if model.state == "ships":
            return JSONResponse(numbered(request, ModelUnfit(f"{name} ships with GembaLens and needs no check."), 409), 409)
        checking.begin(name)
        return JSONResponse(as_json(model), 202, headers=_NO_STORE)

    @router.post("/models/{name}/use", responses={**_refusals(), **told(404)})
    def use(name: str, request: Request) -> JSONResponse:
        """Take a checked model from the next start on. The one that runs goes on answering until then."""
        _for_admins(request)
        _known(registry, name)
        try:
            return JSONResponse({"said": registry.use(name)}, headers=_NO_STORE)
        except ModelUnfit as error:
            return JSONResponse(numbered(request, error, 409), 409)

    return router


def _known(registry: Registry, name: str) -> Any:
    """The model of this name. Raises NotFound: for who asks here it is an address that leads nowhere."""
    try:
        return registry.shown(name)
    except ModelMissing as error:
        raise NotFound(f"There is no model {without_paths(name)[:80]} in the catalogue.") from error


def _for_admins(request: Request) -> None:
    """The door asks for this too; twice is right where a program is chosen that is then run."""
    if not actor_of(request).may("admin"):
        raise Forbidden(CLOSED)


def _refusals() -> dict[int | str, dict[str, Any]]:
    return {
        403: {"description": "Models are checked and chosen by admins."},
        409: {"description": "The model may not be used: never checked, failed, or another than the one that was checked."},
    }
