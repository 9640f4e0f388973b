"""What can be done with corrections that are there, as verbs: restore, review, second opinions, the bin, many at once, the audit. Part of the desk."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from annotations import audit, opinions
from annotations.once import Once, done, forget
from annotations.reviewing import bins, bulk, reviews, second_opinions, standing
from annotations.reviewing.bins import Binned
from annotations.reviewing.bulk import Asked, Frames
from annotations.store import Store
from core.schema import Correction


class Judging:
    """The verbs of review over a record. Every one that writes takes `once`: sent again under the same key, it is done once and answered the same."""

    def __init__(self, store: Store, clock: Callable[[], datetime], check: Callable[[Correction], None]) -> None:
        self._store = store
        self._clock = clock
        self._check = check  # raises Malformed for what may never become truth

    def correct(self, told: Correction, *, by: str | None = None, once: Once | None = None) -> Correction:
        """Write what a person said; given back with its revision and time. Whole on the disk when this returns. `by`: who sends it.

        Raises Conflict, with both versions, unless the person saw the latest revision; NotFound; Malformed for a word the profile lacks;
        OutOfTurn where an opinion that has not seen the others is wanted, and for others than its author while opinions differ.
        """
        self._check(told)

        def act(connection: sqlite3.Connection, at: datetime) -> Correction:
            second_opinions.may_correct(connection, told.frame_id, told.author)
            return opinions.add_correction(connection, told, at=at)

        return self._revised(told.frame_id, by or told.author, once, act)

    def restore(self, frame_id: str, revision: int, saw_revision: int, *, by: str, once: Once | None = None) -> Correction:
        """Say again what an earlier revision said, as a new one; who stands behind each of its words stays. Raises as `correct` does."""

        def act(connection: sqlite3.Connection, at: datetime) -> Correction:
            second_opinions.may_correct(connection, frame_id, by)
            earlier = opinions.correction_at(connection, frame_id, revision)
            told = replace(earlier, author=by, saw_revision=saw_revision, active_seconds=0.0, note=restored_note(earlier))
            self._check(told)
            return opinions.add_correction(connection, told, at=at, action="restored")

        return self._revised(frame_id, by, once, act)

    def review(self, frame_id: str, verdict: str, comment: str, revision: int, *, by: str, once: Once | None = None) -> dict[str, Any]:
        """Accept the latest correction, or return it to its author: {"state", "at"}.

        Raises Malformed for a return without a comment; OutOfTurn, with the latest, when `revision` is no longer the latest, and where the
        frame does not wait for it; Forbidden for one's own work, unless nobody else is there.
        """
        return self._write(once, by, lambda c, at: reviews.add(c, frame_id, verdict, comment, revision, by=by, at=at))

    def want(self, frame_id: str, n: int, *, by: str, once: Once | None = None) -> dict[str, Any]:
        """Say how many people are to give their opinion on a frame, 1 to 3: {"wanted", "state", "at"}. Raises OutOfTurn, Malformed."""
        return self._write(once, by, lambda c, at: second_opinions.want(c, frame_id, n, by=by, at=at))

    def second_opinion(self, told: Correction, *, once: Once | None = None) -> dict[str, Any]:
        """Write an opinion that has not seen the others: {"state", "at"}. Raises OutOfTurn for who has spoken, and where none is wanted."""
        self._check(told)
        return self._write(once, told.author, lambda c, at: second_opinions.add(c, told, at=at))

    def adjudicate(self, told: Correction, *, once: Once | None = None) -> Correction:
        """A reviewer's own word where two opinions differ; the frame is accepted with it.

        Raises OutOfTurn where nothing is disputed, Forbidden for who gave one of the opinions, Conflict as `correct` does.
        """
        self._check(told)
        return self._revised(told.frame_id, told.author, once, lambda c, at: second_opinions.adjudicate(c, told, at=at))

    def bin(self, frame_id: str, why: str, *, by: str, once: Once | None = None) -> dict[str, Any]:
        """Put a frame away: {"binned", "at"}. Nothing of it is deleted. Raises Malformed without a reason, OutOfTurn when it is there already."""
        return self._write(once, by, lambda c, at: bins.move(c, frame_id, into=True, why=why, by=by, at=at))

    def unbin(self, frame_id: str, why: str = "", *, by: str, once: Once | None = None) -> dict[str, Any]:
        """Take a frame out of the bin, as it was: {"binned", "at"}. Raises OutOfTurn when it is not there."""
        return self._write(once, by, lambda c, at: bins.move(c, frame_id, into=False, why=why, by=by, at=at))

    def binned(self, limit: int = 60, before: int | None = None) -> list[Binned]:
        """What is in the bin, the last first; `before` is the number of the last line of the page before."""
        with self._store.reading() as connection:
            return bins.held(connection, limit=limit, before=before)

    def preview_bulk(self, asked: Asked, frames: Frames, *, by: str) -> dict[str, Any]:
        """What a bulk verb would do: {"would": {"done": n, "left_out": {reason: n}}, "token"}. Changes nothing. Raises Malformed.

        `frames`: ids, or a list of which all frames are meant.
        """
        with self._store.reading() as connection:
            return bulk.preview(connection, asked, frames, by=by)

    def do_bulk(self, asked: Asked, frames: Frames, token: str, *, by: str, once: Once | None = None) -> dict[str, Any]:
        """Do what was previewed, all of it or nothing: {"done": n, "left_out": {reason: n}, "at"}. Raises OutOfTurn when it is no longer the same."""
        return self._write(once, by, lambda c, at: bulk.do(c, asked, frames, token, by=by, at=at))

    def audit(self, limit: int = 60, before: int | None = None, *, frame: str | None = None, who: str | None = None) -> list[audit.Entry]:
        """Who did what, the latest first, before the number `before`; of a frame, of a person, or all."""
        with self._store.reading() as connection:
            return audit.entries(connection, limit=limit, before=before, frame=frame, who=who)

    def history(self, frame_id: str, *, by: str | None = None) -> tuple[Correction, ...]:
        """All that people said of a frame, oldest first; nothing for who owes an opinion that has not seen the others'. Raises NotFound."""
        with self._store.reading() as connection:
            stand = standing.of(connection, opinions.number_of(connection, frame_id))
            if by is not None and standing.owes(connection, stand, by):
                return ()
            return opinions.corrections_of(connection, frame_id)

    def forget_keys(self) -> int:
        """Let go of the keys of writes that no client will send again; how many. Once, when the program starts."""
        with self._store.writing() as connection:
            return forget(connection, self._clock())

    def _write(self, once: Once | None, by: str, act: Callable[[sqlite3.Connection, datetime], dict[str, Any]]) -> dict[str, Any]:
        """What `act` gives, in one transaction with its key."""
        with self._store.writing() as connection:
            at = self._clock()
            answer: dict[str, Any] = done(connection, once, lambda: act(connection, at), who=by, at=at)
            return answer

    def _revised(self, frame_id: str, by: str, once: Once | None, act: Callable[[sqlite3.Connection, datetime], Correction]) -> Correction:
        """The correction that `act` writes, or wrote when this was sent first."""
        with self._store.writing() as connection:
            at = self._clock()
            if once is None:
                return act(connection, at)
            answer = done(connection, once, lambda: {"frame_id": frame_id, "revision": act(connection, at).revision}, who=by, at=at)
            return opinions.correction_at(connection, frame_id, answer["revision"])


def restored_note(earlier: Correction) -> str:
    """The note of a restored revision: the number of what it restores, in a sign that every language reads, and what stood there.

    The sign is not put before itself: restoring revision 3, which restored revision 1, names revision 3 alone.
    """
    return f"{_AGAIN}{earlier.revision} {_SIGN.sub('', earlier.note)}".rstrip()


_AGAIN = "↺ "
_SIGN = re.compile(rf"\A{_AGAIN}\d+ ?")
