"""A server that fails in every way that servers fail, on purpose and by the first part of the path: `http://HOST:PORT/FAULT/v1`. Counts its calls.

`script` gives a path a list of faults, one for each call, and "ok" when it has run out.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

WORDS = '{"findings":[],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'
"""A whole answer that calls the frame safe: what no fault may ever become."""

LONG_SECONDS = 60.0  # what a person would not wait for; tests end it by hanging up
MIB = b"0" * 2**20


def completion(content: object = WORDS, *, model: object = None, **choice: object) -> bytes:
    """A chat completion with these words. `model`: what the server says that it answered as; None: it does not say."""
    message = {"role": "assistant", "content": content}
    said = {} if model is None else {"model": model}
    return json.dumps({**said, "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}]}).encode()


def response(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """A whole HTTP answer; `length` lies about the body's."""
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        "Connection: close",
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


class FaultServer:
    """Listens on loopback until it is closed; every connection is a thread, and answers one question."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.times: dict[str, list[float]] = {}
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.answers: dict[str, bytes] = {}  # further paths, and the whole HTTP answer to each
        self.script: dict[str, list[str]] = {}
        self.over = threading.Event()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._listen, name="fault server", daemon=True).start()

    def url(self, fault: str) -> str:
        """The address of a server with this fault."""
        return f"http://127.0.0.1:{self.port}/{fault}/v1"

    def close(self) -> None:
        """Let every thread go."""
        self.over.set()
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._door.accept()
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            line.settimeout(LONG_SECONDS)
            head, body = read_request(line)
            if not head:
                return
            path = head.split(" ")[1].split("/")[1]
            self.calls[path] += 1
            self.times.setdefault(path, []).append(time.monotonic())
            self.heads.append(head)
            self.bodies.append(body)
            fault = (self.script[path].pop(0) if self.script[path] else "ok") if path in self.script else path
            if fault in self.answers:
                line.sendall(self.answers[fault])
            else:
                FAULTS[fault](line, self.over)


def read_request(line: socket.socket) -> tuple[str, bytes]:
    """Head and body of a request; empty when the other side hung up."""
    content = b""
    while b"\r\n\r\n" not in content:
        piece = line.recv(65536)
        if not piece:
            return "", b""
        content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    said = [part for part in head.decode("latin-1").lower().split("\r\n") if part.startswith("content-length:")]
    length = int(said[0].split(":")[1]) if said else 0
    while len(body) < length and (piece := line.recv(65536)):
        body += piece
    return head.decode("latin-1"), body


def sends(content: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Says this and hangs up."""

    def fault(line: socket.socket, over: threading.Event) -> None:
        line.sendall(content)

    return fault


def hangs(line: socket.socket, over: threading.Event) -> None:
    over.wait(LONG_SECONDS)


def late(line: socket.socket, over: threading.Event) -> None:
    if not over.wait(LONG_SECONDS):
        line.sendall(response(completion()))


def slow(line: socket.socket, over: threading.Event) -> None:
    over.wait(0.5)
    line.sendall(response(completion()))


def resets(line: socket.socket, over: threading.Event) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes_slowly(line: socket.socket, over: threading.Event) -> None:
    """Everything is there, and without a length only the end of the connection would say so."""
    line.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + completion())
    over.wait(LONG_SECONDS)


def drips(line: socket.socket, over: threading.Event) -> None:
    for byte in response(completion()):
        line.sendall(bytes([byte]))
        if over.wait(0.1):
            return


def floods(head: bytes, pieces: Iterable[bytes], count: int) -> Callable[[socket.socket, threading.Event], None]:
    def fault(line: socket.socket, over: threading.Event) -> None:
        line.sendall(head)
        for _ in range(count):
            for piece in pieces:
                line.sendall(piece)

    return fault


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NAN = completion(logprobs={"content": [{"token": WORDS, "logprob": float("nan"), "bytes": list(WORDS.encode())}]})
TWICE = completion().replace(b'"choices":', b'"choices": [{"message": {"content": "{\\"risk\\":\\"high\\"}"}}], "choices":')
BOMB = gzip.compress(b" " * (64 * 2**20) + completion(), 9)  # 64 KiB that become 64 MiB
FAULTS: dict[str, Callable[[socket.socket, threading.Event], None]] = {
    "ok": sends(response(completion())),
    "hang": hangs,
    "latency": late,
    "reset": resets,
    "slow-close": closes_slowly,
    "drip": drips,
    "cut": sends(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + completion()[:60]),
    "length": sends(response(completion(), length=len(completion()) + 100)),
    "html": sends(response(b"<html><body>Welcome</body></html>")),
    "empty": sends(response(b"")),
    "no-choices": sends(response(b'{"choices": []}')),
    "null": sends(response(completion(None))),
    "tool-call": sends(response(json.dumps({"choices": [{"message": {"content": None, "tool_calls": [{"id": "1"}]}, "finish_reason": "tool_calls"}]}).encode())),
    "utf-8": sends(response(completion().replace(b"none", b"n\xff\xfee", 1))),
    "nan": sends(response(NAN)),
    "twice": sends(response(TWICE)),
    "huge": floods(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", [MIB], 1024),
    "bomb": sends(response(BOMB, "200 OK", "Content-Encoding: gzip")),
    "301": sends(response(b"", "301 Moved Permanently", "Location: http://127.0.0.1:9/v1/chat/completions")),
    "401": sends(response(b'{"error": {"message": "Incorrect API key provided"}}', "401 Unauthorized")),
    "404": sends(response(b'{"error": {"message": "The model `m` does not exist."}}', "404 Not Found")),
    "429": sends(response(b"", "429 Too Many Requests", "Retry-After: 30")),
    "500": sends(response(b"oh", "500 Internal Server Error")),
    "503": sends(response(b"", "503 Service Unavailable")),
    # further ones, beyond the 24
    "huge-chunked": floods(CHUNKED, [b"100000\r\n", MIB, b"\r\n"], 1024),
    "429-soon": sends(response(b"", "429 Too Many Requests", "Retry-After: 1")),
    "502": sends(response(b"", "502 Bad Gateway")),
    "504": sends(response(b"", "504 Gateway Timeout")),
    "400": sends(response(b'{"error": {"message": "top_logprobs is not\\nsupported"}}', "400 Bad Request")),
    "short": sends(response(completion(), length=60)),
    "no-http": sends(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "another": sends(response(completion(model="base-7b"))),
    "slow": slow,
    "stopped": sends(response(completion(WORDS[:-4], finish_reason="length"))),
}  # fmt: skip


@contextmanager
def failing() -> Iterator[FaultServer]:
    """A fault server for the length of a test."""
    server = FaultServer()
    try:
        yield server
    finally:
        server.close()
