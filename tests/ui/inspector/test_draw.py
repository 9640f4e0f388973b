"""The frame that people take away: every box drawn, the size kept, nothing else touched."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from core.profile import Profile, read
from core.schema import Box, Finding
from core.settings import ASSETS
from tests.makers import picture
from ui.inspector.draw import annotate, annotated_jpeg
from ui.marks import colour

HAMMER = Finding("hammer", Box(0.25, 0.25, 0.75, 0.75), 0.9)
INSIDE = Finding("hand", Box(0.4, 0.4, 0.6, 0.6), None, "confirmed")
WHOLE = Finding("bolt", None, 0.4)


@pytest.fixture(scope="module")
def bench() -> Profile:
    return read(ASSETS / "profiles" / "bench.toml")


def rgb(hexed: str) -> tuple[int, ...]:
    return tuple(int(hexed[i : i + 2], 16) for i in (1, 3, 5))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_box_is_drawn_in_the_colour_of_its_label_where_it_is(bench: Profile, language: str) -> None:
    drawn = annotate(picture(800, 600), [HAMMER, INSIDE, WHOLE], bench, language)
    assert drawn.size == (800, 600)
    assert drawn.getpixel((400, 450)) == rgb(colour(bench, "hammer"))  # the lower edge
    assert drawn.getpixel((400, 360)) == rgb(colour(bench, "hand"))
    assert drawn.getpixel((780, 300)) == picture(1, 1).getpixel((0, 0)), "away from the boxes nothing changes"


@pytest.mark.parametrize("findings", [[], [WHOLE]], ids=["nothing", "no box"])
def test_a_frame_without_boxes_stays_as_it_is(bench: Profile, findings: list[Finding]) -> None:
    given = picture(64, 48)
    drawn = annotate(given, findings, bench, "en")
    assert drawn is not given
    assert np.array_equal(np.asarray(drawn), np.asarray(given))


def test_the_frame_that_was_handed_in_is_not_drawn_upon(bench: Profile) -> None:
    given = picture(200, 150)
    before = given.tobytes()
    annotate(given, [HAMMER], bench, "en")
    assert given.tobytes() == before


def test_a_label_that_the_profile_lost_is_drawn_all_the_same(bench: Profile) -> None:
    drawn = annotate(picture(200, 150), [Finding("gone", HAMMER.box)], bench, "en")
    assert drawn.tobytes() != picture(200, 150).tobytes()


def test_the_jpeg_carries_no_metadata(bench: Profile) -> None:
    with Image.open(BytesIO(annotated_jpeg(picture(400, 300), [HAMMER], bench, "zh"))) as read_back:
        assert (read_back.format, read_back.size) == ("JPEG", (400, 300))
        assert dict(read_back.getexif()) == {}
