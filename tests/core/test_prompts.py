"""The question: made from the profile alone, and known by an id that every change changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.geometry import FAMILIES, THOUSANDTHS
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
    assert build(BENCH, "brief", THOUSANDTHS).schema_id == build(BENCH, "full", pixels).schema_id


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_the_schema_is_flat_ordered_and_bounded(profile: Profile) -> None:
    made = schema(profile)
    assert list(made["properties"]) == ["findings", *profile.fields, "violations", "risk"] == made["required"]
    written = str(made)
    assert not any(word in written for word in ("oneOf", "anyOf", "pattern", "$ref"))
    assert made["additionalProperties"] is False
    assert all("maxItems" in part for part in made["properties"].values() if part["type"] == "array")
    assert made["properties"]["risk"]["enum"][: len(profile.levels)] == list(profile.levels)


def test_a_style_that_is_not_there_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        build(BENCH, "loud", THOUSANDTHS)


def test_other_rules_make_another_prompt() -> None:
    profile = read(ASSETS / "profiles" / "bench.toml")
    stricter = replace(profile, held=0.9)
    assert build(stricter, "brief", THOUSANDTHS).id != build(profile, "brief", THOUSANDTHS).id
