"""A frame of 12 megapixels open in a real browser: where its points lie on the screen, and what the record has of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

from playwright.sync_api import Page, expect

from tests.makers import jpeg
from tests.serving import Served

SLOW = 20_000  # milliseconds
WIDE, HIGH = 3000, 4000  # pixels, upright; stored lying, as a phone does
_numbers = count()

HAMMER = [300, 800, 1200, 2000]
HAND = [150, 400, 900, 1600]
BOLT = [1050, 1800, 1800, 3200]


@dataclass(frozen=True)
class Bench:
    """A frame of 12 megapixels, judged and open in the browser."""

    page: Page
    house: Served
    frame_id: str

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point in pixels of the upright frame lies on the screen."""
        canvas = self.page.locator(".gl-canvas").bounding_box()
        assert canvas is not None
        return canvas["x"] + x / WIDE * canvas["width"], canvas["y"] + y / HIGH * canvas["height"]

    def coarse(self) -> float:
        """Pixels of the frame under one pixel of the screen: no hand can be more exact than that."""
        canvas = self.page.locator(".gl-canvas").bounding_box()
        assert canvas is not None
        return WIDE / canvas["width"]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """From one point of the frame to another, in two steps."""
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        self.page.mouse.move(*self.at(*end))
        self.page.mouse.up()

    def press(self, *keys: str) -> None:
        """Keys one after the other, on the frame."""
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self) -> dict[str, Any]:
        """Save and stay; the correction as the record has it then."""
        with self.page.expect_response(lambda response: response.url.endswith("/corrections")) as caught:
            self.page.keyboard.press("Control+s")
        assert caught.value.status == 200, caught.value.text()
        expect(self.page.locator(".gl-notice").last).to_contain_text("Saved.")
        return self.recorded()

    def recorded(self) -> dict[str, Any]:
        """The latest correction in the record."""
        with self.house.client() as client:
            kept: dict[str, Any] = client.get(f"/api/v1/frames/{self.frame_id}").json()["correction"]
        return kept


def opened(page: Page, house: Served, name: str) -> Bench:
    """Upload a frame by the API, have it judged, open it."""
    content = jpeg(HIGH, WIDE, exif_orientation=6, taken=another_second(), quality=60)
    with house.client() as client:
        frame = client.post("/api/v1/frames", files={"files": (name, content, "image/jpeg")}).json()[0]["frame"]
        client.post(f"/api/v1/frames/{frame['id']}/assess").raise_for_status()
    page.goto(f"{house.address}/?frame={frame['id']}&lang=en")
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    expect(page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
    return Bench(page, house, frame["id"])


def another_second() -> str:
    """A time nobody had: other bytes, so another frame."""
    return f"2026:11:20 12:00:{next(_numbers):02}"


def pixels(kept: dict[str, Any], label: str, nth: int = 0) -> list[float]:
    """Left, top, right, bottom of a label's box in pixels of the upright frame, not rounded."""
    box = [finding["box"] for finding in kept["findings"] if finding["label"] == label][nth]
    return [corner * side for corner, side in zip(box, (WIDE, HIGH) * 2, strict=True)]


def select_hammer(bench: Bench) -> None:
    bench.page.mouse.click(*bench.at(1000, 1000))  # only the hammer lies there
    expect(bench.page.locator(".gl-chip.is-selected")).to_contain_text("Hammer")
