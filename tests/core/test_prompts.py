"""The question: made from the profile alone, and known by an id that every change changes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import llguidance
import pytest

from core.geometry import FAMILIES, SHARES, THOUSANDTHS, BoxFormat
from core.parsing import parse_reply
from core.profile import Profile, read
from core.prompts import STYLES, build, schema
from core.settings import ASSETS

PROFILES = {key: read(ASSETS / "profiles" / f"{key}.toml") for key in ("bench", "corridor")}
BENCH, CORRIDOR = PROFILES["bench"], PROFILES["corridor"]


def test_the_brief_prompt_names_the_site() -> None:
    assert build(BENCH, "brief", THOUSANDTHS).text == "Inspect this frame of the workbench."
    assert build(CORRIDOR, "brief", THOUSANDTHS).text == "Inspect this frame of the corridor."


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_the_full_prompt_names_every_term(profile: Profile) -> None:
    text = build(profile, "full", THOUSANDTHS).text
    for name in ("label", *profile.fields):
        assert all(term.key in text for term in profile.terms(name))
    assert all(hazard.key in text and hazard.name("en") in text for hazard in profile.hazards)
    assert "$" not in text
    assert ("not_applicable" in text) == bool(profile.not_applicable)
    assert all((f'"{name}":' in text) == (name in profile.fields) for name in ("tool", "part", "action", "phase"))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_that_is_echoed_is_no_answer(profile: Profile, style: str, family: str) -> None:
    fmt = FAMILIES[family]
    parsed = parse_reply(build(profile, style, fmt).text, profile, fmt, (640, 480))
    assert (parsed.findings, parsed.violations, parsed.risk_level) == ((), (), None)
    assert all(parsed.step[name].value is None for name in profile.fields)


def test_the_id_changes_with_text_schema_and_convention_and_with_nothing_else() -> None:
    pixels = FAMILIES["qwen2.5-vl"]
    fewer = replace(BENCH, labels=BENCH.labels[:-1])
    ids = [
        build(BENCH, "brief", THOUSANDTHS).id,
        build(BENCH, "full", THOUSANDTHS).id,
        build(BENCH, "full", pixels).id,
        build(fewer, "brief", THOUSANDTHS).id,
        build(CORRIDOR, "brief", THOUSANDTHS).id,
    ]
    assert len(set(ids)) == len(ids)
    assert build(BENCH, "brief", THOUSANDTHS) == build(BENCH, "brief", THOUSANDTHS)
    assert build(BENCH, "brief", THOUSANDTHS).schema_id == build(BENCH, "full", THOUSANDTHS).schema_id
    assert build(BENCH, "full", THOUSANDTHS).schema_id != build(BENCH, "full", pixels).schema_id


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_the_schema_is_flat_ordered_and_bounded(profile: Profile) -> None:
    made = schema(profile, THOUSANDTHS)
    assert list(made["properties"]) == ["findings", *profile.fields, "violations", "risk"] == made["required"]
    written = str(made)
    assert not any(word in written for word in ("oneOf", "anyOf", "pattern", "$ref"))
    assert made["additionalProperties"] is False
    assert all("maxItems" in part for part in made["properties"].values() if part["type"] == "array")
    assert made["properties"]["risk"]["enum"][: len(profile.levels)] == list(profile.levels)


@pytest.mark.parametrize(
    ("fmt", "most", "kind"),
    [
        pytest.param(FAMILIES["compact"], 1000, "integer", id="compact"),
        pytest.param(FAMILIES["qwen2.5-vl"], 20_000, "integer", id="pixels of the resized frame"),
        pytest.param(FAMILIES["florence-2"], 999, "integer", id="a thousand bins"),
        pytest.param(FAMILIES["paligemma"], 1023, "integer", id="1,024 bins"),
        pytest.param(SHARES, 1, "number", id="shares"),
    ],
)
def test_no_corner_can_be_said_that_no_frame_has(fmt: BoxFormat, most: int, kind: str) -> None:
    corner = schema(BENCH, fmt)["properties"]["findings"]["items"]["properties"]["box"]["items"]
    assert corner == {"type": kind, "minimum": 0, "maximum": most}


SAID = (
    '{"findings":[{"box":[100,200,500,1000],"label":"hammer"},{"label":"plate"}],'
    '"tool":"hammer","part":"bolt","action":"strike","phase":"work","violations":["tool_at_edge"],"risk":"low"}'
)
REFUSED = {
    "a space": SAID.replace(":", ": "),
    "a line behind it": SAID + "\n",
    "the judgement before the evidence": '{"risk":"low",' + SAID[1:],
    "the label before the box": SAID.replace('"box":[100,200,500,1000],"label":"hammer"', '"label":"hammer","box":[100,200,500,1000]'),
    "a corner beyond the frame": SAID.replace("1000", "1001"),
    "a corner below it": SAID.replace("100,", "-1,", 1),
    "a fraction": SAID.replace("500", "1.5"),
    "five corners": SAID.replace("500", "500,500"),
    "a word of nobody": SAID.replace("plate", "plaid"),
    "a key less": SAID.replace('"part":"bolt",', ""),
    "a key more": SAID[:-1] + ',"note":"x"}',
    "a word of another field": SAID.replace('"risk":"low"', '"risk":"idle"'),
}


@pytest.mark.parametrize(("text", "taken"), [(SAID, True), *((text, False) for text in REFUSED.values())], ids=["as asked", *REFUSED])
def test_a_grammar_made_of_it_takes_what_is_asked_and_nothing_else(text: str, taken: bool) -> None:
    """llguidance, without free white space; over the compact model's tokens."""
    tokens = llguidance.LLTokenizer((ASSETS / "models" / "compact" / "tokenizer.json").read_text("utf-8"))
    tight: Any = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
    grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema(BENCH, FAMILIES["compact"])), overrides=tight)
    matcher, said = llguidance.LLMatcher(tokens, grammar), tokens.tokenize_str(text)
    assert not matcher.is_error(), matcher.get_error()
    assert (matcher.try_consume_tokens(said) == len(said) and matcher.is_accepting()) == taken


def test_a_style_that_is_not_there_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        build(BENCH, "loud", THOUSANDTHS)


def test_other_rules_make_another_prompt() -> None:
    profile = read(ASSETS / "profiles" / "bench.toml")
    stricter = replace(profile, held=0.9)
    assert build(stricter, "brief", THOUSANDTHS).id != build(profile, "brief", THOUSANDTHS).id
