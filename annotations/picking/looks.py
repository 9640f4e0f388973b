"""How frames look, kept beside them: prints, scenes, vectors of a model's eyes. Fills in what is missing, bit by bit; all of it can be worked out again.

Only previews are looked at, 320 pixels long. A frame whose file cannot be read is passed over and tried again the next time.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotations.picking.scenes import Scenes
from annotations.store import Reader, Store
from core.errors import AppError, StoreError
from core.frames import Vault
from core.prints import phash, signed
from core.vault import SIZES

See = Callable[[Sequence[bytes]], NDArray[np.float32]]
"""Vectors of some previews: n x d, rows of length 1. Raises ModelError's kin."""

SMALL = SIZES[0]
AT_ONCE = 64  # frames of one transaction
EVERY = 300.0  # seconds between two looks in the background
_log = logging.getLogger(__name__)

_WITHOUT = {
    "prints": "NOT EXISTS (SELECT 1 FROM prints p WHERE p.frame = f.seq)",
    "embeddings": "NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.eyes = :eyes AND e.frame = f.seq)",
}


@dataclass(frozen=True, slots=True)
class Filled:
    """What a look filled in."""

    prints: int = 0
    vectors: int = 0
    unreadable: int = 0  # frames that were passed over


def writing_to(record: Reader, *, durable: bool = True) -> AbstractContextManager[sqlite3.Connection]:
    """A transaction of a record. Raises StoreError for one that was opened to be read only."""
    if not isinstance(record, Store):
        raise StoreError("The record was opened to be read only. Nothing was changed.")
    return record.writing(durable=durable)


class Looks:
    """Looks at what nobody looked at yet. `eyes` None: no model here can see alone, so no vectors are made.

    One look at a time. Prints do not wait for the eyes of a look that goes on, which may take minutes.
    """

    def __init__(self, store: Reader, vault: Vault, eyes: See | None, eyes_id: str) -> None:
        self._store, self._vault, self._eyes, self._eyes_id = store, vault, eyes, eyes_id
        self._scenes = Scenes()
        self._turn, self._printing = threading.Lock(), threading.Lock()
        self._over = threading.Event()

    def look(self, limit: int = 1000) -> Filled:
        """Prints and scenes, then vectors, of at most `limit` frames each, the oldest first. Raises StoreError and, for the eyes, ModelError's kin."""
        with self._turn:
            made = self._print(limit)
            seen = self._see(self._eyes, limit) if self._eyes is not None else 0
            return replace(made, vectors=seen)

    def prints(self) -> Filled:
        """Prints and scenes of all frames that lack them, however many; no eyes are asked. Raises StoreError."""
        return self._print(None)

    def wanting(self) -> tuple[int, int]:
        """How many frames have no print, and how many no vector of these eyes."""
        with self._store.reading() as connection:
            missing = [
                connection.execute(f"SELECT count(*) FROM frames f WHERE {where}", {"eyes": self._eyes_id}).fetchone()[0]  # noqa: S608
                for where in _WITHOUT.values()
            ]
        return missing[0], missing[1] if self._eyes is not None else 0

    @contextmanager
    def beside(self, every: float = EVERY, limit: int = 2000, then: Callable[[], object] = lambda: None) -> Iterator[None]:
        """Look now and then, beside everything else, until the block ends; what goes wrong is logged and tried again. `then`: after each look."""
        self._over.clear()
        worker = threading.Thread(target=self._now_and_then, args=(every, limit, then), name="looks", daemon=True)
        worker.start()
        try:
            yield
        finally:
            self._over.set()
            worker.join(60)

    def _now_and_then(self, every: float, limit: int, then: Callable[[], object]) -> None:
        while not self._over.is_set():
            found = Filled()
            try:
                found = self.look(limit)
            except AppError as error:  # a full disk, a model that is gone: tried again, and meanwhile the log tells
                _log.error("frames could not be looked at: %s", error)
            then()
            if max(found.prints, found.vectors) < limit:  # else there may be more
                self._over.wait(every)

    def _print(self, limit: int | None) -> Filled:
        printed = passed = 0
        with self._printing:
            for made, unreadable in self._without("prints", limit):
                printed += self._keep_prints([(number, frame_id, signed(phash(preview))) for number, frame_id, preview in made])
                passed += unreadable
        return Filled(prints=printed, unreadable=passed)

    def _see(self, eyes: See, limit: int) -> int:
        seen = 0
        try:
            for made, _ in self._without("embeddings", limit):
                if not made:
                    continue
                vectors = eyes([preview for _, _, preview in made]).astype("<f2")
                seen += self._keep_vectors([(*known[:2], row.tobytes()) for known, row in zip(made, vectors, strict=True)])
        finally:
            close = getattr(eyes, "close", None)  # only eyes with a process of their own have one; its memory is not kept between looks
            if close is not None:
                close()
        return seen

    def _without(self, what: str, limit: int | None) -> Iterator[tuple[list[tuple[int, str, bytes]], int]]:
        """Number, id and preview of frames that lack something, some at a time, and how many could not be read and were passed over.

        `limit` None: all of them, also while what looks in the background ends: somebody waits for the last one.
        """
        asked = f"SELECT f.seq, f.id FROM frames f WHERE f.seq > :after AND {_WITHOUT[what]} ORDER BY f.seq LIMIT :most"  # noqa: S608 - written above
        after = done = 0
        while limit is None or (done < limit and not self._over.is_set()):
            with self._store.reading() as connection:
                values = {"eyes": self._eyes_id, "after": after, "most": AT_ONCE if limit is None else min(AT_ONCE, limit - done)}
                found = [(row["seq"], row["id"]) for row in connection.execute(asked, values)]
            if not found:
                return
            made = list(self._previews(found))
            after, done = found[-1][0], done + len(made)
            yield made, len(found) - len(made)

    def _previews(self, frames: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str, bytes]]:
        for number, frame_id in frames:
            try:
                yield number, frame_id, self._vault.preview(frame_id, SMALL).read_bytes()
            except (AppError, OSError) as error:  # damaged, or erased meanwhile
                _log.info("frame %s cannot be looked at: %s", frame_id[:12], error)

    def _keep_prints(self, made: Sequence[tuple[int, str, int]]) -> int:
        if not made:
            return 0
        into = "INSERT OR IGNORE INTO prints (frame, phash) SELECT seq, ?3 FROM frames WHERE seq = ?1 AND id = ?2"
        with writing_to(self._store, durable=False) as connection:
            connection.executemany(into, made)  # of those that are still there: an erasure may have come between
            self._scenes.extend(connection)
        return len(made)

    def _keep_vectors(self, made: Sequence[tuple[int, str, bytes]]) -> int:
        into = "INSERT OR IGNORE INTO embeddings (frame, eyes, vector) SELECT seq, ?4, ?3 FROM frames WHERE seq = ?1 AND id = ?2"
        with writing_to(self._store, durable=False) as connection:
            connection.executemany(into, [(*each, self._eyes_id) for each in made])
        return len(made)
