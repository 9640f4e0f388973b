"""One frame all the way, as a person goes it: upload, look, move, relabel, draw, change the phase, save, dashboard, training file, the very numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from core.settings import ASSETS
from tests.serving import Served, serving

pytestmark = pytest.mark.browser

SAMPLE = ASSETS / "samples" / "20231102150501.jpg"  # 640 x 480, a real bench
SLOW = 20_000  # milliseconds; first page of a cold server on a busy machine
WIDTH, HEIGHT = 640, 480


def opened(page: Page, served: Served) -> None:
    """The inspector, ready for a person."""
    page.goto(served.address)
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)


def inspected(page: Page, served: Served) -> None:
    """The sample frame, uploaded and judged."""
    opened(page, served)
    page.locator("input.gl-files").set_input_files(SAMPLE)
    expect(page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
    expect(page.locator("#gl-field-tool")).to_have_value("hammer")


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the frame, in pixels of the frame, lies on the screen."""
    box = page.locator(".gl-canvas").bounding_box()
    assert box is not None
    return box["x"] + x / WIDTH * box["width"], box["y"] + y / HEIGHT * box["height"]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one point of the frame to another, as a hand does: not in one jump."""
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    page.mouse.move(*at(page, *end))
    page.mouse.up()


def saved(page: Page) -> dict[str, Any]:
    """Save and go on by the keyboard; what was sent."""
    with page.expect_response(lambda response: response.url.endswith("/corrections")) as caught:
        page.keyboard.press("Control+Enter")
    assert caught.value.status == 200, caught.value.text()
    sent = caught.value.request.post_data_json
    assert sent
    return dict(sent)


def pixels(findings: list[dict[str, Any]], label: str) -> list[int]:
    """The one box of a label, in whole pixels of the frame."""
    (box,) = [finding["box"] for finding in findings if finding["label"] == label]
    return [round(value * side) for value, side in zip(box, (WIDTH, HEIGHT) * 2, strict=True)]


def test_one_frame_all_the_way(page: Page, served: Served) -> None:
    inspected(page, served)
    frame_id = page.url.split("frame=")[1].split("&")[0]

    drag(page, (240, 130), (290, 150))  # the hammer, by 50 and 20 pixels
    page.mouse.click(*at(page, 340, 330))  # the bolt
    page.keyboard.press("l")
    page.locator('.gl-menu-item[data-key="bearing"]').click()
    page.keyboard.press("n")
    drag(page, (448, 48), (576, 144))  # a new one, where nothing is
    page.locator('.gl-menu-item[data-key="wrench"]').click()
    expect(page.locator(".gl-box")).to_have_count(4)
    page.locator("#gl-field-phase").select_option("finish")
    page.locator("#gl-field-part").select_option("bearing")
    sent = saved(page)

    # In the record: what was done on the screen, and who said it.
    with served.client() as client:
        told = client.get(f"/api/v1/frames/{frame_id}").json()
    kept = told["correction"]
    assert told["revision"] == 1
    assert [{key: finding[key] for key in ("label", "box", "confidence", "said_by")} for finding in kept["findings"]] == sent["findings"]
    expected = {"hand": [32, 48, 192, 192], "hammer": [114, 116, 306, 260], "bearing": [224, 216, 384, 384], "wrench": [448, 48, 576, 144]}
    for label, box in expected.items():
        assert pixels(kept["findings"], label) == pytest.approx(box, abs=1), label
    assert {finding["label"]: finding["said_by"] for finding in kept["findings"]} == {
        "hand": "confirmed", "hammer": "person", "bearing": "person", "wrench": "person",
    }  # fmt: skip
    assert (kept["step"]["phase"]["value"], kept["step"]["phase"]["said_by"]) == ("finish", "person")
    assert (kept["step"]["tool"]["value"], kept["step"]["tool"]["said_by"]) == ("hammer", "confirmed")
    assert told["assessment"]["step"]["phase"]["value"] == "work", "the machine's word is never changed"

    in_the_dashboard(page, served)
    folder = exported(page, served)
    (line,) = [json.loads(text) for text in (folder / "sft.tag.jsonl").read_text("utf-8").splitlines()]
    answer = json.loads(line["messages"][1]["content"])
    with Image.open(folder / line["images"][0]) as picture:
        sides = picture.size * 2
    for finding, said in ((f, next(k for k in kept["findings"] if k["label"] == f["label"])) for f in answer["findings"]):
        assert finding["box"] == [round(value * side) for value, side in zip(said["box"], sides, strict=True)], finding["label"]
    assert len(answer["findings"]) == 4
    assert (answer["phase"], answer["part"], answer["tool"]) == ("finish", "bearing", "hammer")
    assert json.loads((folder / "manifest.json").read_bytes())


def in_the_dashboard(page: Page, served: Served) -> None:
    """The correction is in the figures."""
    page.goto(f"{served.address}/dashboard/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("judged by a person", timeout=SLOW)
    page.goto(f"{served.address}/dashboard/quality")
    expect(page.get_by_text("Phase").first).to_be_visible(timeout=SLOW)


def exported(page: Page, served: Served) -> Path:
    """The folder of the training files, written in the background by the dashboard's button."""
    page.goto(f"{served.address}/dashboard/data")
    expect(page.get_by_role("heading", level=1)).to_contain_text("can become training data", timeout=SLOW)
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("link", name="Download")).to_be_visible(timeout=SLOW)
    (manifest,) = (served.data / "exports").glob("*/manifest.json")
    return manifest.parent


