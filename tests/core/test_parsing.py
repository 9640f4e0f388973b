"""Replies met and replies feared: what each becomes, that none raises, and that no bad one becomes "none"."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.extraction import MAX_BYTES
from core.geometry import FAMILIES, THOUSANDTHS
from core.parsing import MAX_OBJECTS, Parsed, parse_reply
from core.profile import read
from core.schema import Box
from core.settings import ASSETS

PROFILES = {key: read(ASSETS / "profiles" / f"{key}.toml") for key in ("bench", "corridor")}
BENCH = PROFILES["bench"]
SIZE = (1280, 720)
REPLIES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((Path(__file__).parents[1] / "replies").glob("*.json"))}
NOTHING_HERE = '{"findings":[],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}'
STRIKING = (
    '{"findings":[{"box":[100,200,500,600],"label":"hammer"},{"box":[400,500,600,700],"label":"bolt"}],'
    '"tool":"hammer","part":"bolt","action":"strike","phase":"work","violations":["tool_at_edge"],"risk":"low"}'
)


def parsed(text: str, profile: str = "bench") -> Parsed:
    return parse_reply(text, PROFILES[profile], THOUSANDTHS, SIZE)


@pytest.mark.parametrize("case", REPLIES.values(), ids=REPLIES.keys())
def test_what_a_reply_becomes(case: dict[str, Any]) -> None:
    got, becomes = parsed(case["reply"], case.get("profile", "bench")), case["becomes"]
    assert [finding.label for finding in got.findings] == becomes["labels"]
    assert {name: got.step[name].value for name in becomes["step"]} == becomes["step"]
    assert [violation.hazard for violation in got.violations] == becomes["violations"]
    assert got.risk_level == becomes["risk"]
    assert got.how == becomes.get("how", got.how)
    assert got.not_applicable == becomes.get("not_applicable")
    told = " · ".join(f"{dropped.what}: {dropped.why}" for dropped in got.dropped)
    assert all(word in told for word in becomes.get("dropped", ()))
    assert got.whole or got.dropped, "what was not understood is told"


TRAPS = {name: case["reply"] for name, case in REPLIES.items() if "trap" in name}
KINDS = ("bench", "box", "corridor", "cut", "form", "keys", "level", "lines", "none", "prose", "term", "violation", "words")


def test_there_are_enough_of_them_of_every_kind_and_in_two_languages() -> None:
    """Traps: a negation, a question, both of two words, a word inside another: nothing of it may be taken for the word."""
    assert len(REPLIES) >= 290
    assert {name.split("_")[0] for name in REPLIES} >= set(KINDS)
    chinese = {name for name, reply in TRAPS.items() if re.search("[\u4e00-\u9fff]", reply)}
    assert len(TRAPS) >= 80
    assert min(len(chinese), len(TRAPS) - len(chinese)) >= 40


def test_boxes_are_read_in_the_models_own_convention() -> None:
    assert parsed(STRIKING).findings[0].box == Box(0.1, 0.2, 0.5, 0.6)
    pixels = parse_reply(STRIKING, BENCH, FAMILIES["qwen2.5-vl"], (1316, 728)).findings[0].box
    assert pixels == Box(100 / 1316, 200 / 728, 500 / 1316, 600 / 728)


def test_a_violation_has_the_level_of_its_hazard_and_nobody_is_sure_yet() -> None:
    (violation,) = parsed(STRIKING).violations
    assert (violation.risk, violation.confidence, violation.said_by) == ("low", None, "model")
    assert all(finding.confidence is None for finding in parsed(STRIKING).findings)


def test_places_lead_to_the_values_in_the_reply() -> None:
    text = NOTHING_HERE.replace("[],", '[{"label":"x"},{"label":"hand","bbox":[1,2,30,40]}],', 1)
    got = parsed(text)
    assert got.places["findings.0.label"] == ("findings", 1, "label")
    assert got.places["findings.0.box"] == ("findings", 1, "bbox")
    assert "risk" not in got.places, "a level that is not believed has no place"


@pytest.mark.parametrize("length", [MAX_BYTES + 1, 10 * 2**20], ids=["a byte too many", "10 MiB"])
def test_a_reply_without_end_is_cut_and_told(length: int) -> None:
    got = parsed(NOTHING_HERE + " " * (length - len(NOTHING_HERE)))
    assert got.risk_level is None
    assert any("64 KiB" in dropped.why for dropped in got.dropped)


def test_a_reply_of_many_things_is_cut_and_told() -> None:
    many = json.loads(NOTHING_HERE) | {"findings": [{"label": "bolt"}] * (MAX_OBJECTS + 7)}
    got = parsed(json.dumps(many))
    assert (len(got.findings), got.risk_level) == (MAX_OBJECTS, None)
    assert any(dropped.what == "7 more findings" for dropped in got.dropped)


def test_a_reply_of_many_wrong_things_does_not_tell_each() -> None:
    many = json.loads(NOTHING_HERE) | {"findings": [{"label": f"thing {n}"} for n in range(400)], "risk": "high"}
    got = parsed(json.dumps(many))
    assert (got.risk_level, len(got.dropped)) == ("high", 51)
    assert got.dropped[-1].what == "350 more"


def test_what_is_told_can_be_kept() -> None:
    """A reply may hold half a character; the record holds text."""
    for text in (NOTHING_HERE.replace('"idle"', '"\\ud800"'), "\ud800 no", NOTHING_HERE.replace("idle", "\udcff")):
        got = parsed(text)
        assert got.risk_level is None
        assert all((dropped.what + dropped.why).encode() for dropped in got.dropped)


DEEP = [
    "[" * 70_000,
    '{"a":' * 5_000,
    '[{"findings":' * 900,
    "{" * 60_000,
    '{"findings":' + "[" * 1_000 + "]" * 1_000 + "}",
    '"' * 60_000,
    "1" * 60_000,
]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_a_reply_without_bottom_is_not_climbed_down(text: str) -> None:
    assert parsed(text).risk_level is None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["none", "hammer", "hand", "low", "high"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["findings", "risk", "tool", "label", "box", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=json_values)
def test_no_json_raises_and_none_of_it_is_a_safe_frame(value: Any) -> None:
    """None of these has all the keys that are asked for."""
    for profile in PROFILES:
        assert parsed(json.dumps(value), profile).risk_level != "none"


@given(text=st.text(max_size=200))
def test_no_text_raises_and_none_is_a_safe_frame(text: str) -> None:
    assert parsed(text).risk_level is None


@given(text=st.text(alphabet="{}[]\":,\\ \n01.-nulltrefindgsk'`", max_size=200))
def test_nothing_that_looks_like_json_raises(text: str) -> None:
    assert parsed(text).risk_level is None


edits = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(["cut", "drop", "insert", "swap"]), st.text(alphabet="{}[]\":,\\none high5'", max_size=3)),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("text", [STRIKING, STRIKING.replace('"low"', '"high"')], ids=["low", "high"])
@given(changes=edits)
def test_a_damaged_reply_of_a_dangerous_frame_never_becomes_a_safe_one(text: str, changes: list[tuple[float, str, str]]) -> None:
    assert parsed(_damaged(text, changes)).risk_level != "none"


@given(changes=edits)
def test_only_a_whole_reply_says_that_there_is_no_risk(changes: list[tuple[float, str, str]]) -> None:
    got = parsed(_damaged(NOTHING_HERE, changes))
    if got.risk_level == "none":
        assert got.whole
        assert got.how in ("strict", "cut")
        assert all(got.step[name].value for name in BENCH.fields)
        assert not got.findings


def _damaged(text: str, changes: list[tuple[float, str, str]]) -> str:
    for share, how, piece in changes:
        at = int(share * len(text))
        if how == "cut":
            text = text[:at]
        elif how == "drop":
            text = text[:at] + text[at + 1 :]
        elif how == "insert":
            text = text[:at] + piece + text[at:]
        else:
            text = text[:at] + piece + text[at + 1 :]
    return text
