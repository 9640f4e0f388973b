"""What is written is what the parser reads: the answer that teaches and the answer that is understood are one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answers import write
from core.geometry import FAMILIES, THOUSANDTHS, iou
from core.parsing import parse_reply
from core.profile import Profile, read
from core.prompts import schema
from core.schema import Box, Finding, Risk, Step, Value, Violation
from core.settings import ASSETS

PROFILES = {key: read(ASSETS / "profiles" / f"{key}.toml") for key in ("bench", "corridor")}
BENCH, CORRIDOR = PROFILES["bench"], PROFILES["corridor"]
SIZE = (1280, 720)
STRIKING = Step(Value("hammer"), Value("bolt"), Value("strike"), Value("work"))


def test_the_answer_is_one_line_without_spaces_from_left_to_right() -> None:
    findings = [Finding("hammer", Box(0.1, 0.2, 0.5, 0.6)), Finding("plate"), Finding("hand", Box(0.05, 0.9, 0.3, 1))]
    written = write(findings, STRIKING, [Violation("tool_at_edge"), Violation("tool_at_edge")], Risk("low"), BENCH, THOUSANDTHS, SIZE)
    assert written == (
        '{"findings":[{"box":[50,900,300,1000],"label":"hand"},{"box":[100,200,500,600],"label":"hammer"},{"label":"plate"}],'
        '"tool":"hammer","part":"bolt","action":"strike","phase":"work","violations":["tool_at_edge"],"risk":"low"}'
    )


def test_nothing_here_is_an_answer_too() -> None:
    step = Step(Value("none"), Value("none"), Value("none"), Value("idle"))
    written = write([], step, [], Risk("none"), BENCH, THOUSANDTHS, SIZE)
    assert written == '{"findings":[],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'
    parsed = parse_reply(written, BENCH, THOUSANDTHS, SIZE)
    assert (parsed.risk_level, parsed.whole, parsed.step) == ("none", True, step)


def test_what_a_profile_does_not_have_is_not_written() -> None:
    written = write([Finding("e_bike")], Step(), [Violation("e_bike_inside")], Risk("high"), CORRIDOR, THOUSANDTHS, SIZE)
    assert written == '{"findings":[{"label":"e_bike"}],"violations":["e_bike_inside"],"risk":"high"}'


def test_a_frame_that_the_profile_does_not_speak_of_goes_round() -> None:
    written = write([Finding("not_corridor")], Step(), [], Risk(None), CORRIDOR, THOUSANDTHS, SIZE)
    assert written.endswith('"risk":"not_applicable"}')
    parsed = parse_reply(written, CORRIDOR, THOUSANDTHS, SIZE)
    assert (parsed.risk_level, parsed.not_applicable, parsed.dropped) == (None, "not_corridor", ())


def test_what_nobody_said_is_not_written() -> None:
    assert json.loads(write([], Step(tool=Value("drill")), [], Risk(None), BENCH, THOUSANDTHS, SIZE)) == {
        "findings": [],
        "tool": "drill",
        "violations": [],
    }


def answers_of(profile: Profile) -> st.SearchStrategy[tuple[list[Finding], Step, list[Violation], Risk]]:
    """Anything that a person could have said with a profile."""
    corner = st.integers(0, 899).map(lambda n: n / 1000)
    side = st.integers(100, 1000).map(lambda n: n / 1000)
    box = st.builds(lambda x, y, w, h: Box(x, y, min(1.0, x + w), min(1.0, y + h)), corner, corner, side, side)
    labels = [term.key for term in profile.labels if term.key not in profile.not_applicable]
    finding = st.builds(Finding, st.sampled_from(labels), st.none() | box)
    values = {name: st.sampled_from([term.key for term in profile.terms(name)]).map(Value) for name in profile.fields}
    hazards = st.lists(st.sampled_from([hazard.key for hazard in profile.hazards]), unique=True)
    return st.tuples(
        st.lists(finding, max_size=12),
        st.builds(Step, **values),
        hazards.map(lambda keys: [Violation(key, profile.hazard(key).risk) for key in keys]),
        st.sampled_from(profile.levels).map(Risk),
    )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
@given(data=st.data())
def test_what_is_written_is_read_back(profile: Profile, family: str, data: st.DataObject) -> None:
    findings, step, violations, risk = data.draw(answers_of(profile))
    fmt = FAMILIES[family]
    parsed = parse_reply(write(findings, step, violations, risk, profile, fmt, SIZE), profile, fmt, SIZE)
    assert (parsed.how, parsed.whole, parsed.dropped) == ("strict", True, ())
    assert (parsed.step, list(parsed.violations), parsed.risk_level) == (step, violations, risk.level)
    left = list(parsed.findings)
    for finding in findings:
        best = max(
            (f for f in left if f.label == finding.label), key=lambda f: iou(f.box, finding.box) if f.box and finding.box else f == finding
        )
        assert best == finding or (best.box and finding.box and iou(best.box, finding.box) > 0.8)
        left.remove(best)
    assert not left


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
@given(data=st.data())
def test_every_answer_is_one_that_the_schema_allows(profile: Profile, data: st.DataObject) -> None:
    """Checked by hand for the few words that our schemas use: object, array, string, integer, enum."""
    findings, step, violations, risk = data.draw(answers_of(profile))
    answer = json.loads(write(findings, step, violations, risk, profile, THOUSANDTHS, SIZE))
    asked = schema(profile, THOUSANDTHS)
    assert list(answer) == list(asked["properties"]) == asked["required"]
    for name in (*profile.fields, "risk"):
        assert answer[name] in asked["properties"][name]["enum"]
    assert all(hazard in asked["properties"]["violations"]["items"]["enum"] for hazard in answer["violations"])
    for finding in answer["findings"]:
        assert finding["label"] in asked["properties"]["findings"]["items"]["properties"]["label"]["enum"]
        assert list(finding) in (["box", "label"], ["label"])
        assert all(isinstance(corner, int) and corner >= 0 for corner in finding.get("box", []))
