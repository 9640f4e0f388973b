"""The quick reader and the careful one give the same of every reply; the quick one takes what is exactly as asked and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from core.answers import NOT_APPLICABLE, write
from core.exact import MAX_OBJECTS, reader
from core.extraction import unwrapped
from core.geometry import FAMILIES, SHARES, THOUSANDTHS, BoxFormat
from core.parsing import Parsed, parse_reply, read_with_care
from core.profile import Profile, read
from core.schema import Box, Finding, Risk, Step, Value, Violation
from core.settings import ASSETS

PROFILES = {key: read(ASSETS / "profiles" / f"{key}.toml") for key in ("bench", "corridor")}
BENCH = PROFILES["bench"]
FORMATS = {**FAMILIES, "shares": SHARES}
SIZE = (1280, 720)
STRIKING = (
    '{"findings":[{"box":[100,200,500,600],"label":"hammer"},{"label":"plate"}],'
    '"tool":"hammer","part":"bolt","action":"strike","phase":"work","violations":["tool_at_edge"],"risk":"low"}'
)


def quickly(text: str, profile: Profile = BENCH, fmt: BoxFormat = THOUSANDTHS) -> Parsed | None:
    bare, how, start = unwrapped(text)
    return reader(profile, fmt).read(bare.encode("utf-8", "replace"), SIZE, how, start)


def an_answer(dice: random.Random, profile: Profile, fmt: BoxFormat) -> str:
    """What a good model could say."""
    findings = []
    for _ in range(dice.randrange(6)):
        x, y = dice.uniform(0, 0.8), dice.uniform(0, 0.8)
        box = Box(x, y, dice.uniform(x + 0.1, 1), dice.uniform(y + 0.1, 1)) if dice.random() < 0.85 else None
        findings.append(Finding(dice.choice(profile.labels).key, box))
    step = Step(**{name: Value(dice.choice(profile.terms(name)).key) for name in profile.fields})
    violations = [Violation(hazard.key) for hazard in profile.hazards if dice.random() < 0.3]
    return write(findings, step, violations, Risk(dice.choice(profile.levels)), profile, fmt, SIZE)


CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "as it is": lambda text, _: text,
    "spaces": lambda text, _: json.dumps(json.loads(text)),
    "many lines": lambda text, _: json.dumps(json.loads(text), indent=2),
    "white space around": lambda text, _: f" \n{text}\t",
    "a fence": lambda text, _: f"```json\n{text}\n```",
    "a fence and lines": lambda text, _: f"```\n{json.dumps(json.loads(text), indent=1)}\n``` \n",
    "other order": lambda text, dice: json.dumps(dict(dice.sample(sorted(json.loads(text).items()), len(json.loads(text))))),
    "a key less": lambda text, dice: json.dumps(dict(list(json.loads(text).items())[dice.randrange(2) :])),
    "a key more": lambda text, _: text[:-1] + ',"note":"x"}',
    "a key twice": lambda text, dice: text[:-1] + ',"risk":"' + dice.choice(["none", "high"]) + '"}',
    "a violation twice": lambda text, _: text.replace('"violations":[', '"violations":["tool_at_edge","tool_at_edge"', 1).replace('edge""', 'edge","'),
    "not such a frame": lambda text, _: text.replace('"risk":"none"', f'"risk":"{NOT_APPLICABLE}"'),
    "capitals": lambda text, dice: text.upper() if dice.random() < 0.5 else text.replace("risk", "Risk"),
    "a letter": lambda text, dice: changed(text, dice, 1),
    "letters": lambda text, dice: changed(text, dice, 4),
    "cut": lambda text, dice: text[: dice.randrange(len(text))],
    "chatter": lambda text, _: f"Here it is: {text} Stay safe!",
}  # fmt: skip


def changed(text: str, dice: random.Random, times: int) -> str:
    for _ in range(times):
        at = dice.randrange(len(text))
        text = text[:at] + dice.choice(["", *'0123456789.-,:"{}[] \\n']) + text[at + dice.randrange(2) :]
    return text


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_both_readers_give_the_same(change: Callable[[str, random.Random], str]) -> None:
    """4,760 replies: both profiles, every family, seventeen changes."""
    dice = random.Random(7)
    for profile in PROFILES.values():
        for fmt in FORMATS.values():
            for _ in range(14):
                text = change(an_answer(dice, profile, fmt), dice)
                assert parse_reply(text, profile, fmt, SIZE) == read_with_care(text, profile, fmt, SIZE), text


@pytest.mark.parametrize("name", ["as it is", "spaces", "many lines", "white space around", "a fence", "a fence and lines"])
def test_what_is_as_asked_is_read_quickly(name: str) -> None:
    dice = random.Random(11)
    for family, fmt in FAMILIES.items():
        for _ in range(20):
            text = CHANGES[name](an_answer(dice, BENCH, fmt), dice)
            assert quickly(text, BENCH, fmt), (family, text)


OTHERS = {
    "a key twice": STRIKING[:-1] + ',"risk":"low"}',
    "a key twice inside": STRIKING.replace('"label":"plate"', '"label":"plate","label":"plate"'),
    "another order": STRIKING.replace('"tool":"hammer","part":"bolt"', '"part":"bolt","tool":"hammer"'),
    "label before box": STRIKING.replace('"box":[100,200,500,600],"label":"hammer"', '"label":"hammer","box":[100,200,500,600]'),
    "an escape": STRIKING.replace("plate", "pl\\u0061te"),
    "a number with a point": STRIKING.replace("100", "100.0"),
    "a name for a key": STRIKING.replace('"plate"', '"Plate"'),
    "a violation twice": STRIKING.replace('["tool_at_edge"]', '["tool_at_edge","tool_at_edge"]'),
    "a box outside": STRIKING.replace("600", "1001"),
    "a box without area": STRIKING.replace("500", "100"),
    "no box at all": STRIKING.replace("[100,200,500,600]", "null"),
    "a true": STRIKING.replace("100", "true"),
    "too many": STRIKING.replace('{"label":"plate"}', ",".join(['{"label":"plate"}'] * MAX_OBJECTS)),
    "nothing": "",
    "words behind it": STRIKING + " or none",
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS.keys())
def test_what_is_not_as_asked_is_left_to_the_careful_reader(text: str) -> None:
    assert quickly(text) is None
    assert parse_reply(text, BENCH, THOUSANDTHS, SIZE) == read_with_care(text, BENCH, THOUSANDTHS, SIZE)


def test_a_frame_that_the_profile_does_not_speak_of_is_left_to_the_careful_reader() -> None:
    profile = PROFILES["corridor"]
    said = '{"findings":[{"label":"not_corridor"}],"violations":[],"risk":"none"}'
    assert quickly(said, profile) is None
    assert quickly(said.replace("not_corridor", "e_bike"), profile)
    assert quickly(said.replace("not_corridor", "e_bike").replace('"none"', f'"{NOT_APPLICABLE}"'), profile) is None


def test_another_profile_has_another_reader() -> None:
    stricter = replace(BENCH, labels=BENCH.labels[:3])
    assert reader(BENCH, THOUSANDTHS) is reader(BENCH, THOUSANDTHS)
    assert quickly(STRIKING)
    assert quickly(STRIKING, stricter) is None


def test_readers_are_not_kept_without_end() -> None:
    for step in range(1, 200):
        assert quickly(STRIKING, BENCH, BoxFormat(step=step)) == quickly(STRIKING)


def test_a_profile_without_hazards_is_read() -> None:
    bare = replace(BENCH, hazards=())
    assert quickly(STRIKING, bare) is None
    assert quickly(STRIKING.replace('"tool_at_edge"', ""), bare)
