"""Profiles that are shipped can be used; each way of being wrong is refused with file, line and reason."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ProfileError
from core.geometry import THOUSANDTHS
from core.profile import Profile, available, fold, read
from core.prompts import STYLES, build
from core.settings import ASSETS

FOLDER = ASSETS / "profiles"
GOOD = """\
key = "small"
version = 1
name = { en = "Small", zh = "小" }
labels = [
  { key = "hammer", kind = "tool", en = "Hammer", zh = "锤子", aliases = ["mallet"] },
  { key = "bolt", kind = "part", en = "Bolt", zh = "螺栓" },
  { key = "hand", kind = "body", en = "Hand", zh = "手" },
]
actions = [{ key = "strike", en = "Strike", zh = "敲击" }]
phases = [{ key = "work", en = "Work", zh = "作业中" }]
[groups]
hard = ["hammer", "bolt"]
[geometry]
hands = ["hand"]
held = 0.2
[[steps]]
when = { tool = "any", at_part = true }
action = "strike"
phase = "work"
[[hazards]]
key = "too_close"
risk = "high"
en = "Too close"
zh = "太近"
fix = { en = "Move away.", zh = "远离。" }
mark = "@hard"
when = { near = ["hand", "@hard"], gap = 0.1 }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "small.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("key", available(FOLDER))
def test_every_profile_that_is_shipped_can_be_read(key: str) -> None:
    profile = read(FOLDER / f"{key}.toml")
    assert profile.key == key
    assert profile.levels == ("none", "low", "medium", "high")
    for name in ("label", *profile.fields):
        for term in profile.terms(name):
            assert all(profile.key_of(name, word) == term.key for word in (term.key, term.name("en"), term.name("zh"), *term.aliases))
    for hazard in profile.hazards:
        assert profile.key_of("hazard", hazard.name("zh")) == hazard.key
        assert hazard.fix("en")


def test_two_profiles_are_shipped_and_they_differ_in_what_they_ask_for() -> None:
    bench, corridor = (read(FOLDER / f"{key}.toml") for key in ("bench", "corridor"))
    assert available(FOLDER) == ("bench", "corridor")
    assert bench.fields == ("tool", "part", "action", "phase")
    assert len([term for term in bench.labels if term.kind == "tool"]) == 17
    assert (corridor.fields, corridor.not_applicable) == ((), ("not_corridor",))
    assert {hazard.risk for hazard in corridor.hazards} == {"high", "medium", "low"}


def test_a_small_profile_says_what_it_says(tmp_path: Path) -> None:
    profile = read(written(tmp_path, GOOD))
    assert [term.key for term in profile.tools] == ["hammer", "none"]
    assert profile.steps[0].when.tool == ("hammer",)
    assert profile.hazards[0].mark == ("hammer", "bolt")
    assert profile.hazards[0].when[0].near == (("hand",), ("hammer", "bolt"))
    assert (profile.held, profile.touch) == (0.2, 0.0)
    assert profile.term("label", "bolt").name("zh") == "螺栓"
    assert profile.hazard("too_close").risk == "high"


def test_a_mix_of_the_queue_is_read_and_may_be_missing(tmp_path: Path) -> None:
    assert read(written(tmp_path, GOOD)).mix == {}
    mixed = GOOD.replace("[geometry]", "[queue]\nmix = { risk = 2, diverse = 0.5 }\n[geometry]")
    assert read(written(tmp_path, mixed)).mix == {"risk": 2.0, "diverse": 0.5}


def test_what_the_queue_prefers_is_no_part_of_the_question(tmp_path: Path) -> None:
    plain = read(written(tmp_path, GOOD))
    mixed = read(written(tmp_path, GOOD.replace("[geometry]", "[queue]\nmix = { risk = 2, diverse = 0.5 }\n[geometry]")))
    assert mixed.mix
    assert repr(mixed) == repr(plain)
    assert [build(mixed, style, THOUSANDTHS).id for style in STYLES] == [build(plain, style, THOUSANDTHS).id for style in STYLES]


@pytest.mark.parametrize("said", ["hammer", "Hammer", " HAMMER ", "ｈａｍｍｅｒ", "锤子", "mallet"])
def test_one_thing_has_many_names(tmp_path: Path, said: str) -> None:
    assert read(written(tmp_path, GOOD)).key_of("tool", said) == "hammer"


