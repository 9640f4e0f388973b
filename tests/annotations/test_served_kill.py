"""The real server, killed while eight clients save over HTTP: nothing that it answered is lost, and what it did not answer is done once when it is sent again."""

from __future__ import annotations

import hashlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from annotations.store import FILE, connect
from tests import makers
from tests.annotations.keeping import broken_folder
from tests.annotations.test_store import libraries
from tests.serving import Served, scripted, serving
from tests.ui.answering import REPLY, correction

CLIENTS = 8


@dataclass
class Asked:
    """A write of a client, and how it was answered; None: it was not."""

    key: str
    frame: str  # "": the frame itself comes in
    saw: int = 0
    status: int | None = None


@dataclass
class Book:
    """Every write of every client."""

    asked: dict[str, Asked] = field(default_factory=dict)

    @property
    def open(self) -> list[Asked]:
        return [each for each in self.asked.values() if each.status is None]


def content_of(key: str) -> bytes:
    return makers.jpeg(24, 18) + key.encode()


def send(client: httpx.Client, asked: Asked) -> None:
    """One write under its key."""
    named = {"Idempotency-Key": asked.key}
    if not asked.frame:
        files = {"file": (f"{asked.key}.jpg", content_of(asked.key), "image/jpeg")}
        asked.status = client.post("/api/v1/frames", files=files, headers=named).status_code
    else:
        body = correction(saw_revision=asked.saw, note=asked.key)
        asked.status = client.post(f"/api/v1/frames/{asked.frame}/corrections", json=body, headers=named).status_code


def script(name: str) -> Iterator[Asked]:
    """A frame, two corrections of it, the next frame ..."""
    for number in range(10_000):
        key = f"{name}-{number}"
        frame = hashlib.sha256(content_of(key)).hexdigest()
        yield Asked(key, "")
        for saw in range(2):
            yield Asked(f"{key}-{saw}", frame, saw)


def work_until_killed(served: Served, book: Book, turn: int, seconds: float) -> None:
    """Eight clients save until the server is gone."""

    def client(number: int) -> None:
        with served.client() as own:
            for asked in script(f"{turn}-{number}"):
                book.asked[asked.key] = asked
                try:
                    send(own, asked)
                except httpx.TransportError:
                    return

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    time.sleep(seconds)
    served.process.send_signal(signal.SIGKILL)
    served.process.wait(15)
    for each in clients:
        each.join()


def one_sqlite_and_one_writer(served: Served) -> None:
    """Of the server and all that it started, each has at most one SQLite, and one process alone has the record open for writing."""
    writers = []
    for process in [psutil.Process(served.process.pid), *psutil.Process(served.process.pid).children(recursive=True)]:
        assert len(libraries(process.pid)) <= 1, process
        writers += [process.pid for each in process.open_files() if each.path == str(served.data / FILE) and each.mode != "r"]
    assert set(writers) == {served.process.pid}


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.slow)], ids=["daily", "long"])
def test_a_server_that_is_killed_loses_nothing_that_it_answered(tmp_path: Path, kills: int) -> None:
    dice, book, data = random.Random(2), Book(), tmp_path / "data"
    model = scripted(tmp_path / "script.json", dict(REPLY))
    sent_again = 0
    for turn in range(kills + 1):
        with serving(data, model) as served:
            one_sqlite_and_one_writer(served)
            with served.client() as client:
                for asked in book.open:
                    sent_again += 1
                    send(client, asked)
            if turn < kills:
                work_until_killed(served, book, turn, dice.uniform(0.3, 1.5))
            else:
                served.stop()
    statuses = Counter(asked.status for asked in book.asked.values())
    done = [asked for asked in book.asked.values() if asked.status == 200]
    print(f"{kills} kills over HTTP: {len(done)} answered writes, 0 lost; {sent_again} sent again, 0 doubled; {dict(statuses)}")
    with closing(connect(f"{(data / FILE).as_uri()}?mode=ro")) as connection:
        notes = Counter(row["note"] for row in connection.execute("SELECT note FROM corrections"))
        names = Counter(row["name"] for row in connection.execute("SELECT name FROM arrivals"))
    assert notes == Counter(asked.key for asked in done if asked.frame)
    assert names == Counter(f"{asked.key}.jpg" for asked in done if not asked.frame)
    assert set(statuses) == {200}
    assert len(done) >= 10 * kills
    assert sent_again >= kills
    assert broken_folder(data) == []
