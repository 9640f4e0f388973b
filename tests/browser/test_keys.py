"""Keys that a person chose: they do what they say, stay after a reload, and none is ever lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.bench_page import SLOW, Bench, select_hammer

pytestmark = pytest.mark.browser


def change(bench: Bench, action: str, key: str) -> None:
    bench.page.locator("body").press("?")
    bench.page.locator(f'.gl-keycap[data-action="{action}"]').click()
    bench.press(key)
    bench.press("Escape")
    expect(bench.page.locator("dialog[open]")).to_have_count(0)


def test_a_changed_key_stays_changed_and_its_old_one_goes_to_who_had_it(bench: Bench) -> None:
    change(bench, "hide", "n")  # which draws
    bench.page.reload()
    expect(bench.page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
    bench.page.locator(".gl-stage").focus()
    bench.press("n")
    expect(bench.page.locator(".gl-box:visible")).to_have_count(0)
    bench.press("n", "h")
    expect(bench.page.get_by_role("button", name="Draw")).to_have_attribute("aria-pressed", "true")
    expect(bench.page.get_by_role("button", name="Draw")).to_have_attribute("title", "Draw a box, also inside another (hold Shift)  ·  H")


@pytest.mark.parametrize("key", ["5", "Enter", "F2", "Control+k"])
def test_what_cannot_be_a_key_changes_nothing(bench: Bench, key: str) -> None:
    bench.page.locator("body").press("?")
    cap = bench.page.locator('.gl-keycap[data-action="draw"]')
    cap.click()
    expect(cap).to_have_text("new key")
    bench.press(key)
    expect(cap).to_have_text("N")


def test_the_usual_keys_come_back(bench: Bench) -> None:
    change(bench, "draw", "d")
    bench.page.locator("body").press("?")
    bench.page.get_by_role("button", name="Back to the usual keys").click()
    expect(bench.page.locator('.gl-keycap[data-action="draw"]')).to_have_text("N")
    bench.press("Escape", "n")
    expect(bench.page.get_by_role("button", name="Draw")).to_have_attribute("aria-pressed", "true")


def test_slash_searches_a_label_for_the_selected_box(bench: Bench) -> None:
    select_hammer(bench)
    bench.press("/")
    expect(bench.page.locator(".gl-menu-filter")).to_be_focused()
    bench.page.keyboard.type("wren")
    bench.press("Enter")
    expect(bench.page.locator(".gl-chip.is-selected")).to_contain_text("Wrench")
