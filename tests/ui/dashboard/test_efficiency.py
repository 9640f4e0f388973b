"""Label efficiency on a record with adapters that were measured: what is claimed, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from annotations.learning.efficiency import Point
from core.profile import read
from core.settings import ASSETS
from ui.dashboard import efficiency
from ui.dashboard.board import Board, Learning, hand_over

PROFILE = read(ASSETS / "profiles" / "bench.toml")
START = Point("", 0, 0.0, 0.50, 0.46, 0.54)


class Curves:
    """Curves that are told instead of read."""

    def __init__(self, points: list[Point]) -> None:
        self._points = points

    def bases(self) -> list[str]:
        return ["compact@0a0a0a0a0a0a"] if self._points else []

    def points(self, base: str, score: str) -> list[Point]:
        return self._points


def curve(policy: str, *scores: float, half: float = 0.01) -> list[Point]:
    return [Point(policy, 50 * n, 0.25 * n, s, s - half, s + half, f"{policy}-{n}") for n, s in enumerate(scores, start=1)]


def page(points: list[Point], language: str = "en") -> AppTest:
    nothing: Any = None
    told: Any = Curves(points)
    hand_over(Board(nothing, PROFILE, language, "http://127.0.0.1:9", learning=Learning(nothing, nothing, nothing, told, nothing)))
    app = AppTest.from_file(str(efficiency.__file__), default_timeout=30)
    app.session_state["language"] = language
    app.run()
    assert not app.exception, app.exception
    return app


def test_without_a_measured_adapter_nothing_is_claimed() -> None:
    app = page([])
    assert "nobody knows" in app.title[0].value
    assert not app.get("plotly_chart")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_rise_is_told_with_its_random_arm(language: str) -> None:
    app = page([START, *curve("usual", 0.6, 0.7, 0.78), *curve("random", 0.55, 0.6, 0.64)], language)
    assert "50" in app.title[0].value
    assert "78" in app.title[0].value
    assert len(app.get("plotly_chart")) == 1
    assert len(app.table) == 1
    assert len(app.markdown) == 1
    assert ("better than random" in app.markdown[0].value) == (language == "en")


def test_what_is_not_better_than_random_is_called_so_and_no_arm_is_said() -> None:
    even = page([START, *curve("usual", 0.6, 0.7), *curve("random", 0.6, 0.7)])
    assert "not better than random" in even.markdown[0].value
    alone = page([START, *curve("usual", 0.6, 0.7)])
    assert not alone.markdown
    assert any("no random arm" in each.value for each in alone.caption)


def test_a_stop_sign_stands_where_the_next_labels_will_not_help() -> None:
    flat = page([START, *curve("usual", 0.8, 0.8, 0.8, 0.8, half=0.001)])
    assert "not expected to help" in flat.warning[0].value
    rising = page([START, *curve("usual", 0.55, 0.65, 0.71, 0.75, half=0.001)])
    assert not rising.warning
    assert rising.info


def test_a_fall_is_no_rise() -> None:
    assert "did not lift" in page([START, *curve("usual", 0.4, 0.45)]).title[0].value
    assert efficiency._signed(0.0) == "+0.0"
