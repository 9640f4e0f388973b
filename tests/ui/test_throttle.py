"""How often somebody may be wrong, with a clock that is moved by hand."""

from __future__ import annotations

import threading
import time

import pytest

from core.errors import LoginNeeded, TooOften
from ui.throttle import Throttle


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fail(throttle: Throttle, *keys: str) -> None:
    with pytest.raises(LoginNeeded), throttle.trying(*keys):
        raise LoginNeeded("wrong")


def test_the_sixth_wrong_try_in_a_quarter_of_an_hour_is_put_off_until_the_first_is_forgotten() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    for _ in range(5):
        fail(throttle, "ada")
        clock.now += 60
    with pytest.raises(TooOften, match="10 minutes") as put_off, throttle.trying("ada"):
        pass
    assert put_off.value.seconds == 600
    clock.now += 600
    fail(throttle, "ada")
    with pytest.raises(TooOften) as again, throttle.trying("ada"):
        pass
    assert again.value.seconds == 60


def test_one_key_that_is_worn_out_is_enough_and_others_go_on() -> None:
    throttle = Throttle(clock=Clock())
    for n in range(5):
        fail(throttle, f"name {n}", "from 10.0.0.1")
    with pytest.raises(TooOften), throttle.trying("name 9", "from 10.0.0.1"):
        pass
    with throttle.trying("name 9", "from 10.0.0.2"):
        pass


def test_who_is_right_is_not_counted_and_forgiven() -> None:
    throttle = Throttle(clock=Clock())
    for _ in range(20):
        with throttle.trying("ada", "from here"):
            pass
    assert len(throttle) == 0
    for _ in range(4):
        fail(throttle, "ada")
    throttle.forget("ada")
    for _ in range(5):
        fail(throttle, "ada")


@pytest.mark.parametrize(("right", "outcome"), [(False, (5, 25)), (True, (30, 0))], ids=["all wrong", "all right"])
def test_thirty_at_once_are_no_way_around_and_a_whole_shift_comes_in(right: bool, outcome: tuple[int, int]) -> None:
    throttle, begun = Throttle(clock=Clock()), threading.Barrier(30)
    done: list[str] = []
    open_now: list[int] = []

    def one(n: int) -> None:
        begun.wait()
        try:
            with throttle.trying(f"name {n}", "from one address"):
                open_now.append(n)
                assert len(open_now) <= 5
                time.sleep(0.005)
                open_now.remove(n)
                done.append("looked at")
                if not right:
                    raise LoginNeeded("wrong")
        except LoginNeeded:
            pass
        except TooOften:
            done.append("put off")

    threads = [threading.Thread(target=one, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (done.count("looked at"), done.count("put off")) == outcome


def test_memory_is_bounded() -> None:
    throttle = Throttle(most=100, clock=Clock())
    for n in range(1000):
        fail(throttle, f"name {n}")
    assert len(throttle) == 100
