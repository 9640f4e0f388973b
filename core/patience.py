"""Whether anybody still waits for an answer. Whoever asks may give up; whoever answers is told, and stops."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Patience:
    """One question's. Safe to use from many threads; giving up twice is giving up once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gave_up = False
        self._told: list[Callable[[], object]] = []

    @property
    def gave_up(self) -> bool:
        """Nobody waits any more."""
        return self._gave_up

    def give_up(self) -> None:
        """Stop waiting. Everybody who watches is told once, in this thread."""
        with self._lock:
            told, self._told, self._gave_up = self._told, [], True
        for call in told:
            call()

    def watch(self, call: Callable[[], object]) -> None:
        """`call` when the waiting ends; at once when it has ended."""
        with self._lock:
            if not self._gave_up:
                self._told.append(call)
                return
        call()
