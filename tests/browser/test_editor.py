"""The box editor in a real Chromium: exact on a 12-megapixel frame that its EXIF turns, by mouse, finger and keyboard, and nothing gets lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import REPLY
from tests.makers import jpeg
from tests.serving import Served, scripted, serving

pytestmark = pytest.mark.browser

SLOW = 20_000  # milliseconds
WIDE, HIGH = 3000, 4000  # pixels, upright; stored lying, as a phone does
_numbers = count()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests here; each brings a frame of its own."""
    folder = tmp_path_factory.mktemp("editor")
    with serving(folder / "data", scripted(folder / "script.json", REPLY)) as server:
        yield server


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


@pytest.fixture
def bench(page: Page, house: Served) -> Bench:
    """A fresh frame, its boxes from the model on the screen."""
    return opened(page, house, name="bench.jpg")


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


HAMMER = [300, 800, 1200, 2000]
HAND = [150, 400, 900, 1600]
BOLT = [1050, 1800, 1800, 3200]


def select_hammer(bench: Bench) -> None:
    bench.page.mouse.click(*bench.at(1000, 1000))  # only the hammer lies there
    expect(bench.page.locator(".gl-chip.is-selected")).to_contain_text("Hammer")


def test_a_frame_stands_upright_and_its_boxes_with_it(bench: Bench) -> None:
    shape = bench.page.evaluate(
        "async () => { const i = document.querySelector('.gl-picture'); await i.decode(); return i.naturalWidth / i.naturalHeight; }"
    )
    assert shape == pytest.approx(WIDE / HIGH, abs=0.002)
    kept = bench.saved()
    for label, box in (("hammer", HAMMER), ("hand", HAND), ("bolt", BOLT)):
        assert pixels(kept, label) == pytest.approx(box, abs=1e-6)


def test_arrow_keys_move_by_exactly_one_and_ten_pixels_of_the_frame(bench: Bench) -> None:
    select_hammer(bench)
    bench.press("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowDown", "ArrowUp")
    kept = bench.saved()
    assert pixels(kept, "hammer") == pytest.approx([303, 809, 1203, 2009], abs=1e-6)
    assert pixels(kept, "hand") == pytest.approx(HAND, abs=1e-6), "its neighbour stays"


def test_alt_and_arrows_move_the_right_and_lower_edge_alone(bench: Bench) -> None:
    select_hammer(bench)
    bench.press("Alt+ArrowRight", "Alt+ArrowRight", "Alt+ArrowUp", "Alt+Shift+ArrowDown")
    assert pixels(bench.saved(), "hammer") == pytest.approx([300, 800, 1202, 2009], abs=1e-6)


def test_the_mouse_moves_a_box_by_the_way_it_went(bench: Bench) -> None:
    bench.drag((1000, 1000), (1300, 1200))
    left, top, right, bottom = pixels(bench.saved(), "hammer")
    assert [left, top] == pytest.approx([600, 1000], abs=bench.coarse())
    assert [left, top] == pytest.approx([round(left), round(top)], abs=1e-6), "on whole pixels"
    assert [right - left, bottom - top] == pytest.approx([900, 1200], abs=1e-6), "its size stays"


def test_a_handle_moves_its_own_corner_only(bench: Bench) -> None:
    select_hammer(bench)
    bench.drag((1200, 2000), (1400, 2300))
    left, top, right, bottom = pixels(bench.saved(), "hammer")
    assert [left, top] == pytest.approx([300, 800], abs=1e-6)
    assert [right, bottom] == pytest.approx([1400, 2300], abs=bench.coarse())


@pytest.mark.parametrize("how", ["shift", "n"])
def test_a_box_is_drawn_inside_another(bench: Bench, how: str) -> None:
    bench.press("n") if how == "n" else bench.page.keyboard.down("Shift")
    bench.drag((500, 1000), (800, 1300))  # inside hammer and hand
    bench.page.keyboard.up("Shift")
    bench.page.locator(".gl-menu-filter").fill("螺")  # by its Chinese name, too
    bench.press("ArrowDown", "ArrowUp", "Enter")
    expect(bench.page.locator(".gl-box")).to_have_count(4)
    kept = bench.saved()
    (new,) = [finding for finding in kept["findings"] if finding["said_by"] == "person"]
    assert new["label"] == "screwdriver"
    assert [corner * side for corner, side in zip(new["box"], (WIDE, HIGH) * 2, strict=True)] == pytest.approx(
        [500, 1000, 800, 1300], abs=bench.coarse()
    )
    assert pixels(kept, "hammer") == pytest.approx(HAMMER, abs=1e-6)


def test_what_is_drawn_while_zoomed_in_is_exact_to_the_pixel(bench: Bench) -> None:
    bench.press(*["+"] * 20)
    assert bench.coarse() < 0.2
    bench.press("n")
    bench.drag((1490, 1990), (1502, 2005))
    bench.press("1")
    assert pixels(bench.saved(), "adjustable_spanner") == pytest.approx([1490, 1990, 1502, 2005], abs=1e-6)


