"""Looks whether a record is still what was written: its pages, its keys, its audit, every opinion, every frozen set, the registry of adapters, every
summary. Mends nothing, changes nothing.

A page that SQLite can read may still hold a changed letter. So each opinion is held against the hash that the audit took when it was
written, and each summary against a replay; the replay goes into temporary tables that hide the real ones, so a reader can do it.
Frames are read by the vault, which sets a damaged one apart.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from annotations import audit, migrations, summaries
from annotations.freezing import frozen
from annotations.learning import known
from annotations.store import FILE, Reader, connect
from annotations.transactions import snapshot
from core.errors import StoreError
from core.frames import Vault

SUMMARIES = ("frame_states", "tally_days", "tally_states", "tally_pairs")
_MOST = 20  # sentences of one kind; the rest is counted


AUDITED = 4
"""The step that brought the audit; an older record has none."""


def structure(connection: sqlite3.Connection) -> Iterator[str]:
    """Pages, keys and the chain of the audit: what can be told of a record of any shape, without a replay."""
    for look in (_pages, _keys, _revisions, *([audit.faults] if migrations.version(connection) >= AUDITED else [])):
        yield from _first(look, connection)


def faults(record: Path) -> Iterator[str]:
    """Everything that is wrong with a record, in sentences that name its rows; nothing: it is sound. Changes nothing, also beside the one that writes.

    Raises StoreError when it cannot be opened at all.
    """
    with Reader(record) as reader, reader.reading():
        pass  # is there one, is it ours, has it this program's shape
    with closing(connect(f"{record.absolute().as_uri()}?mode=ro")) as connection:
        connection.text_factory = lambda raw: raw.decode(
            "utf-8", "replace"
        )  # a letter that is none is a changed letter, and its row is named
        connection.execute("PRAGMA foreign_keys = OFF")  # the replay's temporary tables point nowhere
        with snapshot(connection):
            yield from structure(connection)
            for look in (_opinions, _sets, known.faults, _summaries):
                yield from _first(look, connection)
    with Reader(record) as reader:
        sets = _Contents(reader)
        with reader.reading() as connection:
            yield from _first(sets.contents_of_data_sets, connection)


def _first(look: Callable[[sqlite3.Connection], Iterator[str]], connection: sqlite3.Connection) -> Iterator[str]:
    """The first sentences of a look; one that meets a page it cannot read is over, and the next one begins."""
    number = 0
    try:
        for number, sentence in enumerate(look(connection), 1):
            if number <= _MOST:
                yield sentence
    except (sqlite3.DatabaseError, ValueError, TypeError, KeyError, AttributeError) as error:  # what damage makes of a row
        yield f"{look.__name__.strip('_').capitalize().replace('_', ' ')} of the record cannot be read to their end ({type(error).__name__}: {error})."
    if number > _MOST:
        yield f"... and {number - _MOST} more of this kind."


def _pages(connection: sqlite3.Connection) -> Iterator[str]:
    """SQLite's own look at every page and index; and which rows of which table can no longer be read."""
    said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(100)")]
    if said == ["ok"]:
        return
    trees = {f"{row['rootpage']}": row["name"] for row in connection.execute("SELECT name, rootpage FROM sqlite_master")}
    for line in (each for text in said for each in text.splitlines() if not each.startswith("***")):
        words = line.split()
        where = f" (table or index {trees[words[1]]})" if len(words) > 1 and words[0] == "Tree" and words[1] in trees else ""
        yield f"A page of the record is damaged: {line}{where}."
    yield from _unreadable(connection)


def _unreadable(connection: sqlite3.Connection) -> Iterator[str]:
    """Where the reading of each opinion breaks off."""
    for table in audit.ROWS:
        last = 0
        with suppress(sqlite3.OperationalError):
            try:
                for row in connection.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY seq"):  # noqa: S608 - names of our own tables
                    last = row["seq"]
            except sqlite3.DatabaseError:
                yield f"{table.capitalize()} cannot be read behind number {last}."


def _keys(connection: sqlite3.Connection) -> Iterator[str]:
    for row in connection.execute("PRAGMA foreign_key_check"):
        yield f"Row {row['rowid']} of {row['table']} points at something in {row['parent']} that is not there."


def _revisions(connection: sqlite3.Connection) -> Iterator[str]:
    found = connection.execute(
        "SELECT f.id FROM corrections c JOIN frames f ON f.seq = c.frame GROUP BY c.frame HAVING max(revision) <> count(*) OR min(revision) <> 1"
    )
    for row in found:
        yield f"The revisions of frame {row['id'][:12]} have a gap."


