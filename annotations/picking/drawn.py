"""Draws of the queue, in the record: which frames are worth a person's look, each task with the probability with which it was drawn. Corrects nothing.

What measures and rolls the dice is pure (`annotations.picking.draw`, `annotations.samplers`); here it meets the record. Every draw stands in the audit.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from annotations import audit, opinions, rows
from annotations.once import Once, answered, done
from annotations.picking.columns import Columns
from annotations.picking.draw import Task, draw
from annotations.picking.looks import EVERY, Filled, Looks, See, writing_to
from annotations.picking.measured import choices_of
from annotations.picking.policies import POLICIES
from annotations.picking.pool import Pool
from annotations.reviewing import second_opinions, standing
from annotations.store import Reader
from core.errors import Malformed, NotFound, OutOfTurn
from core.frames import Vault
from core.profile import Profile

OWN = "own"
"""The policy of a draw whose mix was said with it."""
USUAL = "usual"
MOST = 10_000  # tasks of one draw
KEPT = 600.0  # seconds for which what was read for a draw stays in memory
OPINIONS = 2
"""Of a double task."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A draw, and how far people are with it."""

    number: int
    policy: str
    mix: Mapping[str, float]
    seed: int
    pool: int  # frames among which it chose
    budget: int
    tasks: int  # that it made; fewer than the budget where there were fewer scenes
    done: int  # of them, corrected by now
    by: str
    at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class Shown:
    """A task as it is listed. Of one that is to be judged unaided, what was measured is kept back (None) until it is done, and so is what follows
    from it: which sampler drew the frame, and how surely."""

    number: int  # in the order in which they are given to people
    frame_id: str
    name: str
    kind: str  # plain, blind, double
    sampler: str | None
    inclusion: float | None
    score: float | None
    why: Mapping[str, float]
    done: bool


