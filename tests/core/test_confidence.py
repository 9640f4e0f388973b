"""How sure the model was: token by token, laid over the values of its reply by bytes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backends.scripted import Scripted
from core.confidence import of, uncertainty
from core.geometry import THOUSANDTHS, BoxFormat
from core.inspection import assess
from core.parsing import Parsed, parse_reply
from core.profile import read
from core.schema import Reply, Risk, Step, Token, Value
from core.settings import ASSETS
from tests.makers import STRIKING, assessment, frame

BENCH = read(ASSETS / "profiles" / "bench.toml")
SIZE = (1280, 720)
TEXT = (
    '{"findings":[{"box":[100,200,500,600],"label":"hand"}],'
    '"tool":"hammer","part":"bolt","action":"strike","phase":"work","violations":["tool_at_edge"],"risk":"low"}'
)


def tokens(*said: str | tuple[str, float] | tuple[str, float, dict[str, float]]) -> tuple[Token, ...]:
    """Tokens with probabilities; a bare text is certain."""
    made = []
    for one in said:
        text, p, others = (one, 1.0, {}) if isinstance(one, str) else (*one, {}) if len(one) == 2 else one
        top = tuple((t, math.log(q)) for t, q in sorted({text: p, **others}.items(), key=lambda kv: -kv[1])) if others else ()
        made.append(Token(text, math.log(p), top))
    return tuple(made)


def sure(*said: str | tuple[str, float] | tuple[str, float, dict[str, float]], fmt: BoxFormat = THOUSANDTHS) -> Parsed:
    made = tokens(*said)
    text = "".join(token.text for token in made)
    reply = Reply(text, "m", "p", 0.1, made)
    return of(reply, parse_reply(text, BENCH, fmt, SIZE), BENCH, fmt)


def around(value: str, *said: str | tuple[str, float] | tuple[str, float, dict[str, float]], fmt: BoxFormat = THOUSANDTHS) -> Parsed:
    """The reply TEXT with `said` in the place of `value`."""
    before, after = TEXT.split(value, 1)
    return sure(before, *said, after, fmt=fmt)


def _split(text: str, *said: tuple[str, float] | tuple[str, float, dict[str, float]]) -> list[Any]:
    """`text` with each of `said` as a token of its own, where it is found next."""
    parts: list[Any] = []
    for one in said:
        before, text = text.split(one[0], 1)
        parts += [before, one] if before else [one]
    return [*parts, text] if text else parts


def test_a_field_is_as_sure_as_its_token() -> None:
    assert around("hammer", ("hammer", 0.7)).step.tool.confidence == pytest.approx(0.7)


def test_a_field_of_several_tokens_is_as_sure_as_their_product() -> None:
    assert around("hammer", ("h", 0.9), ("amm", 0.5), ("er", 0.1)).step.tool.confidence == pytest.approx(0.45), "hamm can only be hammer"
    assert around("hammer", ("ha", 0.9), ("mmer", 0.5)).step.tool.confidence == pytest.approx(0.45), "after ha both are possible"


def test_a_token_after_which_nothing_else_was_allowed_does_not_count() -> None:
    assert around('"strike"', '"', ("str", 0.6), ("ike", 0.01), '"').step.action.confidence == pytest.approx(0.6)


def test_the_closing_quote_tells_hand_from_handsaw() -> None:
    found = around("hand", ("hand", 0.9)).findings[0]
    assert found.confidence == pytest.approx(0.9), "certain corners"
    before, after = TEXT.split('hand"')
    assert sure(before, ("hand", 0.9), ('"', 0.5), after).findings[0].confidence == pytest.approx(0.45)


def test_a_token_that_carries_punctuation_with_it_counts_for_its_value() -> None:
    before, after = TEXT.split('":"hammer","')
    assert sure(before, ('":"ham', 0.6), ('mer","', 0.9), after).step.tool.confidence == pytest.approx(0.6)


def test_an_alias_is_as_sure_as_all_its_tokens() -> None:
    got = around("hammer", ("Ham", 0.9), ("mer", 0.5))
    assert got.step.tool.value == "hammer"
    assert got.step.tool.confidence == pytest.approx(0.45)


def test_a_character_may_be_split_over_tokens() -> None:
    halves = [piece.decode("utf-8", "surrogateescape") for piece in ("锤".encode()[:2], "锤".encode()[2:])]
    before, after = TEXT.split("hammer")
    made = tokens(before, (halves[0], 0.8), (halves[1], 0.5), "子", after)
    text = TEXT.replace("hammer", "锤子")
    got = of(Reply(text, "m", "p", 0.1, made), parse_reply(text, BENCH, THOUSANDTHS, SIZE), BENCH, THOUSANDTHS)
    assert got.step.tool.value == "hammer"
    assert got.step.tool.confidence == pytest.approx(0.4)
    assert got.step.part.confidence == 1


def test_what_leads_to_no_value_is_left_out_and_what_is_not_told_is_not() -> None:
    assert around("hammer", ("hammer", 0.6, {"banana": 0.2, "wrench": 0.1})).step.tool.confidence == pytest.approx(0.75), ".1 is not told"
    assert around("hammer", ("hammer", 0.6, {"Hammer": 0.4})).step.tool.confidence == pytest.approx(1.0), "a mask would have forbidden it"


def test_the_others_are_told_with_their_share_likeliest_first() -> None:
    tool = around("hammer", ("hammer", 0.5, {"wrench": 0.1, "drill": 0.2, "banana": 0.1})).step.tool
    assert [key for key, _ in tool.alternatives] == ["drill", "wrench"]
    assert dict(tool.alternatives) == pytest.approx({"drill": 0.2 / 0.9, "wrench": 0.1 / 0.9})
    assert tool.confidence is not None
    assert tool.confidence + sum(p for _, p in tool.alternatives) <= 1


def test_a_later_token_opens_others_with_what_was_left() -> None:
    """`ha` and then `mmer` or `ndsaw`; `hexa` before it would have been the hex wrench."""
    tool = around("hammer", ("ha", 0.8, {"hex": 0.2}), ("mmer", 0.75, {"ndsaw": 0.25})).step.tool
    assert tool.confidence == pytest.approx(0.6)
    assert dict(tool.alternatives) == pytest.approx({"hex_wrench": 0.2, "handsaw": 0.2})


def test_a_token_of_several_values_is_split_among_them() -> None:
    tool = around("hammer", ("hammer", 0.5, {"ba": 0.1, "c": 0.4})).step.tool
    assert dict(tool.alternatives) == pytest.approx({"backsaw": 0.1, "calipers": 0.2, "cutting_pliers": 0.2})


def test_an_action_is_no_surer_than_the_tool_that_decides_it() -> None:
    got = sure(*_split(TEXT, ("hammer", 0.6), ("strike", 0.9))).step
    assert got.tool.confidence == pytest.approx(0.6)
    assert got.action.confidence == pytest.approx(0.54)


def test_what_follows_from_a_doubtful_finding_is_doubtful() -> None:
    """The tool's own token is certain, but the thing in the hand may have been a wrench."""
    text = TEXT.replace('"label":"hand"}', '"label":"hand"},{"box":[300,300,400,400],"label":"hammer"}')
    certain = sure(*_split(text, ("hammer", 0.99, {"wrench": 0.01})))
    doubtful = sure(*_split(text, ("hammer", 0.6, {"wrench": 0.4})))
    assert certain.step.tool.confidence == pytest.approx(1, abs=0.05)
    assert doubtful.step.tool.confidence == pytest.approx(0.6, abs=0.15)
    assert dict(doubtful.findings[1].alternatives) == pytest.approx({"wrench": 0.4})


