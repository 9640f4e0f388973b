"""What must hold of a record and its frames whatever happened to them, checked for every test that does something to them."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from annotations import audit, replaying
from annotations.keeping import scrubbing
from annotations.store import FILE, Store, connect


def broken(record: Path) -> list[str]:
    """Everything that does not hold of a record, in words; empty: it is sound. Opened by the one that writes, then read by one that only reads."""
    Store(record).close()
    with Store.open_readonly(record) as reader, reader.reading() as connection:
        led = replaying.differences(connection)  # audit and opinions alone lead to the states that are kept
    return [*scrubbing.faults(record), *led]


def broken_folder(data: Path) -> list[str]:
    """The same, and that every frame of the record lies in the data folder as it came, and nothing half written beside it."""
    faults = broken(data / FILE)
    with closing(connect(f"{(data / FILE).as_uri()}?mode=ro")) as connection:
        known = [row["id"] for row in connection.execute("SELECT id FROM frames")]
    for frame_id in known:
        place = data / "frames" / frame_id[:2] / frame_id
        if not place.exists():
            faults.append(f"there is a row and no file of frame {frame_id[:12]}")
    for place in (data / "frames").glob("*/*"):
        if not place.name.endswith(".half") and hashlib.sha256(place.read_bytes()).hexdigest() != place.name:
            faults.append(f"the file {place.name[:12]} is not what its name says")
    return faults


def head(record: Path) -> tuple[int, str]:
    """Number and chain of the last entry of the audit."""
    with closing(connect(f"{record.as_uri()}?mode=ro")) as connection:
        return audit.head(connection)


def drifted(connection: sqlite3.Connection) -> list[str]:
    """Summaries that are not what a replay of the opinions gives."""
    return scrubbing.drifted(connection)
