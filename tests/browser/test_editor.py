"""The box editor in a real Chromium: exact on a 12-megapixel frame that its EXIF turns, by mouse, finger and keyboard, and nothing gets lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.bench_page import BOLT, HAMMER, HAND, HIGH, SLOW, WIDE, Bench, another_second, opened, pixels, select_hammer
from tests.makers import jpeg
from tests.serving import Served

pytestmark = pytest.mark.browser


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
