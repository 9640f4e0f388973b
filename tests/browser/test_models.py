"""The list of models behind the model's name: what was found of each, and who may check and use one."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.bench_page import SLOW
from tests.serving import Served

pytestmark = pytest.mark.browser

Listed = dict[str, Any]


def model(name: str, **said: Any) -> Listed:
    return {
        "name": name, "kind": "local", "source": name, "revision": None, "adapter": None, "quantisation": "none", "guided": True,
        "family": None, "host": "", "remote": False, "active": False, "running": False, "state": "ships", "why_not": None,
        "checked": None, "error": None, **said,
    }  # fmt: skip


def checked(passed: bool, frame: str) -> Listed:
    return {"model": "m", "passed": passed, "at": "2026-11-21T02:18:41+00:00", "findings": {"frame": frame, "answers": "yes, in 3.1 s"}}


FIT = model("bench-7b", state="fit", checked=checked(True, "as declared, thousandths"), adapter="bench-lora", quantisation="nf4")
UNFIT = model(
    "cluster", kind="endpoint", host="gpu.example:8000", remote=True, state="failed", why_not="Add it again with --family qwen3-vl.",
    checked=checked(False, "not as declared: its boxes are in thousandths"),
)  # fmt: skip
SHIPS = model("compact", active=True, running=True)


def listing(page: Page, *models: Listed, may: bool = True) -> None:
    """What the server tells of its models."""
    why = None if may else "This server can be reached by other machines."
    said = {"running": "compact@0a09:guided", "may_change": may, "why_not": why, "models": models}
    page.route("**/api/v1/models", lambda route: route.fulfill(json=said))


def shown(page: Page, house: Served) -> None:
    page.goto(f"{house.address}/?lang=en")
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    page.locator(".gl-top-model button").click()
    expect(page.locator("dialog.is-models .gl-model").first).to_be_visible()


def test_the_list_says_what_was_found_and_where_frames_go(page: Page, house: Served) -> None:
    listing(page, SHIPS, FIT, UNFIT)
    shown(page, house)
    dialog = page.get_by_role("dialog", name="Models")
    expect(dialog).to_contain_text("Frames stay on this machine.")
    expect(dialog.locator('[data-name="compact"] em')).to_have_text("answers now")
    expect(dialog.locator('[data-name="bench-7b"]')).to_contain_text("as declared, thousandths")
    expect(dialog.locator('[data-name="bench-7b"]')).to_contain_text("adapter bench-lora · 4 bits")
    cluster = dialog.locator('[data-name="cluster"]')
    expect(cluster).to_contain_text("server gpu.example:8000")
    expect(cluster).to_contain_text("Not fit for use")
    expect(cluster).to_contain_text("not as declared: its boxes are in thousandths")
    expect(cluster.get_by_role("button", name="Use")).to_be_disabled()
    expect(dialog.locator("input")).to_have_count(0)  # no server is named through a page


def test_one_answers_now_and_the_one_that_was_chosen_since_says_from_when_on(page: Page, house: Served) -> None:
    listing(page, model("compact"), model("bench-7b", state="fit", running=True), model("again", state="fit", active=True), UNFIT)
    shown(page, house)
    badges = page.locator("dialog.is-models .gl-model em")
    expect(badges).to_have_text(["answers now", "from the next start on"])
    expect(page.locator('.gl-model[data-name="again"] em')).to_have_text("from the next start on")


def test_a_real_server_tells_what_it_knows(page: Page, house: Served) -> None:
    shown(page, house)
    dialog = page.get_by_role("dialog", name="Models")
    expect(dialog.locator('[data-name="compact"]')).to_contain_text("Ships with GembaLens")
    expect(dialog).to_contain_text("Answering now: scripted:")  # which the list does not know, so nothing is said of where frames go
    expect(dialog).not_to_contain_text("Frames")


def test_a_refusal_stands_beside_its_model(page: Page, house: Served) -> None:
    listing(page, SHIPS, FIT)
    sentence = "bench-7b was checked as another model. Check it again."
    page.route("**/models/bench-7b/use", lambda route: route.fulfill(status=409, json={"error": sentence, "kind": "ModelUnfit"}))
    shown(page, house)
    card = page.locator('.gl-model[data-name="bench-7b"]')
    card.get_by_role("button", name="Use").click()
    expect(card.get_by_role("alert")).to_have_text(sentence)
    expect(card.get_by_role("button", name="Use")).to_be_enabled()


def test_a_model_is_checked_and_its_result_appears_by_itself(page: Page, house: Served) -> None:
    stages = [model("bench-7b", state="unchecked", why_not="Check it first."), model("bench-7b", state="checking"), FIT]
    now = {"at": 0}

    def told(route: Route) -> None:
        at = now["at"]
        if at == 1:
            now["at"] = 2  # the next look finds it done
        route.fulfill(json={"running": "compact@0a09", "may_change": True, "why_not": None, "models": [SHIPS, stages[at]]})

    def begin(route: Route) -> None:
        now["at"] = 1
        route.fulfill(status=202, json=stages[1])

    page.route("**/api/v1/models", told)
    page.route("**/models/bench-7b/check", begin)
    shown(page, house)
    card = page.locator('.gl-model[data-name="bench-7b"]')
    expect(card).to_contain_text("Not checked yet")
    card.get_by_role("button", name="Check").click()
    expect(card).to_contain_text("Being checked")
    expect(card).to_contain_text("Fit for use", timeout=5_000)
    expect(card.get_by_role("button", name="Use")).to_be_enabled()


def test_using_another_says_from_when_on(page: Page, house: Served) -> None:
    listing(page, SHIPS, FIT)
    page.route("**/models/bench-7b/use", lambda route: route.fulfill(json={"said": "bench-7b is taken from the next start on."}))
    shown(page, house)
    page.locator('.gl-model[data-name="bench-7b"]').get_by_role("button", name="Use").click()
    expect(page.locator(".gl-notice").last).to_have_text("bench-7b is taken from the next start on. compact goes on answering until then.")


def test_who_may_not_change_models_gets_no_buttons(page: Page, house: Served) -> None:
    listing(page, SHIPS, FIT, may=False)
    shown(page, house)
    expect(page.locator(".gl-model button")).to_have_count(0)
    expect(page.locator("dialog.is-models")).to_contain_text("at its terminal")


def test_the_empty_screen_promises_only_what_is_so(page: Page, served: Served) -> None:
    for host, sentence in (("", "Frames stay on this machine."), ("gpu.example:8000", "Frames are sent to gpu.example:8000.")):
        listing(page, model("compact", running=True, host=host))
        page.goto(f"{served.address}/?lang=en")
        expect(page.locator(".gl-drop")).to_contain_text(sentence, timeout=SLOW)
    page.route("**/api/v1/models", lambda route: route.fulfill(status=404, json={"error": "There is nothing at this address."}))
    page.reload()
    expect(page.locator(".gl-drop")).to_contain_text("up to", timeout=SLOW)
    expect(page.locator(".gl-drop")).not_to_contain_text("Frames")
