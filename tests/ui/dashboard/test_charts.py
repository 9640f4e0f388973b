"""The charts, as plain figures: what is drawn, from where it is counted, and what is pale."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ui.dashboard import board, charts
from ui.dashboard.charts import DARK, LIGHT, Line, Look, Rate, courses, crossing, rates
from ui.marks import MARKS, contrast
from ui.texts import Texts

CONFIG = Path(charts.__file__).with_name(".streamlit") / "config.toml"
LOOKS = pytest.mark.parametrize("shades", [LIGHT, DARK], ids=["light", "dark"])


@LOOKS
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("days", [["2026-11-20"], ["2026-11-19", "2026-11-20"], [f"2026-11-{day:02}" for day in range(1, 29)]], ids=len)
def test_counts_over_days_stand_on_zero_and_name_their_lines(days: list[str], language: str, shades: Look) -> None:
    figure = courses(
        days,
        [Line("came in", [5] * len(days), "#0072B2"), Line("waiting", [5] * len(days), "#D55E00", filled=True)],
        "frames",
        shades,
        language,
    )
    assert figure.layout.yaxis.rangemode == "tozero"
    assert not figure.layout.template.layout.showlegend
    named = [note.text for note in figure.layout.annotations]
    assert any("came in" in text for text in named)
    assert "frames" in named
    ends = [note.yshift for note in figure.layout.annotations if "</span>" in note.text]
    assert abs(ends[0] - ends[1]) >= 18  # two lines that end at one place do not write over each other


@LOOKS
def test_a_share_shows_its_interval_and_is_pale_with_too_few_labels(shades: Look) -> None:
    sure, unsure = Rate("Tool", 0.9, 0.85, 0.94, 200, True), Rate("Part", 0.5, 0.2, 0.8, 6, False)
    figure = rates([sure, unsure], "% right", ["90 %", "24 more needed"], shades)
    assert tuple(figure.layout.xaxis.range) == (0, 100)
    assert figure.data[0].error_x.array == pytest.approx([4])
    assert figure.data[0].error_x.arrayminus == pytest.approx([5])
    assert figure.data[1].marker.color == shades.pale != figure.data[0].marker.color


@LOOKS
def test_a_crossing_writes_every_count_and_frames_what_agrees(shades: Look) -> None:
    figure = crossing(["a", "b"], ["a", "b", "c"], [[3, 0, 1], [0, 2000, 0]], ("person", "model"), shades)
    texts = [note.text for note in figure.layout.annotations]
    assert sorted(text for text in texts if text[0].isdigit()) == ["1", "2,000", "3"]
    assert len(figure.layout.shapes) == 2


@LOOKS
def test_what_is_written_can_be_read(shades: Look) -> None:
    assert contrast(shades.ink, shades.ground) >= 7
    assert contrast(shades.quiet, shades.ground) >= 4.5
    assert all(contrast(line, shades.ground) >= 3 for line in shades.courses)  # WCAG 2.2, 1.4.11: what is drawn, not written


@pytest.mark.parametrize(("theme", "place"), [("light", 0), ("dark", 1)])
@pytest.mark.parametrize("level", MARKS)
def test_a_level_has_the_same_colours_as_in_the_inspector(level: str, theme: str, place: int) -> None:
    written = tomllib.loads(CONFIG.read_text("utf-8"))["theme"][theme]
    name = board.COLOURS[level]
    assert (written[f"{name}TextColor"], written[f"{name}BackgroundColor"]) == (MARKS[level].light, MARKS[level].dark)[place]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("level", [*MARKS, None])
def test_a_level_is_never_colour_alone(level: str | None, language: str) -> None:
    say = Texts(language)
    word = say(f"dashboard.level.{level or 'undetermined'}")
    shape = MARKS[level or "undetermined"].shape
    assert f"[{shape} {word}]" in board.badge(level, say)
    assert board.level_word(level, say) == f"{shape} {word}"


def test_streamlit_sends_nothing_anywhere_and_watches_nothing() -> None:
    written = tomllib.loads(CONFIG.read_text("utf-8"))
    assert written["browser"]["gatherUsageStats"] is False
    assert written["server"]["fileWatcherType"] == "none"
    assert written["client"]["showErrorDetails"] == "none"
    assert "http" not in CONFIG.read_text("utf-8")
