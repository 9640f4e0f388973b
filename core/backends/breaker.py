"""Leaves a server alone that fails again and again, so that people are told at once and the server can come back. Calls nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import ModelGarbled, ModelLost, ModelRefused, ModelSilent

MOST_FAILURES = 5
"""In a row."""

REST_SECONDS = 30.0

Clock = Callable[[], float]
"""Seconds, never going back."""

_FAILURES = (ModelLost, ModelSilent, ModelGarbled)


class Breaker:
    """After five failures in a row nobody may call for half a minute; then one may try, and by that one it is decided."""

    def __init__(self, name: str, clock: Clock = time.monotonic) -> None:
        self._name, self._clock = name, clock
        self._lock = threading.Lock()
        self._failures = 0
        self._rests_until: float | None = None  # None: everybody may call
        self._trial = False  # one is trying now

    def check(self) -> None:
        """Raises ModelLost when a call would not be let through now."""
        with self._lock:
            self._refuse()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call: learns from it how the server is. Raises ModelLost instead of letting it through.

        A refusal is an answer, of a server that works. Being told to come back later, or a question that was given up, says
        nothing of it.
        """
        with self._lock:
            self._refuse()
            trial = self._trial = self._rests_until is not None
        try:
            yield
        except _FAILURES:
            self._failed(trial)
            raise
        except ModelRefused:
            self._answered()
            raise
        except BaseException:
            with self._lock:
                self._trial = self._trial and not trial
            raise
        self._answered()

    def _answered(self) -> None:
        with self._lock:
            self._failures, self._rests_until, self._trial = 0, None, False

    def _failed(self, trial: bool) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= MOST_FAILURES:  # so after a trial too: they are counted on until one works
                self._rests_until = self._clock() + REST_SECONDS
            self._trial = self._trial and not trial

    def _refuse(self) -> None:
        if self._rests_until is None:
            return
        wait = self._rests_until - self._clock()
        if wait > 0 or self._trial:
            when = f"in {wait:.0f} seconds" if wait >= 1 else "in a moment"
            raise ModelLost(f"The model's server {self._name} failed {self._failures} times in a row and is left alone. Try again {when}.")
