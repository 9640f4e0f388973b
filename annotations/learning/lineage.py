"""Both ways through what was learned: from a verdict back to who taught it, and from a bad correction on to everything that ate it. Changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from annotations.learning import promotions, seen
from annotations.learning.authors import authors_of
from annotations.learning.spoken import parts_of
from core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Taught:
    """A data set that taught an adapter."""

    name: str
    digest: str
    adapter: str  # which it taught: this one, or one that this one was trained from
    by: str  # who froze it
    at: datetime  # UTC
    note: str
    parts: Mapping[str, int]  # frames by part when it was frozen


@dataclass(frozen=True, slots=True)
class Source:
    """A correction that taught."""

    number: int
    frame_id: str
    revision: int
    author: str
    at: datetime  # UTC
    part: str
    dataset: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a verdict comes from."""

    model: str
    base: str | None  # None: it is no model of this machine, and what taught it is not known here
    adapter: str | None  # NAME@FINGERPRINT; None: the base spoke alone
    registered: bool  # the registry knows the adapter
    live: bool  # it speaks now
    datasets: tuple[Taught, ...]
    corrections: int  # that taught it
    authors: Mapping[str, int]  # of those, how many are whose
    sources: tuple[Source, ...]  # the first of them


@dataclass(frozen=True, slots=True)
class Eater:
    """An adapter that had to do with a correction."""

    name: str
    fingerprint: str
    dataset: str
    part: str  # train and validation: it learned from it; test: it was judged by it
    through: str  # the adapter that the set taught: itself, or one that it was trained from
    live: bool  # it speaks now


@dataclass(frozen=True, slots=True)
class Eaten:
    """What became of a correction."""

    number: int
    frame_id: str
    revision: int
    author: str
    at: datetime  # UTC
    datasets: Mapping[str, str]  # by name of the set: the part
    adapters: tuple[Eater, ...]

    @property
    def live(self) -> bool:
        """Whether what speaks now has learned from it."""
        return any(each.live and each.part != "test" for each in self.adapters)


def of_assessment(connection: sqlite3.Connection, number: int, *, limit: int = 50) -> Lineage:
    """Where the verdict of this number comes from. Raises NotFound."""
    row = connection.execute("SELECT model FROM assessments WHERE seq = ?", (number,)).fetchone()
    if row is None:
        raise NotFound(f"There is no assessment number {number}.")
    return of_model(connection, row["model"], limit=limit)


def of_frame(connection: sqlite3.Connection, frame_id: str, model: str | None, *, limit: int = 50) -> Lineage:
    """The same of the latest verdict on a frame, of one model or any. Raises NotFound."""
    row = connection.execute(
        "SELECT a.model FROM assessments a JOIN frames f ON f.seq = a.frame WHERE f.id = ? AND (?2 IS NULL OR a.model = ?2) "
        "ORDER BY a.seq DESC LIMIT 1",
        (frame_id, model),
    ).fetchone()
    if row is None:
        raise NotFound(f"No such model has said anything of the frame {frame_id[:12]}.")
    return of_model(connection, row["model"], limit=limit)


def of_model(connection: sqlite3.Connection, model: str, *, limit: int = 50) -> Lineage:
    """What taught the model of an id. `limit`: how many of the corrections are named."""
    spoken = parts_of(model)
    if spoken is None or spoken.mark is None:
        return Lineage(model, spoken.base if spoken else None, None, False, False, (), 0, {}, ())
    speaking = promotions.live(connection)
    chain = list(seen.lineage(connection, spoken.mark))
    datasets = {row["dataset"]: row["name"] for row in reversed(chain) if row["dataset"] is not None}
    taught = tuple(_taught(connection, number, name) for number, name in datasets.items())
    authors = authors_of(connection, tuple(datasets))
    return Lineage(
        model,
        spoken.base,
        f"{spoken.adapter}@{spoken.mark}",
        bool(chain),
        speaking is not None and speaking.fingerprint == spoken.mark,
        taught,
        sum(authors.values()),
        authors,
        _sources(connection, tuple(datasets), limit),
    )


