"""The door before all three apps: which hosts may be asked for, who may write, how much may be sent, what a browser may do with the answer.

Pure ASGI, one layer, nothing behind it can forget it. It knows no user and no word of ours.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what a public bind is called; nothing is bound here
LOOPBACK = ("127.0.0.1", "localhost", "::1")
CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
"""unsafe-inline and unsafe-eval: neither Gradio nor Streamlit starts without them."""

NOTHING = "default-src 'none'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Of all that is no page and no part of one: should a browser take it for a page, it may do nothing."""

PAGES = ("text/html", "text/javascript", "application/javascript", "text/css")

HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
HSTS = {"Strict-Transport-Security": "max-age=31536000"}
KINDS = {400: "HostUnknown", 403: "CrossSite", 404: "NotFound", 408: "TooSlow", 413: "FrameTooLarge"}
SLOWEST = 4096  # bytes a second, on average, after the grace
_log = logging.getLogger(__name__)
_READS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Doors:
    """What the guard lets through. `largest` by the start of a path, the longest that fits counts; "" for all others."""

    hosts: tuple[str, ...]  # names that may stand in Host, without port
    same_port: bool  # the port in Host must be the one that was reached; not behind a port mapping
    largest: dict[str, int]  # bytes of a body
    patience_seconds: float  # a body may be as slow as it likes for so long, and stand still for so long
    public: tuple[str, ...] = ()  # further names, which something in front of us may serve at any port, by http or https
    behind_tls: bool = False  # what is in front of us speaks https, and browsers shall keep to it


def doors(host: str, most_bytes: int, patience_seconds: float = 20.0, public: tuple[str, ...] = (), *, behind_tls: bool = False) -> Doors:
    """The doors of a server bound to `host` that takes frames of at most `most_bytes`, and is also reached by the names `public`."""
    own = () if host in (*EVERYWHERE, *LOOPBACK) else (host,)
    body = most_bytes + 1024 * 1024
    # Gradio sends several files in one body and holds each of them to the cap itself.
    largest = {"": body, "/gradio_api/upload": 8 * body, "/api/v1/inspect/base64": in_base64(most_bytes)}
    return Doors((*LOOPBACK, *own), host in LOOPBACK, largest, patience_seconds, public, behind_tls)


def in_base64(most_bytes: int) -> int:
    """The size of a body that holds so many bytes as base64 inside JSON."""
    return most_bytes * 4 // 3 + 1024 * 1024


class Guard:
    """The ASGI layer. Refuses with {"error", "kind", "id"}: 400 host, 403 cross-site, 404 a foreign address, 413 too large, 408 too slow."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self.app = app
        self.doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refuse_host(scope, headers) or self._refuse_site(scope, headers) or _refuse_fetching(scope["path"])
        if scope["type"] == "websocket":
            if refusal:
                await send({"type": "websocket.close", "code": 1008, "reason": ""})
            else:
                await self.app(scope, receive, send)
            return
        most = self._largest(scope["path"])
        announced = headers.get("content-length", "0")
        if not refusal and (not announced.isdecimal() or int(announced) > most):
            refusal = (413, _too_large(most))
        if refusal:
            await _answer(self._with_headers(send), *refusal)
            return
        body = _Body(receive, self._with_headers(send), most, self.doors.patience_seconds)
        try:
            await self.app(scope, body.receive, body.send)
        except ClientDisconnect:  # what we cut off looks so to the app
            if body.refusal is None:
                raise
        if body.refusal and not body.started:
            await _answer(body.raw_send, *body.refusal)

    def _with_headers(self, send: Send) -> Send:
        return _with_headers(send, HSTS if self.doors.behind_tls else {})

    def _largest(self, path: str) -> int:
        return self.doors.largest[max((start for start in self.doors.largest if path.startswith(start)), key=len)]

    def _refuse_host(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        named = headers.getlist("host")
        open_it = "Open it as http://127.0.0.1 with the port it printed, or start it with --public-hosts and this name."
        refusal = 400, f"This address is not one this program answers to. {open_it}"
        if len(named) != 1:
            return refusal
        try:
            parts = urlsplit(f"//{named[0]}")
            host, port = parts.hostname, parts.port
        except ValueError:
            return refusal
        if parts.path or parts.username is not None:
            return refusal
        if host in self.doors.public:
            return None
        if host not in self.doors.hosts:
            return refusal
        reached = scope.get("server")
        if self.doors.same_port and reached and reached[1] and (port or 80) != reached[1]:
            return refusal
        return None

    def _refuse_site(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Writes and sockets only from our own pages or from programs; other sites may link to a page and nothing else."""
        refusal = 403, "This request comes from another site. Nothing was changed."
        if headers.get("authorization", "").lower().startswith("bearer "):
            return None  # no browser adds a token by itself, and none may be asked to: we allow no preflight. The doorman then looks at nothing else.
        site = headers.get("sec-fetch-site", "none")
        if scope["type"] == "http" and scope["method"] in _READS:
            opens_a_page = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"
            return None if site in ("none", "same-origin") or opens_a_page else refusal
        origin = headers.get("origin")
        if origin is not None:
            return None if urlsplit(origin).netloc == headers["host"] or self._is_public(origin) else refusal
        return None if site in ("none", "same-origin") else refusal

    def _is_public(self, origin: str) -> bool:
        """One of our public names, at the usual port: what stands in front of us may have put another name into Host."""
        scheme, _, name = origin.partition("://")
        return scheme in ("http", "https") and name.strip("[]") in self.doors.public


