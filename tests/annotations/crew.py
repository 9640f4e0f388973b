"""The test's side of `clients`: starts them, kills them, and keeps the ledger of what was asked and what was answered."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from annotations.store import connect
from tests.annotations.nursery import Nursery

PLACES = {
    "receive": "SELECT replace(name, '.jpg', '') FROM arrivals",
    "correct": "SELECT note FROM corrections WHERE seq IN (SELECT json_extract(after, '$.number') FROM audit WHERE action = 'corrected')",
    "review": "SELECT comment FROM reviews",
    "opinion": "SELECT note FROM blind_opinions",
    "bin": "SELECT why FROM bin_moves WHERE move = 'binned'",
    "unbin": "SELECT why FROM bin_moves WHERE move <> 'binned'",
}
"""Where the row of a verb has its key. The others are told by `written_once` and by the audit."""


@dataclass
class Ledger:
    """Every request by its key, and how it was answered; what was never answered is in neither of the three."""

    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    bugs: list[str] = field(default_factory=list)

    def read(self, tell: Path) -> None:
        """Add what clients told; half a line at the end of the file is none."""
        if not tell.exists():
            return
        for line in tell.read_text("utf-8").split("\n")[:-1]:
            word, _, rest = line.partition(" ")
            key = rest.partition(" ")[0]
            if word == "ask":
                request = json.loads(rest)
                self.asked[request["key"]] = request
                continue
            self.failed.pop(key, None)
            if word == "done":
                self.done.add(key)
            elif word == "refused":
                self.refused.add(key)
            elif word == "failed":
                self.failed[key] = rest.partition(" ")[2]
            else:
                self.bugs.append(line)

    @property
    def open(self) -> list[dict[str, Any]]:
        """Requests to be sent again: unanswered, or failed without being kept."""
        return [request for key, request in self.asked.items() if key not in self.done and key not in self.refused]

    def wrong(self, record: Path) -> list[str]:
        """Acknowledged writes that are not there once, and others that are there although nobody was told so. Takes a ledger with nothing open."""
        faults = []
        with closing(connect(f"{record.as_uri()}?mode=ro")) as connection:
            kept = {row["key"] for row in connection.execute("SELECT key FROM written_once")}
            faults += [f"acknowledged and lost: {self.asked[key]}" for key in sorted(self.done - kept)]
            faults += [f"kept and refused: {self.asked.get(key, key)}" for key in sorted(kept - self.done)]
            for verb, ask in PLACES.items():
                rows = Counter(str(row[0]) for row in connection.execute(ask))
                wanted = Counter(key for key in self.done if self.asked[key]["verb"] == verb)
                faults += [f"{verb} {key}: {n} rows too many" for key, n in (rows - wanted).items()]
                faults += [f"{verb} {key}: {n} rows are not there" for key, n in (wanted - rows).items()]
        return faults


class Crew:
    """Clients in a process that is started quickly, time after time. `data`: their data folder; `tells`: where their words go."""

    def __init__(self, data: Path, tells: Path, *, clients: int = 8, wrapped: Sequence[str] = ()) -> None:
        self.data, self.ledger = data, Ledger()
        self._tells, self._clients, self._turn = tells, clients, 0
        tells.mkdir(parents=True, exist_ok=True)
        self.nursery = Nursery("tests.annotations.clients", wrapped)

    def start(self, *, each: int | None = None, seed: int | None = None) -> int:
        """Begin; the process's id. What is open in the ledger is sent again first."""
        self._turn += 1
        asked = {"data": str(self.data), "clients": self._clients, "seed": self._turn if seed is None else seed, "tell": str(self.tell)}
        self._pid = self.nursery.start("run", {**asked, "replay": self.ledger.open, "each": each})
        return self._pid

    @property
    def tell(self) -> Path:
        """Where the clients of this turn tell what they do."""
        return self._tells / f"{self._turn}.txt"

    def ready(self) -> None:
        """Wait until the record is open and what was open has been sent again."""
        self.nursery.heard("ready")

    def ended(self) -> int:
        """Wait for the end; the exit code, or minus the signal. The ledger knows everything that was told then."""
        status = self.nursery.ended()
        self._read()
        return status

    def _read(self) -> None:
        self.ledger.read(self.tell)
        self.tell.unlink(missing_ok=True)

    def stop(self) -> None:
        """Ask those who work to end what they are at and close; they do."""
        os.kill(self._pid, signal.SIGTERM)
        assert self.ended() == 0

    def kill_once(self, dice: random.Random, *, least: float, most: float, early: bool = False) -> None:
        """Start, let them work for a random time, kill -9. `early`: the time runs from the start of the process, so opening is hit too."""
        pid = self.start()
        if not early:
            self.ready()
        time.sleep(dice.uniform(least, most))
        assert self.nursery.killed(pid)
        self._read()

    def settle(self) -> None:
        """Send everything again that is open, and nothing else; the process ends by itself."""
        self.start(each=0)
        self.ready()
        assert self.ended() == 0
        assert self.ledger.open == []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.nursery.__exit__(kind, error, trace)