def test_a_finding_is_there_as_surely_as_the_list_went_on() -> None:
    got = sure(*_split(TEXT, ('{"box', 0.7, {"]": 0.3}), ("hand", 0.5)))
    assert got.findings[0].confidence == pytest.approx(0.35)
    merged = TEXT.split('{"findings":[')[1]
    assert sure(('{"findings":[', 0.8, {'{"findings":[]': 0.2}), merged).findings[0].confidence == pytest.approx(0.8)


CLOSED = {
    "a token of its own": ('"hand"}', ("]", 0.9, {",": 0.1}), 0.1),
    "together with the item's end": ('"hand', ('"}]', 0.6, {'"},{"box":[': 0.2, '"}': 0.2}), 0.25),
    "an indent that decides nothing": ('"hand"}', ("]", 0.5, {"\n": 0.4, ",": 0.1}), 1 / 6),
}


@pytest.mark.parametrize(("before", "closing", "missed"), CLOSED.values(), ids=CLOSED.keys())
def test_where_a_list_closed_it_might_have_gone_on(before: str, closing: Any, missed: float) -> None:
    head, tail = TEXT.split(before + closing[0])
    assert sure(head + before, closing, tail).missed["findings"] == pytest.approx(missed)


def test_an_empty_list_might_have_begun() -> None:
    text = TEXT.replace('"violations":["tool_at_edge"]', '"violations":[]')
    head, tail = text.split(',"violations":[]')
    for closing in ((',"violations":[]', 0.8, {',"violations":["': 0.2}), (',"violations":[]', 0.8, {',"violations":[': 0.2})):
        assert sure(head, closing, tail).missed["violations"] == pytest.approx(0.2, abs=0.02)
    assert sure(head + ',"violations":[', ("]", 0.9, {'"': 0.1}), tail).missed["violations"] == pytest.approx(0.1, abs=0.02)


