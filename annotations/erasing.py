"""Erasure: frames, a site's frames, or a person go out of the record, and what is left of them on the disk goes too. The only verb that removes.

The record lets go first, in one transaction that also notes whose files are still to be removed; a start after a sudden end goes on there.
Pages that were freed are overwritten (`secure_delete`), and the write-ahead log is folded in, so that nothing can be read back from the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from annotations import audit, migrations, remnants, rows, summaries
from annotations.entering import people
from annotations.keeping import manifest
from annotations.learning import lineage
from annotations.queueing import searching
from annotations.steps import learning
from annotations.steps.erasing import GROWING
from annotations.store import Store
from core.errors import Malformed, NotFound

TALLIES = {"tally_days": ("day",), "tally_states": ("verdict", "level"), "tally_pairs": ("model", "field", "machine", "person")}
"""Summaries that add up over frames, and their keys."""

STATES = ("leases", "offered", "wanted_opinions", "frame_states", *learning.LOOKS, *learning.OF_FRAMES)
"""What hangs on a frame and is no opinion."""

NAMED = {table: person for table, (_, person) in GROWING.items() if person is not None} | dict(learning.OF_PEOPLE)
"""Where a person's name stands for good: the column of each table."""

AT_ONCE = 200  # frames of one transaction
RETENTION = "retention"
"""Who erases what has outlived its time."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did, or would do."""

    frames: int
    entries: int  # of the audit, emptied
    exports: tuple[str, ...]  # data sets of the data folder that held one of the frames; removed whole, to be made anew
    pseudonym: str = ""  # of a person: what stands in the place of the name
    datasets: tuple[str, ...] = ()  # frozen sets that held one of the frames; they are smaller now
    adapters: tuple[str, ...] = ()  # that learned from one of the frames: what they know of it cannot be taken out, so train anew without


