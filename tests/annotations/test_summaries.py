"""What dashboards read is what the opinions say: kept at every write, and the same as a replay from the beginning."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from annotations import opinions, summaries
from annotations.store import Store
from core.schema import Correction, Risk, SaidBy, Step, Value
from tests.annotations.keeping import broken
from tests.makers import NOON, assessment, correction, frame

FRAMES = [frame(frame_id=f"{i:064x}") for i in range(6)]
TOOLS: Sequence[str | None] = ("hammer", "pliers", "none", None)
LEVELS: Sequence[str | None] = ("none", "low", "high", None)
WHO: Sequence[SaidBy] = ("model", "person", "confirmed")


@pytest.mark.parametrize("seed", range(8))
def test_any_order_of_words_gives_the_summaries_of_a_replay(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    record = tmp_path / "record.sqlite3"
    revision = dict.fromkeys((f.id for f in FRAMES), 0)
    with Store(record) as store:
        for turn in range(120):
            at = NOON + timedelta(hours=7 * turn)
            one = dice.choice(FRAMES)
            step = Step(tool=Value(dice.choice(TOOLS), said_by=dice.choice(WHO)), phase=Value("work", said_by=dice.choice(WHO)))
            risk = Risk(dice.choice(LEVELS), said_by=dice.choice(WHO))
            with store.writing() as connection:
                opinions.add_frame(connection, one, by="lin")
                if dice.random() < 0.5:
                    reply = dice.choice((None, assessment().reply))
                    model, prompt = dice.choice("ab"), dice.choice("pq")
                    said = assessment(one, model=model, prompt_id=prompt, step=step, risk=risk, reply=reply)
                    opinions.add_assessment(connection, said, uncertainty=dice.random(), at=at)
                else:
                    verdict = dice.choice(("reviewed", "reviewed", "cannot_tell"))
                    told = correction(one, saw_revision=revision[one.id], verdict=verdict, step=step, risk=risk)
                    revision[one.id] = opinions.add_correction(connection, told, at=at).revision or 0
    assert broken(record) == []


def pairs(told: Correction) -> set[summaries.Pair]:
    return set(summaries.pairs(assessment(), told))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (correction(), {("tool", "hammer", "hammer"), ("part", "bolt", "bolt"), ("action", "strike", "strike"), ("phase", "work", "work"), ("risk", "low", "low")}),
        (correction(verdict="cannot_tell"), set()),
        (correction(step=Step(), risk=Risk("high", said_by="person")), {("risk", "low", "high")}),
        (correction(step=Step(tool=Value("pliers", said_by="person"), part=Value("bolt")), risk=Risk("low")), {("tool", "hammer", "pliers")}),
        (correction(step=Step(), risk=Risk(None, said_by="person")), {("risk", "low", "")}),
    ],
    ids=["confirmed", "cannot tell", "risk only", "what nobody looked at is no truth", "not applicable"],
)  # fmt: skip
def test_a_machine_is_held_against_what_a_person_answered_for(told: Correction, expected: set[summaries.Pair]) -> None:
    assert pairs(told) == expected


def test_what_a_machine_did_not_say_is_held_against_it() -> None:
    silent = assessment(step=Step(), risk=Risk())
    assert ("tool", "", "hammer") in set(summaries.pairs(silent, correction()))
    assert ("risk", "", "low") in set(summaries.pairs(silent, correction()))
