"""What tests of draws in the record share: a record that is asked in SQL, and frames that were looked at without a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotations.store import Store

EYES = "test"
NO_SHARES: dict[str, Any] = {"blind": 0.0, "double": 0.0}  # every task is a plain one


def sql(store: Store, asked: str, *values: object) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(asked, values)]


def numbers(store: Store, table: str = "tasks", column: str = "frame") -> list[int]:
    return [row[0] for row in sql(store, f"SELECT {column} FROM {table} ORDER BY 1")]


def looked_at(store: Store, frames: range) -> None:
    """Prints, scenes of two, and vectors, without a picture."""
    dice = np.random.default_rng(frames.start)
    with store.writing() as connection:
        for number in frames:
            connection.execute("INSERT INTO prints (frame, phash) VALUES (?, ?)", (number, number))
            connection.execute("INSERT INTO scenes (frame, scene) VALUES (?, ?)", (number, number - number % 2 or 1))
            vector = dice.normal(size=8)
            vector /= np.linalg.norm(vector)
            values = (number, EYES, vector.astype("<f2").tobytes())
            connection.execute("INSERT INTO embeddings (frame, eyes, vector) VALUES (?, ?, ?)", values)
