"""A client that goes away frees the model's place within seconds, wherever the request was, and nothing is kept of an answer that nobody waited for."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from annotations.store import Store
from core.errors import Abandoned
from core.patience import Patience
from core.schema import Assessment, Frame
from tests.makers import assessment, jpeg
from tests.ui.answering import app_of

SECONDS = 5.0


class Slow:
    """A model that thinks until it is let, or until nobody waits; a frame of 64 pixels is answered at once."""

    def __init__(self) -> None:
        self.thinking = 0
        self.begun = 0
        self.heeds = True  # whether it hears that nobody waits
        self.may = threading.Event()
        self._lock = threading.Lock()

    def inspect(self, frame: Frame, content: bytes, patience: Patience | None) -> Assessment:
        with self._lock:
            self.thinking += 1
            self.begun += 1
        try:
            if frame.width > 64:
                left = threading.Event()
                if patience is not None and self.heeds:
                    patience.watch(left.set)
                while not (self.may.is_set() or left.is_set()):
                    left.wait(0.02)
            if patience is not None and patience.gave_up:
                raise Abandoned("Nobody waits.")
            return assessment(frame, model="scripted:test")
        finally:
            with self._lock:
                self.thinking -= 1


class House:
    """A server on this machine."""

    def __init__(self, app: FastAPI, store: Store, slow: Slow) -> None:
        self.store, self.slow = store, slow
        self.door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.door.bind(("127.0.0.1", 0))
        self.port: int = self.door.getsockname()[1]
        self.lines: list[socket.socket] = []
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.door]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=30)

    def kept(self) -> int:
        with self.store.reading() as connection:
            count: int = connection.execute("SELECT count(*) FROM assessments").fetchone()[0]
            return count

    def wait(self, thinking: int) -> float:
        """Until so many frames are thought about; how long it took."""
        began = time.monotonic()
        while self.slow.thinking != thinking:
            assert time.monotonic() - began < SECONDS, f"{self.slow.thinking} are thought about after {SECONDS:.0f} s"
            time.sleep(0.01)
        return time.monotonic() - began

    def stop(self) -> None:
        self.slow.may.set()
        for line in self.lines:
            line.close()
        self.server.should_exit = True
        self.thread.join(10)
        self.door.close()
        self.store.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    slow = Slow()
    made = House(*app_of(tmp_path, inspect=slow.inspect), slow)
    yield made
    made.stop()


def multipart(*contents: bytes) -> tuple[bytes, str]:
    request = httpx.Request("POST", "http://x", files=[("files", (f"{n}.jpg", content)) for n, content in enumerate(contents)])
    return request.read(), request.headers["content-type"]


def sent(house: House, path: str, body: bytes, kind: str, share: float = 1.0) -> socket.socket:
    """A request on a line of its own, or the first part of it."""
    line = socket.create_connection(("127.0.0.1", house.port))
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    house.lines.append(line)
    line.sendall(head + body[: int(len(body) * share)])
    return line


REQUESTS = {
    "assess": 1,
    "inspect one": 1,
    "inspect many": 16,  # of 40
    "base64": 3,
}


def request(house: House, what: str) -> tuple[str, bytes, str]:
    if what == "assess":
        with house.client() as client:
            frame = client.post("/api/v1/frames", files={"f": ("a.jpg", jpeg(90, 48))}).json()[0]["frame"]["id"]
        return f"/api/v1/frames/{frame}/assess", b"", "application/json"
    if what == "base64":
        frames = [{"name": "a", "content": base64.b64encode(jpeg(70 + n, 48)).decode()} for n in range(3)]
        return "/api/v1/inspect/base64", json.dumps({"frames": frames}).encode(), "application/json"
    return "/api/v1/inspect", *multipart(*(jpeg(70 + n, 48) for n in range(1 if what == "inspect one" else 40)))


@pytest.mark.parametrize("what", REQUESTS)
@pytest.mark.parametrize("after", [0.0, 0.05, 0.3, 1.0], ids=lambda seconds: f"after {seconds} s")
def test_who_leaves_frees_the_place_and_leaves_nothing_behind(house: House, what: str, after: float) -> None:
    path, body, kind = request(house, what)
    line = sent(house, path, body, kind)
    if after:
        house.wait(REQUESTS[what])
        time.sleep(after)
    line.close()
    time.sleep(0.2)
    house.wait(0)
    begun = house.slow.begun
    assert begun <= REQUESTS[what] + 1, "what waited behind the first ones was not begun"
    house.slow.may.set()
    with house.client() as client:
        answer = client.post("/api/v1/inspect", files={"f": ("a.jpg", jpeg(64, 50))})
        assert answer.json()["totals"] == {"low": 1}
    assert house.kept() == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_who_leaves_while_sending_has_asked_nothing(house: House, share: float) -> None:
    line = sent(house, "/api/v1/inspect", *multipart(jpeg(400, 300)), share=share)
    time.sleep(0.1)
    line.close()
    time.sleep(0.3)
    assert (house.slow.begun, house.kept()) == (0, 0)


def test_an_answer_that_comes_too_late_is_not_kept(house: House) -> None:
    house.slow.heeds = False
    line = sent(house, "/api/v1/inspect", *multipart(jpeg(90, 48)))
    house.wait(1)
    line.close()
    time.sleep(0.3)
    house.slow.may.set()
    house.wait(0)
    time.sleep(0.1)
    assert house.kept() == 0


def test_one_who_stays_gets_the_answer_that_another_left(house: House) -> None:
    path, body, kind = request(house, "assess")
    line = sent(house, path, body, kind)
    house.wait(1)
    found: list[int] = []

    def stays() -> None:
        with house.client() as client:
            found.append(client.post(path).status_code)

    other = threading.Thread(target=stays)
    other.start()
    time.sleep(0.2)
    line.close()
    time.sleep(0.3)
    house.slow.may.set()
    other.join(SECONDS)
    assert (found, house.kept()) == ([200], 1)


def test_one_who_waits_behind_another_may_leave_too(house: House) -> None:
    path, body, kind = request(house, "assess")
    lines = [sent(house, path, body, kind) for _ in range(3)]
    house.wait(1)
    time.sleep(0.2)
    for line in lines[::-1]:
        line.close()
    house.wait(0)
    time.sleep(0.2)
    assert (house.slow.begun, house.kept()) == (1, 0)


def test_beyond_the_places_one_is_told_at_once_and_the_screens_stay_quick(house: House) -> None:
    lines = [sent(house, "/api/v1/inspect", *multipart(*(jpeg(100 + 20 * k + n, 48) for n in range(16)))) for k in range(4)]
    house.wait(64)
    began = time.monotonic()
    with house.client() as client:
        answer = client.post("/api/v1/inspect", files={"f": ("a.jpg", jpeg(65, 50))})
        assert (answer.status_code, answer.json()["kind"], answer.headers["retry-after"]) == (503, "ModelBusy", "5")
        assert client.get("/api/v1/walk").status_code == 200
    assert time.monotonic() - began < 1
    for line in lines:
        line.close()
    house.wait(0)
