"""Pages of frames by any of the filters together, in one of three orders; a page costs the same wherever it stands, and never follows the record's size.

Two ways lead to a page. Where one filter leaves few frames (or a search does), these are read by that filter's own index and put in order.
Else the order's index is walked from the cursor on, frame by frame, until the page is full. A walk looks at no more than LOOK frames: a page may
then hold fewer lines than asked, none even, and still name the cursor of the page behind. Only no cursor means that there is no more.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from annotations.opinions import number_of
from annotations.queueing import searching
from annotations.queueing.queues import CARD_COLUMNS, Card, card
from annotations.rows import moment
from core.errors import Malformed, NotFound

FEW = 2_000  # frames that are put in order where they were found
LOOK = 20_000  # frames that a walk looks at

STATES = ("open", "corrected", "accepted", "returned", "disputed")
LEVELS = ("none", "low", "medium", "high", "undetermined")
VERDICTS = ("waiting", "reviewed", "cannot_tell")
SORTS = ("newest", "oldest", "uncertainty")
WORDS = ("state", "level", "verdict", "author", "source", "site", "since", "until", "wanted", "binned", "search", "sort")
"""Everything that can be asked of a list."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list shows. None: whatever it is."""

    state: str | None = None
    level: str | None = None  # a person's if there is one, else the machine's
    verdict: str | None = None
    author: str | None = None  # of the latest correction
    source: str | None = None
    site: str | None = None
    since: datetime | None = None  # received then or later
    until: datetime | None = None  # received before
    wanted: bool | None = None  # whether another opinion is still wanted
    binned: bool = False  # True: what is in the bin, and nothing else
    search: str | None = None
    sort: str = "newest"


@dataclass(frozen=True, slots=True)
class Page:
    """Some frames of a list. `next`: the cursor of the page behind; None: this is the last one."""

    cards: list[Card]
    next: str | None


@dataclass(frozen=True, slots=True)
class _Walk:
    """An order, the index that has it, what stands behind a place in it, and what of that stands before an end: piece by piece, each a range."""

    index: str
    order: str
    behind: tuple[str, ...]
    before: tuple[str, ...]


_WALKS = {
    "newest": _Walk("NOT INDEXED", "frame DESC", ("frame < :frame",), ("frame >= :end_frame",)),
    "oldest": _Walk("NOT INDEXED", "frame", ("frame > :frame",), ("frame <= :end_frame",)),
    "uncertainty": _Walk(
        "INDEXED BY frame_states_by_uncertainty",
        "uncertainty DESC, frame",
        ("uncertainty = :uncertainty AND frame > :frame", "uncertainty < :uncertainty"),
        ("uncertainty > :end_uncertainty", "uncertainty = :end_uncertainty AND frame <= :end_frame"),
    ),
    "newest of a time": _Walk(
        "INDEXED BY frame_states_of_time",
        "received_at DESC, frame DESC",
        ("received_at = :received_at AND frame < :frame", "received_at < :received_at"),
        ("received_at > :end_received_at", "received_at = :end_received_at AND frame >= :end_frame"),
    ),
    "oldest of a time": _Walk(
        "INDEXED BY frame_states_of_time",
        "received_at, frame",
        ("received_at = :received_at AND frame > :frame", "received_at > :received_at"),
        ("received_at < :end_received_at", "received_at = :end_received_at AND frame <= :end_frame"),
    ),
}
"""In the order of arrival, which no clock that was set back can change; a list of a time follows that time."""

_CONDITIONS = {
    "state": "state = :state",
    "level": "level IS :level",
    "verdict": "verdict IS :verdict",
    "author": "author = :author",
    "source": "source = :source",
    "site": "site = :site AND site <> ''",
    "since": "received_at >= :since",
    "until": "received_at < :until",
}
_WANTED = "wanted > opinions + 1 AND correction IS NOT NULL AND binned = 0"
INDEXES = {
    "state": "frame_states_by_state",
    "level": "frame_states_of_level",
    "verdict": "frame_states_by_verdict",
    "author": "frame_states_of_author",
    "source": "frame_states_of_source",
    "site": "frame_states_of_site",
    "time": "frame_states_of_time",
    "wanted": "frame_states_asked",
    "binned": "frame_states_binned",
}
"""By which filter few frames are read."""

_CURSOR = re.compile(r"(\d(?:\.\d+)?(?:e-\d+)?)~(\d{1,18})\Z")


