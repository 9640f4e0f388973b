"""How the model is waited for: by several frames at once, for as long as the client is there, and never by more than there are places. Asks nothing itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fastapi import Request

from annotations.desk import Patience
from core.errors import Abandoned, AppError, ModelBusy

MOST = 64
"""Questions of all clients that may wait at the same time; the next hears at once that it has to come back."""

TOGETHER = 16
"""Frames of one request that wait at the same time: enough to fill a model's batch, and three quarters of the places are left to others."""

_Answer = TypeVar("_Answer")


class Crew:
    """Threads that wait for the model, so that nobody else has to."""

    def __init__(self, most: int = MOST, together: int = TOGETHER) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="asking")
        self._places = threading.BoundedSemaphore(most)
        self._together = together

    async def ask(self, request: Request, call: Callable[[Patience], _Answer]) -> _Answer:
        """What `call` returns or raises. Raises ModelBusy when every place is taken."""
        (answer,) = await self.ask_each(request, [call])
        if isinstance(answer, AppError):
            raise answer
        return answer

    async def ask_each(self, request: Request, calls: Sequence[Callable[[Patience], _Answer]]) -> list[_Answer | AppError]:
        """What each of the calls returns, or the sentence that it raises, in their order.

        The patience they are handed ends when the client goes away, or when the server stops.
        """
        patience, turns = Patience(), asyncio.Semaphore(self._together)

        async def one(call: Callable[[Patience], _Answer]) -> _Answer | AppError:
            async with turns:
                try:
                    return await self._run(call, patience)
                except AppError as error:
                    return error

        watching = asyncio.create_task(_until_gone(request, patience))
        try:
            return list(await asyncio.gather(*(one(call) for call in calls)))
        finally:
            patience.give_up()
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _run(self, call: Callable[[Patience], _Answer], patience: Patience) -> _Answer:
        if patience.gave_up:
            raise Abandoned("Nobody waits for this answer any more, so it was not asked for.")
        if not self._places.acquire(blocking=False):
            raise ModelBusy("Too many frames are waiting for the model. Try again in a minute; nothing was lost.")
        waiting = self._threads.submit(call, patience)
        waiting.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(waiting)


async def _until_gone(request: Request, patience: Patience) -> None:
    """Give up when the client closes the connection. Whatever it still sends is thrown away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    await asyncio.to_thread(patience.give_up)
