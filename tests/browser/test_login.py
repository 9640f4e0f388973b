"""The way in, in a real browser: the first admin by the printed link, a viewer by a password, and who may not go further."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import REPLY
from tests.serving import Served, scripted, serving
from tests.ui.peopled import PASSWORD, first_link, person

pytestmark = pytest.mark.browser
SLOW = 30_000  # milliseconds


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that asks for a login and knows nobody."""
    folder = tmp_path_factory.mktemp("login")
    with serving(folder / "data", scripted(folder / "script.json", REPLY), "--login") as server:
        yield server
        assert "Traceback" not in server.log.read_text("utf-8"), server.log.read_text("utf-8")


def test_the_first_admin_joins_and_a_viewer_logs_in_and_comes_as_far_as_a_viewer_may(
    page: Page, context: BrowserContext, house: Served
) -> None:
    page.goto(f"{house.address}{first_link(house)}?lang=en")
    expect(page.get_by_role("heading")).to_have_text("You are the first admin")
    page.get_by_label("Name", exact=True).fill("Ada")
    page.get_by_label("New password").fill("too short")
    page.get_by_label("The same password again").fill("too short")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("alert")).to_have_text("A password has at least 10 signs.")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("alert")).to_contain_text("not alike")
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    assert "gembalens" not in page.evaluate("document.cookie"), "no script may read it"

    cookie = "; ".join(f"{each['name']}={each['value']}" for each in context.cookies())
    person(house, cookie, "vera", "viewer")
    context.clear_cookies()
    page.goto(f"{house.address}/dashboard/queue?lang=zh")
    expect(page.get_by_role("heading")).to_have_text("登录")
    page.get_by_label("用户名").fill("vera")
    page.get_by_label("密码", exact=True).fill("not her password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("用户名与密码不符")
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{house.address}/dashboard/queue?lang=zh", timeout=SLOW)
    expect(page.get_by_test_id("stApp")).to_be_visible(timeout=SLOW)
    page.goto(f"{house.address}/dashboard/people?lang=zh")
    expect(page.get_by_role("heading")).to_have_text("您的角色不能打开此页")
    page.goto(f"{house.address}/login?lang=en")
    expect(page).not_to_have_url(f"{house.address}/login?lang=en")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_of_the_login_are_readable(page: Page, house: Served, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{house.address}/login?lang=en")
    pairs = page.evaluate(
        """() => [...document.querySelectorAll("h1, p, label, button, a, input")].filter((each) => each.offsetParent).map((each) => {
            let ground = each;
            while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
            return [getComputedStyle(each).color, getComputedStyle(ground).backgroundColor, each.outerHTML.slice(0, 60), each.getBoundingClientRect().height, each.tagName];
        })"""
    )
    assert len(pairs) >= 8
    for ink, ground, what, height, tag in pairs:
        assert _contrast(ink, ground) >= 4.5, what
        assert tag not in ("BUTTON", "INPUT", "A") or height >= 36, what


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast of two colours as a browser computes them, `rgb(r, g, b)`."""

    def light(colour: str) -> float:
        parts = [int(each) / 255 for each in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