def of_correction(connection: sqlite3.Connection, number: int) -> Eaten:
    """Every data set that holds a correction, and every adapter that learned from it or was judged by it. Raises NotFound."""
    row = connection.execute(
        "SELECT c.seq, c.revision, c.author, c.at, f.id FROM corrections c JOIN frames f ON f.seq = c.frame WHERE c.seq = ?", (number,)
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no correction number {number}.")
    held = {
        each["dataset"]: (each["name"], each["part"])
        for each in connection.execute(
            "SELECT h.dataset, h.part, d.name FROM dataset_frames h JOIN datasets d ON d.seq = h.dataset WHERE h.correction = ? ORDER BY d.seq",
            (number,),
        )
    }
    at = datetime.fromisoformat(row["at"])
    return Eaten(row["seq"], row["id"], row["revision"], row["author"], at, dict(held.values()), tuple(_eaters(connection, held)))


def number_of(connection: sqlite3.Connection, frame_id: str, revision: int) -> int:
    """The number of a revision of a frame. Raises NotFound."""
    row = connection.execute(
        "SELECT c.seq FROM corrections c JOIN frames f ON f.seq = c.frame WHERE f.id = ? AND c.revision = ?", (frame_id, revision)
    ).fetchone()
    if row is None:
        raise NotFound(f"The frame {frame_id[:12]} has no revision {revision}.")
    number: int = row["seq"]
    return number


def that_saw(connection: sqlite3.Connection, frames: tuple[int, ...]) -> tuple[list[str], list[str]]:
    """Names of the data sets that hold one of these frames, and of the adapters that learned from one. For an erasure, before the rows go."""
    held = {
        row["dataset"] for frame in frames for row in connection.execute("SELECT dataset FROM dataset_frames WHERE frame = ?", (frame,))
    }
    learned = {
        row["dataset"]
        for frame in frames
        for row in connection.execute("SELECT dataset FROM dataset_frames WHERE frame = ? AND part <> 'test'", (frame,))
    }
    names = [row["name"] for row in connection.execute("SELECT seq, name FROM datasets ORDER BY seq") if row["seq"] in held]
    marks = connection.execute("SELECT name, fingerprint FROM adapters ORDER BY seq").fetchall() if learned else []
    return names, [row["name"] for row in marks if learned.intersection(seen.taught(connection, row["fingerprint"]))]


def _taught(connection: sqlite3.Connection, number: int, adapter: str) -> Taught:
    row = connection.execute("SELECT * FROM datasets WHERE seq = ?", (number,)).fetchone()
    parts = orjson.loads(row["body"])["parts"]
    return Taught(row["name"], row["digest"], adapter, row["who"], datetime.fromisoformat(row["at"]), row["note"], parts)


def _sources(connection: sqlite3.Connection, datasets: tuple[int, ...], limit: int) -> tuple[Source, ...]:
    """The first of the corrections that taught, set by set, by frame: an index gives them in that order, so that nothing is sorted."""
    found: list[Source] = []
    for dataset in datasets:
        some = connection.execute(
            "SELECT c.seq, c.revision, c.author, c.at, f.id, h.part, d.name FROM dataset_frames h CROSS JOIN corrections c ON c.seq = h.correction "
            "CROSS JOIN frames f ON f.seq = h.frame CROSS JOIN datasets d ON d.seq = h.dataset "
            "WHERE h.dataset = ? AND h.part <> 'test' ORDER BY h.frame LIMIT ?",
            (dataset, limit - len(found)),
        )
        found += (
            Source(row["seq"], row["id"], row["revision"], row["author"], datetime.fromisoformat(row["at"]), row["part"], row["name"])
            for row in some
        )
    return tuple(found)


def _eaters(connection: sqlite3.Connection, held: Mapping[int, tuple[str, str]]) -> list[Eater]:
    """Adapters by the chain of what each was trained from: a test part only judged the adapter that it belongs to."""
    speaking = promotions.live(connection)
    found = []
    for row in connection.execute("SELECT name, fingerprint FROM adapters ORDER BY seq").fetchall() if held else []:
        for link in seen.lineage(connection, row["fingerprint"]):
            name, part = held.get(link["dataset"], ("", ""))
            if part and (part != "test" or link["fingerprint"] == row["fingerprint"]):
                is_live = speaking is not None and speaking.fingerprint == row["fingerprint"]
                found.append(Eater(row["name"], row["fingerprint"], name, part, link["name"], is_live))
    return found