def asked_of(said: Mapping[str, object]) -> Asked:
    """A list out of plain words, as an address or a body holds them. Raises Malformed, with what there is, for every other word."""
    for name in said:
        if name not in WORDS:
            raise Malformed(f'"{name[:60]}" is no filter here. There are: {", ".join(WORDS)}.')
    texts = {name: _text(name, said.get(name)) for name in ("author", "source", "site", "search")}
    if texts["search"] is not None:
        searching.words(texts["search"])
    choices = {name: _one_of(name, said.get(name), known) for name, known in (("state", STATES), ("level", LEVELS), ("verdict", VERDICTS))}
    times = {name: _moment(name, said.get(name)) for name in ("since", "until")}
    yes = {name: _yes(name, said.get(name)) for name in ("wanted", "binned")}
    sort = _one_of("sort", said.get("sort"), SORTS) or "newest"
    return Asked(**texts, **choices, **times, wanted=yes["wanted"], binned=yes["binned"] or False, sort=sort)  # type: ignore[arg-type]


def page(connection: sqlite3.Connection, asked: Asked, *, limit: int, cursor: str | None = None, few: int = FEW, look: int = LOOK) -> Page:
    """A page behind a cursor: the `next` of the page before, or the id of a frame. Raises Malformed, NotFound."""
    values = values_of(asked)
    place = None if cursor is None else _place(connection, cursor)
    walk = walk_of(asked)
    pieces = ("TRUE",) if place is None else walk.behind
    index = _few(connection, asked, values, few)
    found: list[sqlite3.Row] = []
    end: sqlite3.Row | None = None
    for piece in pieces:
        if len(found) > limit or end is not None:
            break
        asks = {**values, **(place or {}), "look": look - 1}
        if index is not None:
            statements = [few_statement(asked, walk, piece, index)]
        else:
            end = connection.execute(end_statement(walk, piece), asks).fetchone()
            asks |= {f"end_{name}": end[name] for name in end.keys()} if end else {}  # noqa: SIM118 - a row's own keys
            statements = [walk_statement(asked, walk, piece, before) for before in (walk.before if end else ("TRUE",))]
        for statement in statements:
            found += connection.execute(statement, {**asks, "limit": limit + 1 - len(found)}).fetchall()
    more = found[limit - 1] if len(found) > limit else end
    return Page(_cards(connection, [row["frame"] for row in found[:limit]]), None if more is None else _cursor(connection, asked, more))


def every(connection: sqlite3.Connection, asked: Asked, *, most: int) -> Iterator[str]:
    """Ids of all frames of a list, in its order. Raises Malformed when there are more than `most`."""
    cursor: str | None = None
    given = 0
    while True:
        found = page(connection, asked, limit=500, cursor=cursor)
        given += len(found.cards)
        if given > most:
            raise Malformed(f"These are more than {most:,} frames. Narrow the list. Nothing was changed.")
        yield from (each.frame_id for each in found.cards)
        cursor = found.next
        if cursor is None:
            return


def walk_statement(asked: Asked, walk: _Walk, piece: str, before: str) -> str:
    """The frames of a piece of an order that pass the filters, of those before an end."""
    where = f"{piece} AND {before} AND {_filter(asked)}"
    return f"SELECT frame, uncertainty FROM frame_states {walk.index} WHERE {where} ORDER BY {walk.order} LIMIT :limit"  # noqa: S608


def end_statement(walk: _Walk, piece: str) -> str:
    """The last frame that a walk through a piece looks at; none: it comes to the end."""
    return f"SELECT frame, uncertainty, received_at FROM frame_states {walk.index} WHERE {piece} ORDER BY {walk.order} LIMIT 1 OFFSET :look"  # noqa: S608


def few_statement(asked: Asked, walk: _Walk, piece: str, index: str) -> str:
    """The frames of one index that pass all filters, put in order."""
    return (
        f"SELECT frame, uncertainty FROM frame_states {index} WHERE {_filter(asked)} AND {piece} "  # noqa: S608 - of this file
        f"ORDER BY {walk.order} LIMIT :limit"
    )


def walk_of(asked: Asked) -> _Walk:
    """The order of a list and what carries it."""
    timed = asked.sort != "uncertainty" and (asked.since or asked.until) is not None
    return _WALKS[f"{asked.sort} of a time" if timed else asked.sort]


def _filter(asked: Asked) -> str:
    conditions = [condition for name, condition in _CONDITIONS.items() if getattr(asked, name) is not None]
    if asked.wanted is not None:
        conditions.append(_WANTED if asked.wanted else f"NOT ({_WANTED})")
    if asked.search is not None:
        conditions.append("frame IN (SELECT value FROM json_each(:found))")
    return " AND ".join([*conditions, f"binned = {int(asked.binned)}"])


