"""Lists of frames as tables for spreadsheets, under the same filters as the list itself. Streamed; no text in them can become a formula."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, StreamingResponse

from annotations.desk import Desk
from annotations.queueing import pages
from ui.identity import actor_of
from ui.refusals import told

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def table_routes(desk: Desk) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1", tags=["lists"])

    @router.get("/frames.csv", response_class=StreamingResponse, responses=told(403, 422))
    def frames_csv(request: Request) -> StreamingResponse:
        """All frames of a list as CSV; the filters of /api/v1/frames. A text that a spreadsheet would take for a formula begins with an apostrophe."""
        lines: Iterator[bytes] = desk.table_csv(_asked(request), by=actor_of(request).name)
        return StreamingResponse(lines, media_type=CSV, headers=_attachment("frames.csv"))

    @router.get("/frames.xlsx", response_class=FileResponse, responses=told(403, 422, 507))
    def frames_xlsx(request: Request) -> FileResponse:
        """The same as a workbook."""
        asked = _asked(request)
        handle = tempfile.NamedTemporaryFile(prefix="frames-", suffix=".xlsx", delete=False)  # noqa: SIM115 - sent after this function ends
        handle.close()
        place = Path(handle.name)
        try:
            desk.table_xlsx(place, asked, by=actor_of(request).name)
        except BaseException:
            place.unlink()
            raise
        return FileResponse(place, media_type=XLSX, headers=_attachment("frames.xlsx"), background=BackgroundTask(place.unlink))

    return router


def _asked(request: Request) -> pages.Asked:
    return pages.asked_of({name: value or None for name, value in request.query_params.items()})


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
