"""Whatever people do in whatever order, states and tallies are what a replay of the opinions gives, and what the audit leads to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotations import opinions
from annotations.desk import Desk
from annotations.reviewing.bulk import Asked
from annotations.store import Store
from core.errors import AppError
from core.schema import Risk, Step, Value
from tests.annotations.desks import PLIERS, desk_of, frames_in, new_record, said
from tests.annotations.keeping import broken
from tests.makers import assessment

WHO = ("lin", "wang", "chen", "local")
STEPS = (PLIERS, Step(*(Value(value, said_by="confirmed") for value in ("hammer", "bolt", "strike", "work"))))


def anything(desk: Desk, store: Store, dice: random.Random, ids: list[str]) -> Callable[[], Any]:
    """Something that a person or a model might do just now; it may be refused."""
    frame, by = dice.choice(ids), dice.choice(WHO)
    sheet = desk.sheet(frame)
    risk = Risk(dice.choice(("none", "low", "high")), said_by=dice.choice(("person", "person", "model")))
    told = said(
        frame,
        by,
        dice.choice((sheet.revision, sheet.revision, 0)),
        step=dice.choice(STEPS),
        risk=risk,
        verdict=dice.choice(("reviewed", "reviewed", "cannot_tell")),
    )
    asked = Asked(dice.choice(("accept", "return", "bin", "unbin", "want")), "because", dice.choice((1, 2, 3)))
    some = dice.sample(ids, 3)

    def assessed() -> None:
        with store.writing() as connection:
            speaks = assessment(frame, model=dice.choice("ab"), prompt_id=dice.choice("pqrs"), risk=Risk(dice.choice(("low", None))))
            opinions.add_assessment(connection, speaks, uncertainty=dice.random(), at=desk._clock(), by=by)

    return dice.choice(
        (
            assessed, lambda: desk.correct(told), lambda: desk.correct(told), lambda: desk.second_opinion(told), lambda: desk.second_opinion(told),
            lambda: desk.adjudicate(told), lambda: desk.restore(frame, dice.randint(1, 3), sheet.revision, by=by),
            lambda: desk.review(frame, dice.choice(("accepted", "returned")), "because", sheet.revision, by=by),
            lambda: desk.review(frame, "returned", "because", sheet.revision, by=by),
            lambda: desk.want(frame, dice.choice((1, 2, 2, 3)), by=by), lambda: desk.bin(frame, "because", by=by), lambda: desk.unbin(frame, by=by),
            lambda: desk.do_bulk(asked, some, desk.preview_bulk(asked, some, by=by)["token"], by=by),
        )
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_verbs_leaves_a_sound_record(tmp_path: Path, seed: int) -> None:
    dice, outcomes = random.Random(seed), Counter[str]()
    record = new_record(tmp_path)
    with Store(record) as store:
        desk = desk_of(store, tmp_path)
        ids = [each.id for each in frames_in(store, 5)]
        for _ in range(300):
            try:
                anything(desk, store, dice, ids)()
                outcomes["done"] += 1
            except AppError as error:
                outcomes[type(error).__name__] += 1
        seen = {entry.action for entry in desk.audit(2000)}
    assert outcomes["done"] > 100
    assert outcomes["OutOfTurn"] > 10
    assert seen >= {"received", "assessed", "corrected", "restored", "accepted", "returned", "opined", "wanted", "binned", "taken out"}
    assert broken(record) == []
