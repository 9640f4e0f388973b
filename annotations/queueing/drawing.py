"""What can be done with the queue and with lists, as verbs: draw a frame and hold it, give it back, list, choose. Part of the desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from annotations import audit, rows, sheets
from annotations.formats import table
from annotations.queueing import leases, pages
from annotations.queueing.leases import Lease, Reserved
from annotations.queueing.pages import Asked, Page
from annotations.store import Store


class Drawing:
    """The verbs of the queue and of lists over a record."""

    _store: Store
    _clock: Callable[[], datetime]

    def reserve(self, by: str, tab: str, after: str | None = None, *, disputed: bool = False) -> Reserved | None:
        """Draw the next frame for a person's tab and hold it; None: there is none. See `leases.reserve`. Raises NotFound, Malformed."""
        with self._store.writing(durable=False) as connection:
            return leases.reserve(connection, by=by, tab=tab, now=self._clock(), after=after, disputed=disputed)

    def renew(self, by: str, tab: str, frame_id: str) -> Lease:
        """Hold a frame for another fifteen minutes, or take it when it is free. Raises Held, NotFound, Malformed."""
        with self._store.writing(durable=False) as connection:
            return leases.renew(connection, frame_id, by=by, tab=tab, now=self._clock())

    def give_back(self, by: str, tab: str, frame_id: str) -> bool:
        """Let go of a frame; whether this tab held it. Raises NotFound, Malformed."""
        with self._store.writing(durable=False) as connection:
            return leases.give_back(connection, frame_id, by=by, tab=tab)

    def lease(self, frame_id: str) -> Lease | None:
        """Who works on a frame just now; None: nobody."""
        with self._store.reading() as connection:
            return leases.lease_of(connection, frame_id, self._clock())

    def listed(self, asked: Asked, limit: int = 60, cursor: str | None = None) -> Page:
        """A page of frames behind a cursor, the `next` of the page before or the id of a frame. Raises NotFound, Malformed."""
        with self._store.reading() as connection:
            return pages.page(connection, asked, limit=limit, cursor=cursor)

    def chosen(self, said: Mapping[str, object], most: int = 10_000) -> list[str]:
        """Ids of all frames that a list shows, by its filters as plain words. Raises Malformed when there are more than `most`."""
        asked = pages.asked_of(said)
        with self._store.reading() as connection:
            return list(pages.every(connection, asked, most=most))

    def table_csv(self, asked: Asked, *, by: str) -> Iterator[bytes]:
        """All frames of a list as CSV, piece by piece; that it was taken stands in the audit."""
        self._taken_out("frames.csv", by)
        return table.csv_lines(sheets.HEAD, sheets.rows_of(self._store, asked))

    def table_xlsx(self, place: Path, asked: Asked, *, by: str) -> int:
        """All frames of a list as a workbook; how many. That it was taken stands in the audit."""
        self._taken_out("frames.xlsx", by)
        return table.write_xlsx(place, sheets.HEAD, sheets.rows_of(self._store, asked))

    def _taken_out(self, what: str, by: str) -> None:
        with self._store.writing() as connection:
            audit.note(connection, "exported", who=rows.clean(by), at=rows.moment(self._clock()), subject=what)
