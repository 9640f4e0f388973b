"""Training: what runs and how far it is, what went wrong as a sentence, and the form that begins one, on the folders that a true training leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.training import states
from tests.ui.dashboard.taught import Taught, looked, measured, told
from ui.dashboard import lessons
from ui.dashboard.lessons import left
from ui.texts import Texts

MIB = 2**20


@pytest.fixture
def taught(tmp_path: Path) -> Iterator[Taught]:
    made = Taught(tmp_path)
    yield made
    made.close()


def page(language: str = "en", **state: object) -> AppTest:
    return looked(lessons, language, **state)


@pytest.mark.parametrize(("language", "sentence"), [("en", "Nothing is being trained."), ("zh", "现在没有训练在进行。")])
def test_where_nothing_was_taught_it_says_so_and_shows_the_form(taught: Taught, language: str, sentence: str) -> None:
    app = page(language)
    assert app.title[0].value == sentence
    assert not app.button(key="begin").disabled
    assert not app.table


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "usual\\-3 is being taught: 61 %, 4 min left."), ("zh", "usual\\-3 正在训练：61%，还需 4 分钟。")],
)
def test_what_runs_tells_how_far_it_is_and_what_it_takes(taught: Taught, language: str, sentence: str) -> None:
    taught.job(
        "usual-3", here=True, losses=(1.5, 1.25, 1.0), phase="training", step=61, steps=100, loss=1.0, seconds_left=240.0,
        memory_now=900 * MIB, memory_peak=1000 * MIB, adapter_bytes=100 * MIB, adapter_share=0.05,
    )  # fmt: skip
    app = page(language)
    assert app.title[0].value == sentence
    assert [metric.value for metric in app.metric] == ["1.000", "900 MiB", "1000 MiB", "100 MiB"]
    assert len(app.get("plotly_chart")) == 1
    assert "10.0" in told(app)
    assert app.button(key="begin").disabled
    assert not app.button(key="cancel").disabled
    assert not any(each.key in ("resume", "register") for each in app.button)


@pytest.mark.parametrize("phase", ["waiting", "measuring", "evaluating"])
def test_a_stage_without_steps_has_its_own_sentence(taught: Taught, phase: str) -> None:
    taught.job("usual-3", here=True, phase=phase)
    sentences = {page(language).title[0].value for language in ("en", "zh")}
    assert len(sentences) == 2
    assert all("usual" in sentence for sentence in sentences)


def test_what_failed_says_why_without_a_folder_and_can_go_on(taught: Taught) -> None:
    taught.job("usual-3", phase="failed", error="The disk is full at /srv/gemba/trainings. Make room and resume.", step=3, steps=9)
    app = page()
    assert app.error[0].value.replace("\\", "") == "The disk is full at trainings. Make room and resume."
    assert not app.button(key="resume").disabled
    assert "failed: see why below" in told(app)
    assert not app.button(key="begin").disabled


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_done_tells_its_gate_and_is_registered_once(taught: Taught, language: str) -> None:
    job = taught.jobs / "fresh"
    from tests.annotations.learning.nursery import training

    training(job, seed=7)
    (job / "job.json").unlink()
    taught.job("fresh", report=measured(12, 0.6, 0.9), phase="done", step=5, steps=5)
    with taught.answered():
        app = page(language, training="fresh")
        assert ("undetermined" if language == "en" else "无法判定") in told(app)
        app.button(key="register").click().run()
        assert not app.error, app.error
        assert taught.house.adapters.adapters()[0].name == "fresh"
        assert not any(each.key == "register" for each in app.button)
        assert ("Registered as fresh" if language == "en" else "已登记为 fresh") in told(app)


def test_a_refusal_is_shown_as_its_sentence_and_nothing_is_begun(taught: Taught) -> None:
    name = taught.written_out(4)
    with taught.answered():
        app = page()
        assert app.selectbox(key="begin_set").value == name
        app.selectbox(key="begin_method").set_value("grpo")
        app.number_input(key="begin_batch").set_value(3)
        app.number_input(key="begin_accumulation").set_value(1)
        app.button(key="begin").click().run()
        said = app.error[0].value.replace("\\", "")
    assert "must be a multiple of generations" in said
    assert str(taught.folder) not in said
    assert app.title[0].value == "Nothing is being trained."
    assert not taught.trainings.list()


def test_one_is_begun_with_what_was_asked_for_and_cancelled(taught: Taught) -> None:
    name = taught.written_out(20)
    with taught.answered():
        app = page()
        app.number_input(key="begin_rank").set_value(4)
        app.text_input(key="begin_name").set_value("bench-2")
        app.selectbox(key="begin_metric").set_value("box_f1")
        app.button(key="begin").click().run()
        try:
            assert not app.error, app.error
            begun = taught.trainings.one("bench-2")
            assert (begun.recipe["rank"], begun.recipe["method"], begun.metric, begun.against) == (4, "sft", "box_f1", None)
            assert begun.running
            assert begun.dataset == name
            assert "spring" in told(app)
            assert "bench" in app.title[0].value
        finally:
            taught.trainings.cancel("bench-2", now=True)
            taught.trainings.wait("bench-2")
        app.run()
    assert app.title[0].value == "Nothing is being trained."


def test_a_server_that_does_not_answer_is_told(taught: Taught) -> None:
    taught.job("usual-3", phase="cancelled")
    app = page()
    app.button(key="resume").click().run()
    assert [error.value for error in app.error] == ["The server did not answer. Look at the list below before you try again."]


def test_who_only_looks_may_begin_and_change_nothing(tmp_path: Path) -> None:
    taught = Taught(tmp_path, guarded=True)
    taught.job("usual-3", phase="failed", error="It fell over.")
    app = page()
    assert app.button(key="begin").disabled
    assert app.button(key="resume").disabled
    assert "Only leads begin a training." in told(app)
    taught.close()


def test_the_time_that_is_left_is_said_as_people_say_it() -> None:
    say = Texts("en")
    assert [left(seconds, say) for seconds in (None, 0.2, 61, 240, 9000)] == ["an unknown time", "1 s", "61 s", "4 min", "2.5 h"]


def test_the_folder_of_a_job_is_as_a_training_writes_it(taught: Taught) -> None:
    place = taught.job("usual-3", losses=(1.0,), phase="done")
    assert states.read_job(place).id == "usual-3"
    assert taught.trainings.curve("usual-3")[0]["loss"] == 1.0
