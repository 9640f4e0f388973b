"""A socket that is shut as soon as whoever opened it may not be here any more. Knows no session: it is handed the question."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERY_SECONDS = 3.0  # a session that ended is over everywhere within five
POLICY = 1008  # RFC 6455: closed for a reason of ours


async def shut_when_over(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, still: Callable[[bool], bool], *, every_seconds: float = EVERY_SECONDS
) -> None:
    """Run the app on this socket. `still` is asked again and again, and told whether something came in since it was asked last."""
    over = asyncio.get_running_loop().create_future()
    waiting: asyncio.Future[Message] | None = None
    alive = False

    async def receiving() -> Message:
        nonlocal waiting, alive
        waiting = waiting or asyncio.ensure_future(receive())
        await asyncio.wait((waiting, over), return_when=asyncio.FIRST_COMPLETED)
        if over.done():
            return {"type": "websocket.disconnect", "code": POLICY}
        message, waiting = waiting.result(), None
        alive = alive or message["type"] == "websocket.receive"
        return message

    async def sending(message: Message) -> None:
        if not over.done():
            await send(message)

    async def watch() -> None:
        nonlocal alive
        while True:
            await asyncio.sleep(every_seconds)
            came, alive = alive, False
            if not await run_in_threadpool(still, came):
                over.set_result(None)
                with contextlib.suppress(RuntimeError, OSError):  # it closed by itself meanwhile
                    await send({"type": "websocket.close", "code": POLICY, "reason": ""})
                return

    watching = asyncio.create_task(watch())
    try:
        await app(scope, receiving, sending)
    finally:
        watching.cancel()
        if waiting is not None:
            waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
