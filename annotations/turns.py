"""One at a time for each frame: who asks for the same as another waits, and may leave. Knows neither frames nor models."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import Abandoned
from core.patience import Patience


class Turns:
    """Turns by name. Safe to use from many threads."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._taken: set[str] = set()

    @contextmanager
    def of(self, name: str, patience: Patience | None) -> Iterator[None]:
        """Nobody else has the turn of this name while the block runs. Raises Abandoned when the patience ends before it begins."""
        if patience is not None:
            patience.watch(self._wake)
        with self._change:
            self._change.wait_for(lambda: name not in self._taken or _left(patience))
            if _left(patience):
                raise Abandoned("Nobody waits for this answer any more, so it was not asked for.")
            self._taken.add(name)
        try:
            yield
        finally:
            with self._change:
                self._taken.discard(name)
                self._change.notify_all()

    def _wake(self) -> None:
        with self._change:
            self._change.notify_all()


def _left(patience: Patience | None) -> bool:
    return patience is not None and patience.gave_up
