"""What the API's description says beyond what its routes declare: bodies that are read by hand, answers, and what the door refuses. Sends nothing.

A test asks every route many things and holds what comes back to this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from ui.refusals import SAID

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
TRUTH: Schema = {"type": "boolean"}
ANY: Schema = {}
ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def obj(**fields: Schema) -> Schema:
    """An object with all of these fields, and perhaps more."""
    return {"type": "object", "properties": fields, "required": sorted(fields)}


def maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def some(needed: Mapping[str, Schema], **more: Schema) -> Schema:
    """The object of a body: what it needs, and what it may have."""
    return {"type": "object", "properties": {**needed, **more}, "required": sorted(needed)}


BOX = maybe({"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}, "minItems": 4, "maxItems": 4})
FINDING = obj(label=TEXT, box=BOX, confidence=maybe(NUMBER), said_by=TEXT)
VALUE = obj(value=maybe(TEXT), confidence=maybe(NUMBER), said_by=TEXT)
STEP = obj(tool=VALUE, part=VALUE, action=VALUE, phase=VALUE)
VIOLATION = obj(hazard=TEXT, risk=maybe(TEXT), box=BOX, confidence=maybe(NUMBER), rules=many(TEXT), said_by=TEXT)
RISK = obj(level=maybe(TEXT), probabilities={"type": "object", "additionalProperties": NUMBER}, reasons=many(TEXT), said_by=TEXT)
OPINION = {"findings": many(FINDING), "step": STEP, "violations": many(VIOLATION), "risk": RISK, "frame_id": ID}
ASSESSMENT = obj(
    **OPINION, model=TEXT, prompt_id=TEXT, dropped=many(obj(what=TEXT, why=TEXT)), seconds=NUMBER, certainty={"type": "object"}
)
CORRECTION = obj(
    **OPINION, author=TEXT, saw_revision=WHOLE, verdict=TEXT, active_seconds=NUMBER, note=TEXT, at=maybe(TEXT), revision=maybe(WHOLE)
)
FRAME = obj(id=ID, width=WHOLE, height=WHOLE, name=TEXT, media_type=TEXT, received_at=TEXT, taken_at=maybe(TEXT), source=TEXT, site=TEXT)
LEASE = obj(holder=TEXT, until=TEXT, mine=TRUTH)
SHEET = obj(frame=FRAME, assessment=maybe(ASSESSMENT), correction=maybe(CORRECTION), revision=WHOLE, state=TEXT, reviews=many(ANY), binned=TRUTH, lease=maybe(LEASE))  # fmt: skip
CARD = obj(frame_id=ID, name=TEXT, received_at=TEXT, level=maybe(TEXT), reviewed=TRUTH, revision=WHOLE, state=TEXT, binned=TRUTH)
SAVED = obj(revision=WHOLE, at=TEXT, author=TEXT)
DECIDED = obj(state=TEXT, at=TEXT)
PUT = obj(binned=TRUTH, at=TEXT)
TERM = obj(key=TEXT, name=TEXT)
PROFILE = obj(key=TEXT, version=WHOLE, name=TEXT, language=TEXT, levels=many(TEXT), labels=many(TERM), fields=ANY, hazards=many(TERM))
ME = obj(name=TEXT, shown=TEXT, role=TEXT, via=TEXT, login=TRUTH)
PERSON = obj(name=TEXT, shown=TEXT, role=TEXT, active=TRUTH, ready=TRUTH, login_elsewhere=maybe(TEXT))
LINK = obj(link=TEXT, ends_at=TEXT)
TOKEN = obj(name=TEXT, role=TEXT)
MODELS = obj(running=maybe(TEXT), may_change=TRUTH, why_not=maybe(TEXT), models=many(obj(name=TEXT, kind=TEXT, state=TEXT)))
EXPORTED = obj(folder=TEXT, files=many(TEXT), written=WHOLE, left_out={"type": "object", "additionalProperties": WHOLE}, family=TEXT)
EXPORT = obj(id=TEXT, at=TEXT, phase=TEXT, family=TEXT, formats=many(TEXT), dataset=maybe(TEXT), pictures=TRUTH, frames=WHOLE, of=WHOLE, written=WHOLE, left_out={"type": "object", "additionalProperties": WHOLE}, files=many(TEXT), error=TEXT, link=maybe(TEXT))  # fmt: skip
BULK = {"anyOf": [obj(would=obj(done=WHOLE, left_out=ANY), token=TEXT), obj(done=ANY)]}
ENTRY = obj(seq=WHOLE, at=TEXT, action=TEXT, who=TEXT)
BINNED = obj(number=WHOLE, frame_id=ID, name=TEXT, why=TEXT, who=TEXT, at=TEXT)
DRAW = obj(number=WHOLE, policy=TEXT, mix={"type": "object", "additionalProperties": NUMBER}, seed=WHOLE, pool=WHOLE, budget=WHOLE, tasks=WHOLE, done=WHOLE, by=TEXT, at=TEXT)  # fmt: skip
TASK = obj(number=WHOLE, frame_id=ID, name=TEXT, kind=TEXT, sampler=maybe(TEXT), inclusion=maybe(NUMBER), score=maybe(NUMBER), why={"type": "object", "additionalProperties": NUMBER}, done=TRUTH)  # fmt: skip

TRAINING = obj(id=TEXT, method=TEXT, base=TEXT, dataset=TEXT, against=maybe(TEXT), by=TEXT, at=TEXT, recipe=ANY, running=TRUTH, may_resume=TRUTH, phase=TEXT, step=WHOLE, steps=WHOLE, loss=maybe(NUMBER), seconds_left=maybe(NUMBER), memory_now=maybe(WHOLE), memory_peak=maybe(WHOLE), error=maybe(TEXT), gate=ANY)  # fmt: skip

F = "/api/v1/frames/{frame_id}"
ANSWERS: Mapping[tuple[str, str], Schema] = {
    ("post", "/api/v1/frames"): many({"anyOf": [obj(frame=FRAME), obj(name=TEXT, error=TEXT, kind=TEXT)]}),
    ("get", F): SHEET,
    ("post", f"{F}/assess"): ASSESSMENT,
    ("post", f"{F}/corrections"): SAVED,
    ("get", f"{F}/history"): many(CORRECTION),
    ("get", "/api/v1/walk"): many(CARD),
    ("get", "/api/v1/next"): obj(frame_id=maybe(ID)),
    ("post", "/api/v1/next"): obj(frame_id=maybe(ID), lease=maybe(obj(until=TEXT)), why=maybe(TEXT)),
    ("put", f"{F}/lease"): LEASE,
    ("delete", f"{F}/lease"): obj(given_back=TRUTH),
    ("post", f"{F}/reviews"): DECIDED,
    ("post", f"{F}/restore"): SAVED,
    ("post", f"{F}/adjudicate"): SAVED,
    ("post", f"{F}/bin"): PUT,
    ("post", f"{F}/unbin"): PUT,
    ("get", "/api/v1/bin"): obj(frames=many(BINNED), next=maybe(WHOLE)),
    ("post", "/api/v1/bulk"): BULK,
    ("get", "/api/v1/audit"): obj(entries=many(ENTRY), next=maybe(WHOLE)),
    ("get", "/api/v1/policies"): obj(policies=many(obj(name=TEXT, mix=ANY)), eyes=maybe(TEXT), without_print=WHOLE, without_vector=WHOLE),
    ("get", "/api/v1/draws"): obj(draws=many(DRAW), next=maybe(WHOLE)),
    ("post", "/api/v1/draws"): DRAW,
    ("get", "/api/v1/draws/{number}"): obj(draw=DRAW, tasks=many(TASK), next=maybe(WHOLE)),
    ("get", "/api/v1/profile"): PROFILE,
    ("get", "/api/v1/samples"): many(obj(name=TEXT, title=TEXT, origin=TEXT, url=TEXT)),
    ("post", "/api/v1/samples/{name}"): obj(frame=FRAME),
    ("post", "/api/v1/exports/sft"): EXPORTED,
    ("post", "/api/v1/exports"): EXPORT,
    ("get", "/api/v1/exports"): obj(exports=many(EXPORT)),
    ("get", "/api/v1/exports/{name}"): EXPORT,
    ("post", "/api/v1/exports/{name}/cancel"): EXPORT,
    ("get", "/api/v1/models"): MODELS,
    ("get", "/api/v1/trainings"): obj(trainings=many(TRAINING)),
    ("get", "/api/v1/trainings/{name}"): TRAINING,
    ("post", "/api/v1/trainings/{name}/cancel"): TRAINING,
    ("post", "/api/v1/login"): ME,
    ("post", "/join/{token}"): ME,
    ("get", "/api/v1/me"): ME,
    ("post", "/api/v1/logout"): obj(out=TRUTH),
    ("get", "/api/v1/people"): obj(people=many(PERSON), login=TRUTH),
    ("patch", "/api/v1/people/{name}"): PERSON,
    ("post", "/api/v1/people/{name}/link"): LINK,
    ("get", "/api/v1/people/{name}/tokens"): obj(tokens=many(TOKEN)),
    ("get", "/api/v1/tokens"): obj(tokens=many(TOKEN)),
}
"""(method, address) -> what a 200 holds."""

PICTURES = (f"{F}/picture", f"{F}/original", f"{F}/annotated", f"{F}/preview/{{size}}", "/api/v1/samples/{name}")

_SAID_OF_IT = {
    "verdict": {"type": "string", "enum": ["reviewed", "cannot_tell"]},
    "findings": many(some({"label": TEXT, "box": BOX}, said_by=TEXT, confidence=maybe(NUMBER))),
    "step": {"type": "object"},
    "violations": many(some({"hazard": TEXT})),
    "risk": some({}, level=maybe(TEXT), said_by=TEXT),
}
_CORRECTION = some({"saw_revision": WHOLE, **_SAID_OF_IT}, note=TEXT, active_seconds=NUMBER)
BODIES: Mapping[tuple[str, str], Schema] = {
    ("post", f"{F}/corrections"): _CORRECTION,
    ("post", f"{F}/adjudicate"): _CORRECTION,
    ("post", f"{F}/opinions"): some(_SAID_OF_IT, note=TEXT, active_seconds=NUMBER),
    ("post", f"{F}/reviews"): some({"verdict": {"type": "string", "enum": ["accepted", "returned"]}, "revision": WHOLE}, comment=TEXT),
    ("post", f"{F}/restore"): some({"revision": WHOLE, "saw_revision": WHOLE}),
    ("put", f"{F}/wanted"): some({"n": {"type": "integer", "minimum": 1, "maximum": 3}}),
    ("post", f"{F}/bin"): some({"why": TEXT}),
    ("post", f"{F}/unbin"): some({}, why=TEXT),
    ("put", f"{F}/lease"): some({"tab": TEXT}),
    ("delete", f"{F}/lease"): some({"tab": TEXT}),
    ("post", "/api/v1/next"): some({"tab": TEXT}, after=maybe(ID), disputed=TRUTH),
    ("post", "/api/v1/bulk"): some({"verb": {"type": "string", "enum": ["accept", "return", "bin", "unbin", "want"]}}, frames=many(ID), filter={"type": "object"}, preview=TRUTH, token=TEXT, comment=TEXT, why=TEXT, n=WHOLE),
    ("post", "/api/v1/draws"): some({"budget": WHOLE}, policy=TEXT, mix={"type": "object", "additionalProperties": NUMBER}, seed=WHOLE, floor=NUMBER, most_a_stratum=WHOLE, blind=NUMBER, double=NUMBER),
    ("post", "/api/v1/exports/sft"): some({}, family=TEXT),
    ("post", "/api/v1/exports"): some({}, family=TEXT, formats=many(TEXT), dataset=maybe(TEXT), pictures=TRUTH),
    ("post", "/api/v1/trainings"): some({"dataset": TEXT}, base=TEXT, against=maybe(TEXT), recipe={"type": "object"}, metric=TEXT, name=TEXT),
    ("post", "/api/v1/trainings/{name}/cancel"): some({}, now=TRUTH),
    ("post", "/api/v1/login"): some({"name": TEXT, "password": TEXT}),
    ("post", "/join/{token}"): some({"password": TEXT}, name=TEXT, shown=TEXT),
    ("post", "/api/v1/people"): some({"name": TEXT, "role": TEXT}, shown=TEXT, login_elsewhere=maybe(TEXT)),
    ("patch", "/api/v1/people/{name}"): some({}, role=TEXT, active=TRUTH, login_elsewhere=maybe(TEXT)),
    ("post", "/api/v1/tokens"): some({"name": TEXT, "role": TEXT}, ends_at=maybe(TEXT)),
}  # fmt: skip
"""(method, address) -> the JSON that it reads."""
OPTIONAL = (f"{F}/unbin", "/api/v1/trainings/{name}/cancel", "/api/v1/exports/sft", "/api/v1/exports")  # a body may be missing

AT_THE_DOOR: Mapping[int, str] = {
    400: "The address that was asked for (Host) is not one of this server, or this is no HTTP.",
    401: SAID[401],
    403: SAID[403],
    404: SAID[404],
    408: "The body came too slowly.",
    413: SAID[413],
    422: SAID[422],
}
"""What every address may refuse, before its route is reached."""

_REFUSAL = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}


def describe(app: FastAPI) -> None:
    """Let the app tell all this under its own address."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(plain())
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def completed(told: dict[str, Any]) -> dict[str, Any]:
    """A description by FastAPI, with what it cannot know."""
    told["components"].setdefault("securitySchemes", {})["token"] = {"type": "http", "scheme": "bearer"}
    told["security"] = [{}, {"token": []}]
    for path, methods in told["paths"].items():
        for method, route in methods.items():
            _complete(route, method, path)
    return told


def _complete(route: dict[str, Any], method: str, path: str) -> None:
    answers = route["responses"]
    for status, said in AT_THE_DOOR.items():
        known = answers.get(str(status), {})
        if "Refusal" not in str(known.get("content", "")):  # FastAPI's own shape of a 422 is never sent
            answers[str(status)] = {"description": said, "content": _REFUSAL}
    if method != "get":
        answers.setdefault("507", {"description": SAID[507], "content": _REFUSAL})
    if (method, path) in ANSWERS:
        answers["200"].setdefault("content", {})["application/json"] = {
            **answers["200"].get("content", {}).get("application/json", {}),
            "schema": ANSWERS[method, path],
        }
    if method == "get" and path in PICTURES:
        answers.setdefault("503", {"description": SAID[503], "content": _REFUSAL})  # what covers faces is not at hand
        answers["200"]["content"] = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
    if (method, path) in BODIES and "requestBody" not in route:
        route["requestBody"] = {
            "required": path not in OPTIONAL,
            "content": {"application/json": {"schema": BODIES[method, path]}},
        }