def test_the_model_that_ships_is_asked_and_named(page: Page, tmp_path: Path) -> None:
    """The same beginning with nothing scripted: a sample of the empty screen, a verdict of real weights on this CPU."""
    with serving(tmp_path / "data", "compact") as served:
        opened(page, served)
        with page.expect_response(lambda response: response.url.endswith("/assess"), timeout=6 * SLOW) as caught:
            page.locator(f'.gl-sample[data-name="{SAMPLE.name}"]').click()
        said = caught.value.json()
        assert said["reply"]["text"].startswith("{")
        expect(page.locator(".gl-box")).to_have_count(len([each for each in said["findings"] if each["box"]]))
        expect(page.locator("#gl-field-tool")).to_have_value(said["step"]["tool"]["value"])
        expect(page.locator(".gl-origin")).to_contain_text("compact")


def test_a_frame_with_nothing_on_it_is_saved_by_the_keyboard_alone(page: Page, served: Served) -> None:
    inspected(page, served)
    for _ in range(3):
        page.keyboard.press("Tab")
        page.keyboard.press("Delete")
    expect(page.locator(".gl-box")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(page.locator(".gl-box")).to_have_count(1)
    page.keyboard.press("Control+y")
    expect(page.locator(".gl-box")).to_have_count(0)
    assert saved(page)["findings"] == []


def test_work_that_was_not_saved_survives_a_reload(page: Page, served: Served) -> None:
    inspected(page, served)
    drag(page, (240, 130), (290, 150))
    page.locator("#gl-field-phase").select_option("finish")
    page.on("dialog", lambda dialog: dialog.accept())  # "leave the page?"
    page.reload()
    expect(page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
    expect(page.locator("#gl-field-phase")).to_have_value("finish")
    sent = saved(page)
    assert pixels(sent["findings"], "hammer") == pytest.approx([114, 116, 306, 260], abs=1)


def test_the_second_to_save_sees_both_versions_and_overwrites_nothing(page: Page, served: Served) -> None:
    inspected(page, served)
    frame_id = page.url.split("frame=")[1].split("&")[0]
    with served.client() as client:
        theirs = client.get(f"/api/v1/frames/{frame_id}").json()["assessment"]
        for each in (*theirs["findings"], *theirs["step"].values(), theirs["risk"]):
            each["said_by"] = "confirmed"
        theirs["risk"]["level"] = "low"
        keys = ("findings", "step", "violations", "risk")
        more = {"saw_revision": 0, "verdict": "reviewed", "author": "Wang", "active_seconds": 2.0, "note": ""}
        first = client.post(f"/api/v1/frames/{frame_id}/corrections", json={**{key: theirs[key] for key in keys}, **more})
        assert first.status_code == 200, first.text
    page.locator("#gl-field-phase").select_option("finish")
    with page.expect_response(lambda response: response.url.endswith("/corrections")) as caught:
        page.keyboard.press("Control+Enter")
    assert caught.value.status == 409
    expect(page.locator("dialog[open]")).to_be_visible()
    with served.client() as client:
        assert len(client.get(f"/api/v1/frames/{frame_id}/history").json()) == 1


def test_chinese_and_dark_are_one_click_away(page: Page, served: Served) -> None:
    inspected(page, served)
    page.get_by_role("button", name="中文").click()
    expect(page.locator(".gl-nav")).to_contain_text("检查")
    expect(page.locator(".gl-chip").filter(has_text="锤子")).to_be_visible()
    page.locator("button.is-theme").click()
    assert page.evaluate("document.querySelector('.gl').dataset.theme") == "dark"


@pytest.mark.parametrize(
    "leaving",
    [
        "fetch('http://127.0.0.2:9/x.woff').catch(() => 0)",
        "void new WebSocket('ws://127.0.0.2:9/')",
        "setTimeout(() => { throw Error('x') })",
    ],
    ids=["a request", "a socket", "an error"],
)
def test_the_guard_can_fail(browser: Browser, leaving: str) -> None:
    """What watches every test here is red when a page leaves this machine or breaks; without this, its silence would prove nothing."""
    from tests.browser.conftest import Watch

    with browser.new_context() as context:
        seen = Watch.over(context)
        page = context.new_page()
        page.set_content("<p>still here</p>")
        seen.judge()
        page.evaluate(leaving)
        page.wait_for_timeout(300)
    with pytest.raises(AssertionError, match=r"left this machine: (http|ws)://127\.0\.0\.2|error of a page: x"):
        seen.judge()
