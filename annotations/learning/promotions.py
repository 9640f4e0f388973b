"""Who speaks: adapters are let speak in turns, and the one before can be let speak again. Only the record decides; a restart finds the same.

A promotion lays an adapter on a pile, a rolling back takes it off. What lies on top speaks, if the model in use is the one it was made for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from annotations import migrations
from annotations.learning import known
from annotations.learning.known import Adapter, Gate
from annotations.rows import clean
from annotations.store import FILE, Reader, connect

FOLDER = "adapters"
"""In the data folder: where the adapters lie."""

STEP = 9
"""The step of the record that brought them; an older record has none."""


def pile(connection: sqlite3.Connection) -> list[str]:
    """Names of the adapters that were promoted and not rolled back, the one that speaks last."""
    laid: list[str] = []
    for row in known.promotions(connection):
        if not row.back:
            laid.append(str(row.adapter))
            continue
        del laid[-1:]
        while laid and laid[-1] != row.adapter:  # those between were made for another base
            laid.pop()
    return laid


def live(connection: sqlite3.Connection) -> Adapter | None:
    """The adapter that speaks, over the base that it was made for; None: every base speaks alone."""
    laid = pile(connection)
    return known.one(connection, laid[-1]) if laid else None


def live_adapter(reader: Reader, base: str, folder: Path) -> Path | None:
    """Where the adapter lies that speaks over a base (NAME@FINGERPRINT); None: it speaks alone."""
    with reader.reading() as connection:
        adapter = live(connection)
    return folder / adapter.folder if adapter is not None and adapter.base == base else None


def promoted_in(data: Path) -> Callable[[str], Path | None]:
    """`live_adapter` for a data folder, with a server beside it or without: what opens a model is handed this. Raises StoreError when it is asked."""

    def asked(base: str) -> Path | None:
        record = data / FILE
        if not record.is_file():
            return None
        with closing(connect(f"{record.absolute().as_uri()}?mode=ro")) as connection:
            if migrations.version(connection) < STEP:
                return None
        with Reader(record) as reader:
            return live_adapter(reader, base, data / FOLDER)

    return asked


def write(connection: sqlite3.Connection, adapter: Adapter | None, gate: Gate | None, *, why: str, by: str, at: str, model: str) -> None:
    """Lay an adapter on the pile, or (without a gate) take off what lies above it. `model`: the id that answers from now on, if one does."""
    values = {
        "adapter": adapter.number if adapter else None,
        "gate": gate.number if gate else None,
        "why": clean(why),
        "who": clean(by),
        "at": at,
    }
    after = {"model": model, "back": gate is None, "anyway": gate is not None and not gate.passed, "why": clean(why)}
    known.vouched(connection, "promotions", values, "promoted", subject=adapter.name if adapter else "", after=after)
