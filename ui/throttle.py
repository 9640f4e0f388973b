"""How often somebody may be wrong: five times in a quarter of an hour, by name and by address. Knows no password and no route."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import TooOften

WRONG = 5  # tries that may go wrong
WITHIN_SECONDS = 15 * 60.0
MOST = 20_000  # names and addresses that are remembered; the longest untouched are forgotten first


class Throttle:
    """Wrong tries by key. Safe to use from many threads.

    No more tries are looked at at once than may still go wrong, so that many together are no way around; the others wait for their turn,
    so that a whole shift behind one address can log in at the same time.
    """

    def __init__(
        self, wrong: int = WRONG, within_seconds: float = WITHIN_SECONDS, most: int = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wrong, self._within, self._most, self._clock = wrong, within_seconds, most, clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._open: Counter[str] = Counter()  # tries that are being looked at
        self._change = threading.Condition()

    @contextmanager
    def trying(self, *keys: str) -> Iterator[None]:
        """A try under each of these keys; it counts when the block raises. Raises TooOften before it begins. May wait: not for an event loop."""
        with self._change:
            self._change.wait_for(lambda: self._full(keys) or self._room(keys))
            self._refuse_full(keys)
            self._open.update(keys)
        try:
            yield
        except BaseException:
            with self._change:
                self._count(keys)
            raise
        finally:
            with self._change:
                self._open.subtract(keys)
                self._open += Counter()  # what is at nothing is not kept
                self._change.notify_all()

    def forget(self, key: str) -> None:
        """Somebody was right: what went wrong before under this key is forgiven."""
        with self._change:
            self._tries.pop(key, None)

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._tries)

    def _recent(self, key: str) -> deque[float]:
        """When it went wrong under this key, as far as that counts still."""
        tries = self._tries.get(key)
        while tries and self._clock() - tries[0] >= self._within:
            tries.popleft()
        if tries is not None and not tries:
            del self._tries[key]
        return tries or deque()

    def _full(self, keys: tuple[str, ...]) -> bool:
        return any(len(self._recent(key)) >= self._wrong for key in keys)

    def _room(self, keys: tuple[str, ...]) -> bool:
        return all(len(self._recent(key)) + self._open[key] < self._wrong for key in keys)

    def _refuse_full(self, keys: tuple[str, ...]) -> None:
        waits = [self._within - (self._clock() - tries[0]) for key in keys if len(tries := self._recent(key)) >= self._wrong]
        if waits:
            seconds = math.ceil(max(waits))
            minutes = math.ceil(seconds / 60)
            raise TooOften(
                f"Too many wrong tries. Try again in {minutes} minute{'s' if minutes > 1 else ''}; nothing else is wrong.", seconds
            )

    def _count(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            self._tries.setdefault(key, deque()).append(self._clock())
            self._tries.move_to_end(key)
        while len(self._tries) > self._most:
            self._tries.popitem(last=False)
