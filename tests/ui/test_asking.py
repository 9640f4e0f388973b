"""Who waits for the model, and behind whom: one who asks for everything does not hold up the others."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from fastapi import Request
from starlette.types import Message

from annotations.desk import Patience
from core.errors import ModelBusy
from core.rights import LOCAL, Actor
from ui.asking import MOST, TOGETHER, Crew

_Told = TypeVar("_Told")
BATCH = 8
SLOT = 0.1  # seconds of one batch


class Model:
    """Answers `BATCH` questions at once, in the order in which they came, from the moment on when it is let."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.let = threading.Event()
        self._threads = ThreadPoolExecutor(BATCH)

    def answer(self, who: str) -> str:
        def think() -> str:
            self.order.append(who)
            self.let.wait(20)
            time.sleep(SLOT)
            return who

        return self._threads.submit(think).result()


def request_of(name: str) -> Request:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nobody goes away here")

    actor = Actor(name, "inspector", "local" if name == LOCAL else "session")
    return Request({"type": "http", "method": "POST", "headers": [], "state": {"actor": actor}}, receive)


def run(asked: Coroutine[Any, Any, _Told]) -> _Told:
    """In a thread of its own: a browser of an earlier test may have left its event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked).result()


async def ask(crew: Crew, model: Model, who: str) -> str:
    def call(patience: Patience) -> str:
        return model.answer(who)

    try:
        return await crew.ask(request_of(who), call)
    except ModelBusy:
        return "busy"


async def told_to_come_back(asked: list[asyncio.Task[str]], n: int) -> None:
    """Wait until so many were refused."""
    while sum(each.done() for each in asked) < n:
        await asyncio.sleep(0.01)


def test_who_asks_once_waits_less_than_two_turns_behind_who_asks_two_hundred_times() -> None:
    crew, model = Crew(), Model()

    async def rush() -> tuple[list[str], list[float]]:
        greedy = [asyncio.create_task(ask(crew, model, "greedy")) for _ in range(200)]
        await told_to_come_back(greedy, 200 - MOST // 2)
        waited: list[float] = []
        for _ in range(2):
            modest = asyncio.create_task(ask(crew, model, "modest"))
            await asyncio.sleep(SLOT / 2)
            model.let.set()
            began = time.monotonic()
            assert await modest == "modest"
            waited.append((time.monotonic() - began) / SLOT - 1)  # without its own turn
        return await asyncio.gather(*greedy), waited

    answers, waited = run(rush())
    told = Counter(answers)
    print(
        f"200 at once: {told['greedy']} answered, {told['busy']} told to come back; another waited {waited[0]:.1f} and {waited[1]:.1f} turns"
    )
    assert told == {"greedy": MOST // 2, "busy": 200 - MOST // 2}
    first = model.order.index("modest")
    assert first < TOGETHER + BATCH, "never behind more than stands before the model already"
    assert max(waited) < 2.5, "two turns, and what a busy machine adds"


def test_when_all_places_are_taken_an_equal_share_can_still_be_had() -> None:
    crew, model = Crew(most=8, together=2), Model()

    async def rush() -> dict[str, Counter[str]]:
        asked = {name: [asyncio.create_task(ask(crew, model, name)) for _ in range(20)] for name in ("ada", "ben", "cleo")}
        await told_to_come_back([task for each in asked.values() for task in each], 50)
        model.let.set()
        return {name: Counter(await asyncio.gather(*each)) for name, each in asked.items()}

    told = run(rush())
    assert told["ada"] == {"ada": 4, "busy": 16}
    assert told["ben"] == {"ben": 4, "busy": 16}
    assert told["cleo"] == {"cleo": 2, "busy": 18}
    assert Counter(model.order[:6]) == {"ada": 2, "ben": 2, "cleo": 2}


def test_where_nobody_logs_in_all_places_are_for_whoever_sits_there() -> None:
    crew, model = Crew(), Model()

    async def rush() -> list[str]:
        asked = [asyncio.create_task(ask(crew, model, LOCAL)) for _ in range(MOST + 6)]
        await told_to_come_back(asked, 6)
        model.let.set()
        return await asyncio.gather(*asked)

    assert Counter(run(rush())) == {LOCAL: MOST, "busy": 6}


@pytest.mark.parametrize("error", [ModelBusy("Full."), ValueError("a bug")], ids=["a sentence", "a bug"])
def test_a_question_that_fails_gives_its_place_to_the_next(error: Exception) -> None:
    crew, model = Crew(most=2, together=1), Model()

    def fails(patience: Patience) -> str:
        raise error

    async def rush() -> str:
        model.let.set()
        for _ in range(5):
            with pytest.raises(type(error)):
                await crew.ask(request_of("ada"), fails)
        return await ask(crew, model, "ada")

    assert run(rush()) == "ada"
