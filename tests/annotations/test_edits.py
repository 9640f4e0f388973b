"""Each kind of edit is told by its name; what the written answer does not hold, and what a hand draws twice, is no edit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from annotations.edits import KINDS, kinds_of, unparsed
from core.profile import read
from core.risk import UNPARSED
from core.schema import Assessment, Box, Correction, Finding, Risk, Step, Value, Violation
from core.settings import ASSETS
from tests.makers import BOLT, HAMMER, HAND, STRIKING, assessment, correction

BENCH = read(ASSETS / "profiles" / "bench.toml")
CORRIDOR = read(ASSETS / "profiles" / "corridor.toml")
EDGE = Violation("tool_at_edge", "low")
SAID = assessment()
SEEN: dict[str, Any] = {"findings": SAID.findings, "step": SAID.step, "violations": SAID.violations, "risk": SAID.risk}
OVERLAID = (Finding("hammer", Box(0.1, 0.1, 0.3, 0.3)), Finding("pliers", Box(0.6, 0.6, 0.9, 0.9)))


def told(**more: Any) -> Correction:
    return correction(**{**SEEN, **more})


def box(found: Finding, by: float, label: str = "") -> Finding:
    assert found.box is not None
    x0, y0, x1, y1 = found.box.xyxy
    return Finding(label or found.label, Box(x0 + by, y0, x1 + by, y1))


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({}, ()),
        ({"findings": (HAND, box(HAMMER, 0.01), BOLT)}, ()),
        ({"findings": (BOLT, HAND, HAMMER)}, ()),
        ({"findings": (HAND, box(HAMMER, 0.06), BOLT)}, ("box moved",)),
        ({"findings": (HAND, box(HAMMER, 0.45), BOLT)}, ("box moved",)),
        ({"findings": (HAND, HAMMER)}, ("box removed",)),
        ({"findings": (*SAID.findings, Finding("plate", Box(0.7, 0.7, 0.9, 0.9)))}, ("box added",)),
        ({"findings": (*SAID.findings, Finding("plate"))}, ("box added",)),
        ({"findings": (HAND, box(HAMMER, 0, "pliers"), BOLT)}, ("label",)),
        ({"findings": (HAND, box(HAMMER, 0.08, "pliers"), BOLT)}, ("box moved", "label")),
        ({"findings": (HAND, HAMMER, Finding("bolt"))}, ("box added", "box removed")),
        ({"findings": ()}, ("box removed",)),
        *[({"step": replace(STRIKING, **{name: Value("none")})}, (name,)) for name in ("tool", "part", "action")],
        ({"step": replace(STRIKING, phase=Value("idle", said_by="person"))}, ("phase",)),
        ({"violations": ()}, ("violation removed",)),
        ({"violations": (EDGE, Violation("hand_near_blade", "high"))}, ("violation added",)),
        ({"violations": (Violation("tool_at_edge", "low", Box(0, 0, 1, 1), rules=("OSHA 1",)),)}, ()),
        ({"risk": Risk("high")}, ("risk raised",)),
        ({"risk": Risk("none")}, ("risk lowered",)),
        ({"risk": Risk("low", {"low": 1.0}, ("reasons",), "person")}, ()),
        ({"violations": (), "risk": Risk("none"), "findings": (HAND,)}, ("box removed", "violation removed", "risk lowered")),
    ],
)
def test_an_edit_has_its_name(more: dict[str, Any], kinds: tuple[str, ...]) -> None:
    assert kinds_of(SAID, told(**more), BENCH) == kinds
    assert [KINDS.index(kind) for kind in kinds] == sorted(KINDS.index(kind) for kind in kinds)


def test_two_labels_that_were_exchanged_are_two_labels_and_no_box_moved() -> None:
    hammer, pliers = OVERLAID
    exchanged = (replace(hammer, label="pliers"), replace(pliers, label="hammer"))
    assert kinds_of(assessment(findings=OVERLAID), told(findings=exchanged), BENCH) == ("label",)


def test_of_two_boxes_on_each_other_each_finds_its_own() -> None:
    twins = (Finding("hammer", Box(0.1, 0.1, 0.5, 0.5)), Finding("bolt", Box(0.1, 0.1, 0.5, 0.52)))
    assert kinds_of(assessment(findings=twins), told(findings=twins[::-1]), BENCH) == ()


def unread(said: Assessment) -> Assessment:
    return replace(said, findings=(), step=Step(), violations=(), risk=Risk(None, {}, (UNPARSED,)))


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (unread(SAID), ("box added", "tool", "part", "action", "phase", "violation added", "unparsed")),
        (replace(SAID, risk=Risk(None, {}, (UNPARSED,))), ("unparsed",)),
        (replace(SAID, risk=Risk(None)), ("unparsed",)),
        (replace(SAID, step=replace(STRIKING, phase=Value())), ("phase", "unparsed")),
    ],
    ids=["nothing", "no risk", "no risk, no reason", "no phase"],
)
def test_what_was_not_understood_whole_is_called_so(said: Assessment, kinds: tuple[str, ...]) -> None:
    assert kinds_of(said, told(), BENCH) == kinds


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ("not_corridor", "not_corridor", ()),
        ("not_corridor", "carton", ("label", "risk raised")),
        ("carton", "not_corridor", ("label", "risk lowered")),
    ],
)
def test_a_frame_of_which_the_profile_does_not_speak_was_understood(before: str, after: str, kinds: tuple[str, ...]) -> None:
    def risk(label: str) -> Risk:
        return Risk(None, {}, (f"not_applicable:{label}",)) if label == "not_corridor" else Risk("none")

    said = assessment(findings=(Finding(before),), step=Step(), violations=(), risk=risk(before))
    now = told(findings=(Finding(after),), step=Step(), violations=(), risk=risk(after))
    assert not unparsed(said, CORRIDOR)
    assert kinds_of(said, now, CORRIDOR) == kinds
