"""Answers by the thousand are letter for letter those that are written one by one, for every family; and the quick reader of bodies takes what may teach."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import orjson
import pytest

from annotations import rows, teaching
from annotations.formats.answering import written
from annotations.teaching import Opinion
from core import answers
from core.geometry import FAMILIES
from core.profile import Profile, read
from core.schema import Box, Correction, Finding, Risk, SaidBy, Step, Value, Violation
from core.settings import ASSETS
from tests.makers import NOON, correction

_SAYERS: tuple[SaidBy, ...] = ("person", "confirmed", "model")
PROFILES = {name: read(ASSETS / "profiles" / f"{name}.toml") for name in ("bench", "corridor")}


def some_correction(dice: random.Random, profile: Profile) -> Correction:
    """Large boxes, boxes smaller than a step, boxes at the edge, labels of the whole frame; sometimes a word that is foreign or a machine's."""

    def box() -> Box | None:
        x, y, size = dice.choice((0.0, dice.random() * 0.9, 0.9995)), dice.random() * 0.9, dice.choice((0.0004, 0.003, 0.4))
        return None if dice.random() < 0.1 else Box(x, y, min(1.0, x + size), min(1.0, y + size))

    by: SaidBy = dice.choices(_SAYERS, (8, 8, 1))[0]
    labels = [term.key for term in profile.labels] + (["dragon"] if dice.random() < 0.05 else [])
    findings = tuple(Finding(dice.choice(labels), box(), said_by=by) for _ in range(dice.randrange(6)))
    values = {
        name: Value(dice.choice([*(term.key for term in profile.terms(name)), *([None] * (dice.random() < 0.1))]), None, by)
        for name in profile.fields
    }
    violations = tuple(Violation(dice.choice(profile.hazards).key, "low", box(), said_by=by) for _ in range(dice.randrange(3)))
    risk = Risk(dice.choice([*profile.levels, None]), said_by=by)
    return correction("0" * 64, findings=findings, step=Step(**values), violations=violations, risk=risk)


@pytest.mark.parametrize("name", PROFILES)
def test_the_quick_reader_takes_exactly_what_may_teach(name: str) -> None:
    profile, dice = PROFILES[name], random.Random(5)
    decode, taken = teaching.strict(profile), Counter[bool]()
    for _ in range(800):
        told = some_correction(dice, profile)
        body = rows.from_correction(told, NOON)["body"]
        try:
            decode(body)
            fits = True
        except msgspec.ValidationError:
            fits = False
        assert fits == (teaching.why_not(told, profile) is None), body
        taken[fits] += 1
    assert min(taken[True], taken[False]) > 50


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", PROFILES)
def test_answers_by_the_thousand_are_those_one_by_one(name: str, family: str) -> None:
    profile, dice, fmt = PROFILES[name], random.Random(7), FAMILIES[family]
    told = [some_correction(dice, profile) for _ in range(300)]
    sizes = [(dice.randrange(30, 3000), dice.randrange(30, 3000)) for _ in told]
    said = [msgspec.json.decode(rows.from_correction(each, NOON)["body"], type=Opinion) for each in told]
    quick = list(written(zip(said, sizes, strict=True), profile, fmt))
    careful = [answers.write(e.findings, e.step, e.violations, e.risk, profile, fmt, size) for e, size in zip(told, sizes, strict=True)]
    assert quick == careful
    assert all(orjson.loads(each) for each in quick)