def test_a_reply_whose_tokens_tell_no_others_says_nothing_of_what_was_missed() -> None:
    assert sure(TEXT).missed == {}


def test_who_nearly_began_further_left_passed_something_over() -> None:
    """480 is still the thing's own edge; 20 is another thing's."""
    text = TEXT.replace("100,200,500,600", "500,200,600,600")
    last = ('"}]', 0.999, {'"},{': 0.001})
    got = sure(*_split(text, ("500", 0.7, {"20": 0.2, "480": 0.1}), ("600", 0.9, {"610": 0.1}), last))
    assert got.missed["findings"] == pytest.approx(0.2, abs=0.002)
    silent = sure(*_split(text, ("500", 0.7, {"20": 0.2, "480": 0.1}), ("600", 0.9, {"610": 0.1})))
    assert "findings" not in silent.missed, "the closing bracket does not tell"


def test_no_part_is_as_sure_as_that_none_was_missed() -> None:
    text = TEXT.replace('"part":"bolt"', '"part":"none"')
    got = sure(*_split(text, ('"}]', 0.7, {'"},{': 0.3})))
    assert got.missed["findings"] == pytest.approx(0.3)
    assert got.step.part.confidence == pytest.approx(0.7, abs=0.02)
    assert sure(*_split(TEXT, ('"}]', 0.7, {'"},{': 0.3}))).step.part.confidence == pytest.approx(1, abs=0.02), "a bolt was seen"


def test_a_hazard_that_follows_from_what_a_thing_may_be_may_have_been_missed() -> None:
    """The pliers in the hand may be a drill, and a drill near a hand is a hazard that was not named."""
    text = TEXT.replace('"label":"hand"}', '"label":"hand"},{"box":[300,300,400,400],"label":"pliers"}')
    closed = ('"],"risk":"', 0.99, {'","': 0.01})
    assert sure(*_split(text, ("pliers", 0.6, {"drill": 0.4}), closed)).missed["violations"] == pytest.approx(0.4, abs=0.15)
    assert sure(*_split(text, ("pliers", 0.99, {"wrench": 0.01}), closed)).missed["violations"] < 0.02


def test_the_mass_of_the_levels_is_shared_and_sums_to_one() -> None:
    got = around('"low"', '"', ("low", 0.5, {"high": 0.3, "none": 0.1, "banana": 0.1}), '"')
    assert got.risk_probabilities == pytest.approx({"low": 5 / 9, "high": 3 / 9, "none": 1 / 9, "medium": 0})
    merged = around('":"low"', ('":"low"', 0.5, {'":"high"': 0.5, ',"': 0.1}))
    assert merged.risk_probabilities["high"] == pytest.approx(0.5)


