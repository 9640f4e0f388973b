"""A client that does what no browser does: bodies without an end, by the drop, in pieces; and somebody who watches meanwhile. Holds no test."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psutil

from tests.serving import Served

MIB = 2**20
BOUNDARY = b"x"
MULTIPART = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\nContent-Type: image/png\r\n\r\n'
END = b"\r\n--x--\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` 0: the connection was closed without a word."""

    status: int
    body: bytes
    sent: int  # bytes of the body that the server let us send
    seconds: float


def post(server: Served, path: str, pieces: Iterable[bytes], *, length: int | None = None, wait: float = 0.0, **headers: str) -> Answer:
    """Send pieces until they end or the server has heard enough, then read its answer. `length` None: chunked. `wait` seconds before each."""
    place = urlsplit(server.address)
    assert place.hostname is not None
    assert place.port is not None
    named = {"Host": place.netloc, "Content-Type": MULTIPART, **{name.replace("_", "-"): value for name, value in headers.items()}}
    named |= {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    began, sent = time.monotonic(), 0
    with socket.create_connection((place.hostname, place.port), timeout=60) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode())
        with contextlib.suppress(OSError):
            for piece in pieces:
                if wait:
                    time.sleep(wait)
                if _heard(line):
                    break
                line.sendall(piece if length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
                sent += len(piece)
            else:
                if length is None:
                    line.sendall(b"0\r\n\r\n")
        status, body = _read(line)
    return Answer(status, body, sent, time.monotonic() - began)


def _heard(line: socket.socket) -> bool:
    """Whether there is something to read already."""
    line.setblocking(False)
    try:
        line.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        line.settimeout(60)
    return True


def _read(line: socket.socket) -> tuple[int, bytes]:
    said = b""
    with contextlib.suppress(OSError):
        while b"\r\n\r\n" not in said and (more := line.recv(65536)):
            said += more
        head, _, body = said.partition(b"\r\n\r\n")
        length = next((int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")), 0)
        while len(body) < length and (more := line.recv(65536)):
            body += more
        return int(head.split(b" ")[1]), body
    return 0, b""


@dataclass
class Watch:
    """How the server did while somebody watched."""

    seconds: list[float] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)  # bytes, of the server and all that it started
    failed: int = 0

    def p95(self) -> float:
        """Seconds of an answer of /livez."""
        return sorted(self.seconds)[round(0.95 * (len(self.seconds) - 1))]

    def grown_mib(self) -> float:
        """How much more memory it had at its most than at the beginning."""
        return (max(self.resident) - self.resident[0]) / MIB


@contextmanager
def watched(server: Served) -> Iterator[Watch]:
    """Ask /livez some forty times a second."""
    watch, over = Watch(), threading.Event()
    process = psutil.Process(server.process.pid)

    def resident() -> int:
        total = 0
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
        return total

    def look() -> None:
        place = urlsplit(server.address)
        while True:
            began = time.monotonic()
            line = HTTPConnection(place.hostname or "", place.port, timeout=30)  # a new one each time: nobody closes it under our hands
            try:
                line.request("GET", "/livez")
                watch.failed += line.getresponse().status != 200
            except OSError:
                watch.failed += 1
            finally:
                line.close()
            watch.seconds.append(time.monotonic() - began)
            watch.resident.append(resident())
            if over.wait(0.025):
                return

    thread = threading.Thread(target=look)
    thread.start()
    time.sleep(0.1)
    try:
        yield watch
    finally:
        over.set()
        thread.join()
