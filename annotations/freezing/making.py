"""Freezes a data set: gathers what may teach as of one moment, has it split, and writes it in one transaction. Once written, nothing of it changes.

People go on correcting meanwhile. So everything is worked out beside them, and when the record has moved on in between it is worked out once more while
they wait: what is written is what the record says at that moment.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from annotations import audit, rows
from annotations.datasets import DISPUTED, IN_THE_BIN, NOT_REVIEWED, RETURNED, UNREADABLE, why_not
from annotations.freezing.frozen import PARTS, Part, digest_of, row_of
from annotations.freezing.splits import Split, Unit, checked, split
from annotations.once import Once, answered, done
from annotations.picking.scenes import camera_of, scene_of
from annotations.store import Reader, Store
from core.errors import DatasetUnfit, Malformed, OutOfTurn
from core.profile import Profile
from core.schema import Correction, Frame

LATEST = "latest"
"""Stands for the set of this profile that was frozen last, if there is one."""

BOTH_SIDES = "on both sides"
"""Why a frame is left out beside the reasons of `annotations.datasets`: it hangs together with one that taught and with one that judged."""

NOTHING = "Nobody has reviewed a frame that may teach yet, so there is nothing to freeze. `launch.py export` tells why frames are left out."

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be frozen."""

    name: str
    note: str
    by: str
    shares: Mapping[Part, float]
    by_what: str  # a key of TOGETHER
    seed: int
    keep_test_of: str | None  # the set whose test part stays test; None: start anew


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the record says at a moment, as far as it matters here: two moments that are equal freeze the same."""

    frames: list[tuple[Any, ...]]  # number, id, number of the latest correction, state, in the bin, scene; by id
    kept: str | None  # the set whose test part is kept
    before: Mapping[int, Part]  # by number of frame


@dataclass(slots=True)
class _Plan:
    """What will be frozen, and how many frames will not."""

    units: list[Unit] = field(default_factory=list)
    numbers: dict[str, tuple[int, int]] = field(default_factory=dict)  # frame id -> its number, that of its correction
    left_out: Counter[str] = field(default_factory=Counter)
    made: Split | None = None


def day_of(frame: Frame) -> str:
    """The day on which a frame was taken by its camera's clock, else on which it came in (UTC)."""
    return (frame.taken_at or frame.received_at).date().isoformat()


TOGETHER: Mapping[str, Callable[[Frame, int], object]] = {
    "scene": lambda frame, scene: scene,
    "camera": lambda frame, scene: camera_of(frame.source, frame.site, frame.name),
    "day": lambda frame, scene: day_of(frame),
}
"""What may be asked to stay in one part; scenes always do."""


def checked_name(name: str) -> str:
    """Raises Malformed for what cannot be the name of a set: it stands in addresses and is a folder's name."""
    if not _NAME.fullmatch(name) or name == LATEST:
        raise Malformed(
            f'"{name[:80]}" cannot name a data set: 1 to 64 letters, digits, ".", "_" and "-", not "{LATEST}". Nothing was frozen.'
        )
    return name


def shown_in(told: Correction) -> tuple[str, ...]:
    """What a correction shows, each once: labels, hazards, the level of risk (its absence too)."""
    shown = [f"label:{each.label}" for each in told.findings] + [f"hazard:{each.hazard}" for each in told.violations]
    return (*dict.fromkeys(shown), f"risk:{told.risk.level or 'not_applicable'}")


def write(store: Store, profile: Profile, wish: Wish, there: Callable[[str], bool], at: datetime, once: Once | None = None) -> str:
    """Freeze, and give back the name. `there`: whether a frame's file is.

    Raises Malformed, NotFound for the set whose test part is to stay, OutOfTurn for a name that is taken, DatasetUnfit for too few groups.
    """
    checked_name(wish.name)
    checked(wish.shares)
    if wish.by_what not in TOGETHER:
        raise Malformed(f'Nothing can be split by "{str(wish.by_what)[:40]}". There are: {", ".join(TOGETHER)}. Nothing was frozen.')
    with store.reading() as connection:
        known = answered(connection, once, who=wish.by)
        if known is not None:
            return str(known["name"])
        moment = _moment(connection, wish, profile)
    plan = _plan(store, moment, profile, wish, there)
    with store.writing() as connection:

        def act() -> dict[str, str]:
            now = _moment(connection, wish, profile)
            _insert(connection, profile, wish, now, plan if now == moment else _plan(store, now, profile, wish, there), at)
            return {"name": wish.name}

        return str(done(connection, once, act, who=wish.by, at=at)["name"])


def _moment(connection: sqlite3.Connection, wish: Wish, profile: Profile) -> _Moment:
    """Raises OutOfTurn, NotFound, Malformed."""
    if connection.execute("SELECT 1 FROM datasets WHERE name = ?", (wish.name,)).fetchone():
        raise OutOfTurn(
            f'There is a data set "{wish.name}" already, and a frozen one never changes. Choose another name; nothing was frozen.'
        )
    found = connection.execute(
        "SELECT f.seq, f.id, s.correction, s.state, s.binned FROM frames f CROSS JOIN frame_states s ON s.frame = f.seq ORDER BY f.id"
    ).fetchall()
    scenes = scene_of(connection, (row["seq"] for row in found))
    kept = wish.keep_test_of
    if kept == LATEST:
        last = connection.execute("SELECT name FROM datasets WHERE profile = ? ORDER BY seq DESC LIMIT 1", (profile.key,)).fetchone()
        kept = None if last is None else last["name"]
    return _Moment([(*row, scenes[row["seq"]]) for row in found], kept, _before(connection, kept, profile))


