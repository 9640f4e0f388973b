"""Clients of a desk that work at the same time until they are killed, and tell of each write before it is sent and after it was answered.

`run` is called in a process of its own (`nursery`). It opens the record as the product does, sends what `replay` holds, says `ready PID`, then
goes on with mixed work. Into the file `tell` it writes `ask REQUEST`, `done KEY`, `refused KEY` or `failed KEY SENTENCE`, each with one call,
so a line is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count, islice, takewhile
from pathlib import Path
from typing import Any

from annotations.desk import Desk
from annotations.once import Once
from annotations.store import FILE, Store
from core.errors import AppError, StoreError
from core.frames import Vault
from core.patience import Patience
from core.profile import read as read_profile
from core.schema import Assessment, Frame
from core.settings import ASSETS
from tests import makers
from tests.annotations.nursery import say

Request = dict[str, Any]

VERBS = {"receive": 18, "assess": 12, "correct": 30, "review": 10, "want": 8, "opinion": 12, "bin": 3, "unbin": 3, "restore": 4}
"""How often each is sent, in percent."""

KNOWN = 12  # frames that a client chooses among: few, so that they meet
_PICTURE = makers.jpeg(16, 12)
PROFILE = read_profile(ASSETS / "profiles" / "bench.toml")


def said_of(frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
    """The model of these clients."""
    return makers.assessment(frame)


def desk_of(data: Path) -> tuple[Store, Desk]:
    """As `launch.py run` puts them together."""
    store = Store(data / FILE)
    vault = Vault(data, floor_bytes=0)
    vault.sweep()
    return store, Desk(store, vault, PROFILE, inspect=said_of, model="scripted:0", prompt_id="prompt")


def content_of(key: str) -> bytes:
    """A picture of its own for each key."""
    return _PICTURE + key.encode()  # behind the end mark of a JPEG nothing is looked at


def send(desk: Desk, asked: Request) -> None:
    """One write, done once under its key however often it is sent. Raises what the desk raises."""
    key, verb, frame, by = asked["key"], asked["verb"], asked.get("frame", ""), asked["by"]
    once = Once(key, hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest())
    more: dict[str, Any] = {"author": by, "note": key}
    verbs: dict[str, Callable[[], object]] = {
        "receive": lambda: desk.receive(content_of(key), f"{key}.jpg", by=by, once=once),
        "assess": lambda: desk.assess(frame, by=by, once=once),
        "correct": lambda: desk.correct(makers.correction(frame, saw_revision=asked["saw"], verdict=asked["verdict"], **more), once=once),
        "restore": lambda: desk.restore(frame, asked["revision"], asked["saw"], by=by, once=once),
        "review": lambda: desk.review(frame, asked["verdict"], key, asked["saw"], by=by, once=once),
        "want": lambda: desk.want(frame, asked["n"], by=by, once=once),
        "opinion": lambda: desk.second_opinion(makers.correction(frame, verdict=asked["verdict"], **more), once=once),
        "bin": lambda: desk.bin(frame, key, by=by, once=once),
        "unbin": lambda: desk.unbin(frame, key, by=by, once=once),
    }
    verbs[verb]()


def requests(desk: Desk, dice: random.Random, name: str) -> Iterator[Request]:
    """What a client asks for, one after the other; it looks at a frame before it says anything of it."""
    for number in count():
        key = f"{name}-{number}"
        verb = dice.choices(list(VERBS), list(VERBS.values()))[0]
        put_away = [each.frame_id for each in desk.binned(limit=KNOWN)] if verb == "unbin" else []
        known = put_away or [card.frame_id for card in desk.walk(limit=KNOWN)]
        if not known or verb == "receive":
            yield {"key": key, "verb": "receive", "by": name.split("@")[0]}
            continue
        asked: Request = {"key": key, "verb": verb, "by": name.split("@")[0], "frame": dice.choice(known)}
        seen = desk.sheet(asked["frame"])
        if verb in ("correct", "restore", "review"):
            asked["saw"] = seen.revision
        if verb == "restore":
            asked["revision"] = dice.randint(1, max(1, seen.revision))
        if verb in ("correct", "opinion"):
            asked["verdict"] = dice.choice(("reviewed", "reviewed", "cannot_tell"))
        if verb == "review":
            asked["verdict"] = dice.choice(("accepted", "returned"))
        if verb == "want":
            asked["n"] = dice.randint(2, 3)
        yield asked


def work(desk: Desk, asked: Iterable[Request], tell: Callable[[str], None]) -> None:
    """Send each and say how it went. A fault of the record is told and goes on: who is to be killed is killed, not ended."""
    for request in asked:
        tell(f"ask {json.dumps(request)}")
        try:
            send(desk, request)
        except StoreError as error:
            tell(f"failed {request['key']} {error}")
        except AppError:
            tell(f"refused {request['key']}")
        else:
            tell(f"done {request['key']}")


def run(told: Request) -> None:
    """What a started process does, until it is killed or asked to end."""
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    line = os.open(told["tell"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    store, desk = desk_of(Path(told["data"]))

    def tell(words: str) -> None:
        os.write(line, f"{words}\n".encode())

    work(desk, told["replay"], tell)
    say(f"ready {os.getpid()}")
    most = told.get("each")  # requests of each client; None: no end

    @contextmanager
    def told_if_broken() -> Iterator[None]:
        try:
            yield
        except BaseException:  # noqa: BLE001 - told by the test
            tell(f"bug {traceback.format_exc()!r}")

    def client(number: int) -> None:
        name = f"person{number}@{told['seed']}"
        with told_if_broken():
            own = requests(desk, random.Random(f"{told['seed']} {number}"), name)
            work(desk, takewhile(lambda _: not ending.is_set(), islice(own, most)), tell)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(told["clients"])]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    store.close()
