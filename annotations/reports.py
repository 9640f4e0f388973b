"""What the dashboard reads: plain numbers and lists out of the summary tables. It reads only, and never walks through opinions.

Figures about a model come from frames that people corrected. Those were picked by the queue, most uncertain first, so they show the model
worse than it is on an average frame; they compare fields and models, and promise nothing about the next frame. Days are days of UTC.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotations import audit, teamwork
from annotations.queueing import queues
from annotations.store import Store
from core.profile import LEVELS
from core.schema import FIELDS


class Reports:
    """A reader of the record at `path`, for any thread. Every call sees one moment. Raises StoreError while there is no record."""

    def __init__(self, path: Path) -> None:
        self._reader = Store.open_readonly(path)

    def totals(self) -> dict[str, Any]:
        """Counts of now: frames and where they stand, corrections, a person's active seconds.

        By level (None: undetermined) all frames, and those that wait for a person.
        """
        with self._reader.reading() as connection:
            states = connection.execute(STATEMENTS["states"]).fetchall()
            sums = connection.execute(STATEMENTS["sums"]).fetchone()
        by_verdict = {verdict: sum(row["n"] for row in states if row["verdict"] == verdict) for verdict in ("", "reviewed", "cannot_tell")}
        return {
            "frames": sum(by_verdict.values()),
            "waiting": by_verdict[""],
            "reviewed": by_verdict["reviewed"],
            "cannot_tell": by_verdict["cannot_tell"],
            "assessed": sums["assessed"],
            "corrections": sums["corrections"],
            "active_seconds": sums["active_seconds"],
            "undetermined": sum(row["n"] for row in states if row["level"] == "" and row["verdict"] != "reviewed"),
            "by_level": _by_level(states),
            "waiting_by_level": _by_level([row for row in states if row["verdict"] == ""]),
        }

    def per_day(self) -> list[dict[str, Any]]:
        """A line a day on which anything happened: what came and was done that day, and the backlog at its end (frames none had corrected)."""
        with self._reader.reading() as connection:
            found = [dict(row) for row in connection.execute(STATEMENTS["days"])]
        backlog = 0
        for line in found:
            backlog += line["received"] - line.pop("settled")
            line["backlog"] = backlog
        return found

    def models(self) -> list[str]:
        """Models whose words were held against corrections."""
        with self._reader.reading() as connection:
            return [row["model"] for row in connection.execute(STATEMENTS["models"])]

    def field_accuracy(self, model: str | None = None) -> list[dict[str, Any]]:
        """For each field: of `n` values that a person answered for, how many the machine had said; share and 95 % Wilson interval.

        Of one model or all. What the machine did not say counts as wrong. A field nobody answered for has n 0 and share None.
        """
        right: dict[str, int] = {}
        n: dict[str, int] = {}
        for row in self._pairs(model):
            n[row["field"]] = n.get(row["field"], 0) + row["n"]
            right[row["field"]] = right.get(row["field"], 0) + row["n"] * (row["machine"] == row["person"])
        return [_accuracy(field, right.get(field, 0), n.get(field, 0)) for field in (*FIELDS, "risk")]

    def confusion(self, field: str = "tool", model: str | None = None) -> list[dict[str, Any]]:
        """Every pair that occurred: `machine` said, `person` corrected or confirmed, `n` times. None: not said."""
        found = [row for row in self._pairs(model) if row["field"] == field]
        counts: dict[tuple[str, str], int] = {}
        for row in found:
            key = (row["person"], row["machine"])
            counts[key] = counts.get(key, 0) + row["n"]
        return [{"machine": machine or None, "person": person or None, "n": n} for (person, machine), n in sorted(counts.items())]

    def risk_matrix(self, model: str | None = None) -> dict[str, Any]:
        """`levels`, and `counts[i][j]`: frames that a person holds to be level i and the machine called level j. The last, None: undetermined."""
        levels: list[str | None] = [*LEVELS, None]
        counts = [[0] * len(levels) for _ in levels]
        for pair in self.confusion("risk", model):
            counts[levels.index(pair["person"])][levels.index(pair["machine"])] += pair["n"]
        return {"levels": levels, "counts": counts}

    def queue(self, limit: int = 50, filter: str = "waiting", skip: int = 0) -> list[dict[str, Any]]:
        """A page of frames, most uncertain first; `filter` is a key of `queues.FILTERS`."""
        with self._reader.reading() as connection:
            cards = queues.page(connection, limit=limit, filter=filter, skip=skip)
        return [{name: getattr(card, name) for name in queues.Card.__dataclass_fields__} for card in cards]

    def people(self) -> list[dict[str, Any]]:
        """A line for everybody who corrected anything (`teamwork.people`)."""
        with self._reader.reading() as connection:
            return teamwork.people(connection)

    def health(self) -> dict[str, Any]:
        """Disk, record, backups, audit (`teamwork.health`)."""
        with self._reader.reading() as connection:
            return teamwork.health(connection, self._reader.path)

    def audit(self, limit: int = 50, who: str | None = None) -> list[dict[str, Any]]:
        """Who did what, newest first."""
        with self._reader.reading() as connection:
            found = audit.entries(connection, limit=limit, who=who)
        return [{name: getattr(entry, name) for name in audit.Entry.__dataclass_fields__} for entry in found]

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()

    def _pairs(self, model: str | None) -> list[sqlite3.Row]:
        with self._reader.reading() as connection:
            return connection.execute(STATEMENTS["pairs of one" if model else "pairs"], (model,) if model else ()).fetchall()


STATEMENTS = {
    "states": "SELECT verdict, level, n FROM tally_states WHERE n > 0",
    "sums": "SELECT coalesce(sum(assessed), 0) AS assessed, coalesce(sum(corrections), 0) AS corrections, "
    "coalesce(sum(active_seconds), 0.0) AS active_seconds FROM tally_days",
    "days": "SELECT day, received, assessed, corrections, settled, reviewed, active_seconds FROM tally_days ORDER BY day",
    "models": "SELECT DISTINCT model FROM tally_pairs WHERE n > 0 ORDER BY model",
    "pairs": "SELECT field, machine, person, n FROM tally_pairs WHERE n > 0",
    "pairs of one": "SELECT field, machine, person, n FROM tally_pairs WHERE model = ? AND n > 0",
}
"""Everything asked here but the queue's pages. All are summaries: their size follows days and terms, not frames."""


def wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share. Wilson 1927; Brown, Cai, DasGupta 2001, "Interval estimation for a binomial proportion", eq. 4.

    >>> tuple(round(end, 4) for end in wilson(8, 10))
    (0.4902, 0.9433)
    """
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _by_level(states: Sequence[sqlite3.Row]) -> dict[str | None, int]:
    return {level or None: sum(row["n"] for row in states if row["level"] == level) for level in (*LEVELS, "")}


def _accuracy(field: str, right: int, n: int) -> dict[str, Any]:
    low, high = wilson(right, n) if n else (None, None)
    return {"field": field, "n": n, "right": right, "accuracy": right / n if n else None, "low": low, "high": high}
