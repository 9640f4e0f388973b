"""Verbs for many frames at once: first told what they would do, then done whole or not at all, each frame with its own entry in the audit.

Doing needs the token of a preview: a digest of what would be done to which frames as they stand. Where anything of that has changed, it is
refused and looked at again.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from annotations import opinions
from annotations.queueing import pages
from annotations.reviewing import bins, reviews, second_opinions, standing
from annotations.reviewing.hindrances import UNKNOWN
from annotations.reviewing.standing import Stand
from core.errors import Malformed, OutOfTurn

MOST = 10_000
"""Frames of one bulk verb: it holds the writer's place for as long as it lasts."""

Frames = Iterable[str] | pages.Asked
"""Which frames: their ids, or all of a list as it is when the verb is told or done."""

VERBS = ("accept", "return", "bin", "unbin", "want")
_VERDICTS: Mapping[str, str] = {"accept": "accepted", "return": "returned"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A verb and what it needs. Raises Malformed for a verb that is none, and where something is missing."""

    verb: str
    text: str = ""  # comment of a review, reason of a move
    n: int = 1  # opinions that are wanted

    def __post_init__(self) -> None:
        if self.verb not in VERBS:
            raise Malformed(f'"{self.verb[:60]}" is no verb for many frames. There are: {", ".join(VERBS)}. Nothing was changed.')
        if self.verb in _VERDICTS:
            reviews.asked(_VERDICTS[self.verb], self.text)
        elif self.verb == "want":
            second_opinions.asked(self.n)
        else:
            bins.asked(self.text, into=self.verb == "bin")


@dataclass(frozen=True, slots=True)
class _Plan:
    todo: tuple[tuple[str, Stand], ...]  # frame ids as they stand
    left_out: dict[str, int]  # by what stood in the way

    def token(self, asked: Asked, by: str) -> str:
        """Changes with everything that a person was shown: the verb, the frames and how they stand, what is left out."""
        frames = [[frame_id, stand.state, stand.revision, stand.wanted, stand.opinions, stand.binned] for frame_id, stand in self.todo]
        said = [asked.verb, asked.text, asked.n, by, frames, sorted(self.left_out.items())]
        return hashlib.sha256(orjson.dumps(said)).hexdigest()


def preview(connection: sqlite3.Connection, asked: Asked, frames: Frames, *, by: str) -> dict[str, Any]:
    """What would be done, as plain JSON, and the token for doing it. Raises Malformed for too many frames."""
    plan = _plan(connection, asked, frames, by)
    return {"would": {"done": len(plan.todo), "left_out": plan.left_out}, "token": plan.token(asked, by)}


def do(connection: sqlite3.Connection, asked: Asked, frames: Frames, token: str, *, by: str, at: datetime) -> dict[str, Any]:
    """Do it, inside the caller's transaction. Raises OutOfTurn when it would no longer be what was previewed."""
    plan = _plan(connection, asked, frames, by)
    if plan.token(asked, by) != token:
        raise OutOfTurn("Some of these frames have changed since you looked at what would be done. Look again; nothing was changed.")
    answer: dict[str, Any] = {}
    for frame_id, stand in plan.todo:
        answer = _do_one(connection, asked, frame_id, stand, by, at)
    return {"done": len(plan.todo), "left_out": plan.left_out, "at": answer.get("at")}


def _plan(connection: sqlite3.Connection, asked: Asked, frames: Frames, by: str) -> _Plan:
    ids = list(dict.fromkeys(pages.every(connection, frames, most=MOST) if isinstance(frames, pages.Asked) else frames))
    if len(ids) > MOST:
        raise Malformed(f"These are {len(ids)} frames; at most {MOST} are taken at once. Choose fewer; nothing was changed.")
    todo: list[tuple[str, Stand]] = []
    left_out: Counter[str] = Counter()
    for frame_id in ids:
        found = connection.execute("SELECT seq FROM frames WHERE id = ?", (frame_id,)).fetchone()
        if found is None:
            left_out[UNKNOWN] += 1
            continue
        stand = standing.of(connection, found["seq"])
        hindrance = _hindered(connection, asked, frame_id, stand, by)
        if hindrance is None:
            todo.append((frame_id, stand))
        else:
            left_out[hindrance] += 1
    return _Plan(tuple(todo), dict(sorted(left_out.items())))


def _hindered(connection: sqlite3.Connection, asked: Asked, frame_id: str, stand: Stand, by: str) -> str | None:
    if asked.verb in _VERDICTS:
        return reviews.hindered(connection, stand, opinions.correction_of(connection, frame_id), _VERDICTS[asked.verb], by=by)
    if asked.verb == "want":
        return second_opinions.hindered(stand, asked.n)
    return bins.hindered(stand, into=asked.verb == "bin")


def _do_one(connection: sqlite3.Connection, asked: Asked, frame_id: str, stand: Stand, by: str, at: datetime) -> dict[str, Any]:
    if asked.verb in _VERDICTS:
        return reviews.write(connection, stand, frame_id, _VERDICTS[asked.verb], asked.text, by=by, at=at)
    if asked.verb == "want":
        return second_opinions.write(connection, stand, frame_id, asked.n, by=by, at=at)
    return bins.write(connection, stand, frame_id, into=asked.verb == "bin", why=asked.text, by=by, at=at)