@dataclass(frozen=True, slots=True)
class Eraser:
    """What an erasure reaches: the record, the frames' files (`remove`: `Vault.remove`), the data folder with its exports."""

    store: Store
    remove: Callable[[str], object]
    data: Path
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def frames(self, ids: Sequence[str], *, by: str, why: str) -> Erased:
        """See `erase_frames`."""
        return erase_frames(self.store, self.remove, self.data, ids, by=by, why=why, at=self.clock())

    def of_site(self, site: str) -> list[str]:
        """See `frames_of_site`."""
        with self.store.reading() as connection:
            return frames_of_site(connection, site)

    def person(self, name: str, *, by: str, why: str) -> Erased:
        """See `erase_person`."""
        return erase_person(self.store, name, by=by, why=why, at=self.clock())

    def outlived(self, days: int) -> Erased | None:
        """Erase the frames that came in more than so many days ago; None: there are none. In parts, so that nobody waits long."""
        with self.store.reading() as connection:
            ids = older_than(connection, self.clock() - timedelta(days=days))
        why = f"kept for {days} days"
        done = [self.frames(self._there(ids[at : at + AT_ONCE]), by=RETENTION, why=why) for at in range(0, len(ids), AT_ONCE)]
        if not done:
            return None
        return Erased(
            len(ids),
            sum(each.entries for each in done),
            tuple(name for each in done for name in each.exports),
            datasets=tuple(dict.fromkeys(name for each in done for name in each.datasets)),
            adapters=tuple(dict.fromkeys(name for each in done for name in each.adapters)),
        )

    def saw(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """Names of the frozen sets that hold one of these frames, and of the adapters that learned from one. Raises NotFound."""
        with self.store.reading() as connection:
            datasets, adapters = lineage.that_saw(connection, tuple(_number(connection, frame_id) for frame_id in ids))
        return {"datasets": datasets, "adapters": adapters}

    def _there(self, ids: Sequence[str]) -> list[str]:
        """Those of them that somebody else has not erased meanwhile."""
        with self.store.reading() as connection:
            return [each for each in ids if connection.execute("SELECT 1 FROM frames WHERE id = ?", (each,)).fetchone()]

    def finish(self) -> None:
        """See `finish`; for a start."""
        finish(self.store, self.remove, self.data)

    def still_in(self) -> list[dict[str, Any]]:
        """Backups that were made of this record, each with where it lies and when it may go: an erasure does not reach into them."""
        return manifest.known(self.data)

    def exported(self) -> list[dict[str, Any]]:
        """Training sets that were ever exported: what was trained on them has seen what was in them."""
        with self.store.reading() as connection:
            found = connection.execute("SELECT at, subject, after FROM audit WHERE action = 'exported' ORDER BY seq").fetchall()
        return [{"at": row["at"], "name": row["subject"]} for row in found]


def older_than(connection: sqlite3.Connection, moment: datetime) -> list[str]:
    """Ids of the frames that came in before a moment, oldest first."""
    return [row["id"] for row in connection.execute("SELECT id FROM frames WHERE received_at < ? ORDER BY seq", (rows.moment(moment),))]


def frames_of_site(connection: sqlite3.Connection, site: str) -> list[str]:
    """Ids of the frames of a site. Raises NotFound when there are none."""
    found = [row["id"] for row in connection.execute("SELECT id FROM frames WHERE site = ? AND site <> '' ORDER BY seq", (site,))]
    if not found:
        raise NotFound("There are no frames of this site in the record.")
    return found


def erase_frames(
    store: Store, remove: Callable[[str], object], data: Path, ids: Sequence[str], *, by: str, why: str, at: datetime
) -> Erased:
    """Frames and all that was said of them. `remove` takes a frame's files away (`Vault.remove`).

    Raises NotFound when one of them is not there; nothing is erased then. Malformed without a reason.
    """
    _asked(why)
    ids = list(dict.fromkeys(ids))
    with store.writing() as connection:
        numbers = [_number(connection, frame_id) for frame_id in ids]
        connection.executemany("INSERT INTO erasing (frame) VALUES (?)", [(number,) for number in numbers])
        _take_out_of_tallies(connection, numbers)
        emptied = _empty_entries(connection, ids)
        datasets, adapters = lineage.that_saw(connection, tuple(numbers))
        for number, frame_id in zip(numbers, ids, strict=True):
            searching.drop(connection, number)
            _take_out(connection, number, frame_id)
        connection.execute("INSERT INTO found (found) VALUES ('optimize')")  # else parts of what was erased stay in the search's index
        connection.execute("DELETE FROM erasing")
        left = orjson.dumps(ids).decode()
        saw = {"datasets": datasets, "adapters": adapters}
        _told(connection, "frames", len(ids), emptied, by=by, why=why, at=at, files_of=left, saw=saw)
    return Erased(len(ids), emptied, finish(store, remove, data), datasets=tuple(datasets), adapters=tuple(adapters))


def erase_person(store: Store, name: str, *, by: str, why: str, at: datetime) -> Erased:
    """A person's name, everywhere, and the account. What the person said of frames stays, under a pseudonym that leads nowhere.

    Raises NotFound for a name that the record does not know.
    """
    _asked(why)
    with store.writing() as connection:
        pseudonym = _pseudonym(connection)
        connection.execute("INSERT INTO erasing (person) VALUES (?)", (name,))
        changed = sum(
            connection.execute(f"UPDATE {table} SET {person} = ? WHERE {person} = ?", (pseudonym, name)).rowcount  # noqa: S608 - of our steps
            for table, person in NAMED.items()
        )
        changed += connection.execute("UPDATE frame_states SET author = ? WHERE author = ?", (pseudonym, name)).rowcount
        changed += connection.execute("UPDATE wanted_opinions SET who = ? WHERE who = ?", (pseudonym, name)).rowcount
        changed += connection.execute("UPDATE people SET made_by = ? WHERE made_by = ?", (pseudonym, name)).rowcount
        changed += connection.execute("UPDATE erasures SET who = ? WHERE who = ?", (pseudonym, name)).rowcount
        if _close_account(connection, name):
            people.some_admin(connection)
            changed += 1
        emptied = connection.execute(
            "UPDATE audit SET who = CASE WHEN who = ?1 THEN NULL ELSE who END, subject = CASE WHEN subject = ?1 THEN NULL ELSE subject END, "
            "before = NULL, after = CASE WHEN subject = ?1 THEN NULL ELSE after END, salt = NULL WHERE salt IS NOT NULL AND ?1 IN (who, subject)",
            (name,),
        ).rowcount
        if not changed and not emptied:
            raise NotFound("Nobody of this name is in the record.")
        connection.execute("DELETE FROM erasing")
        left = orjson.dumps({"person": name, "pseudonym": pseudonym}).decode()  # stands there until the files are rewritten
        _told(connection, "person", 0, emptied, by=pseudonym if by == name else by, why=why, at=at, files_of=left)
    finish(store, lambda frame_id: None, store.path.parent)
    return Erased(0, emptied, (), pseudonym)


def finish(store: Store, remove: Callable[[str], object], data: Path) -> tuple[str, ...]:
    """Remove the files that erasures left and rewrite those that name an erased person, also of an earlier run that ended suddenly; the exports that went."""
    with store.reading() as connection:
        open_ones = connection.execute("SELECT seq, files_of FROM erasures WHERE files_of IS NOT NULL ORDER BY seq").fetchall()
    gone: list[str] = []
    for row in open_ones:
        left = orjson.loads(row["files_of"])
        if isinstance(left, dict):
            remnants.forget_person(data, left["person"], left["pseudonym"])
            continue
        ids = set(left)
        for frame_id in ids:
            with (
                store.writing() as connection
            ):  # the same picture may come in anew: whoever writes its row waits here, and looks for its bytes again
                if connection.execute("SELECT 1 FROM frames WHERE id = ?", (frame_id,)).fetchone() is None:
                    remove(frame_id)
        gone += remnants.remove(data, ids)
    if open_ones:
        _out_of_the_files(store)
        with store.writing() as connection:
            connection.execute("UPDATE erasures SET files_of = NULL WHERE seq <= ?", (open_ones[-1]["seq"],))
        store.fold_in()  # the ids that stood there too
    return tuple(gone)


def _asked(why: str) -> None:
    if not why.strip():
        raise Malformed("An erasure needs its reason, such as the request it answers. Nothing was erased.")


def _number(connection: sqlite3.Connection, frame_id: str) -> int:
    row = connection.execute("SELECT seq FROM frames WHERE id = ?", (frame_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no frame {frame_id[:12]} in this record. Nothing was erased.")
    number: int = row["seq"]
    return number


def _take_out(connection: sqlite3.Connection, number: int, frame_id: str) -> None:
    for table in STATES:
        connection.execute(f"DELETE FROM {table} WHERE frame = ?", (number,))  # noqa: S608 - names of this file
    for table, (frame, _) in GROWING.items():
        connection.execute(f"DELETE FROM {table} WHERE {frame} = ?", (number,))  # noqa: S608 - names of our steps
    connection.execute("DELETE FROM written_once WHERE instr(answer, ?) > 0", (frame_id,))


def _empty_entries(connection: sqlite3.Connection, ids: Sequence[str]) -> int:
    empty = ", ".join(f"{word} = NULL" for word in (*audit.WORDS, "salt"))
    return sum(
        connection.execute(f"UPDATE audit SET {empty} WHERE frame = ? AND salt IS NOT NULL", (frame_id,)).rowcount  # noqa: S608
        for frame_id in ids
    )


def _take_out_of_tallies(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Tallies add up over frames: what these frames put into them is what a record of these frames alone would have counted."""
    alone = sqlite3.connect(":memory:", isolation_level=None)
    alone.row_factory = sqlite3.Row
    try:
        migrations.migrate(alone, Path(":memory:"))
        for table, (frame, _) in reversed(list(GROWING.items())):
            for number in numbers:
                for row in connection.execute(f"SELECT * FROM {table} WHERE {frame} = ? ORDER BY seq", (number,)):  # noqa: S608
                    alone.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", tuple(row))  # noqa: S608
        _copy_wanted(connection, alone, numbers)
        _copy_what_taught(connection, alone, numbers)
        summaries.rebuild(alone)
        for table, keys in TALLIES.items():
            for row in alone.execute(f"SELECT * FROM {table}").fetchall():  # noqa: S608 - names of this file
                _subtract(connection, table, keys, dict(row))
    finally:
        alone.close()
    connection.execute("DELETE FROM tally_days WHERE received = 0 AND assessed = 0 AND corrections = 0")


def _copy_wanted(connection: sqlite3.Connection, alone: sqlite3.Connection, numbers: Sequence[int]) -> None:
    for number in numbers:
        for row in connection.execute("SELECT * FROM wanted_opinions WHERE frame = ?", (number,)):
            alone.execute(f"INSERT INTO wanted_opinions VALUES ({', '.join('?' * len(row))})", tuple(row))  # noqa: S608


def _copy_what_taught(connection: sqlite3.Connection, alone: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """What a model has learned from is in no tally of it, so a record of these frames alone has to know that too."""
    kept = [tuple(row) for row in connection.execute("SELECT * FROM adapters")]
    held = [
        tuple(row) for number in numbers for row in connection.execute("SELECT * FROM dataset_frames WHERE frame = ?", (number,)) if kept
    ]
    for table, found in (("adapters", kept), ("dataset_frames", held)):
        for row in found:
            alone.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - names of the line above


def _subtract(connection: sqlite3.Connection, table: str, keys: Sequence[str], row: dict[str, Any]) -> None:
    counts = [name for name in row if name not in keys]
    less = ", ".join(f"{name} = {name} - :{name}" for name in counts)
    where = " AND ".join(f"{key} = :{key}" for key in keys)
    connection.execute(f"UPDATE {table} SET {less} WHERE {where}", row)  # noqa: S608 - names of our own tables


def _pseudonym(connection: sqlite3.Connection) -> str:
    """A name that nobody has and that tells nothing."""
    count = connection.execute("SELECT count(*) FROM erasures WHERE kind = 'person'").fetchone()[0]
    return f"erased-{count + 1}"


def _close_account(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT seq FROM people WHERE name = ?", (name,)).fetchone()
    connection.execute("DELETE FROM leases WHERE holder = ?", (name,))
    connection.execute("DELETE FROM offered WHERE holder = ?", (name,))
    connection.execute("DELETE FROM written_once WHERE who = ?", (name,))
    if row is None:
        return 0
    for table in ("invitations", "sessions", "tokens"):
        connection.execute(f"DELETE FROM {table} WHERE person = ?", (row["seq"],))  # noqa: S608 - names of this line
    return connection.execute("DELETE FROM people WHERE seq = ?", (row["seq"],)).rowcount


def _told(
    connection: sqlite3.Connection,
    kind: str,
    frames: int,
    entries: int,
    *,
    by: str,
    why: str,
    at: datetime,
    files_of: str | None,
    saw: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    now = rows.moment(at)
    values = (kind, frames, rows.clean(by), rows.clean(why), now, files_of)
    connection.execute("INSERT INTO erasures (kind, frames, who, why, at, files_of) VALUES (?, ?, ?, ?, ?, ?)", values)
    after = {"frames": frames, "entries": entries, "why": rows.clean(why), **{what: list(names) for what, names in saw.items() if names}}
    audit.note(connection, "erased", who=rows.clean(by), at=now, subject=kind, after=after)


def _out_of_the_files(store: Store) -> None:
    """Out of the write-ahead log, and out of the copies that were made before updates: they hold what went."""
    for copy in store.path.parent.glob(f"{store.path.name}.before-step-*"):
        copy.unlink()
    store.fold_in()
