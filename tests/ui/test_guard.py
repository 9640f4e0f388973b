"""The guard alone: how much of a body it reads, how long it waits, and which sockets it lets through."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from ui.guard import Guard, doors

MIB = 2**20


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    """An app that reads its body to the end and says how long it was."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def scope(kind: str = "http", path: str = "/", **headers: str) -> dict[str, Any]:
    named = {"host": "127.0.0.1:7860", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    return {"type": kind, "method": "POST", "path": path, "headers": raw, "server": ("127.0.0.1", 7860), "query_string": b""}


def to_the_end(asked: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread: while browser tests are open, this one has an event loop already."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asked).result()


def asked(guard: Guard, about: dict[str, Any], chunks: list[bytes], *, wait_seconds: float = 0.0) -> tuple[int, int]:
    """The status of the answer, and how many bytes were read for it."""
    sent: list[Message] = []
    read = 0

    async def receive() -> Message:
        nonlocal read
        await asyncio.sleep(wait_seconds)
        chunk = chunks.pop(0)
        read += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    to_the_end(guard(about, receive, send))
    return next(message["status"] for message in sent if message["type"] == "http.response.start"), read


@pytest.mark.parametrize("path", ["/api/v1/frames", "/dashboard/_stcore/upload_file/a/b", "/anything"])
def test_a_body_without_a_length_is_read_to_the_cap_and_no_further(path: str) -> None:
    guard = Guard(reads_all, doors("127.0.0.1", 2 * MIB))
    status, read = asked(guard, scope(path=path), [bytes(64 * 1024) for _ in range(16 * 300)])
    assert status == 413
    assert 3 * MIB < read <= 3 * MIB + 64 * 1024


def test_a_body_that_announces_too_much_is_not_read_at_all() -> None:
    guard = Guard(reads_all, doors("127.0.0.1", 2 * MIB))
    assert asked(guard, scope(content_length=str(300 * MIB)), [b"x"]) == (413, 0)
    assert asked(guard, scope(content_length="many"), [b"x"]) == (413, 0)


def test_a_body_under_the_cap_comes_through() -> None:
    guard = Guard(reads_all, doors("127.0.0.1", 2 * MIB))
    assert asked(guard, scope(), [bytes(MIB), bytes(MIB)]) == (200, 2 * MIB)


@pytest.mark.parametrize("wait_seconds", [0.03, 0.5], ids=["drop by drop", "standing still"])
def test_a_body_that_hardly_moves_is_cut_off(wait_seconds: float) -> None:
    guard = Guard(reads_all, doors("127.0.0.1", MIB, patience_seconds=0.1))
    status, read = asked(guard, scope(), [b"x"] * 100, wait_seconds=wait_seconds)
    assert status == 408
    assert read < 100


def test_a_cancellation_that_comes_with_the_message_is_not_lost() -> None:
    """Whoever watches for a client that leaves is cancelled when the answer is there; were that lost, the request would never end."""
    lost: list[int] = []

    async def go(turns: int) -> None:
        arrived: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        async def receive() -> Message:
            return await arrived

        async def send(message: Message) -> None:
            pass

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            reading = asyncio.ensure_future(receive())
            for _ in range(3):
                await asyncio.sleep(0)
            arrived.set_result({"type": "http.request", "body": b"x", "more_body": False})
            for _ in range(turns):
                await asyncio.sleep(0)
            too_late = not reading.cancel()
            await asyncio.wait([reading])
            lost.extend([] if too_late or reading.cancelled() else [turns])

        await Guard(app, doors("127.0.0.1", MIB))(scope(), receive, send)

    for turns in range(5):
        to_the_end(go(turns))
    assert lost == []


@pytest.mark.parametrize(
    ("headers", "let_through"),
    [
        ({}, True),
        ({"origin": "http://127.0.0.1:7860"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"host": "evil.example", "origin": "http://evil.example"}, False),
    ],
    ids=str,
)
def test_a_socket_opens_only_for_our_own_pages(headers: dict[str, str], let_through: bool) -> None:
    reached: list[str] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    to_the_end(Guard(app, doors("127.0.0.1", MIB))(scope("websocket", "/dashboard/_stcore/stream", **headers), receive, send))
    assert bool(reached) is let_through
    assert bool(sent) is not let_through


@pytest.mark.parametrize(
    ("bound_to", "host", "status"),
    [
        ("127.0.0.1", "127.0.0.1:7860", 200),
        ("127.0.0.1", "127.0.0.1:8080", 400),
        ("0.0.0.0", "127.0.0.1:8080", 200),
        ("0.0.0.0", "0.0.0.0:8080", 400),
        ("192.168.1.5", "192.168.1.5:8080", 200),
        ("192.168.1.5", "192.168.1.6:8080", 400),
        ("127.0.0.1", "attacker.example", 400),
        ("127.0.0.1", "attacker.example:7860", 400),
        ("127.0.0.1", "127.0.0.1.attacker.example:7860", 400),
        ("127.0.0.1", "192.168.1.5:7860", 400),
        ("127.0.0.1", "2130706433:7860", 400),
        ("127.0.0.1", "0x7f000001:7860", 400),
        ("127.0.0.1", "127.1:7860", 400),
        ("127.0.0.1", "[::ffff:127.0.0.1]:7860", 400),
        ("127.0.0.1", "127.0.0.1", 400),
        ("127.0.0.1", "127.0.0.1:", 400),
        ("127.0.0.1", "127.0.0.1:7860:7860", 400),
        ("127.0.0.1", "x@127.0.0.1:7860", 400),
        ("127.0.0.1", "127.0.0.1:7860/x", 400),
        ("127.0.0.1", "127.0.0.1:7860, attacker.example", 400),
        ("127.0.0.1", "", 400),
        ("127.0.0.1", "[", 400),
        ("127.0.0.1", "localhost:7860", 200),
        ("127.0.0.1", "LOCALHOST:7860", 200),
        ("127.0.0.1", "[::1]:7860", 200),
    ],
)
def test_who_is_bound_where_answers_to_which_names(bound_to: str, host: str, status: int) -> None:
    assert asked(Guard(reads_all, doors(bound_to, MIB)), scope(host=host), [b""])[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "gemba.example"}, 200),
        ({"host": "GEMBA.example:8443"}, 200),
        ({"host": "[2001:db8::7]"}, 200),
        ({"host": "127.0.0.1:7860"}, 200),
        ({"host": "127.0.0.1:8080"}, 400),
        ({"host": "evil.example"}, 400),
        ({"host": "gemba.example.evil.example"}, 400),
        ({"host": "x@gemba.example"}, 400),
        ({"host": "gemba.example", "origin": "https://gemba.example"}, 200),
        ({"host": "gemba.example", "origin": "http://gemba.example"}, 200),
        ({"host": "127.0.0.1:7860", "origin": "https://gemba.example"}, 200),
        ({"host": "gemba.example:8443", "origin": "https://gemba.example:8443"}, 200),
        ({"host": "gemba.example", "origin": "https://gemba.example:9999"}, 403),
        ({"host": "gemba.example", "origin": "https://evil.example"}, 403),
        ({"host": "gemba.example", "origin": "https://gemba.example.evil.example"}, 403),
        ({"host": "gemba.example", "origin": "null"}, 403),
    ],
    ids=str,
)
def test_public_names_and_their_origins_are_let_in_and_no_others(headers: dict[str, str], status: int) -> None:
    guard = Guard(reads_all, doors("127.0.0.1", MIB, public=("gemba.example", "2001:db8::7")))
    assert asked(guard, scope(**headers), [b""])[0] == status


