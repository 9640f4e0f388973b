"""Draws on the Queue page, on a real record: who may draw, what was drawn and why, what is kept back, what each policy brought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from annotations.learning.lessons import Picked
from annotations.picking.policies import POLICIES
from annotations.samplers import SAMPLERS
from tests.ui.dashboard.learned import House, handed, housed, page
from ui.dashboard import draws, whys
from ui.texts import LANGUAGES, Texts

EN = Texts("en")


@pytest.fixture
def house(tmp_path: Path) -> Any:
    with housed(tmp_path) as made:
        yield made


def test_before_a_draw_the_page_says_so_and_who_leads_may_draw(house: House) -> None:
    app = page("waiting.py")
    assert not app.button(key="draw").disabled
    assert any("Nothing was drawn yet." in each.value for each in app.caption)
    assert not app.table


def test_who_may_not_draw_finds_the_button_off(house: House) -> None:
    handed(house, guarded=True)  # nobody came in by a doorman, so nobody leads
    assert page("waiting.py").button(key="draw").disabled


def test_a_server_that_does_not_answer_is_told_and_nothing_is_claimed(house: House) -> None:
    house.frames(2)
    app = page("waiting.py")
    app.button(key="draw").click().run()
    assert [each.value for each in app.error] == ["The server did not answer. Nothing is known to be done; look, and try again."]
    assert not app.success


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_draw_is_shown_with_its_tasks_and_their_reasons(house: House, language: str) -> None:
    house.frames(6)
    house.picking.draw(4, "uncertain", by="boss", seed=2, blind=0.0, double=0.0)
    app = page("waiting.py", language)
    line = app.table[0].value.iloc[0].tolist()
    assert [line[0], line[2], line[4:]] == ["1", "`boss`", ["6", "4", "0"]]
    said = [each.value for each in app.markdown]
    doubt = {"en": "least sure field: doubt", "zh": "最没把握的字段"}[language]
    assert sum(doubt in each for each in said) == 4
    assert sum({"en": "chance of being drawn", "zh": "抽中概率"}[language] in each.value for each in app.caption) == 4
    assert len(app.get("plotly_chart")) == 1


def test_of_a_blind_task_nothing_is_told_before_it_is_done(house: House) -> None:
    ids = house.frames(3)
    house.picking.draw(3, "risk", by="boss", seed=2, blind=1.0, double=0.0)
    before = [each.value for each in page("waiting.py").markdown]
    assert sum("To be judged unaided" in each for each in before) == 3
    assert not any("high risk 0" in each for each in before)
    assert not any("chance of being drawn" in each.value for each in page("waiting.py").caption)
    house.corrected(ids[:1])
    after = page("waiting.py")
    assert sum("To be judged unaided" in each.value for each in after.markdown) == 2
    assert sum("chance of being drawn" in each.value for each in after.caption) == 1


def test_reasons_are_told_by_weight_and_the_one_that_drew_it_first() -> None:
    why = {"risk": 0.3, "uncertain": 0.8, "high": 0.41, "margin": 0.01, "garbled": 1.0}
    assert whys.reasons("risk", why, EN) == ["risk and doubt together 0.30", "the reply was not understood", "least sure field: doubt 0.80"]
    assert whys.reasons("random", {}, EN) == ["drawn by chance"]
    assert whys.reasons("own", {"own": 0.5}, EN) == ["own 0.50"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sampler_and_policy_has_its_words(language: str) -> None:
    say = Texts(language)
    assert {name for name in SAMPLERS if f"dashboard.sampler.{name}" not in say.words} == set()
    assert {name for name in SAMPLERS if f"dashboard.why.{name}" not in say.words} == set()
    assert {name for name in POLICIES if f"dashboard.policy.{name}" not in say.words} == set()


def test_few_frames_are_pale_and_say_how_many_are_needed() -> None:
    few, many = (Picked("risk", 60, n, {"high": n // 2}, n, n // 4) for n in (8, 40))
    pale, claimed = draws._rate(few, "high", EN), draws._rate(many, draws.WRONG, EN)
    assert (pale.enough, draws._word(pale, EN)) == (False, "8 of 20 needed")
    assert (claimed.enough, claimed.share, claimed.n) == (True, 0.25, 40)
    assert draws._word(claimed, EN) == "25 %  (14–40 %, n = 40)"
    assert draws._rate(Picked("own", 3, 0), draws.WRONG, EN).n == 0


def test_a_record_without_lessons_has_no_chart(house: House) -> None:
    house.frames(2)
    house.picking.draw(1, "random", by="boss", seed=1)
    handed(house, lessons=False)
    assert not page("waiting.py").get("plotly_chart")
