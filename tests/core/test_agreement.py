"""Without log-probabilities, samples that say the same stand for them; without either nothing is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.confidence import of
from core.geometry import THOUSANDTHS
from core.parsed import Parsed
from core.parsing import parse_reply
from core.profile import read
from core.schema import Reply
from core.settings import ASSETS

BENCH = read(ASSETS / "profiles" / "bench.toml")
SAID: dict[str, Any] = {
    "findings": [{"box": [100, 200, 500, 600], "label": "hand"}],
    "tool": "hammer",
    "part": "bolt",
    "action": "strike",
    "phase": "work",
    "violations": ["tool_at_edge"],
    "risk": "low",
}


def sure(*others: dict[str, Any] | str) -> Parsed:
    text = json.dumps(SAID)
    samples = tuple(other if isinstance(other, str) else json.dumps(SAID | other) for other in others)
    return of(Reply(text, "m", "p", 0.1, others=samples), parse_reply(text, BENCH, THOUSANDTHS, (1280, 720)), BENCH, THOUSANDTHS)


def test_no_samples_say_nothing() -> None:
    got = sure()
    assert got.step.tool.confidence is None
    assert got.findings[0].confidence is None
    assert got.missed == {}
    assert got.risk_probabilities == {}


def test_five_that_agree_are_sure_and_not_certain() -> None:
    got = sure({}, {}, {}, {}, {})
    assert got.step.tool.confidence == pytest.approx(6 / 7)
    assert got.findings[0].confidence == pytest.approx(6 / 7)
    assert got.findings[0].overlap == pytest.approx(1)
    assert got.violations[0].confidence == pytest.approx(6 / 7)
    assert got.risk_probabilities["low"] == pytest.approx(6 / 7)
    assert sum(got.risk_probabilities.values()) == pytest.approx(1)
    assert got.missed == pytest.approx({"findings": 1 / 7, "violations": 1 / 7})


def test_what_others_say_instead_is_told() -> None:
    got = sure({"tool": "wrench"}, {"tool": "wrench"}, {"tool": "drill"}, {})
    assert got.step.tool.confidence == pytest.approx(2 / 6)
    assert dict(got.step.tool.alternatives) == pytest.approx({"wrench": 2 / 6, "drill": 1 / 6})
    assert got.step.part.alternatives == ()


def test_a_box_is_the_same_from_half_an_overlap_on() -> None:
    near, far = [{"box": [100, 200, 500, 500], "label": "hand"}], [{"box": [300, 400, 700, 800], "label": "hand"}]
    renamed = [{"box": [100, 200, 500, 600], "label": "pliers"}]
    got = sure({"findings": near}, {"findings": far}, {"findings": renamed})
    assert got.findings[0].confidence == pytest.approx(2 / 5)
    assert got.findings[0].overlap == pytest.approx(0.75)
    assert dict(got.findings[0].alternatives) == pytest.approx({"pliers": 1 / 5})
    assert got.missed["findings"] == pytest.approx(2 / 5), "the far one"


def test_two_in_one_place_are_one_to_one() -> None:
    twice = [{"box": [100, 200, 500, 600], "label": "hand"}] * 2
    assert sure({"findings": twice}, {"findings": twice}).missed["findings"] == pytest.approx(3 / 4)


def test_violations_and_levels_are_compared_by_name() -> None:
    got = sure({"violations": ["crowded_bench"], "risk": "high"}, {"violations": []})
    assert got.violations[0].confidence == pytest.approx(1 / 4)
    assert got.missed["violations"] == pytest.approx(2 / 4)
    assert got.risk_probabilities["high"] > got.risk_probabilities["medium"] > 0


def test_a_sample_that_cannot_be_read_tells_nothing_of_what_was_missed() -> None:
    assert sure("I cannot tell.", {}, "no").missed == sure({}).missed == pytest.approx({"findings": 1 / 3, "violations": 1 / 3})
    assert sure("I cannot tell.", "no").missed == {}


def test_a_sample_that_cannot_be_read_agrees_with_nothing() -> None:
    got = sure("I cannot tell.", {})
    assert got.step.tool.confidence == pytest.approx(2 / 4)
    assert got.findings[0].confidence == pytest.approx(2 / 4)
