"""The pages of the dashboard on a real record, as Streamlit runs them, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from annotations.desk import Desk
from annotations.reports import Reports
from annotations.store import Store
from core.backends.scripted import Scripted
from core.frames import Vault
from core.geometry import FAMILIES
from core.inspection import inspect_frame
from core.profile import read
from core.prompts import build
from core.schema import Value
from core.settings import ASSETS
from tests.makers import assessment, correction, jpeg
from ui.dashboard import sets
from ui.dashboard.board import Board, hand_over
from ui.texts import Texts

APP = Path(sets.__file__).with_name("app.py")
PAGES = ("today.py", "waiting.py", "quality.py", "sets.py")
PROFILE = read(ASSETS / "profiles" / "bench.toml")
REPLY = '{"findings":[],"tool":"hammer","part":"bolt","action":"strike","phase":"work","violations":[],"risk":"high"}'


class House:
    """A desk whose model always says the same, and the board of the pages that watch it."""

    def __init__(self, data: Path) -> None:
        self.store = Store(data / "record.sqlite3")
        backend = Scripted("scripted:test", {"*": (REPLY, ())})
        self.desk = Desk(
            self.store,
            Vault(data),
            PROFILE,
            inspect=lambda frame, content, patience: inspect_frame(frame, content, backend, PROFILE, patience),
            model=backend.model,
            prompt_id=build(PROFILE, backend.prompt_style, backend.box_format).id,
        )
        self.reports = Reports(self.store.path)
        hand_over(Board(self.reports, PROFILE, "en", "http://127.0.0.1:9"))

    def frames(self, n: int, *, since: int = 0, name: str = "bench.jpg") -> list[str]:
        ids = [self.desk.receive(jpeg(64 + i, 48), name, by="local").id for i in range(since, since + n)]
        for frame_id in ids:
            self.desk.assess(frame_id)
        return ids

    def corrected(self, frame_ids: list[str], **more: object) -> None:
        for frame_id in frame_ids:
            self.desk.correct(correction(frame_id, saw_model="scripted:test", **more))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.reports.close()
    made.store.close()


def page(name: str, language: str = "en") -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.query_params["lang"] = language
    app.run()
    if name != "today.py":
        app.switch_page(name).run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    return "\n".join(
        str(part.value) for part in (*app.title, *app.header, *app.caption, *app.markdown, *app.metric, *app.error, *app.success)
    )


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PAGES)
def test_an_empty_record_shows_every_page_without_a_fault(house: House, name: str, language: str) -> None:
    assert page(name, language).title


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PAGES)
def test_a_full_record_shows_every_page_without_a_fault(house: House, name: str, language: str) -> None:
    ids = house.frames(34)
    house.corrected(ids[:31])
    house.corrected(ids[31:32], verdict="cannot_tell")
    assert page(name, language).title


@pytest.mark.parametrize("name", PAGES)
def test_a_record_that_cannot_be_read_is_a_sentence_without_a_folder(house: House, tmp_path: Path, name: str) -> None:
    hand_over(Board(Reports(tmp_path / "nowhere" / "record.sqlite3"), PROFILE, "en", "http://127.0.0.1:9"))
    app = page(name)
    assert "There is no record at record.sqlite3 yet." in app.error[0].value
    assert str(tmp_path) not in said(app)


def test_today_counts_what_waits_and_what_is_dangerous(house: House) -> None:
    ids = house.frames(5)
    house.corrected(ids[:2])
    app = page("today.py")
    assert app.title[0].value == "3 frames wait for a person, 3 of them at high risk."
    assert [metric.value for metric in app.metric] == ["3", "3", "5", "2"]
    assert "⬣ HIGH RISK" in said(app)


def test_today_says_when_nothing_waits(house: House) -> None:
    house.corrected(house.frames(2))
    assert page("today.py").title[0].value == "Nothing waits: all 2 frames were judged by a person."


def test_a_correction_is_seen_at_the_next_look(house: House) -> None:
    ids = house.frames(2)
    app = page("today.py")
    assert app.title[0].value.startswith("2 frames wait")
    house.corrected(ids[:1])
    assert app.run().title[0].value == "One frame waits for a person, and it is at high risk."


def test_the_queue_shows_the_least_certain_first_and_more_when_asked(house: House) -> None:
    house.frames(20)
    app = page("waiting.py")
    assert "20" in app.title[0].value
    assert "15 of 20 shown" in said(app)
    app.button[0].click().run()
    assert "20 of 20 shown" in said(app)
    assert not app.button


def test_the_queue_can_be_narrowed(house: House) -> None:
    ids = house.frames(3)
    house.corrected(ids[:1], verdict="cannot_tell")
    app = page("waiting.py")
    app.button_group(key="queue_filter").set_value("cannot_tell").run()
    assert "1 of 1 shown" in said(app)


def test_a_name_that_looks_like_markdown_is_only_a_name(house: House) -> None:
    house.frames(1, name="![x](http-evil) `<b>` :red[x].jpg")
    shown = next(caption.value for caption in page("waiting.py").caption if "evil" in caption.value)
    name = shown.split("\n")[-1]
    assert name.startswith("`")
    assert name.endswith("`")
    assert name.count("`") == 2


def test_quality_claims_nothing_below_thirty_labels(house: House) -> None:
    house.corrected(house.frames(12))
    app = page("quality.py")
    assert app.title[0].value == "Too few corrections for a claim: 12 of 30, 18 are missing."


def test_quality_gives_share_interval_and_n(house: House) -> None:
    ids = house.frames(40)
    right = assessment().step
    wrong = replace(right, tool=Value("pliers", said_by="person"))
    for place, frame_id in enumerate(ids):
        step = wrong if place < 4 else replace(right, tool=Value("hammer", said_by="confirmed"))
        house.corrected([frame_id], step=step)
    app = page("quality.py")
    assert app.title[0].value == "Tool is right in 90 % of frames, 77–96 %, n = 40 corrected."
    assert "Most often: Hammer where a person saw Pliers (n = 4)." in said(app)


@pytest.mark.parametrize(
    ("language", "sentence"), [("en", "2 reviewed frames can become training data."), ("zh", "2 张已审核画面可作为训练数据。")]
)
def test_data_says_what_can_be_trained_on(house: House, language: str, sentence: str) -> None:
    house.corrected(house.frames(3)[:2])
    app = page("sets.py", language)
    assert app.title[0].value == sentence
    assert "298" in said(app)


def test_without_reviewed_frames_there_is_nothing_to_press(house: House) -> None:
    house.frames(1)
    assert page("sets.py").button(key="write").disabled


def test_every_family_that_boxes_are_known_of_is_offered(house: House) -> None:
    house.corrected(house.frames(1))
    choice = page("sets.py").selectbox(key="family")
    assert (choice.options, choice.value) == (list(FAMILIES), "qwen2.5-vl")


def test_a_server_that_does_not_answer_is_told_and_nothing_is_claimed(house: House) -> None:
    house.corrected(house.frames(1))
    app = page("sets.py")
    app.button(key="write").click().run()
    assert [error.value for error in app.error] == ["The server did not answer. Nothing is known to be done; look, and try again."]


@pytest.mark.parametrize("name", PAGES)
def test_the_language_can_be_switched_and_stays(house: House, name: str) -> None:
    house.corrected(house.frames(2)[:1])
    app = page(name, "en")
    english = app.title[0].value
    app.button_group(key="language_switch").set_value("zh").run()
    assert app.title[0].value != english
    assert app.query_params["lang"] == "zh"
    app.switch_page("sets.py").run()
    assert "张已审核画面" in app.title[0].value


def test_every_word_of_the_dashboard_is_there_in_both_languages() -> None:
    english, chinese = (Texts(language).starting("dashboard.") for language in ("en", "zh"))
    assert set(english) == set(chinese)
    places = {key: {part.split("}")[0] for part in words.split("{")[1:]} for key, words in english.items()}
    assert {key: {part.split("}")[0] for part in words.split("{")[1:]} for key, words in chinese.items()} == places
