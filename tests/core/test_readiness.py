"""Readiness is a real answer: proved, renewed, taken back, and never waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from core.errors import Abandoned, AppError, ModelGarbled, ModelLost
from core.patience import Patience
from core.readiness import Readiness, understood
from core.risk import UNPARSED
from core.schema import Risk
from tests.makers import assessment


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Model:
    """Answers when it is let; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.wrong: AppError | None = None
        self.may = threading.Semaphore(0)
        self.done = threading.Semaphore(0)

    def prove(self, patience: Patience) -> None:
        self.asked += 1
        patience.watch(self.may.release)
        self.may.acquire()
        try:
            if patience.gave_up:
                raise Abandoned("Nobody waits.")
            if self.wrong:
                raise self.wrong
        finally:
            self.done.release()

    def answer(self, ready: Readiness, until: Callable[[str | None], bool]) -> None:
        """Let it answer once and wait until that is known."""
        self.may.release()
        assert self.done.acquire(timeout=5)
        for _ in range(500):
            if until(ready()):
                return
            threading.Event().wait(0.01)
        raise AssertionError(ready())


def test_it_is_ready_after_an_answer_and_not_before() -> None:
    model = Model()
    ready = Readiness(model.prove)
    assert ready() == "The model is still loading."
    model.answer(ready, lambda why: why is None)
    assert model.asked == 1


def test_a_proof_is_renewed_when_it_is_old_and_somebody_asks_and_one_at_a_time() -> None:
    model, clock = Model(), Clock()
    ready = Readiness(model.prove, every_seconds=60, clock=clock)
    model.answer(ready, lambda why: why is None)
    clock.now += 59
    assert ready() is None
    assert model.asked == 1
    clock.now += 2
    assert [ready() for _ in range(5)] == [None] * 5  # the old one stands while the new one is asked for
    model.answer(ready, lambda why: why is None)
    assert model.asked == 2


def test_a_model_that_broke_is_not_ready_and_says_why_and_comes_back() -> None:
    model, clock = Model(), Clock()
    ready = Readiness(model.prove, every_seconds=60, again_seconds=5, clock=clock)
    model.answer(ready, lambda why: why is None)
    model.wrong = ModelLost("The model's process ended.")
    clock.now += 61
    ready()
    model.answer(ready, lambda why: why == "The model's process ended.")
    model.wrong = None
    clock.now += 6
    ready()
    model.answer(ready, lambda why: why is None)


def test_a_model_that_is_silent_is_not_ready_after_the_deadline_and_is_not_asked_twice() -> None:
    model, clock = Model(), Clock()
    ready = Readiness(model.prove, every_seconds=60, deadline_seconds=30, loading_seconds=900, clock=clock)
    clock.now += 200
    assert ready() == "The model is still loading."
    model.answer(ready, lambda why: why is None)
    clock.now += 61
    assert ready() is None
    clock.now += 31
    assert "31 seconds" in str(ready())
    assert model.done.acquire(timeout=5), "the one who waited has given up"
    assert ready() is not None
    assert model.asked == 2


def test_an_answer_that_is_none_is_no_proof_and_a_cautious_one_is() -> None:
    understood(assessment())
    understood(assessment(risk=Risk(None, {}, ("not_applicable:not_corridor",))))
    with pytest.raises(ModelGarbled):
        understood(assessment(risk=Risk(None, {}, (UNPARSED,))))
    with pytest.raises(ModelGarbled):
        understood(assessment(reply=None))