def _before(connection: sqlite3.Connection, kept: str | None, profile: Profile) -> dict[int, Part]:
    """By number of frame, where it was in the set whose test part is kept, and in those before it."""
    before: dict[int, Part] = {}
    while kept is not None:
        row = row_of(connection, kept)
        if row["profile"] != profile.key:
            raise Malformed(f'"{kept}" was frozen for the profile {row["profile"]}, not for {profile.key}. Nothing was frozen.')
        for frame, part in connection.execute("SELECT frame, part FROM dataset_frames WHERE dataset = ?", (row["seq"],)):
            before[frame] = min(part, before.get(frame, part), key=PARTS.index)  # what taught once has taught
        kept = orjson.loads(row["body"])["split"]["kept"]
    return before


def _plan(reader: Reader, moment: _Moment, profile: Profile, wish: Wish, there: Callable[[str], bool]) -> _Plan:
    """Raises DatasetUnfit."""
    plan = _Plan()
    for frame, told, number, seq, scene, reason in _each(reader, moment.frames):
        reason = reason or (NOT_REVIEWED if told is None else why_not(told, profile)) or (None if there(frame.id) else UNREADABLE)
        if reason is not None or told is None:
            plan.left_out[reason or NOT_REVIEWED] += 1
            continue
        plan.units.append(Unit(frame.id, scene, TOGETHER[wish.by_what](frame, scene), shown_in(told), moment.before.get(seq)))
        plan.numbers[frame.id] = (seq, number)
    if not plan.units:
        raise DatasetUnfit(NOTHING)
    plan.made = split(plan.units, wish.shares, wish.seed)
    if plan.made.left_out:
        plan.left_out[BOTH_SIDES] += len(plan.made.left_out)
    return plan


def _each(reader: Reader, frames: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Frame, Correction | None, int, int, int, str | None]]:
    """Frame, latest correction and its number, number of the frame, scene, why it stands aside. What was erased meanwhile is skipped."""
    for start in range(0, len(frames), _AT_ONCE):
        some = frames[start : start + _AT_ONCE]
        places = ", ".join("?" * len(some))
        with reader.reading() as connection:  # rows never change: what was the latest is still there
            seqs, corrections = [each[0] for each in some], [each[2] for each in some]
            kept = {row["seq"]: row for row in connection.execute(f"SELECT * FROM frames WHERE seq IN ({places})", seqs)}  # noqa: S608
            told = {row["seq"]: row for row in connection.execute(f"SELECT * FROM corrections WHERE seq IN ({places})", corrections)}  # noqa: S608
        for seq, frame_id, number, state, binned, scene in some:
            if seq in kept:
                row = told.get(number)
                aside = IN_THE_BIN if binned else {"returned": RETURNED, "disputed": DISPUTED}.get(state)
                correction = None if row is None else rows.to_correction(row, frame_id)
                yield rows.to_frame(kept[seq]), correction, number, seq, scene, aside


def _insert(connection: sqlite3.Connection, profile: Profile, wish: Wish, moment: _Moment, plan: _Plan, at: datetime) -> None:
    assert plan.made is not None  # a plan is not handed out before it is
    parts, now, who = plan.made.parts, rows.moment(at), rows.clean(wish.by)
    scenes = {unit.frame_id: unit.scene for unit in plan.units}
    held = [(*plan.numbers[frame_id], parts[frame_id], scenes[frame_id], frame_id) for frame_id in sorted(parts)]
    digest = digest_of((frame_id, audit.of_row(connection, "corrections", number), part) for _, number, part, _, frame_id in held)
    counted = {part: sum(each == part for each in parts.values()) for part in PARTS}
    how = {"shares": dict(wish.shares), "by_what": wish.by_what, "seed": wish.seed, "groups": dict(plan.made.groups), "kept": moment.kept}
    how |= {"left_out": dict(plan.left_out), "profile_version": profile.version}
    body = orjson.dumps({"parts": counted, "split": how}).decode()
    number = connection.execute(
        "INSERT INTO datasets (name, digest, profile, frames, note, body, who, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
        (wish.name, digest, profile.key, len(held), rows.clean(wish.note), body, who, now),
    ).fetchone()[0]
    connection.executemany(
        "INSERT INTO dataset_frames (dataset, frame, correction, part, scene) VALUES (?, ?, ?, ?, ?)",
        [(number, seq, correction, part, scene) for seq, correction, part, scene, _ in held],
    )
    audit.note(
        connection, "frozen", who=who, at=now, subject=wish.name, after={"digest": digest, "frames": len(held), "parts": counted, **how}
    )