def test_levels_that_cannot_be_told_apart_have_no_shares() -> None:
    assert not around("low", ("low", 0.5, {"": 0.5})).risk_probabilities.get("high")
    assert around("low", ("l", 0.5), ("ow", 1.0)).risk_probabilities == {}, "no others were given"
    assert around("low", ("Low", 0.5, {"high": 0.5})).risk_probabilities == {}, "another name is no share"


def test_the_level_is_as_sure_as_the_violations_that_decide_it() -> None:
    got = sure(*_split(TEXT, ("tool_at_edge", 0.6), ("low", 0.9, {"none": 0.1})))
    assert got.risk_probabilities["low"] == pytest.approx(0.54)
    assert sum(got.risk_probabilities.values()) == pytest.approx(1)


EMPTY = (
    '{"findings":[],"tool":"none","part":"none","action":"none","phase":"idle","violations":[],"risk":"none"}',
    ("]", 0.5, {"{": 0.5}),
    ("]", 0.9999, {'"': 0.0001}),
    ("none", 0.9995, {"low": 0.0005}),
)
"""Nothing was found, and it was a coin's throw whether anything was; all else is certain."""


def test_where_nothing_was_found_nothing_is_surer_than_that_nothing_was_missed() -> None:
    head, tail = EMPTY[0].split('"findings":[]')
    middle, end = tail.split('"violations":[]')
    last, rest = end.rsplit("none", 1)
    got = sure(head + '"findings":[', EMPTY[1], middle + '"violations":[', EMPTY[2], last, EMPTY[3], rest)
    assert got.missed["findings"] == pytest.approx(0.5)
    assert got.risk_probabilities["none"] == pytest.approx(0.5, abs=0.01)
    assert sum(got.risk_probabilities.values()) == pytest.approx(1)
    for name in ("tool", "part", "action", "phase"):
        assert got.step[name].confidence == pytest.approx(0.5, abs=0.01), name


def test_where_something_was_found_the_level_is_as_sure_as_before() -> None:
    got = sure(*_split(TEXT, ('"}]', 0.5, {'"},{': 0.5}), ("low", 0.9, {"none": 0.1})))
    assert got.missed["findings"] == pytest.approx(0.5)
    assert got.risk_probabilities["low"] == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("hopeless", [-9999.0, -1e300, -math.inf], ids=str)
@pytest.mark.parametrize("every", [True, False], ids=["every token", "one token"])
def test_tokens_that_had_no_chance_are_an_answer_all_the_same(hopeless: float, every: bool) -> None:
    """A server's way to write 0: the frame is assessed, and nothing of it looks sure."""
    pieces = _split(TEXT, *((each, 1.0) for each in ("100", "200", "500", "600", "hand", "hammer", "low")))
    words = [each if isinstance(each, str) else each[0] for each in pieces]
    made = tuple(
        Token(each, hopeless, ((each, hopeless), ("none", hopeless))) if every or each in ("100", "low") else Token(each, 0.0)
        for each in words
    )
    got = assess(frame(width=SIZE[0], height=SIZE[1]), Reply(TEXT, "m", "p", 0.1, made), Scripted("m", {}), BENCH)
    assert got.risk.level == "low"
    assert got.risk.probabilities == {}
    assert got.findings[0].overlap is None
    assert not every or uncertainty(got, BENCH.fields) == 1


def test_a_violation_is_as_sure_as_its_key_and_the_list_that_went_on_to_it() -> None:
    assert around("tool_at_edge", ("tool_at_edge", 0.6)).violations[0].confidence == pytest.approx(0.6)
    text = TEXT.replace('"violations":[', "\n")
    head, tail = text.split("\n")
    opened = ('"violations":["', 0.5, {'"violations":[]': 0.5})
    assert sure(head, opened, tail[1:]).violations[0].confidence == pytest.approx(0.5)


SILENT = {
    "no tokens": (TEXT, ()),
    "tokens of another text": (TEXT, tokens("x", TEXT)),
    "a mended reply": (TEXT.replace('"', "'"), tokens(TEXT.replace('"', "'"))),
    "an unread reply": ("no", tokens("no")),
}


