"""The profile's written rules, scene by scene: what is in the hand, what is done, what is wrong, how bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.judging import judge
from core.profile import Profile, read
from core.schema import Box, Finding

BENCH = read(Path(__file__).parents[2] / "assets" / "profiles" / "bench.toml")


def at(label: str, x0: float, y0: float, x1: float, y1: float) -> Finding:
    return Finding(label, Box(x0, y0, x1, y1))


HAMMER = at("hammer", 0.4, 0.4, 0.6, 0.5)
HAND_ON_HAMMER = at("hand", 0.5, 0.4, 0.9, 0.6)
BOLT_AT_HAMMER = at("bolt", 0.35, 0.42, 0.42, 0.48)

SCENES = {
    "an empty bench": ((), "none none none idle", (), "none"),
    "a hammer that nobody holds": ((HAMMER,), "none none none idle", (), "none"),
    "a hand that holds a hammer": ((HAMMER, HAND_ON_HAMMER), "hammer none grasp approach", (), "none"),
    "a hammer at a bolt in a hand": ((HAMMER, HAND_ON_HAMMER, BOLT_AT_HAMMER), "hammer bolt strike work", (), "none"),
    "a second hand at the strike": (
        (HAMMER, HAND_ON_HAMMER, BOLT_AT_HAMMER, at("hand", 0.1, 0.4, 0.3, 0.5)),
        "hammer bolt strike work",
        ("second_hand_at_strike",),
        "high",
    ),
    "a hand beside a saw": (
        (at("backsaw", 0.2, 0.2, 0.4, 0.4), at("hand", 0.41, 0.2, 0.6, 0.4)),
        "none none reach approach",
        ("hand_near_blade",),
        "medium",
    ),
    "a hand far from a saw": ((at("backsaw", 0.2, 0.2, 0.4, 0.4), at("hand", 0.6, 0.2, 0.8, 0.4)), "none none reach approach", (), "none"),
    "a saw at a plate": (
        (at("backsaw", 0.2, 0.2, 0.5, 0.5), at("hand", 0.4, 0.2, 0.9, 0.5), at("plate", 0.1, 0.3, 0.3, 0.6)),
        "backsaw plate cut work",
        ("hand_at_work_of_blade", "hand_near_blade"),
        "high",
    ),
    "a part put in by hand": ((at("bearing", 0.3, 0.3, 0.4, 0.4), at("hand", 0.35, 0.3, 0.8, 0.6)), "none bearing insert work", (), "none"),
    "a bolt in a plate": ((at("plate", 0.2, 0.2, 0.6, 0.6), at("bolt", 0.35, 0.35, 0.4, 0.4)), "none plate none finish", (), "none"),
    "a tool over the edge": ((at("wrench", 0.0, 0.2, 0.1, 0.3),), "none none none idle", ("tool_at_edge",), "low"),
    "nine tools": (
        tuple(at("wrench", 0.1 + 0.08 * n, 0.2, 0.15 + 0.08 * n, 0.3) for n in range(9)),
        "none none none idle",
        ("crowded_bench",),
        "low",
    ),
    "eight tools": (tuple(at("wrench", 0.1 + 0.08 * n, 0.2, 0.15 + 0.08 * n, 0.3) for n in range(8)), "none none none idle", (), "none"),
}


@pytest.mark.parametrize(("findings", "step", "hazards", "level"), SCENES.values(), ids=SCENES)
def test_the_written_rules_say(findings: tuple[Finding, ...], step: str, hazards: tuple[str, ...], level: str) -> None:
    judged = judge(findings, BENCH)
    assert " ".join(str(judged.step[name].value) for name in ("tool", "part", "action", "phase")) == step
    assert tuple(v.hazard for v in judged.violations) == hazards
    assert judged.level == level


def test_a_hazard_is_marked_where_it_is() -> None:
    saw = at("backsaw", 0.2, 0.2, 0.4, 0.4)
    (violation,) = judge((saw, at("hand", 0.41, 0.2, 0.6, 0.4)), BENCH).violations
    assert violation.box == saw.box
    assert violation.risk == "medium"


def test_the_order_of_findings_does_not_matter() -> None:
    findings = SCENES["a second hand at the strike"][0]
    assert judge(findings, BENCH) == judge(findings[::-1], BENCH)


def test_what_has_no_box_is_counted_but_is_nowhere() -> None:
    assert judge((Finding("hand"), Finding("backsaw")), BENCH).violations == ()


def test_a_profile_without_steps_has_none(corridor: Profile) -> None:
    assert judge((), corridor).step.tool.value is None


@pytest.fixture
def corridor() -> Profile:
    return read(Path(__file__).parents[2] / "assets" / "profiles" / "corridor.toml")
