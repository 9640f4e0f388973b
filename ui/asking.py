"""How the model is waited for: by several frames at once, by people in turn, for as long as the client is there. Asks nothing itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fastapi import Request

from annotations.desk import Patience
from core.errors import Abandoned, AppError, ModelBusy
from core.rights import LOCAL
from ui.identity import actor_of

MOST = 64
"""Questions of all clients that may wait at the same time; the next hears at once that it has to come back."""

TOGETHER = 16
"""Frames of one request that wait at the same time, and of one person that stand before the model: enough to fill its batch (8) while another
is answered, and few enough that who comes next stands behind two batches at most, however much this one sent."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Question:
    """A call that waits for its turn."""

    call: Callable[[Patience], Any]
    patience: Patience
    answer: Future[Any]

    def ask(self) -> Callable[[], object]:
        """Ask; what tells the answer to whoever waits."""
        if not self.answer.set_running_or_notify_cancel():
            return lambda: None
        try:
            _still_waited_for(self.patience)
            return partial(self.answer.set_result, self.call(self.patience))
        except BaseException as error:  # noqa: BLE001 - goes to whoever waits, whatever it is
            return partial(self.answer.set_exception, error)


class Crew:
    """Threads that wait for the model, so that nobody else has to. Their work is shared out among people: each has a line of their own."""

    def __init__(self, most: int = MOST, together: int = TOGETHER) -> None:
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="asking")
        self._most, self._together = most, together
        self._lock = threading.Lock()
        self._lines: dict[str, deque[_Question]] = {}  # by person, whose turn is next first
        self._asking: Counter[str] = Counter()  # by person: before the model
        self._held: Counter[str] = Counter()  # by person: those and what waits behind them

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
        patience, turns, name = Patience(), asyncio.Semaphore(self._together), actor_of(request).name

        async def one(call: Callable[[Patience], _Answer]) -> _Answer | AppError:
            async with turns:
                try:
                    return await self._run(call, patience, name)
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

    async def _run(self, call: Callable[[Patience], _Answer], patience: Patience, name: str) -> _Answer:
        _still_waited_for(patience)
        answer: Future[_Answer] = Future()
        with self._lock:
            self._admit(name)
            self._lines.setdefault(name, deque()).append(_Question(call, patience, answer))
            self._advance()
        return await asyncio.wrap_future(answer)

    def _admit(self, name: str) -> None:
        """A place for one more. Who has to log in holds half of them at most; when all are taken, an equal share can still be had."""
        mine, share = self._held[name], self._most // len({*self._held, name})
        if (mine >= self._most // 2 and name != LOCAL) or (self._held.total() >= self._most and mine >= share):
            raise ModelBusy("Too many frames are waiting for the model. Try again in a minute; nothing was lost.")
        self._held[name] += 1

    def _advance(self) -> None:
        """Everybody who may ask one more asks, in turn. Where nobody logs in there is nobody to be fair to."""
        for name in list(self._lines):
            if self._asking[name] >= (self._most if name == LOCAL else self._together) or self._asking.total() >= self._most:
                continue
            line = self._lines.pop(name)
            question = line.popleft()
            if line:
                self._lines[name] = line  # behind all others
            self._asking[name] += 1
            self._threads.submit(self._ask, question, name)

    def _ask(self, question: _Question, name: str) -> None:
        tell = question.ask()
        with self._lock:
            for counted in (self._asking, self._held):
                counted[name] -= 1
                if not counted[name]:
                    del counted[name]
            self._advance()
        tell()  # now that the place is free: who hears an answer may ask again


def _still_waited_for(patience: Patience) -> None:
    if patience.gave_up:
        raise Abandoned("Nobody waits for this answer any more, so it was not asked for.")


async def _until_gone(request: Request, patience: Patience) -> None:
    """Give up when the client closes the connection. Whatever it still sends is thrown away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    await asyncio.to_thread(patience.give_up)
