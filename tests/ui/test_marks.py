"""What marks and labels look like can be read by everybody: 4.5:1 everywhere, and the inspector's style sheet says the same colours."""

from __future__ import annotations

import re

import pytest

from core.profile import LEVELS, read
from core.settings import ASSETS
from ui.inspector.editor import style
from ui.marks import MARKS, OTHER, PALETTE, colour, contrast, ink, mark

READABLE = 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("level", MARKS)
def test_a_mark_can_be_read_in_light_and_dark(level: str) -> None:
    assert contrast(*MARKS[level].light) >= READABLE
    assert contrast(*MARKS[level].dark) >= READABLE


def test_what_nobody_judged_never_looks_like_no_risk() -> None:
    assert mark(None) != mark("none")
    assert len({each.shape for each in MARKS.values()}) == len(MARKS) == len(LEVELS) + 1


@pytest.mark.parametrize("ground", [*PALETTE, OTHER])
def test_a_name_can_be_read_on_the_colour_of_its_label(ground: str) -> None:
    assert contrast(ink(ground), ground) >= READABLE


def test_a_label_has_one_colour_for_ever() -> None:
    profile = read(ASSETS / "profiles" / "bench.toml")
    assert colour(profile, "hammer") == colour(profile, "hammer") == PALETTE[7 % len(PALETTE)]
    assert colour(profile, "no_longer_there") == OTHER


def themes() -> dict[str, dict[str, str]]:
    """The named colours of the style sheet in light and dark."""
    blocks = re.findall(r"^\.gl(\[data-theme=\"dark\"\])? \{(.*?)^\}", style(), re.DOTALL | re.MULTILINE)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", body)) for _, body in blocks[:2])
    return {"light": light, "dark": {**light, **dark}}


PAIRS = [
    (text, ground)
    for text, grounds in {
        "ink": ("page", "surface", "sunk", "accent-soft"),
        "soft": ("page", "surface", "sunk"),
        "accent": ("surface", "page", "accent-soft"),
        "on-accent": ("accent",),
        "bad": ("bad-ground",),
        **{level: (f"{level}-ground",) for level in MARKS},
    }.items()
    for ground in grounds
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS, ids=[f"{text}-on-{ground}" for text, ground in PAIRS])
def test_the_inspector_can_be_read(theme: str, text: str, ground: str) -> None:
    named = themes()[theme]
    assert contrast(named[text], named[ground]) >= READABLE


@pytest.mark.parametrize("level", MARKS)
def test_the_style_sheet_has_the_colours_of_the_marks(level: str) -> None:
    for theme, pair in (("light", MARKS[level].light), ("dark", MARKS[level].dark)):
        named = themes()[theme]
        assert (named[level], named[f"{level}-ground"]) == tuple(each.lower() for each in pair)


def test_the_look_loads_nothing_from_elsewhere() -> None:
    assert "@import" not in style()
    assert [url for url in re.findall(r"url\(\"?([^)\"]+)", style()) if not url.startswith("data:")] == []
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", style())
    assert "!important" not in style()
