"""What an evaluation said of an adapter beside the model in use, kept as it was said. Measures nothing and lets nobody speak."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from annotations.learning import known, seen
from annotations.learning.known import Adapter, Gate
from annotations.learning.spoken import same_weights
from annotations.rows import clean
from core.errors import Malformed


def record(
    connection: sqlite3.Connection,
    adapter: Adapter,
    against: str,
    *,
    passed: bool,
    reasons: Sequence[Mapping[str, Any]],
    by: str,
    at: str,
) -> Gate:
    """Keep a decision with its reasons; one that was measured on what the adapter has learned from is no pass, whatever it says.

    Raises Malformed for a pass without a reason, or with one that did not hold.
    """
    if passed and (not reasons or not all(reason.get("passed") is True for reason in reasons)):
        raise Malformed("A gate is passed when each of its reasons holds, and there is at least one. Nothing was kept.")
    learned = _learned(connection, adapter)
    if learned:
        words = f"The adapter has learned from {learned} frames of the test part, so what it does there proves nothing. Freeze a set that keeps them."
        reasons = [*reasons, {"key": "learned", "passed": False, "words": words, "values": {"frames": learned}}]
        passed = False
    body = orjson.dumps({"reasons": [dict(reason) for reason in reasons]}).decode()
    values = {"adapter": adapter.number, "against": against, "passed": int(passed), "body": body, "who": clean(by), "at": at}
    after = {"passed": passed, "against": against}
    number = known.vouched(connection, "gates", values, "gate", subject=adapter.name, after=after)
    return next(gate for gate in known.gates_of(connection, adapter) if gate.number == number)


def latest(connection: sqlite3.Connection, adapter: Adapter, against: str, *, held: bool = True) -> Gate | None:
    """What was said last of an adapter beside the model of this id (the same weights in as many bits; `held` False: in however many); None: it was
    never measured beside it."""
    return next((gate for gate in known.gates_of(connection, adapter) if same_weights(gate.against, against, held=held)), None)


def _learned(connection: sqlite3.Connection, adapter: Adapter) -> int:
    """Frames of its set's test part that taught it, by way of an adapter that it was trained from."""
    row = connection.execute("SELECT dataset FROM adapters WHERE seq = ?", (adapter.number,)).fetchone()
    return 0 if row["dataset"] is None else seen.known_of(connection, adapter.fingerprint, row["dataset"])
