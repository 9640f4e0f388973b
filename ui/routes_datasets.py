"""/api/v1/datasets: frozen data sets, which there are, what is in each, two side by side, what leaks; freezing, for leads. Decides nothing.

GET /api/v1/datasets -> {"datasets": [SET, ...]}, the latest first; SET:
    {"name": "2026-11", "digest": "...", "profile": "bench", "frames": 412, "note": "", "by": "lin", "at": "2026-11-21T08:00:00Z",
     "parts": {"train": 290, "validation": 41, "test": 81},
     "split": {"shares": {...}, "by_what": "scene", "seed": 0, "groups": {"train": 101, ...}, "kept": null | "2026-10", "left_out": {"not reviewed": 9},
               "profile_version": 1}}
POST /api/v1/datasets {"name": ..., "note": "", "shares": {"train": .7, "validation": .1, "test": .2}, "by_what": "scene" | "camera" | "day",
                       "seed": 0, "keep_test_of": "latest" | null | NAME} -> 201 SET; all but the name may be left out
GET /api/v1/datasets/NAME -> SET and "balance": {"train": {"frames": 290, "scenes": 101, "labels": {"hammer": 120}, "hazards": {}, "risks": {}}, ...},
                             "verified": {"sound": true, "erased": 0, "words": "..."}
GET /api/v1/datasets/A/compare/B -> {"a": ..., "b": ..., "same": false, "counts": {"added": 3, "gone": 0, "corrected": 1, "moved": 0},
                                     "added": [frame ids], "gone": [...], "corrected": [...], "moved": [{"frame_id": ..., "before": "train", "after": "test"}],
                                     "labels": {"hammer": [120, 122]}, "risks": {...}}; of each list the first 200
GET /api/v1/datasets/NAME/leaks -> {"leaks": [{"kind": "near-duplicate", "parts": ["train", "test"], "count": 2, "examples": [frame ids], "words": "..."}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from annotations.freezing.sets import LATEST, SHARES, Datasets, Frozen
from core.errors import Malformed
from ui.identity import actor_of
from ui.keys import DESCRIPTION, once_of
from ui.refusals import told
from ui.routes import read_json
from ui.wire import to_json

MOST_SHOWN = 200
"""Frames of each list of a comparison; how many there are is told beside it."""

MOST_NOTE = 4_000  # characters

_KNOWN = ("name", "note", "shares", "by_what", "seed", "keep_test_of")


def dataset_routes(sets: Datasets) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1", tags=["data sets"])
    _telling(router, sets)

    @router.post("/datasets", status_code=201, responses=told(404, 409, 422, 507), openapi_extra=DESCRIPTION)
    async def freeze(request: Request) -> JSONResponse:
        """Freeze every frame that may teach now, with what is true of it now. Nothing of it changes any more."""
        asked = _asked(await read_json(request))
        once = once_of(request, await request.body())
        by = actor_of(request).name
        made: Frozen = await run_in_threadpool(lambda: sets.freeze(by=by, once=once, **asked))
        return JSONResponse(to_json(made), 201)

    return router


def _telling(router: APIRouter, sets: Datasets) -> None:
    @router.get("/datasets")
    def every() -> JSONResponse:
        """All data sets, the latest first."""
        return JSONResponse({"datasets": to_json(sets.all())})

    @router.get("/datasets/{name}", responses=told(404, 422))
    def one(name: str) -> JSONResponse:
        """A data set, how many frames of each part show what, and whether it still is what was frozen."""
        found, verified = sets.one(name), sets.verify(name)
        sound = {"sound": verified.sound, "erased": verified.erased, "words": verified.words}
        return JSONResponse({**to_json(found), "balance": to_json(sets.balance(name)), "verified": sound})

    @router.get("/datasets/{a}/compare/{b}", responses=told(404, 422))
    def compare(a: str, b: str) -> JSONResponse:
        """What is otherwise in the second one."""
        said = to_json(sets.compare(a, b))
        lists = ("added", "gone", "corrected", "moved")
        return JSONResponse({**said, **{key: said[key][:MOST_SHOWN] for key in lists}, "counts": {key: len(said[key]) for key in lists}})

    @router.get("/datasets/{name}/leaks", responses=told(404, 422))
    def leaks(name: str) -> JSONResponse:
        """What is on both sides of its split, or looks so, in sentences."""
        return JSONResponse({"leaks": to_json(sets.leaks(name))})


def _asked(body: object) -> dict[str, Any]:
    """The words of `Datasets.freeze`; whether they make sense is asked there. Raises Malformed."""
    if not isinstance(body, Mapping):
        raise Malformed("Send a JSON object. Nothing was frozen.")
    for key in body:
        if key not in _KNOWN:
            raise Malformed(f'"{str(key)[:60]}" is not known here. There are: {", ".join(_KNOWN)}. Nothing was frozen.')
    note, seed, shares, kept = body.get("note", ""), body.get("seed", 0), body.get("shares", SHARES), body.get("keep_test_of", LATEST)
    for key, said in (("name", body.get("name")), ("note", note), ("by_what", body.get("by_what", "scene"))):
        if not isinstance(said, str) or "\x00" in said or len(said) > MOST_NOTE:
            raise Malformed(f"{key} must be text of at most {MOST_NOTE} characters. Nothing was frozen.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise Malformed("seed must be a whole number below 2147483648. Nothing was frozen.")
    if not isinstance(shares, Mapping):
        raise Malformed("shares must be a JSON object of parts and numbers. Nothing was frozen.")
    if kept is not None and not isinstance(kept, str):
        raise Malformed("keep_test_of must be the name of a data set, or null to start anew. Nothing was frozen.")
    return {
        "name": body["name"],
        "note": note,
        "shares": shares,
        "by_what": body.get("by_what", "scene"),
        "seed": seed,
        "keep_test_of": kept,
    }