def values_of(asked: Asked) -> dict[str, Any]:
    """What stands for the names in a statement."""
    return {
        "state": asked.state,
        "level": None if asked.level == "undetermined" else asked.level,
        "verdict": None if asked.verdict == "waiting" else asked.verdict,
        "author": asked.author,
        "source": asked.source,
        "site": asked.site,
        "since": asked.since and moment(asked.since),
        "until": asked.until and moment(asked.until),
        "found": None,
    }


def _few(connection: sqlite3.Connection, asked: Asked, values: dict[str, Any], few: int) -> str | None:
    """The index by which few frames are read, the one that leaves fewest; None: no filter leaves few."""
    if asked.search is not None:
        values["found"] = orjson.dumps(searching.frames(connection, asked.search)).decode()
        return "NOT INDEXED"
    counts = {}
    for name, index in INDEXES.items():
        condition = leading(asked, name)
        if condition is not None:
            statement = f"SELECT count(*) FROM (SELECT 1 FROM frame_states INDEXED BY {index} WHERE {condition} LIMIT {few + 1})"  # noqa: S608
            counts[index] = connection.execute(statement, values).fetchone()[0]
    index, count = min(counts.items(), key=lambda pair: pair[1], default=("", few + 1))
    return f"INDEXED BY {index}" if count <= few else None


def leading(asked: Asked, name: str) -> str | None:
    """The condition by which an index is entered; None: it is no help here."""
    match name:
        case "time":
            asks = [_CONDITIONS[each] for each in ("since", "until") if getattr(asked, each) is not None]
            return " AND ".join(asks) or None
        case "wanted":
            return _WANTED if asked.wanted and not asked.binned else None
        case "binned":
            return "binned = 1" if asked.binned else None
        case "verdict":
            return f"{_CONDITIONS[name]} AND binned = 0" if asked.verdict is not None and not asked.binned else None
    return _CONDITIONS[name] if getattr(asked, name) is not None else None


def _place(connection: sqlite3.Connection, cursor: str) -> dict[str, Any]:
    kept = _CURSOR.match(cursor)
    number = int(kept[2]) if kept else number_of(connection, cursor)
    row = connection.execute("SELECT frame, uncertainty, received_at FROM frame_states WHERE frame = ?", (number,)).fetchone()
    if row is None:
        raise NotFound("The frame behind which this page begins is no longer in the record. Begin again from the top.")
    return {**dict(row), **({"uncertainty": float(kept[1])} if kept else {})}


def _cursor(connection: sqlite3.Connection, asked: Asked, row: sqlite3.Row) -> str:
    if asked.sort == "uncertainty":
        return f"{row['uncertainty']!r}~{row['frame']}"  # as it was: a machine may speak again before the next page is asked for
    frame_id: str = connection.execute("SELECT id FROM frames WHERE seq = ?", (row["frame"],)).fetchone()["id"]
    return frame_id


def _cards(connection: sqlite3.Connection, numbers: list[int]) -> list[Card]:
    found = connection.execute(
        f"SELECT {CARD_COLUMNS} FROM json_each(?) j CROSS JOIN frame_states s ON s.frame = j.value "  # noqa: S608 - named in queues
        "CROSS JOIN frames f ON f.seq = j.value ORDER BY j.key",
        (orjson.dumps(numbers).decode(),),
    )
    return [card(row) for row in found]


def _one_of(name: str, said: object, known: tuple[str, ...]) -> str | None:
    if said is None or (isinstance(said, str) and said in known):
        return said
    raise Malformed(f"{name} is one of {', '.join(known)}.")


def _text(name: str, said: object) -> str | None:
    if said is None:
        return None
    if not isinstance(said, str) or not said.strip() or len(said) > 300:
        raise Malformed(f"{name} is a text of at most 300 characters.")
    return said.encode("utf-8", "replace").decode("utf-8")


def _yes(name: str, said: object) -> bool | None:
    if said is None or isinstance(said, bool):
        return said
    if said in ("true", "false"):
        return said == "true"
    raise Malformed(f"{name} is true or false.")


def _moment(name: str, said: object) -> datetime | None:
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(str(said).strip().replace(" ", "+"))  # "+" in an address is a blank
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{name} is no time such as 2026-11-20T06:00:00Z.") from error