class _Body:
    """A request's body, counted and timed while it is read; whatever the app makes of a cut-off one, the client gets our refusal."""

    def __init__(self, receive: Receive, send: Send, most: int, patience_seconds: float) -> None:
        self.raw_receive, self.raw_send, self.most, self.patience_seconds = receive, send, most, patience_seconds
        self.refusal: tuple[int, str] | None = None
        self.started = False
        self._read = 0
        self._whole = False
        self._since = time.monotonic()

    async def receive(self) -> Message:
        if self.refusal:
            return {"type": "http.disconnect"}
        if self._whole:
            return await self.raw_receive()
        try:
            async with asyncio.timeout(
                self.patience_seconds
            ):  # not wait_for, which in 3.11 loses a cancellation that comes with the message
                message = await self.raw_receive()
        except TimeoutError:
            return self._cut(408, "The upload stood still for too long. Nothing was kept; send it again.")
        self._read += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._read > self.most:
            return self._cut(413, _too_large(self.most))
        elapsed = time.monotonic() - self._since
        if not self._whole and elapsed > self.patience_seconds and self._read < SLOWEST * elapsed:
            return self._cut(408, "The upload is too slow. Nothing was kept; send it again over a better connection.")
        return message

    async def send(self, message: Message) -> None:
        if self.refusal and not self.started:
            return
        self.started = True
        await self.raw_send(message)

    def _cut(self, status: int, sentence: str) -> Message:
        self.refusal = status, sentence
        return {"type": "http.disconnect"}


def _with_headers(send: Send, more: Mapping[str, str]) -> Send:
    """Every answer carries our headers; what an app set itself (a blob's stricter policy) stands, what opens us to other sites goes."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-disposition"):  # a file: should a browser open it, it may do nothing
                headers.setdefault("Content-Security-Policy", "default-src 'none'; sandbox")
            if message["status"] != 304 and not headers.get("content-type", "").startswith(PAGES):  # what 304 says replaces what was kept
                headers.setdefault("Content-Security-Policy", NOTHING)
            for name, value in (*HEADERS.items(), *more.items()):
                headers.setdefault(name, value)
            for name in [name for name in headers if name.lower().startswith("access-control-") or name.lower() == "server"]:
                del headers[name]
        await send(message)

    return sending


def _refuse_fetching(path: str) -> tuple[int, str] | None:
    """No address inside our own: Gradio's file route (6.31) fetches such a one from the internet and hands it on. None of ours holds a colon and a slash."""
    return (404, "There is nothing at this address.") if re.search(r":[/\\]", path) else None


async def _answer(send: Send, status: int, sentence: str) -> None:
    number = uuid4().hex[:8]
    _log.warning("error %s %s %d at the guard", number, KINDS[status], status)
    body = json.dumps({"error": sentence, "kind": KINDS[status], "id": number}).encode()
    headers: Iterable[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # what is still being sent is not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


def _too_large(most: int) -> str:
    return f"This is larger than {most // (1024 * 1024) - 1} MiB, the most that is taken at once. Nothing was kept."
