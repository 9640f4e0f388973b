"""The Data page on a real record: what may teach, frozen sets, one of them, files, pairs, further frames. And who may not press what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from annotations.edits import KINDS
from annotations.exporting import Wanted
from annotations.freezing.frozen import PARTS, Part
from annotations.teaching import REASONS
from core.augmenting.changes import CHANGES
from core.schema import Value
from tests.makers import correction
from tests.ui.dashboard.learned import House, handed, housed, page
from ui.dashboard import charts
from ui.dashboard.balances import Row, balanced
from ui.routes_exports import job_json
from ui.texts import LANGUAGES, Texts

HALVES: dict[Part, float] = {"train": 0.5, "test": 0.5}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with housed(tmp_path) as made:
        yield made


def said(app: AppTest) -> str:
    return "\n".join(
        str(part.value) for part in (*app.title, *app.header, *app.caption, *app.markdown, *app.warning, *app.error, *app.success)
    )


def test_what_may_not_teach_is_told_with_its_reason(house: House) -> None:
    ids = house.frames(4)
    house.corrected(ids[:2])
    house.corrected(ids[2:3], verdict="cannot_tell")
    app = page("sets.py")
    assert app.title[0].value == "2 reviewed frames can become training data."
    reasons = app.table[0].value
    assert dict(zip(reasons.iloc[:, 0], reasons.iloc[:, 1], strict=True)) == {"not reviewed yet": "1", "a person could not tell": "1"}
    assert "No set is frozen yet." in said(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_frozen_set_is_told_in_its_parts_and_with_what_leaks(house: House, language: str) -> None:
    house.corrected(house.frames(6))
    house.sets.freeze("first", by="boss", note="pilot", shares=HALVES)
    app = page("sets.py", language)
    line = app.table[0].value.iloc[0].tolist()
    assert line[:4] == ["`first`", "6", "3 / 0 / 3", "`boss`"]
    assert line[5:] == ["`pilot`", {"en": "✓ as frozen", "zh": "✓ 与冻结时一致"}[language]]
    leaks = [each.value for each in app.warning]  # nobody has looked at the pictures, and that is no silence
    assert len(leaks) == 1
    assert {"en": "6 frames have not been looked at yet", "zh": "有 6 张画面尚未分析"}[language] in leaks[0]
    assert len(app.get("plotly_chart")) == 3  # labels, risk, pairs


def test_without_a_leak_there_is_a_green_word(house: House) -> None:
    house.corrected(house.frames(4))
    house.picking.look()
    house.sets.freeze("first", by="boss", shares={"train": 1.0})
    app = page("sets.py")
    assert not app.warning
    assert ":green-badge[✓ nothing is in two parts]" in said(app)


def test_two_sets_are_held_side_by_side(house: House) -> None:
    ids = house.frames(6)
    house.corrected(ids[:4])
    house.sets.freeze("first", by="boss", shares=HALVES)
    house.corrected(ids[4:])
    house.sets.freeze("second", by="boss", shares=HALVES)
    app = page("sets.py")
    assert {metric.label: metric.value for metric in app.metric if metric.label in ("Added", "Gone", "In another part")} == {
        "Added": "2",
        "Gone": "0",
        "In another part": "0",
    }


def test_nothing_can_be_pressed_by_who_does_not_lead(house: House) -> None:
    house.corrected(house.frames(2))
    handed(house, guarded=True)
    app = page("sets.py")
    assert app.button(key="write").disabled
    assert next(each for each in app.button if each.label == "Freeze").disabled


def test_a_refusal_is_a_sentence_and_nothing_is_claimed(house: House) -> None:
    house.corrected(house.frames(2))
    app = page("sets.py")
    app.text_input(key="set_name").set_value("first")
    next(each for each in app.button if each.label == "Freeze").click().run()
    assert "The server did not answer." in app.error[0].value
    assert not app.success
    app.session_state["frozen"] = {"error": "[x](evil) is taken."}
    assert app.run().error[0].value == "\\[x\\]\\(evil\\) is taken."


def test_exports_are_listed_with_their_link_for_leads_alone(house: House) -> None:
    house.corrected(house.frames(2))
    job = house.exports.start(Wanted(formats=("csv",), pictures=False), by="boss")
    assert house.exports.wait(30)
    shown = said(page("sets.py"))
    assert f"/api/v1/exports/{job.id}/file" in shown
    assert "2 frames in 2 files, 0 left out" in shown
    app = page("sets.py")
    app.session_state["written"] = job_json(job)  # what the API answers
    app.run()
    assert [each.value for each in app.success] == [f"`{job.id}` was asked for. It is written in the background."]
    assert not app.error
    handed(house, guarded=True)
    assert job.id not in said(page("sets.py"))


def test_pairs_are_told_by_edit_and_why_there_are_none(house: House) -> None:
    ids = house.frames(3)
    house.corrected(ids[:2], step=correction().step.__class__(**{
        **{name: Value(correction().step[name].value, said_by="confirmed") for name in ("part", "action", "phase")},
        "tool": Value("pliers", said_by="person"),
    }))  # fmt: skip
    app = page("sets.py")
    assert "Preference pairs" in said(app)
    assert len(app.get("plotly_chart")) == 1


def test_a_further_frame_is_shown_when_asked_for(house: House) -> None:
    house.corrected(house.frames(1))
    app = page("sets.py")
    assert "As it would teach" not in [each.value for each in app.subheader]
    assert any(each.label.startswith("Further frames") for each in app.expander)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_that_a_record_may_say_is_there(language: str) -> None:
    say = Texts(language)
    leaks = ("scene", "scene_now", "same_picture", "near_duplicate", "taught_before", "not_looked_at")
    wanted = [f"dashboard.leak.{kind}" for kind in leaks]
    wanted += [f"dashboard.edit.{kind.replace(' ', '_')}" for kind in KINDS]
    wanted += [f"dashboard.change.{name}" for name in CHANGES]
    wanted += [f"dashboard.part.{part}" for part in PARTS]
    wanted += [f"dashboard.data.reason.{reason.replace(' ', '_')}" for reason in REASONS]
    wanted += [f"dashboard.export.{phase}" for phase in ("waiting", "writing", "done", "failed", "cancelled", "removed")]
    assert [key for key in wanted if key not in say.words] == []


def test_bars_are_shares_of_their_part_on_one_scale() -> None:
    figure = balanced([Row("Hammer", (5, 0)), Row("Bolt", (10, 4))], ["Train", "Test"], (10, 4), "%", charts.LIGHT)
    train, test = figure.data
    assert (list(train.x), list(test.x)) == ([50.0, 100.0], [0.0, 100.0])
    assert list(test.text) == ["0", "4"]
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range
    assert figure.layout.xaxis.range[0] == 0
