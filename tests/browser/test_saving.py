"""Saving in a real Chromium: what is confirmed and by whom, drafts, conflicts, slow and failed saves; nothing lands where it does not belong."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.bench_page import SLOW, Bench, another_second, opened, pixels, select_hammer
from tests.makers import jpeg
from tests.serving import Served

pytestmark = pytest.mark.browser


def test_saving_confirms_what_was_left_and_says_who_changed_the_rest(bench: Bench) -> None:
    select_hammer(bench)
    bench.press("ArrowRight")
    bench.page.locator("#gl-field-phase").select_option("finish")
    kept = bench.saved()
    assert {f["label"]: f["said_by"] for f in kept["findings"]} == {"hammer": "person", "hand": "confirmed", "bolt": "confirmed"}
    assert {name: value["said_by"] for name, value in kept["step"].items()} == {
        "tool": "confirmed",
        "part": "confirmed",
        "action": "confirmed",
        "phase": "person",
    }
    assert kept["risk"]["said_by"] == "confirmed"
    assert 0 < kept["active_seconds"] < 60


def test_who_cannot_tell_confirms_nothing(bench: Bench) -> None:
    with bench.page.expect_response(lambda response: response.url.endswith("/corrections")):
        bench.press("x")
    kept = bench.recorded()
    assert kept["verdict"] == "cannot_tell"
    assert {f["said_by"] for f in kept["findings"]} == {"model"}


def test_a_draft_survives_a_reload_and_goes_when_it_is_saved(bench: Bench) -> None:
    select_hammer(bench)
    bench.press("Shift+ArrowRight")
    bench.page.locator("#gl-field-phase").select_option("finish")
    bench.page.on("dialog", lambda dialog: dialog.accept())
    bench.page.reload()
    expect(bench.page.locator(".gl-notice")).to_contain_text("is back", timeout=SLOW)
    expect(bench.page.locator("#gl-field-phase")).to_have_value("finish")
    assert pixels(bench.saved(), "hammer") == pytest.approx([310, 800, 1210, 2000], abs=1e-6)
    assert bench.page.evaluate("Object.keys(localStorage).filter(key => key.includes('draft')).length") == 0


def test_a_conflict_shows_both_and_mine_can_become_the_newer_version(bench: Bench) -> None:
    with bench.house.client() as client:
        said = client.get(f"/api/v1/frames/{bench.frame_id}").json()["assessment"]
        body = {key: said[key] for key in ("findings", "step", "violations", "risk")} | {
            "saw_revision": 0,
            "verdict": "reviewed",
            "author": "Wang",
        }
        body["risk"] = {"level": "low", "said_by": "person"}
        client.post(f"/api/v1/frames/{bench.frame_id}/corrections", json=body).raise_for_status()
    select_hammer(bench)
    bench.press("Shift+ArrowRight", "Control+s")
    dialog = bench.page.locator("dialog[open]")
    expect(dialog).to_contain_text("Saved by Wang")
    assert bench.recorded()["author"] == "Wang", "nothing was overwritten"
    dialog.get_by_role("button", name="Save mine as the newer version").click()
    expect(dialog).to_have_count(0)
    expect(bench.page.locator(".gl-origin")).to_contain_text("version 2")
    assert pixels(bench.recorded(), "hammer")[0] == pytest.approx(310, abs=1e-6)


def test_a_frame_that_nobody_judged_is_loud_and_cannot_be_saved_as_it_is(page: Page, house: Served) -> None:
    bench = opened(page, house, "unjudged.jpg")
    bench.page.route("**/assess", lambda route: route.fulfill(status=503, json={"error": "The model is busy. Come back."}))
    with house.client() as client:
        content = jpeg(640, 480, taken=another_second())
        frame = client.post("/api/v1/frames", files={"files": ("x.jpg", content, "image/jpeg")}).json()[0]["frame"]
    bench.page.goto(f"{house.address}/?frame={frame['id']}&lang=en")
    expect(bench.page.locator(".gl-verdict")).to_contain_text("UNDETERMINED", timeout=SLOW)
    expect(bench.page.locator(".gl-verdict")).to_contain_text("The model is busy")
    bench.press("Control+Enter")
    expect(bench.page.locator(".gl-notice").last).to_contain_text("Please answer first: Tool, Part, Action, Phase, Risk")


def test_boxes_below_the_threshold_are_never_confirmed_unseen(bench: Bench) -> None:
    def unsure(route: Route) -> None:
        sheet = route.fetch().json()
        for finding, confidence in zip(sheet["assessment"]["findings"], (0.2, 0.9, 0.9), strict=True):
            finding["confidence"] = confidence
        route.fulfill(json=sheet)

    bench.page.route(f"**/api/v1/frames/{bench.frame_id}", unsure)
    bench.page.reload()
    expect(bench.page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
    bench.page.locator("#gl-threshold").fill("0.5")
    expect(bench.page.locator(".gl-box.is-faded")).to_have_count(1)
    bench.press("Control+Enter")
    dialog = bench.page.locator("dialog[open]")
    expect(dialog).to_contain_text("hidden or below your threshold: 1")
    with bench.page.expect_response(lambda response: response.url.endswith("/corrections")):
        dialog.get_by_role("button", name="Remove them").click()
    assert len(bench.recorded()["findings"]) == 2


def test_work_that_the_server_did_not_take_is_kept(bench: Bench) -> None:
    select_hammer(bench)
    bench.press("ArrowRight")
    bench.page.context.set_offline(True)
    bench.press("Control+s")
    expect(bench.page.locator(".gl-notice.is-bad")).to_contain_text("Not saved")
    assert bench.page.evaluate("Object.keys(localStorage).filter(key => key.includes('draft')).length") == 1
    bench.page.context.set_offline(False)
    assert pixels(bench.saved(), "hammer")[0] == pytest.approx(301, abs=1e-6)


def another_frame(bench: Bench, side: int = 640) -> str:
    """One more frame in the house, judged, with a thumbnail on the open page."""
    with bench.house.client() as client:
        content = jpeg(side, 480, taken=another_second())
        frame: str = client.post("/api/v1/frames", files={"files": ("other.jpg", content, "image/jpeg")}).json()[0]["frame"]["id"]
        client.post(f"/api/v1/frames/{frame}/assess").raise_for_status()
    bench.page.reload()
    expect(bench.page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
    return frame


def sheet_of(bench: Bench, frame_id: str) -> dict[str, Any]:
    with bench.house.client() as client:
        sheet: dict[str, Any] = client.get(f"/api/v1/frames/{frame_id}").json()
    return sheet


@pytest.mark.parametrize("key", ["y", "x", "Control+Enter", "Enter on the button"])
def test_a_held_key_settles_one_frame_and_not_the_next_ones(bench: Bench, key: str) -> None:
    another_frame(bench)
    sent: list[Request] = []
    bench.page.on("request", lambda request: sent.append(request) if request.url.endswith("/corrections") else None)
    if key == "Enter on the button":
        bench.page.get_by_role("button", name="Save and next").focus()
    elif key == "Control+Enter":
        bench.page.keyboard.down("Control")
    down = key if key in "yx" else "Enter"
    for _ in range(4):  # from the second on, the browser says "repeat"
        bench.page.keyboard.down(down)
        expect(bench.page).not_to_have_url(re.compile(bench.frame_id))
        expect(bench.page.get_by_role("button", name="Can't tell")).to_be_enabled()
    bench.page.wait_for_timeout(300)
    assert len(sent) == 1
    bench.page.keyboard.up(down)
    bench.page.keyboard.up("Control")


def test_a_second_press_while_a_save_is_on_its_way_sends_nothing(bench: Bench) -> None:
    on_its_way: list[Route] = []
    bench.page.route("**/corrections", lambda route: on_its_way.append(route))
    bench.press("x", "x", "y", "Control+s")
    bench.page.wait_for_timeout(300)
    (route,) = on_its_way
    route.continue_()
    expect(bench.page.locator(".gl-thumb.is-reviewed, .gl-notice").first).to_be_attached()


def test_a_slow_save_lands_on_its_own_frame_and_nothing_changes_meanwhile(bench: Bench) -> None:
    other = another_frame(bench)
    on_its_way: list[Route] = []
    bench.page.route("**/corrections", lambda route: on_its_way.append(route))
    select_hammer(bench)
    bench.press("Shift+ArrowRight", "Control+Enter")
    expect(bench.page.get_by_role("button", name="Save and next")).to_be_disabled()
    bench.press("ArrowRight", "Control+z", "Delete")
    bench.page.locator(f'.gl-thumb[data-id="{other}"]').click()
    bench.page.wait_for_timeout(300)
    expect(bench.page).to_have_url(re.compile(bench.frame_id))
    (route,) = on_its_way
    route.continue_()
    expect(bench.page).to_have_url(re.compile(other))
    expect(bench.page.locator(".gl-top-frame")).to_contain_text("640 × 480")
    expect(bench.page.locator(".gl-origin")).not_to_contain_text("Reviewed by")
    expect(bench.page.locator(".gl-top-frame em")).to_have_count(0)  # nothing of the one is left on the other
    assert pixels(bench.recorded(), "hammer") == pytest.approx([310, 800, 1210, 2000], abs=1e-6)
    assert sheet_of(bench, other)["revision"] == 0


def test_trying_again_from_another_frame_goes_back_and_never_saves_the_other(bench: Bench) -> None:
    other = another_frame(bench)
    bench.page.route("**/corrections", lambda route: route.abort())
    select_hammer(bench)
    bench.press("Shift+ArrowRight", "Control+s")
    again = bench.page.locator(".gl-notice.is-bad").get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    bench.page.locator(f'.gl-thumb[data-id="{other}"]').click()
    expect(bench.page).to_have_url(re.compile(other))
    bench.page.unroute("**/corrections")
    again.click()
    expect(bench.page).to_have_url(re.compile(bench.frame_id))
    expect(bench.page.locator(".gl-notice").last).to_contain_text("is back")
    assert pixels(bench.saved(), "hammer")[0] == pytest.approx(310, abs=1e-6)
    assert sheet_of(bench, other)["revision"] == 0


def test_a_violation_answers_the_risk_of_an_undetermined_frame_only_when_it_is_the_worst(bench: Bench) -> None:
    def unread(route: Route) -> None:
        sheet = route.fetch().json()
        sheet["assessment"]["risk"] = {"level": None, "probabilities": {}, "reasons": ["unparsed"], "said_by": "model"}
        route.fulfill(json=sheet)

    bench.page.route(f"**/api/v1/frames/{bench.frame_id}", unread)
    bench.page.reload()
    verdict, add = bench.page.locator(".gl-verdict"), bench.page.get_by_label("Add a violation …")
    expect(verdict).to_contain_text("UNDETERMINED", timeout=SLOW)
    add.select_option("crowded_bench")
    expect(bench.page.locator(".gl-violation")).to_have_count(1)
    expect(verdict).to_contain_text("UNDETERMINED")
    bench.page.locator(".gl-stage").focus()
    bench.press("Control+Enter")
    expect(bench.page.locator(".gl-notice").last).to_contain_text("Please answer first: Risk")
    add.select_option("hand_at_work_of_blade")
    expect(verdict).to_contain_text("HIGH RISK")
    kept = bench.saved()
    assert (kept["risk"]["level"], kept["risk"]["said_by"]) == ("high", "person")


@pytest.mark.parametrize("older", [{"model": "older@1"}, {"prompt_id": "older"}], ids=["model", "prompt"])
def test_a_frame_that_another_model_or_prompt_judged_is_asked_about_anew(bench: Bench, older: dict[str, str]) -> None:
    def by_an_older(route: Route) -> None:
        sheet = route.fetch().json()
        sheet["assessment"] |= older
        route.fulfill(json=sheet)

    bench.page.reload()
    asked: list[Request] = []
    bench.page.on("request", lambda request: asked.append(request) if request.url.endswith("/assess") else None)
    expect(bench.page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
    bench.page.wait_for_timeout(300)
    assert not asked, "its own answer is enough"
    bench.page.route(f"**/api/v1/frames/{bench.frame_id}", by_an_older)
    with bench.page.expect_response(lambda response: response.url.endswith("/assess")):
        bench.page.reload()
    expect(bench.page.locator(".gl-origin")).to_contain_text("scripted")


def test_who_began_before_the_model_had_answered_saw_no_model(page: Page, house: Served) -> None:
    bench = opened(page, house, "early.jpg")
    on_its_way: list[Route] = []
    page.route("**/assess", lambda route: on_its_way.append(route))
    with house.client() as client:
        content = jpeg(640, 480, taken=another_second())
        early = client.post("/api/v1/frames", files={"files": ("early.jpg", content, "image/jpeg")}).json()[0]["frame"]["id"]
    page.goto(f"{house.address}/?frame={early}&lang=en")
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    for field, value in (("tool", "hammer"), ("part", "bolt"), ("action", "strike"), ("phase", "work")):
        page.locator(f"#gl-field-{field}").select_option(value)
    page.locator(".gl-level[data-level=none]").click()
    on_its_way.pop().continue_()
    expect(page.locator(".gl-origin")).to_contain_text("scripted")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()  # the draft remembers it, too
    expect(page.locator(".gl-notice")).to_contain_text("is back", timeout=SLOW)
    page.locator(".gl-stage").focus()
    assert Bench(page, house, early).saved()["saw_model"] is None
    assert sheet_of(bench, early)["assessment"]["model"]
