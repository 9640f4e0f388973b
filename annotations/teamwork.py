"""Figures about people's work, and what the record says of its own health. Plain numbers, by name and never by rank; it reads only."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from annotations import audit
from annotations.engine import version
from annotations.keeping import manifest

_DONE = "SELECT author, count(*) AS n, count(DISTINCT frame) AS frames, sum(active_seconds) AS seconds FROM corrections GROUP BY author"
_CHECKED = (
    "SELECT c.author, count(*) AS n, sum(r.verdict = 'accepted') AS accepted FROM reviews r "
    "JOIN corrections c ON c.frame = r.frame AND c.revision = r.revision "
    "WHERE r.reviewer <> c.author AND NOT EXISTS (SELECT 1 FROM reviews e WHERE e.frame = r.frame AND e.revision = r.revision AND e.seq < r.seq) "
    "GROUP BY c.author"
)
_OPINED = (
    "SELECT b.author AS one, json_extract(a.after, '$.differ') AS differ, "
    "(SELECT c.author FROM corrections c WHERE c.frame = b.frame AND c.at <= b.at ORDER BY c.revision DESC LIMIT 1) AS other "
    "FROM blind_opinions b CROSS JOIN frames f ON f.seq = b.frame CROSS JOIN audit a ON a.frame = f.id "
    "WHERE a.action = 'opined' AND a.who = b.author"
)


def people(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """A line for everybody who said anything of a frame, by name: corrections, frames, active seconds; of `checked` corrections (their first look by
    somebody else) how many were `accepted`; of `compared` pairs of independent opinions in which they took part how many were `alike`."""
    lines: dict[str, dict[str, Any]] = {}
    for row in connection.execute(_DONE):
        done = {"corrections": row["n"], "frames": row["frames"], "active_seconds": row["seconds"]}
        lines[row["author"]] = _nothing(row["author"]) | done
    for row in connection.execute(_CHECKED):
        lines[row["author"]] |= {"checked": row["n"], "accepted": row["accepted"]}
    for row in connection.execute(_OPINED):
        if row["differ"] is None:  # not all opinions were in
            continue
        for name in {row["one"], row["other"]} - {None}:
            line = lines.setdefault(name, _nothing(name))
            line["compared"] += 1
            line["alike"] += not orjson.loads(row["differ"])
    return [lines[name] for name in sorted(lines)]


def _nothing(name: str) -> dict[str, Any]:
    return {"name": name, "corrections": 0, "frames": 0, "active_seconds": 0.0, "checked": 0, "accepted": 0, "compared": 0, "alike": 0}


def health(connection: sqlite3.Connection, record: Path, now: datetime | None = None) -> dict[str, Any]:
    """What a lead has to know at night: free bytes of the disk, sizes of the record and its log, age of the last backup in seconds (None: there
    is none), number and chain of the audit's last entry, people at work, the version of SQLite."""
    moment = now or datetime.now(UTC)
    seq, chain = audit.head(connection)
    log = record.with_name(f"{record.name}-wal")
    return {
        "free_bytes": shutil.disk_usage(record.parent).free,
        "record_bytes": record.stat().st_size,
        "log_bytes": log.stat().st_size if log.exists() else 0,
        "backup_age_seconds": manifest.age_seconds(record.parent, moment),
        "backups": len(manifest.known(record.parent)),
        "audit_entries": seq,
        "audit_chain": chain,
        "sqlite": version(),
    }