def test_two_names_or_none_are_refused_whatever_they_are() -> None:
    guard = Guard(reads_all, doors("127.0.0.1", MIB, public=("gemba.example",)))
    for names in ((b"127.0.0.1:7860", b"127.0.0.1:7860"), (b"127.0.0.1:7860", b"evil.example"), (b"gemba.example", b"gemba.example"), ()):
        about = {**scope(), "headers": [(b"host", name) for name in names]}
        assert asked(guard, about, [b""])[0] == 400, names


def test_a_token_is_no_way_past_the_names_and_the_caps() -> None:
    guard = Guard(reads_all, doors("127.0.0.1", MIB))
    bearer = {"authorization": "Bearer gl_x", "origin": "https://evil.example"}
    assert asked(guard, scope(**bearer), [b""])[0] == 200
    assert asked(guard, scope(**bearer, host="evil.example"), [b""])[0] == 400
    assert asked(guard, scope(**bearer, content_length=str(300 * MIB)), [b"x"])[0] == 413
    assert asked(guard, scope(**{**bearer, "authorization": "Basic eDp5"}), [b""])[0] == 403


def test_no_public_name_is_let_in_unless_it_was_said() -> None:
    assert asked(Guard(reads_all, doors("127.0.0.1", MIB)), scope(host="gemba.example"), [b""])[0] == 400
