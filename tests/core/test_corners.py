"""How far a box may be off: what each number could have been, and what that makes of the overlap."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.corners import Belief, belief, expected_overlap
from core.geometry import iou
from core.schema import Box, Reply, Token
from core.tokens import lay

Said = tuple[str, float, dict[str, float]]


def of(*said: Said, behind: str = ",", number: str | None = None) -> dict[float, float] | None:
    """The belief of the number that `said` spells, with what ends it."""
    made = [*said, (behind, 1.0, {})]
    tokens = tuple(
        Token(text, math.log(p), tuple((t, math.log(q)) for t, q in {text: p, **others}.items()) if others else ())
        for text, p, others in made
    )
    text = "".join(token.text for token in tokens)
    laid = lay(Reply(text, "m", "p", 0.1, tokens))
    assert laid is not None
    length = len(number) if number is not None else len(text) - len(behind)
    found = belief(laid, (0, length))
    return None if found is None else dict(zip(found[0].tolist(), found[1].tolist(), strict=True))


def test_numbers_that_are_one_token_are_what_they_say() -> None:
    assert of(("100", 0.5, {"110": 0.3, "90": 0.1, "label": 0.1})) == pytest.approx({100: 0.5, 110: 0.3, 90: 0.1})


def test_another_digit_counts_at_its_nearest_end() -> None:
    """200 digit by digit: had the 2 been a 1, the nearest number is 199; had it been a 3, 300."""
    got = of(("2", 0.6, {"1": 0.3, "3": 0.1}), ("0", 1.0, {}), ("0", 0.5, {"5": 0.5}))
    assert got == pytest.approx({200: 0.3, 199: 0.3, 300: 0.1, 205: 0.3})
    assert of(("2", 0.6, {"3": 0.4}), ("9", 1.0, {}), ("9", 1.0, {})) == pytest.approx({299: 0.6, 300: 0.4})


def test_a_number_may_have_ended_or_gone_on() -> None:
    assert of(("29", 0.5, {"29,": 0.1}), ("0", 0.8, {",": 0.2})) == pytest.approx({290: 0.4, 29: 0.2})
    made = of(("29", 1.0, {"28": 0.0001}), (",", 0.8, {"0": 0.2}), behind="", number="29")
    assert made == pytest.approx({29: 0.8, 290: 0.2, 28: 0.0001})


def test_shares_of_one_are_numbers_too() -> None:
    assert of(("0.", 1.0, {}), ("2", 0.6, {"1": 0.4}), ("50", 1.0, {})) == pytest.approx({0.25: 0.6, 0.199: 0.4}, abs=1e-9)


def test_who_tells_no_others_has_no_spread() -> None:
    assert of(("100", 0.5, {})) is None


def sure(number: float) -> Belief:
    return np.array([number]), np.array([1.0])


def test_a_certain_box_is_expected_to_lie_where_it_is() -> None:
    assert expected_overlap([sure(100), sure(200), sure(500), sure(600)]) == pytest.approx(1)


def test_the_expected_overlap_is_the_mean_over_the_boxes_it_could_be() -> None:
    dice = np.random.default_rng(3)
    said = (100.0, 200.0, 500.0, 600.0)
    corners: list[Belief] = []
    for number in said:
        shares = dice.dirichlet(np.ones(4)) * 0.9  # a tenth is not told
        corners.append((np.array([number, *(number + dice.integers(-80, 80, 3))]), shares))
    drawn = []
    for _ in range(4000):
        box = [float(dice.choice(values, p=shares / shares.sum())) / 1000 for values, shares in corners]
        drawn.append(iou(Box(*(each / 1000 for each in said)), Box(*box)))
    assert expected_overlap(corners) == pytest.approx(np.mean(drawn), abs=0.01)


def test_a_wider_spread_is_expected_to_overlap_less() -> None:
    def spread(by: float) -> list[Belief]:
        return [(np.array([number, number - by, number + by]), np.array([0.5, 0.25, 0.25])) for number in (100.0, 200.0, 500.0, 600.0)]

    overlaps = [expected_overlap(spread(by)) or 0.0 for by in (1.0, 10.0, 40.0, 99.0)]
    assert overlaps == sorted(overlaps, reverse=True)
    assert overlaps[0] > 0.99


def test_ends_that_make_no_box_are_left_out() -> None:
    inverted = np.array([100.0, 900.0]), np.array([0.5, 0.5])
    assert expected_overlap([inverted, sure(200), sure(500), sure(600)]) == pytest.approx(1)


def test_numbers_without_a_share_have_no_overlap() -> None:
    """Some servers write -9999 for what their mask forbade or their sampler cut."""
    nothing = np.array([200.0, 300.0]), np.zeros(2)
    assert expected_overlap([sure(100), nothing, sure(500), sure(600)]) is None
    assert expected_overlap([sure(500), sure(200), sure(100), sure(600)]) is None, "no pair of ends makes a box"
