"""Who has to give an opinion that has not seen the others' learns nothing of them on the way: not from lists, not from a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotations import opinions
from annotations.desk import Desk
from annotations.queueing import pages
from annotations.store import FILE, Store
from core.errors import OutOfTurn
from core.frames import Vault
from core.profile import read
from core.schema import Risk
from core.settings import ASSETS
from tests.makers import NOON, assessment, correction, jpeg

HIGH = Risk("high", said_by="person")


def test_a_list_and_a_refusal_tell_nothing_of_an_opinion_that_others_shall_not_see(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        desk = Desk(store, Vault(tmp_path), read(ASSETS / "profiles" / "bench.toml"), clock=lambda: NOON)
        frame = desk.receive(jpeg(), "a.jpg", by="ada")
        with store.writing() as connection:
            opinions.add_assessment(connection, assessment(frame), uncertainty=0.5, at=NOON)  # says low
        desk.want(frame.id, 2, by="chen")
        desk.correct(correction(frame, author="lin", risk=HIGH, note="secret of lin"))
        assert [desk.listed(pages.asked_of({"search": word})).cards for word in ("secret", "se")] == [[], []]
        assert b"secret" not in b"".join(desk.table_csv(pages.asked_of({}), by="lea"))
        for card in (desk.walk()[0], desk.listed(pages.asked_of({})).cards[0]):
            assert (card.level, card.verdict, card.author, card.revision) == ("low", None, None, 1)
        with pytest.raises(OutOfTurn) as refused:
            desk.review(frame.id, "accepted", "", 0, by="chen")
        assert refused.value.theirs is None

        desk.second_opinion(correction(frame, author="wang", risk=HIGH))  # now all are in, and they agree
        card = desk.walk()[0]
        assert (card.level, card.verdict, card.author) == ("high", "reviewed", "lin")
        assert [len(desk.listed(pages.asked_of({"search": word})).cards) for word in ("secret", "se")] == [1, 1]
        assert b"secret" in b"".join(desk.table_csv(pages.asked_of({}), by="lea"))