def _opinions(connection: sqlite3.Connection) -> Iterator[str]:
    """Every row of an opinion is as it was when the audit was told of it, and what the audit was told of is there."""
    told = Counter(
        str(row["value"])
        for row in connection.execute("SELECT t.value FROM audit a, json_tree(a.after) t WHERE a.after IS NOT NULL AND t.key = 'row'")
    )
    emptied = connection.execute("SELECT count(*) FROM audit WHERE salt IS NULL").fetchone()[0]
    strangers = []
    for table in audit.ROWS:
        frame = "id" if table == "frames" else "(SELECT f.id FROM frames f WHERE f.seq = t.frame)"
        for row in connection.execute(f"SELECT seq, {frame} AS frame FROM {table} t").fetchall():  # noqa: S608 - names of our own tables
            said = _said(connection, table, row["seq"])
            if told[said] > 0:
                told[said] -= 1
            else:
                strangers.append(f"Number {row['seq']} of {table} (frame {str(row['frame'])[:12]}) is not what was written.")
    if len(strangers) > emptied:  # an erasure of a person empties entries whose rows stay
        yield from strangers
    gone = sum(told.values())
    if gone > len(strangers):
        yield f"{gone - len(strangers)} opinions that the audit tells of are not in the record."


def _sets(connection: sqlite3.Connection) -> Iterator[str]:
    """Every frozen set has the digest of which the audit was told."""
    told = {
        row["subject"]: row["digest"]
        for row in connection.execute("SELECT subject, json_extract(after, '$.digest') AS digest FROM audit WHERE action = 'frozen'")
    }
    emptied = None in told
    for row in connection.execute("SELECT name, digest FROM datasets ORDER BY seq").fetchall():
        if told.get(row["name"], row["digest"] if emptied else None) != row["digest"]:
            yield f"The data set {row['name']} has another digest than the audit was told when it was frozen."


@dataclass(frozen=True, slots=True)
class _Contents:
    """What is in the frozen sets, worked out anew."""

    reader: Reader

    def contents_of_data_sets(self, connection: sqlite3.Connection) -> Iterator[str]:
        """Each set still gives the digest that it was frozen with; what was erased since may be missing in it."""
        erased = connection.execute("SELECT coalesce(sum(frames), 0) FROM erasures").fetchone()[0]
        for each in frozen.every(self.reader):
            found = frozen.verify(self.reader, each.name)
            if not found.sound and not 0 < found.erased <= erased:
                yield f"The data set {each.name} is not what was frozen: its frames, parts or corrections give another digest."


def _said(connection: sqlite3.Connection, table: str, number: int) -> str:
    """What stands for a row in the audit; nothing that the audit knows when the row cannot be read."""
    try:
        return audit.of_row(connection, table, number)
    except (sqlite3.DatabaseError, TypeError):
        return ""


def _summaries(connection: sqlite3.Connection) -> Iterator[str]:
    """What dashboards and queues read, held against a replay of all opinions."""
    for name in drifted(connection):
        yield f"The summary {name} differs from a replay of the opinions."


def drifted(connection: sqlite3.Connection) -> list[str]:
    """Summaries that are not what a replay gives. Needs no right to write: temporary tables of the same names are filled instead.

    The connection must not look after foreign keys: they would be sought among the temporary tables.
    """
    for name in SUMMARIES:
        found = connection.execute("SELECT type, sql FROM main.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type", (name,))
        for row in found.fetchall():
            # Triggers that fill a new state belong to it; one that clears up behind a state would write into the record itself.
            if row["type"] == "table" or (row["type"] == "trigger" and " AFTER INSERT ON " in row["sql"]):
                connection.execute(row["sql"].replace("CREATE ", "CREATE TEMP ", 1))
    try:
        summaries.rebuild(connection)
        return [name for name in SUMMARIES if _rows(connection, f"main.{name}") != _rows(connection, f"temp.{name}")]
    finally:
        for name in SUMMARIES:
            connection.execute(f"DROP TABLE temp.{name}")


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """Rows in an order of their own; sums of floats may differ in their last digits, and a count of 0 is as good as none."""
    columns = [row["name"] for row in connection.execute(f"SELECT * FROM pragma_table_info('{table.split('.')[1]}')")]  # noqa: S608
    where = "WHERE n <> 0" if "n" in columns else ""
    rounded = ", ".join(f"round({name}, 6)" if name == "active_seconds" else name for name in columns)
    return sorted(
        (tuple(row) for row in connection.execute(f"SELECT {rounded} FROM {table} {where}")),  # noqa: S608 - names of our own tables
        key=lambda row: tuple((value is None, value) for value in row),
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look through a whole data folder found."""

    faults: tuple[str, ...]
    frames: int  # files that were read
    bytes: int
    seconds: float  # of reading frames


def check(data: Path) -> Checked:
    """The record and every frame, beside a running server or without one; a damaged frame is set apart, all others are served on. Raises StoreError."""
    wrong = list(faults(data / FILE))
    known = []
    with suppress(StoreError), Reader(data / FILE) as reader, reader.reading() as connection:  # a fault is told already
        known = [row["id"] for row in connection.execute("SELECT id FROM frames ORDER BY seq")]
    vault = Vault(data)
    read = vault.scrub()
    wrong += [
        f"The frame {each[:12]} was damaged on the disk and lies in quarantine now; bring it back from a backup." for each in read.damaged
    ]
    here = {*vault.ids(), *read.damaged}
    wrong += [f"The frame {each[:12]} is missing; bring it back from a backup." for each in known if each not in here]
    return Checked(tuple(wrong), read.frames, read.bytes, read.seconds)
