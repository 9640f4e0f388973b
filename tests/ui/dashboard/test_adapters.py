"""Models: what is claimed of an adapter and what is not, who may let it speak, and where it comes from; on a record with measured adapters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.dashboard.taught import Taught, looked, measured, told
from ui.dashboard import adapters

BETTER = (240, 0.6, 0.9)
LOST_BOXES = (240, 0.6, 0.9, 0.3)
FEW = (12, 0.6, 0.9)


@pytest.fixture
def taught(tmp_path: Path) -> Iterator[Taught]:
    made = Taught(tmp_path)
    yield made
    made.close()


def page(language: str = "en", **state: object) -> AppTest:
    return looked(adapters, language, **state)


@pytest.mark.parametrize(("language", "sentence"), [("en", "no adapter was ever promoted"), ("zh", "从未启用过适配器")])
def test_without_an_adapter_the_base_speaks_and_nothing_is_compared(taught: Taught, language: str, sentence: str) -> None:
    app = page(language)
    assert sentence in app.title[0].value
    assert not app.table
    assert not app.metric


@pytest.mark.parametrize("language", ["en", "zh"])
def test_two_models_are_shown_with_intervals_n_and_a_word(taught: Taught, language: str) -> None:
    taught.registered("first", measured(*BETTER), dataset=taught.frozen())
    app = page(language)
    assert len(app.metric) == 4
    assert all("n = " in metric.label for metric in app.metric)
    shown = told(app)
    assert ("▲ better" if language == "en" else "▲ 更好") in shown
    assert "n = 240" in shown
    assert ("✓ passed" if language == "en" else "✓ 通过") in shown
    assert ("Tool: macro F1" if language == "en" else "工具：宏 F1") in shown
    assert len(app.get("plotly_chart")) == 3  # the differences, and both confusions


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_was_lost_is_told_first_and_in_the_visitors_language(taught: Taught, language: str) -> None:
    taught.registered("first", measured(*LOST_BOXES))
    app = page(language)
    reasons = next(table.value for table in app.table if "✕" in str(table.value.values[0][1]))
    first = list(map(str, reasons.values[0]))
    assert first[0] == ("Boxes kept" if language == "en" else "框未退步")
    assert ("It was lost" if language == "en" else "退步了") in first[2]
    assert "box F1 went from" not in told(app)


def test_of_too_few_frames_nothing_is_claimed_and_the_missing_are_counted(taught: Taught) -> None:
    taught.registered("first", measured(*FEW))
    app = page()
    assert all("missing" in metric.delta for metric in app.metric)
    shown = told(app)
    assert "n = 12, 8 missing" in shown
    assert "▲ better" not in shown
    assert "6 scenes were measured; 30 are needed." in shown


def test_an_adapter_that_was_never_measured_says_so(taught: Taught) -> None:
    taught.registered("bare", {"figures": {}})
    shown = told(page())
    assert "Nobody has measured bare beside another model" in shown
    assert "– not measured" in shown


def test_a_passed_one_is_let_speak_and_taken_back_with_a_reason(taught: Taught) -> None:
    taught.registered("first", measured(*BETTER))
    with taught.answered():
        app = page()
        app.button(key="promote").click().run()
        assert "Say why" in app.error[0].value or "why is a text" in app.error[0].value
        assert taught.house.adapters.live() is None
        app.text_input(key="promote_why").set_value("better on the new bench")
        app.button(key="promote").click().run()
        assert not app.error, app.error
        assert app.title[0].value.startswith("first speaks since ")
        assert "its gate was passed" in app.title[0].value
        assert "better on the new bench" in told(app)
        assert "● in use" in told(app)
        app.text_input(key="back_why").set_value("saw ghosts")
        app.button(key="back").click().run()
        assert "took the adapter back" in app.title[0].value
        assert taught.house.adapters.live() is None
        assert "saw ghosts" in told(app)


def test_one_that_did_not_pass_speaks_only_on_an_admins_word_which_is_marked(taught: Taught) -> None:
    taught.registered("first", measured(*LOST_BOXES))
    with taught.answered():
        app = page()
        app.text_input(key="promote_why").set_value("we need it")
        app.button(key="promote").click().run()
        assert "did not pass its gate" in app.error[0].value.replace("\\", "")
        assert taught.house.adapters.live() is None
        app.checkbox(key="promote_anyway").check()
        app.text_input(key="promote_why").set_value("we need it")
        app.button(key="promote").click().run()
        assert "although its gate was not passed" in app.title[0].value
        assert "⚠ anyway, without a passed gate" in told(app)


def test_a_server_that_does_not_answer_changes_nothing_and_says_so(taught: Taught) -> None:
    taught.registered("first", measured(*BETTER))
    app = page()
    app.text_input(key="promote_why").set_value("why not")
    app.button(key="promote").click().run()
    assert [error.value for error in app.error] == ["The server did not answer. Look at the history below before you try again."]


def test_who_only_looks_sees_the_figures_and_presses_nothing(tmp_path: Path) -> None:
    taught = Taught(tmp_path, guarded=True)
    taught.registered("first", measured(*BETTER), dataset=taught.frozen())
    taught.house.adapters.promote("first", by="lead", why="good")
    taught.registered("second", measured(*LOST_BOXES), seed=2)
    app = page()
    assert app.button(key="promote").disabled
    assert app.button(key="back").disabled
    assert not app.checkbox
    shown = told(app)
    assert "Only leads may change which model speaks" in shown
    assert "Whose corrections they were is shown to leads" in told(page(adapter="first"))
    assert not any(each.key == "eaten_frame" for each in app.text_input)
    taught.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_correction_is_followed_to_what_speaks_now(taught: Taught, language: str) -> None:
    taught.registered("first", measured(*BETTER), dataset=taught.frozen())
    taught.house.adapters.promote("first", by="lead", why="good")
    held = {each.part: each.reviewed.frame.id for each in taught.house.sets.frames("spring")}
    app = page(language)
    app.text_input(key="eaten_frame").set_value(f"http://x/?frame={held['train']}")
    app.button(key="eaten_look").click().run()
    assert ("learned from this correction" if language == "en" else "学过这条修正") in app.warning[0].value
    app.text_input(key="eaten_frame").set_value(held["test"])
    app.button(key="eaten_look").click().run()
    assert not [each for each in app.warning if "learned from this" in each.value or "学过这条" in each.value]
    assert ("was judged by it" if language == "en" else "用它评测") in told(app)
    app.text_input(key="eaten_frame").set_value("f" * 64)
    app.button(key="eaten_look").click().run()
    assert ("has no revision 1" if language == "en" else "没有第 1 版") in app.error[0].value
    app.text_input(key="eaten_frame").set_value("no frame")
    app.button(key="eaten_look").click().run()
    assert ("no frame's id" if language == "en" else "没有画面编号") in app.error[0].value


def test_a_reason_that_looks_like_markdown_is_only_a_reason(taught: Taught) -> None:
    taught.registered("first", measured(*BETTER))
    taught.house.adapters.promote("first", by="lead", why="![x](http-evil) :red[boo]")
    why = next(caption.value for caption in page().caption if "evil" in caption.value)
    assert "![" not in why
    assert ":red[" not in why
