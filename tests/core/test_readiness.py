"""Readiness is a real answer: proved, renewed, taken back, and never waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from core.errors import Abandoned, AppError, ModelBusy, ModelGarbled, ModelLost
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
    assert model.asked == 2
    model.answer(ready, lambda why: why is None)
    assert model.asked == 2


def test_a_proof_that_is_far_too_old_is_none() -> None:
    """Nobody asked for an hour; who asks then is not told what was true an hour ago."""
    model, clock = Model(), Clock()
    ready = Readiness(model.prove, every_seconds=60, deadline_seconds=30, clock=clock)
    model.answer(ready, lambda why: why is None)
    clock.now += 3600
    assert str(ready()) == "The model last answered 3600 seconds ago; it is being asked about a known frame again."
    model.answer(ready, lambda why: why is None)
    assert model.asked == 2


def test_a_real_frame_that_was_answered_is_as_good_a_proof() -> None:
    model, clock = Model(), Clock()
    ready = Readiness(model.prove, every_seconds=60, deadline_seconds=30, clock=clock)
    model.answer(ready, lambda why: why is None)
    for _ in range(10):
        clock.now += 50
        ready.answered()
        assert ready() is None
    assert model.asked == 1, "nothing is left to prove"
    clock.now += 61
    assert ready() is None
    for _ in range(10):  # the known frame waits in a long line
        clock.now += 20
        ready.answered()
        assert ready() is None
    clock.now += 31
    assert "31 seconds" in str(ready()), "and then nobody is answered any more"
    ready.answered()
    assert ready() is None


def test_a_real_frame_that_was_answered_while_the_model_loads_makes_it_ready() -> None:
    model = Model()
    ready = Readiness(model.prove)
    ready.answered()
    assert ready() is None
    model.answer(ready, lambda why: why is None)


def test_a_model_that_is_busy_with_real_frames_is_ready_and_one_that_only_says_so_is_not() -> None:
    model, clock = Model(), Clock()
    ready = Readiness(model.prove, every_seconds=60, again_seconds=5, deadline_seconds=30, clock=clock)
    model.answer(ready, lambda why: why is None)
    model.wrong = ModelBusy("32 frames wait already.")
    clock.now += 65
    ready()
    assert model.asked == 2
    ready.answered()
    model.answer(ready, lambda why: why is None)
    clock.now += 61
    ready()
    model.answer(ready, lambda why: why is None)
    assert model.asked == 3
    clock.now += 6
    assert ready() is None
    assert model.asked == 4, "it is soon asked again"
    model.answer(ready, lambda why: why is None)
    clock.now += 30
    ready()
    assert "97 seconds" in str(ready())
    model.answer(ready, lambda why: why == "32 frames wait already.")


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