@pytest.mark.parametrize("said", ["", "ham", "hammers", "not hammer", "no hammer", "hammer?", "非锤子", "锤", "hammer bolt", "bolt"])
def test_a_part_of_a_name_is_no_name(tmp_path: Path, said: str) -> None:
    assert read(written(tmp_path, GOOD)).key_of("tool", said) is None


WRONG = {
    "no key": ('key = "small"\n', "", 1, '"key" is missing'),
    "no labels": ("labels = [", "levels = [", 1, '"labels" is missing'),
    "a key with a space": ('key = "small"', 'key = "small one"', 1, "small letters"),
    "a key that is a number": ('key = "small"', "key = 5", 1, "small letters"),
    "a version in words": ("version = 1", 'version = "one"', 2, "whole number"),
    "a version that is a truth": ("version = 1", "version = true", 2, "whole number"),
    "a name in one language": ('name = { en = "Small", zh = "小" }', 'name = { en = "Small" }', 3, 'no name in "zh"'),
    "a name in a third language": ('zh = "小" }', 'zh = "小", de = "Klein" }', 3, '"de" is no language'),
    "a name that is no table": ('name = { en = "Small", zh = "小" }', 'name = "Small"', 3, "takes a table"),
    "labels that are a table": ("labels = [\n", "labels = { a = 1 }\nphases2 = [\n", 5, "phases2"),
    "a word that means nothing": ("version = 1", "version = 1\ncolour = 2", 3, '"colour" means nothing'),
    "levels out of order": ("version = 1", 'version = 1\nlevels = ["high", "none"]', 3, "in this order"),
    "a level of our own": ("version = 1", 'version = 1\nlevels = ["none", "awful"]', 3, "in this order"),
    "a label without a name": (
        '{ key = "bolt", kind = "part", en = "Bolt", zh = "螺栓" }',
        '{ key = "bolt", kind = "part", en = "Bolt" }',
        6,
        '"bolt" has no name in "zh"',
    ),
    "a label without a key": ('{ key = "bolt", kind', "{ kind", 1, "a label has no key"),
    "a label that is no table": ('{ key = "bolt", kind = "part", en = "Bolt", zh = "螺栓" }', '"bolt"', 4, "takes a table"),
    "a label that is there twice": ('key = "bolt"', 'key = "hammer"', 6, "there twice"),
    "a label called none": ('key = "bolt"', 'key = "none"', 6, "cannot be called"),
    "a label with a misspelled word": ("aliases =", "alias =", 5, '"alias" means nothing among the labels'),
    "aliases that are numbers": ('aliases = ["mallet"]', "aliases = [5]", 5, "list of words"),
    "a kind that is a number": ('kind = "body"', "kind = 5", 7, "must be a word"),
    "one word for two things": ('aliases = ["mallet"]', 'aliases = ["Hand"]', 7, '"hand" is a word for the label "hammer" already'),
    "an action of a kind": ('{ key = "strike", en', '{ key = "strike", kind = "x", en', 9, '"kind" means nothing among the actions'),
    "a group of strangers": ('hard = ["hammer", "bolt"]', 'hard = ["hammer", "nut"]', 12, '"nut" in group "hard" is no label'),
    "a group that is a number": ('hard = ["hammer", "bolt"]', "hard = 3", 12, "list of words"),
    "hands that are not there": ('hands = ["hand"]', 'hands = ["paw"]', 14, '"paw" is neither'),
    "a share above one": ("held = 0.2", "held = 2", 15, "between 0 and 1"),
    "a share in words": ("held = 0.2", 'held = "much"', 15, "between 0 and 1"),
    "a measure of our own": ("held = 0.2", "grip = 0.2", 15, '"grip" means nothing in "geometry"'),
    "a step without a condition": ("when = { tool", "# when = { tool", 16, "no condition"),
    "a step with a strange action": ('action = "strike"', 'action = "dance"', 18, '"dance" in a step is no action'),
    "a step with a strange phase": ('phase = "work"', 'phase = "later"', 19, '"later" in a step is no phase'),
    "a step with a strange word": ('phase = "work"', 'phase = "work"\nstage = 1', 20, '"stage" means nothing in a step'),
    "a tool that is not there": ('tool = "any"', 'tool = "saw"', 17, '"saw" is neither'),
    "a truth in words": ("at_part = true", 'at_part = "yes"', 17, "true or false"),
    "a hazard without a fix": ('fix = { en = "Move away.", zh = "远离。" }\n', "", 21, 'no "fix"'),
    "a hazard with a fix in one language": (', zh = "远离。"', "", 21, 'no name in "zh"'),
    "a hazard of no level": ('risk = "high"', 'risk = "extreme"', 21, "needs a risk out of low, medium, high"),
    "a hazard of the least level": ('risk = "high"', 'risk = "none"', 21, "needs a risk"),
    "a hazard without a condition": ('when = { near = ["hand", "@hard"], gap = 0.1 }', "", 21, "every frame"),
    "a hazard with a distance only": ('near = ["hand", "@hard"], gap', "gap", 21, "every frame"),
    "a hazard that never holds": ('when = { near = ["hand", "@hard"], gap = 0.1 }', "when = []", 21, "no frame"),
    "a condition of our own": ("gap = 0.1", "distance = 0.1", 27, '"distance" is no condition'),
    "a count of nothing": ("gap = 0.1", "count = 0", 27, "whole number, 1 or more"),
    "near to one thing": ('near = ["hand", "@hard"]', 'near = ["hand"]', 27, "takes two"),
    "near to a group that is not there": ('near = ["hand", "@hard"]', 'near = ["hand", "@soft"]', 27, '"@soft" is neither'),
    "a mark on nothing": ('mark = "@hard"', "mark = 7", 26, "list of words"),
    "a label out of scope that is not there": ("version = 1", 'version = 1\nnot_applicable = ["elsewhere"]', 3, '"elsewhere" is neither'),
    "a sampler that is not there": (
        "[geometry]",
        "[queue]\nmix = { hunch = 1 }\n[geometry]",
        14,
        '"hunch" is no sampler (random, uncertain,',
    ),
    "a share of the queue in words": ("[geometry]", '[queue]\nmix = { risk = "much" }\n[geometry]', 14, "number over 0"),
    "a share of the queue that is a truth": ("[geometry]", "[queue]\nmix = { risk = true }\n[geometry]", 14, "number over 0"),
    "a share of the queue that is nothing": ("[geometry]", "[queue]\nmix = { risk = 0 }\n[geometry]", 14, "number over 0"),
    "a queue of one's own": ("[geometry]", "[queue]\norder = 3\n[geometry]", 14, '"order" means nothing in "queue"'),
    "a mix that is a list": ("[geometry]", '[queue]\nmix = ["risk"]\n[geometry]', 14, "takes a table"),
    "no TOML": ("version = 1", "version = = 1", 2, "not valid TOML"),
}