def test_digits_name_the_selected_box_and_undo_takes_it_back(bench: Bench) -> None:
    select_hammer(bench)
    bench.press("5")
    expect(bench.page.locator(".gl-chip.is-selected")).to_contain_text("Drill")
    bench.press("Control+z")
    expect(bench.page.locator(".gl-chip").filter(has_text="Hammer")).to_have_count(1)
    bench.press("Control+y")
    finding = next(f for f in bench.saved()["findings"] if f["label"] == "drill")
    assert (finding["said_by"], finding["confidence"]) == ("person", None)


def test_copy_paste_delete_and_hide(bench: Bench) -> None:
    select_hammer(bench)
    bench.press("c", "v")
    expect(bench.page.locator(".gl-box")).to_have_count(4)
    bench.press("Delete")
    expect(bench.page.locator(".gl-box")).to_have_count(3)
    bench.page.keyboard.down(" ")
    expect(bench.page.locator(".gl-box:visible")).to_have_count(0)
    bench.page.keyboard.up(" ")
    expect(bench.page.locator(".gl-box:visible")).to_have_count(3)
    assert len(bench.saved()["findings"]) == 3, "what is hidden is not gone"


def test_a_finger_moves_a_box(bench: Bench) -> None:
    start, end = bench.at(1000, 1000), bench.at(1100, 1150)
    bench.page.evaluate(
        """([[x0, y0], [x1, y1]]) => {
            const stage = document.querySelector('.gl-stage');
            const touch = (kind, x, y) => stage.dispatchEvent(new PointerEvent(kind, { pointerId: 7, pointerType: 'touch', isPrimary: true, clientX: x, clientY: y, button: 0, buttons: 1, bubbles: true, cancelable: true }));
            touch('pointerdown', x0, y0); touch('pointermove', (x0 + x1) / 2, (y0 + y1) / 2); touch('pointermove', x1, y1); touch('pointerup', x1, y1);
        }""",
        [start, end],
    )
    assert pixels(bench.saved(), "hammer")[:2] == pytest.approx([400, 950], abs=bench.coarse())


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


def test_the_keys_are_shown_by_a_question_mark(bench: Bench) -> None:
    bench.press("?")
    expect(bench.page.locator("dialog.is-keys")).to_contain_text("Save and next")
    bench.press("Escape")
    expect(bench.page.locator("dialog.is-keys")).to_have_count(0)


def test_a_file_name_is_text_and_never_markup(page: Page, house: Served) -> None:
    name = "<img src=x onerror=document.title='broken'>.jpg"
    bench = opened(page, house, name)
    expect(bench.page.locator(".gl-thumb.is-current")).to_have_attribute("title", re.compile("^<img src=x"))
    expect(bench.page.locator(".gl-top-frame b")).to_have_attribute("title", name)
    assert bench.page.title() == "GembaLens"


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


def test_tab_goes_to_what_is_unsure_first(bench: Bench) -> None:
    bench.page.locator("#gl-field-phase").select_option("")
    bench.page.locator(".gl-stage").focus()
    bench.press("Tab")
    expect(bench.page.locator("#gl-field-phase")).to_be_focused()
    bench.press("Tab")
    expect(bench.page.locator(".gl-chip.is-selected")).to_contain_text("Hand")
    bench.press("Tab", "Tab")
    expect(bench.page.locator(".gl-chip.is-selected")).to_contain_text("Bolt")
    bench.press("Shift+Tab")
    expect(bench.page.locator(".gl-chip.is-selected")).to_contain_text("Hammer")


def test_labels_can_be_hidden_from_the_eye_only(bench: Bench) -> None:
    bench.page.get_by_role("button", name="Labels", exact=True).click()
    bench.page.locator(".gl-popup label").filter(has_text="Hand").locator("input").uncheck()
    expect(bench.page.locator(".gl-box:visible")).to_have_count(2)
    bench.press("Escape")
    bench.press("Control+Enter")
    dialog = bench.page.locator("dialog[open]")
    expect(dialog).to_contain_text("hidden or below your threshold: 1")
    dialog.get_by_role("button", name="Show them").click()
    expect(bench.page.locator(".gl-box:visible")).to_have_count(3)
    assert len(bench.saved()["findings"]) == 3


def test_a_file_that_is_no_picture_is_refused_in_the_reader_s_language(page: Page, house: Served) -> None:
    page.goto(f"{house.address}/?lang=zh")
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    page.locator("input.gl-files").set_input_files({"name": "bad.jpg", "mimeType": "image/jpeg", "buffer": b"nonsense"})
    expect(page.locator(".gl-notice.is-bad")).to_contain_text("bad.jpg: 这不是可以读取的图片")


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_frames_come_in_by_paste_and_by_drop(page: Page, house: Served, way: str) -> None:
    page.goto(f"{house.address}/?lang=en")
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    content = jpeg(320, 240, taken=another_second())
    page.evaluate(
        """([way, bytes]) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], 'carried.jpg', { type: 'image/jpeg' }));
            const event = way === 'paste' ? new ClipboardEvent('paste', { clipboardData: carried, bubbles: true }) : new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true });
            document.querySelector('.gl').dispatchEvent(event);
        }""",
        [way, list(content)],
    )
    expect(page.locator(".gl-top-frame")).to_contain_text("320 × 240", timeout=SLOW)
    expect(page.locator(".gl-box")).to_have_count(3, timeout=SLOW)


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
    expect(bench.page.locator(".gl-top-frame em")).to_have_count(0), "nothing of the one is left on the other"
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
