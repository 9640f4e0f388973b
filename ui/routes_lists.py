"""Lists under /api/v1: frames, and what machines said of them, page by page and newest first. Only named filters, and every other word is refused."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from annotations.desk import Desk
from annotations.queueing import pages
from annotations.queueing.listing import UNDETERMINED, Listed
from core.errors import Forbidden, Malformed
from core.profile import LEVELS
from ui.identity import actor_of
from ui.refusals import told
from ui.shapes import LINE, AssessmentPage, FramePage
from ui.wire import to_json

MOST = 200  # lines of a page
RISKS = (*LEVELS, UNDETERMINED)

_CARD = {
    "frame_id": LINE["frame_id"],
    "name": "20231102150443.jpg",
    "received_at": "2026-11-20T12:00:00Z",
    "level": "low",
    "uncertainty": 0.3,
    "reviewed": True,
    "revision": 1,
    "verdict": "reviewed",
    "state": "accepted",
    "author": "lin",
    "binned": False,
}
_LISTED = {
    "number": 12,
    "at": "2026-11-20T12:00:00Z",
    "name": "20231102150443.jpg",
    "host": "",
    **{key: LINE[key] for key in ("frame_id", "model", "prompt_id", "risk", "findings", "violations", "seconds")},
    "dropped": 0,
}


def list_routes(desk: Desk) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1", tags=["lists"])

    @router.get(
        "/frames", response_model=FramePage, responses={**_example({"frames": [_CARD], "next": _CARD["frame_id"]}), **told(404, 422)}
    )
    def frames(
        request: Request,
        limit: int = Query(60, ge=1, le=MOST),
        before: str | None = Query(None, max_length=100),
        state: str | None = Query(None, description=f"One of {', '.join(pages.STATES)}."),
        level: str | None = Query(None, description=f"One of {', '.join(pages.LEVELS)}."),
        verdict: str | None = Query(None, description=f"One of {', '.join(pages.VERDICTS)}."),
        author: str | None = Query(None, description="Of the latest correction."),
        source: str | None = Query(None, description="How frames came in."),
        site: str | None = Query(None, description="Where frames come from."),
        since: str | None = Query(None, description="Received then or later: ISO 8601; without a zone it is UTC."),
        until: str | None = Query(None, description="Received before."),
        wanted: str | None = Query(None, description="true: another opinion is wanted."),
        binned: str | None = Query(None, description="true: what is in the bin; else what is not."),
        search: str | None = Query(None, description="Words in names, notes and comments."),
        sort: str | None = Query(None, description=f"One of {', '.join(pages.SORTS)}."),
    ) -> JSONResponse:
        """Frames by any filters together. `before` is the `next` of the page before; a page may hold fewer lines than asked and have a `next`."""
        _only(request, ("limit", "before", *pages.WORDS))
        asked = pages.asked_of({name: value or None for name, value in request.query_params.items() if name in pages.WORDS})
        if asked.binned and not actor_of(request).may("lead"):
            raise Forbidden("What is in the bin is for leads. Ask whoever gives out roles.")
        found = desk.listed(asked, limit, before or None)
        return JSONResponse({"frames": to_json(found.cards), "next": found.next})

    @router.get(
        "/assessments", response_model=AssessmentPage, responses={**_example({"assessments": [_LISTED], "next": "12"}), **told(422)}
    )
    def assessments(
        request: Request,
        limit: int = Query(60, ge=1, le=MOST),
        before: int | None = Query(None, ge=0, le=2**53),
        risk: str | None = Query(None, description=f"One of {', '.join(RISKS)}."),
        model: str | None = Query(None, max_length=300, description="The whole id of a model."),
        since: str | None = Query(None, description="ISO 8601; without a zone it is UTC.", examples=["2026-11-20T06:00:00Z"]),
    ) -> JSONResponse:
        """What machines said of frames, newest first. `before` is the `next` of the page before.

        What was said of a frame that is to be judged without it comes into the list when somebody has judged that.
        """
        _only(request, ("limit", "before", "risk", "model", "since"))
        if risk is not None and risk not in RISKS:
            raise Malformed(f"risk is one of {', '.join(RISKS)}.")
        found = desk.assessments(limit + 1, before, risk=risk, model=model, since=_moment(since))
        following = str(found[limit - 1].number) if len(found) > limit else None
        return JSONResponse({"assessments": [_line(each) for each in found[:limit]], "next": following})

    return router


def _line(listed: Listed) -> dict[str, Any]:
    said = listed.assessment
    return {
        "number": listed.number,
        "at": to_json(listed.at),
        "name": listed.name,
        "frame_id": said.frame_id,
        "model": said.model,
        "prompt_id": said.prompt_id,
        "host": said.reply.host if said.reply else "",
        "risk": to_json(said.risk),
        "findings": to_json(said.findings),
        "violations": to_json(said.violations),
        "seconds": said.seconds,
        "dropped": len(said.dropped),
    }


def _only(request: Request, known: Collection[str]) -> None:
    """A filter that is not there must not look as if it had been heeded."""
    for name in request.query_params:
        if name not in known:
            raise Malformed(f'"{name[:60]}" is no filter here. There are: {", ".join(known)}.')


def _moment(said: str | None) -> datetime | None:
    if said is None:
        return None
    try:
        moment = datetime.fromisoformat(said.strip().replace(" ", "+"))  # "+" in an address is a blank
    except ValueError as error:
        raise Malformed("since is no time such as 2026-11-20T06:00:00Z.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _example(value: object) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": value}}}}