@pytest.mark.parametrize(("text", "made"), SILENT.values(), ids=SILENT.keys())
def test_who_gives_no_probabilities_has_no_confidence(text: str, made: tuple[Token, ...]) -> None:
    parsed = parse_reply(text, BENCH, THOUSANDTHS, SIZE)
    assert of(Reply(text, "m", "p", 0.1, made), parsed, BENCH, THOUSANDTHS) == parsed
    assert all(finding.confidence is None for finding in parsed.findings)


@given(seed=st.integers(0, 2**32), indent=st.none() | st.integers(0, 2), chinese=st.booleans(), chatter=st.text(max_size=8))
def test_any_cutting_into_tokens_gives_each_value_its_own_tokens(seed: int, indent: int | None, chinese: bool, chatter: str) -> None:
    """A text cut at random bytes: a field is as sure as the tokens that touch it, and never surer than the least of 1."""
    dice = random.Random(seed)
    body = json.loads(TEXT) | ({"tool": "锤子"} if chinese else {})
    text = json.dumps(body, indent=indent, ensure_ascii=False)
    if chatter and not set(chatter) & set('{}[]<"') and chatter.isprintable():
        text = f"{chatter} {text}"
    content, made, at = text.encode(), [], 0
    while at < len(content):
        length = dice.randint(1, 6)
        piece = content[at : at + length]
        made.append(Token(piece.decode("utf-8", "surrogateescape"), math.log(dice.uniform(0.01, 1))))
        at += length
    got = of(Reply(text, "m", "p", 0.1, tuple(made)), parse_reply(text, BENCH, THOUSANDTHS, SIZE), BENCH, THOUSANDTHS)
    for name in ("tool", "part", "action", "phase"):
        confidence, said = got.step[name].confidence, str(body[name])
        start = content.index(f'"{name}"'.encode()) + len(name) + 2
        start = content.index(said.encode(), start)
        assert confidence is not None
        decider = got.step.tool.confidence if name == "action" else 1.0
        assert decider is not None
        assert decider * _product(made, start, start + len(said.encode()) + 1) - 1e-12 <= confidence <= 1
        if chinese and name == "tool":
            assert confidence == pytest.approx(_product(made, start, start + len(said.encode()) + 1))
    assert got.findings[0].confidence is not None
    assert 0 <= got.findings[0].confidence <= 1


def _product(made: Sequence[Token], start: int, end: int) -> float:
    """Of the tokens that touch bytes start..end."""
    at, product = 0, 1.0
    for token in made:
        length = len(token.text.encode("utf-8", "surrogateescape"))
        if at < end and at + length > start:
            product *= math.exp(token.logprob)
        at += length
    return product


@pytest.mark.parametrize(
    ("changes", "fields", "expected"),
    [
        pytest.param({}, BENCH.fields, 0.4, id="the least sure is the violation"),
        pytest.param({"violations": ()}, BENCH.fields, 0.2, id="then part and risk"),
        pytest.param({"risk": Risk("low", {"low": 0.3, "none": 0.7}), "violations": ()}, BENCH.fields, 0.7, id="the risk"),
        pytest.param({"missed": {"findings": 0.7, "violations": 0.1}}, BENCH.fields, 0.7, id="a finding may have been missed"),
        pytest.param({"missed": {"findings": 0.1, "violations": 0.8}}, BENCH.fields, 0.8, id="a violation may have been missed"),
        pytest.param({"missed": {"findings": 0.1}}, BENCH.fields, 0.4, id="hardly anything was missed"),
        pytest.param({"risk": Risk(None)}, BENCH.fields, 1.0, id="undetermined"),
        pytest.param({"step": replace(STRIKING, phase=Value())}, BENCH.fields, 1.0, id="a field that was not understood"),
        pytest.param({"step": replace(STRIKING, phase=Value())}, (), 0.4, id="a field that was not asked for"),
        pytest.param({"step": Step(), "violations": (), "risk": Risk("low")}, (), 1.0, id="nobody said how sure"),
    ],
)
def test_how_unsure_a_frame_is(changes: dict[str, Any], fields: tuple[str, ...], expected: float) -> None:
    assert uncertainty(assessment(**changes), fields) == pytest.approx(expected)
