"""A small piece of work on a record that is done while the system refuses one of its calls; called in a process of its own (`nursery`).

The mother does a little in another folder first, so that nothing has to be loaded later. The child says `warm PID` and waits until the file
`go` is there. Then it opens the record, sends `requests`, and folds the log in now and then. It tells with `writev`, which nobody refuses, as `clients` does.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import AppError, StoreError
from tests.annotations.clients import Request, content_of, desk_of, send
from tests.annotations.nursery import say

FOLD_EVERY = 7  # requests


def script(name: str, frames: int) -> list[Request]:
    """A fixed piece of work: frames come, are judged, corrected, reviewed, put away and taken back."""
    asked: list[Request] = []
    for number in range(frames):
        key = f"{name}-{number}"
        frame = hashlib.sha256(content_of(key)).hexdigest()
        of_frame = {"frame": frame, "by": "lin"}
        asked += [
            {"key": key, "verb": "receive", "by": "lin"},
            {"key": f"{key}-said", "verb": "assess", **of_frame},
            {"key": f"{key}-told", "verb": "correct", "saw": 0, "verdict": "reviewed", **of_frame},
            {"key": f"{key}-again", "verb": "correct", "saw": 1, "verdict": "cannot_tell", **of_frame},
            {"key": f"{key}-binned", "verb": "bin", **of_frame},
            {"key": f"{key}-back", "verb": "unbin", **of_frame},
        ]
    return asked


def prepare() -> None:
    """The mother: everything that work needs is loaded and was run once."""
    with tempfile.TemporaryDirectory() as scratch:
        _through(Path(scratch), script("warm", 1), lambda words: None)


def work(told: dict[str, Any]) -> None:
    """The child."""
    line = os.open(told["tell"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(words: str) -> None:
        os.writev(line, [f"{words}\n".encode()])

    say(f"warm {os.getpid()}")
    while not Path(told["go"]).exists():
        time.sleep(0.002)
    try:
        _through(Path(told["data"]), told["requests"], tell)
    except BaseException:  # noqa: BLE001 - told by the test
        tell(f"bug {traceback.format_exc()!r}")


def _through(data: Path, requests: Sequence[Request], tell: Any) -> None:
    try:
        store, desk = desk_of(data)
    except StoreError as error:
        tell(f"shut {error}")
        return
    for number, request in enumerate(requests, 1):
        tell(f"ask {json.dumps(request)}")
        try:
            send(desk, request)
        except StoreError as error:
            tell(f"failed {request['key']} {error}")
        except AppError:
            tell(f"refused {request['key']}")
        else:
            tell(f"done {request['key']}")
        if number % FOLD_EVERY == 0:
            try:
                store.fold_in()
            except StoreError as error:
                tell(f"unfolded {error}")
    store.close()
