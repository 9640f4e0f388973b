"""Endpoints for tests: opened in one line, closed together, asked from threads. Knows no server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from core.backends.base import Backend
from core.backends.catalogue import EndpointSpec
from core.backends.endpoint import Endpoint, open_endpoint
from core.errors import ModelError
from core.patience import Patience
from core.prompts import Prompt
from tests import makers

PICTURE = makers.picture(160, 120, rects=[((20, 20, 60, 90), "red")])
KEY = "sk-0123456789abcdef"
TIMEOUT = 2.5  # seconds; a person's is 60

_OPEN: list[Endpoint] = []


def opened(url: str, key: str | None = None, **more: Any) -> Endpoint:
    """An endpoint of an address; closed when the test ends."""
    clock, dice = more.pop("clock", time.monotonic), more.pop("dice", None)
    made = open_endpoint(
        "there", EndpointSpec(url, more.pop("model", "m"), **{"timeout_seconds": TIMEOUT, **more}), key, clock=clock, dice=dice
    )
    _OPEN.append(made)
    return made


def close_all() -> None:
    """Close every endpoint that `opened` opened."""
    while _OPEN:
        _OPEN.pop().close()


class Asking(threading.Thread):
    """One question in a thread of its own, and what became of it."""

    def __init__(self, backend: Backend, prompt: Prompt, patience: Patience | None = None) -> None:
        super().__init__(daemon=True)
        self.backend, self.prompt, self.patience = backend, prompt, patience
        self.became: object = None
        self.seconds = 0.0
        self.start()

    def run(self) -> None:
        started = time.monotonic()
        try:
            self.became = self.backend.ask(PICTURE, self.prompt, self.patience)
        except ModelError as error:
            self.became = error
        self.seconds = time.monotonic() - started


def until(true: Callable[[], bool]) -> None:
    """Wait until this is true, at most five seconds."""
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)