class Picking:
    """A record, a vault and a profile put to choosing. `eyes` None: no model here can see alone; frames have prints and scenes then, and no vectors.

    `promised`: the threshold of high risk, where one was promised. Over a reader it tells, beside the process that writes; drawing and looking raise
    StoreError there. Safe to use from many threads.
    """

    def __init__(
        self,
        store: Reader,
        vault: Vault,
        profile: Profile,
        eyes: See | None = None,
        eyes_id: str = "",
        *,
        promised: Callable[[], float | None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._promised, self._clock = store, promised, clock
        self._mix = dict(profile.mix)
        self._looks = Looks(store, vault, eyes, eyes_id)
        self._columns = Columns(choices_of(profile), eyes_id)
        self._turn, self._drawing = threading.Lock(), threading.Lock()
        self._used: float | None = None  # when the columns were asked for last, by the monotonic clock; None: nothing is kept
        self.eyes_id = eyes_id if eyes is not None else ""

    @property
    def policies(self) -> Mapping[str, Mapping[str, float]]:
        """By name, what each goes by. The profile's own mix, where it says one, is the usual one here."""
        return {**POLICIES, **({USUAL: self._mix} if self._mix else {})}

    def look(self, limit: int = 1000) -> Filled:
        """See `Looks.look`."""
        return self._looks.look(limit)

    def prints(self) -> Filled:
        """See `Looks.prints`."""
        return self._looks.prints()

    def wanting(self) -> tuple[int, int]:
        """See `Looks.wanting`."""
        return self._looks.wanting()

    def beside(self, every: float = EVERY) -> AbstractContextManager[None]:
        """Look at new frames now and then, beside a running server, until the block ends; and let go of what nobody has drawn from lately."""
        return self._looks.beside(every, then=self._forget_when_idle)

    def pool(self) -> Pool:
        """The frames that wait for a person and that no draw has taken yet, measured."""
        with self._turn, self._store.reading() as connection:
            self._used = time.monotonic()
            return self._columns.pool(connection, self._promised())

    def forget(self) -> None:
        """Let go of what is kept in memory between draws; the next one reads it anew."""
        with self._turn:
            self._used = None
            self._columns.forget()

    def _forget_when_idle(self) -> None:
        if self._used is not None and time.monotonic() - self._used > KEPT:
            self.forget()

    def draw(
        self,
        budget: int,
        policy: str = USUAL,
        mix: Mapping[str, float] | None = None,
        *,
        by: str,
        seed: int | None = None,
        once: Once | None = None,
        **more: Any,
    ) -> Drawn:
        """Draw frames and make them tasks, which `next` gives before all else that waits. `mix`: samplers and their shares, instead of a policy.

        `more`: floor, most_a_stratum, blind, double, as `annotations.picking.draw.draw` takes them. Two who draw at the same time draw one after the
        other, so no frame is drawn twice. Raises Malformed for what cannot be drawn, OutOfTurn when nothing waits.
        """
        with self._drawing:
            return self._draw(budget, policy, mix, by=by, seed=seed, once=once, **more)

    def _draw(
        self, budget: int, policy: str, mix: Mapping[str, float] | None, *, by: str, seed: int | None, once: Once | None, **more: Any
    ) -> Drawn:
        with self._store.reading() as connection:
            known = answered(connection, once, who=by)
        if known is not None:
            return self.drawn(known["draw"])
        name, shares = self._asked(budget, policy, mix)
        dice = secrets.randbelow(2**31) if seed is None else seed
        pool = self.pool()
        if not len(pool):
            raise OutOfTurn("No frame waits that was not drawn already. Correct what was drawn, or take in frames. Nothing was drawn.")
        try:
            tasks = draw(pool, budget, shares, seed=dice, **more)
        except ValueError as error:
            raise Malformed(f"{error} Nothing was drawn.") from error
        body = {"mix": shares, "eyes": self.eyes_id, **more}
        with writing_to(self._store) as connection:
            at = self._clock()

            def act() -> dict[str, int]:
                return {"draw": _write(connection, name, dice, len(pool), budget, body, tasks, by=by, at=at)}

            return _drawn(connection, "WHERE d.seq = ?", done(connection, once, act, who=by, at=at)["draw"])[0]

    def draws(self, limit: int = 60, before: int | None = None) -> list[Drawn]:
        """Draws, the latest first, before the number `before`."""
        with self._store.reading() as connection:
            return _drawn(connection, "WHERE d.seq < ? ORDER BY d.seq DESC LIMIT ?", before or 2**62, limit)

    def drawn(self, number: int) -> Drawn:
        """One draw. Raises NotFound."""
        with self._store.reading() as connection:
            found = _drawn(connection, "WHERE d.seq = ?", number)
        if not found:
            raise NotFound(f"There is no draw {number}.")
        return found[0]

    def tasks(self, number: int, limit: int = 200, after: int = 0) -> list[Shown]:
        """Tasks of a draw in their order, those behind the number `after`. Raises NotFound."""
        self.drawn(number)
        with self._store.reading() as connection:
            found = connection.execute(
                "SELECT t.*, f.id, f.name, o.task IS NULL AS done FROM tasks t CROSS JOIN frames f ON f.seq = t.frame "
                "LEFT JOIN open_tasks o ON o.frame = t.frame WHERE t.draw = ? AND t.seq > ? ORDER BY t.seq LIMIT ?",
                (number, after, limit),
            )
            return [_shown(row) for row in found]

    def _asked(self, budget: int, policy: str, mix: Mapping[str, float] | None) -> tuple[str, dict[str, float]]:
        if not 1 <= budget <= MOST:
            raise Malformed(f"budget is the number of frames to draw, 1 to {MOST:,}. Nothing was drawn.")
        if mix is not None:
            return OWN, dict(mix)
        known = self.policies
        if policy not in known:
            raise Malformed(f'"{policy[:60]}" is no policy. There are: {", ".join(known)}. Nothing was drawn.')
        return policy, dict(known[policy])


def _write(
    connection: sqlite3.Connection,
    policy: str,
    seed: int,
    pool: int,
    budget: int,
    body: Mapping[str, Any],
    tasks: tuple[Task, ...],
    *,
    by: str,
    at: datetime,
) -> int:
    """The draw, its tasks, what is wanted of double ones, and the audit; its number. Frames that were erased since the pool was read are left out."""
    now, who = rows.moment(at), rows.clean(by)
    head = {"policy": policy, "seed": seed, "pool": pool, "budget": budget, "body": orjson.dumps(body).decode(), "who": who, "at": now}
    number = opinions.insert(connection, "draws", head)
    made = 0
    for task in tasks:
        frame = connection.execute("SELECT id FROM frames WHERE seq = ?", (task.frame,)).fetchone()
        if frame is None:
            continue
        said = {"inclusion": task.inclusion, "kind": task.kind, "sampler": task.sampler, "score": task.score}
        opinions.insert(connection, "tasks", {"draw": number, "frame": task.frame, **said, "why": orjson.dumps(dict(task.why)).decode()})
        made += 1
        stand = standing.of(connection, task.frame)
        if task.kind == "double" and stand.wanted < OPINIONS and second_opinions.hindered(stand, OPINIONS) is None:
            second_opinions.write(connection, stand, frame["id"], OPINIONS, by=by, at=at)
    after = {"policy": policy, "mix": body["mix"], "seed": seed, "pool": pool, "budget": budget, "tasks": made}
    audit.note(connection, "drawn", who=who, at=now, subject=f"draw {number}", after=after)
    return number


def _drawn(connection: sqlite3.Connection, which: str, *values: object) -> list[Drawn]:
    of_it = "SELECT count(*) FROM tasks t WHERE t.draw = d.seq"
    still = f"{of_it} AND EXISTS (SELECT 1 FROM open_tasks o WHERE o.frame = t.frame)"  # noqa: S608 - of this file
    found = connection.execute(f"SELECT d.*, ({of_it}) AS tasks, ({still}) AS still FROM draws d {which}", values)  # noqa: S608 - of this file
    return [
        Drawn(
            number=row["seq"],
            policy=row["policy"],
            mix=orjson.loads(row["body"])["mix"],
            seed=row["seed"],
            pool=row["pool"],
            budget=row["budget"],
            tasks=row["tasks"],
            done=row["tasks"] - row["still"],
            by=row["who"],
            at=datetime.fromisoformat(row["at"]),
        )
        for row in found
    ]


def _shown(row: sqlite3.Row) -> Shown:
    kept_back = row["kind"] == "blind" and not row["done"]
    return Shown(
        number=row["seq"],
        frame_id=row["id"],
        name=row["name"],
        kind=row["kind"],
        sampler=None if kept_back else row["sampler"],
        inclusion=None if kept_back else row["inclusion"],
        score=None if kept_back else row["score"],
        why={} if kept_back else orjson.loads(row["why"]),
        done=bool(row["done"]),
    )
