"""One level: the higher of what was said and what the rules say, and nothing where nobody could judge."""

from __future__ import annotations

from itertools import product

import pytest

from core.judging import Judged
from core.profile import read
from core.risk import fuse
from core.schema import Step, Violation
from core.settings import ASSETS

BENCH = read(ASSETS / "profiles" / "bench.toml")
CORRIDOR = read(ASSETS / "profiles" / "corridor.toml")
OF_LEVEL = {"low": "tool_at_edge", "medium": "hand_near_blade", "high": "hand_at_work_of_blade"}


def violations(level: str) -> tuple[Violation, ...]:
    return (Violation(OF_LEVEL[level], level),) if level in OF_LEVEL else ()


def judged(level: str) -> Judged:
    return Judged(Step(), violations(level), level)


@pytest.mark.parametrize(
    ("said", "named", "by_rules", "level", "reasons"),
    [
        pytest.param("none", "none", "none", "none", ("model",), id="nothing anywhere"),
        pytest.param("high", "none", "none", "high", ("model",), id="the model alone"),
        pytest.param("none", "none", "high", "high", ("rule:hand_at_work_of_blade",), id="the rules alone"),
        pytest.param(
            "none", "medium", "none", "medium", ("said:hand_near_blade",), id="a violation that the model named but did not count"
        ),
        pytest.param("low", "low", "low", "low", ("model", "rule:tool_at_edge", "said:tool_at_edge"), id="all agree"),
        pytest.param("medium", "low", "low", "medium", ("model",), id="what is lower holds nothing up"),
        pytest.param(None, "none", "none", None, ("unparsed",), id="nothing understood"),
        pytest.param(None, "none", "medium", None, ("unparsed", "rule:hand_near_blade"), id="not understood, and it may be worse"),
        pytest.param(None, "none", "high", "high", ("rule:hand_at_work_of_blade",), id="not understood, but it cannot be worse"),
    ],
)
def test_the_higher_stands_and_says_why(said: str | None, named: str, by_rules: str, level: str | None, reasons: tuple[str, ...]) -> None:
    risk = fuse(said, {}, violations(named), judged(by_rules), BENCH)
    assert (risk.level, risk.reasons) == (level, reasons)


def test_nothing_is_ever_lowered_and_silence_is_never_none() -> None:
    levels = BENCH.levels
    for said, named, by_rules in product((None, *levels), levels, levels):
        risk = fuse(said, {"low": 0.4}, violations(named), judged(by_rules), BENCH)
        assert risk.probabilities == {"low": 0.4}
        if risk.level is None:
            assert said is None
        else:
            assert levels.index(risk.level) == max(levels.index(level) for level in (said, named, by_rules) if level)
            assert said is not None or risk.level == "high"


@pytest.mark.parametrize("said", [None, "none", "high"])
def test_of_a_frame_that_the_profile_does_not_speak_of_nobody_knows_the_risk(said: str | None) -> None:
    wires = (Violation("wires", "high"),)
    risk = fuse(said, {}, wires, Judged(Step(), (), "none"), CORRIDOR, not_applicable="not_corridor")
    assert (risk.level, risk.reasons) == (None, ("not_applicable:not_corridor", "said:wires"))