@pytest.mark.parametrize(("was", "becomes", "line", "reason"), WRONG.values(), ids=WRONG.keys())
def test_a_bad_profile_is_refused_with_file_line_and_reason(tmp_path: Path, was: str, becomes: str, line: int, reason: str) -> None:
    assert was in GOOD
    with pytest.raises(ProfileError) as refused:
        read(written(tmp_path, GOOD.replace(was, becomes)))
    sentence = str(refused.value)
    assert sentence.startswith("small.toml")
    assert reason in sentence
    assert f"line {line}" in sentence


def test_a_hazard_that_is_there_twice_is_refused_at_the_second(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r'line 29: the hazard "too_close" is there twice'):
        read(written(tmp_path, GOOD + GOOD[GOOD.index("[[hazards]]") :]))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"\x00" * 10, "key = 'é'".encode("latin-1")], ids=["another encoding", "zeros", "Latin-1"]
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "small.toml").write_bytes(content)
    with pytest.raises(ProfileError, match=r"^small\.toml"):
        read(tmp_path / "small.toml")


def test_a_profile_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"no profile missing\.toml"):
        read(tmp_path / "missing.toml")


@given(
    at=st.integers(0, len(GOOD) - 1),
    length=st.integers(0, 30),
    instead=st.sampled_from(["", "1", '"x"', "[]", "{}", "true", "= 5\n", '"hammer"']),
)
def test_a_profile_with_a_piece_replaced_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, at: int, length: int, instead: str
) -> None:
    try:
        profile = read(written(tmp_path_factory.getbasetemp(), GOOD[:at] + instead + GOOD[at + length :]))
    except ProfileError as refused:
        assert str(refused).startswith("small.toml")  # noqa: PT017
    else:
        assert isinstance(profile, Profile)


def _values(raw: object) -> int:
    if isinstance(raw, dict):
        return 1 + sum(_values(value) for value in raw.values())
    return 1 + sum(_values(value) for value in raw) if isinstance(raw, list) else 1


def test_the_small_profile_is_not_empty() -> None:
    assert _values(tomllib.loads(GOOD)) > 40


@given(said=st.text(max_size=30))
def test_folding_twice_is_folding_once(said: str) -> None:
    assert fold(fold(said)) == fold(said)
