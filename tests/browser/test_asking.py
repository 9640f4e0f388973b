"""Asking the model when it is slow, busy or broken: it can be stopped and asked again, and a frame is judged by hand meanwhile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.bench_page import SLOW, Bench, another_second
from tests.makers import jpeg
from tests.serving import Served, scripted, serving

pytestmark = pytest.mark.browser


def unasked(page: Page, house: Served, name: str) -> Bench:
    """A frame that no model has seen, open in the browser, which asks at once."""
    with house.client() as client:
        content = jpeg(640, 480, taken=another_second())
        frame = client.post("/api/v1/frames", files={"files": (name, content, "image/jpeg")}).json()[0]["frame"]
    page.goto(f"{house.address}/?frame={frame['id']}&lang=en")
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    return Bench(page, house, frame["id"])


def test_who_cancels_keeps_the_frame_and_can_ask_again(page: Page, house: Served) -> None:
    waiting: list[Route] = []
    ended: list[Request] = []
    page.route("**/assess", lambda route: waiting.append(route))
    page.on("requestfailed", lambda request: ended.append(request) if request.url.endswith("/assess") else None)
    unasked(page, house, "slow.jpg")
    bar = page.locator(".gl-stagebar")
    expect(bar).to_contain_text("looking")
    expect(page.locator(".gl-verdict")).to_have_class(re.compile("is-waiting"))
    bar.get_by_role("button", name="Cancel").click()
    expect(bar).to_be_hidden()
    expect(page.locator(".gl-verdict")).to_contain_text("UNDETERMINED")
    expect(page.locator(".gl-verdict")).to_contain_text("Stopped")
    assert len(ended) == 1, "the request itself ends, so that the server can let go of it"
    page.unroute("**/assess")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
    expect(page.get_by_role("button", name="Ask again")).to_have_count(0)


@pytest.mark.parametrize("hurry", [False, True], ids=["by itself", "at a press"])
def test_a_busy_model_is_asked_again(page: Page, house: Served, hurry: bool) -> None:
    asked: list[Route] = []

    def busy_once(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()
            return
        body = {"error": "Too many frames are waiting for the model.", "kind": "ModelBusy"}
        route.fulfill(status=503, headers={"Retry-After": "60" if hurry else "1"}, json=body)

    page.route("**/assess", busy_once)
    unasked(page, house, f"busy{hurry}.jpg")
    expect(page.locator(".gl-stagebar")).to_contain_text("The model is busy. Asking again in")
    if hurry:
        page.get_by_role("button", name="Ask now").click()
    expect(page.locator(".gl-box")).to_have_count(3, timeout=5_000)
    assert len(asked) == 2


def test_waiting_for_a_busy_model_can_be_stopped(page: Page, house: Served) -> None:
    body = {"error": "Too many frames are waiting for the model.", "kind": "ModelBusy"}
    page.route("**/assess", lambda route: route.fulfill(status=503, headers={"Retry-After": "60"}, json=body))
    unasked(page, house, "stopped.jpg")
    page.locator(".gl-stagebar").get_by_role("button", name="Cancel").click()
    expect(page.locator(".gl-verdict")).to_contain_text("Stopped")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="再问一次")).to_be_visible()


def test_a_frame_is_judged_by_hand_when_the_model_fails(page: Page, tmp_path: Path) -> None:
    with serving(tmp_path / "data", scripted(tmp_path / "script.json", {}, frame_id="another")) as served:
        bench = unasked(page, served, "broken.jpg")
        expect(page.locator(".gl-verdict")).to_contain_text("UNDETERMINED", timeout=SLOW)
        expect(page.locator(".gl-verdict")).to_contain_text("has no answer for the frame")
        expect(page.get_by_role("button", name="Ask again")).to_be_visible()
        expect(page.get_by_role("button", name="Agree")).to_be_disabled()
        box = page.locator(".gl-canvas").bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
        page.mouse.up()
        page.locator('.gl-menu-item[data-key="wrench"]').click()
        for field, value in (("tool", "wrench"), ("part", "bolt"), ("action", "grasp"), ("phase", "work")):
            page.locator(f"#gl-field-{field}").select_option(value)
        page.locator(".gl-level[data-level=low]").click()
        kept = bench.saved()
        assert (kept["risk"]["level"], kept["saw_model"]) == ("low", None)
        assert [finding["label"] for finding in kept["findings"]] == ["wrench"]
        with served.client() as client:
            assert client.get(f"/api/v1/frames/{bench.frame_id}").json()["assessment"] is None
