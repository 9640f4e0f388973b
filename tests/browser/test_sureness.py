"""How sure the model was, as a person meets it: words or a percentage, what else it could have been, and what it may have missed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from core.evaluation.calibration import Calibrators, write
from core.evaluation.calibrators import Calibrator
from core.evaluation.percents import FOLDER
from tests.browser.bench_page import SLOW, Bench, opened, select_hammer
from tests.browser.conftest import REPLY
from tests.serving import Served, serving

pytestmark = pytest.mark.browser

Change = Callable[[dict[str, Any]], object]


def told(bench: Bench, change: Change) -> None:
    """The frame anew, its assessment with what a surer or less sure model would have said."""

    def changed(route: Route) -> None:
        sheet = route.fetch().json()
        change(sheet["assessment"])
        route.fulfill(json=sheet)

    bench.page.route(f"**/api/v1/frames/{bench.frame_id}", changed)
    bench.page.reload()
    expect(bench.page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    expect(bench.page.locator(".gl-box")).to_have_count(3, timeout=SLOW)


def unsure(assessment: dict[str, Any]) -> None:
    """A tool between three, a phase that is nearly certain, a hammer that could be pliers and lies roughly."""
    step, (hand, hammer, _) = assessment["step"], assessment["findings"]
    step["tool"].update(confidence=0.5, alternatives=[["pliers", 0.3], ["wrench", 0.1]])
    step["phase"].update(confidence=0.95, alternatives=[["finish", 0.04]])
    hand.update(confidence=0.97, overlap=0.9)
    hammer.update(confidence=0.9, overlap=0.4, alternatives=[["pliers", 0.08]])


def bar(bench: Bench, field: str) -> Locator:
    return bench.page.locator(f'.gl-field[data-field="{field}"] .gl-sure-bar')


def shown(bench: Bench) -> list[str]:
    """The choices in the popover, from the top."""
    return bench.page.locator(".gl-sure-line span:first-child").all_inner_texts()


def test_without_a_calibrator_there_are_words_and_no_percentage(bench: Bench) -> None:
    told(bench, unsure)
    expect(bar(bench, "tool")).to_have_text("low")
    expect(bar(bench, "phase")).to_have_text("high")
    expect(bar(bench, "tool")).to_have_accessible_name("Tool: Confidence low (uncalibrated)")
    expect(bench.page.locator(".gl-scale")).to_be_visible()
    bar(bench, "tool").hover()
    expect(bench.page.locator(".gl-sure-box")).to_contain_text("low (uncalibrated)")
    assert "%" not in bench.page.locator(".gl-panel").inner_text() + bench.page.locator(".gl-sure-box").inner_text()
    bench.page.get_by_role("button", name="中文").click()
    expect(bar(bench, "tool")).to_have_accessible_name("工具: 置信度：低（未校准）")


def test_a_percentage_stands_only_where_there_is_a_calibrator(bench: Bench) -> None:
    def calibrated(assessment: dict[str, Any]) -> None:
        unsure(assessment)
        assessment["certainty"] = {"tool": 0.75, "findings.1": 0.42}

    told(bench, calibrated)
    expect(bar(bench, "tool")).to_have_text("75%")
    expect(bar(bench, "phase")).to_have_text("high")
    bar(bench, "tool").hover()
    expect(bench.page.locator(".gl-sure-line")).to_have_count(3)
    numbers = bench.page.locator(".gl-sure-number").all_inner_texts()
    assert numbers == ["75%", "15%", "5%"], "the others share what the calibrated one leaves"
    select_hammer(bench)
    expect(bench.page.locator(".gl-detail .gl-sure-bar")).to_have_text("42%")
    expect(bench.page.locator(".gl-chip.is-selected")).to_have_text("Hammer · 42% ?")


@pytest.mark.parametrize(
    ("confidence", "sentence"), [(0.4, "Follows from other"), (0.75, "Follows from other"), (0.97, "nothing else likely")]
)
def test_what_has_no_alternatives_is_only_alone_where_it_is_sure(bench: Bench, confidence: float, sentence: str) -> None:
    told(bench, lambda assessment: assessment["step"]["phase"].update(confidence=confidence, alternatives=[]))
    expect(bar(bench, "phase")).to_have_text("high" if confidence > 0.9 else re.compile("low|medium"))
    bar(bench, "phase").hover()
    expect(bench.page.locator(".gl-sure-box .gl-quiet")).to_contain_text(sentence)


@pytest.mark.parametrize(("certainty", "number"), [(None, ""), (0.6, "24%")])
def test_a_clear_rest_is_something_else(bench: Bench, certainty: float | None, number: str) -> None:
    def vague(assessment: dict[str, Any]) -> None:
        assessment["step"]["tool"].update(confidence=0.5, alternatives=[["pliers", 0.2]])
        assessment["certainty"] = {} if certainty is None else {"tool": certainty}

    told(bench, vague)
    bar(bench, "tool").hover()
    rest = bench.page.locator(".gl-sure-rest")
    expect(rest.locator("span").first).to_have_text("something else")
    expect(rest.locator(".gl-share")).to_be_visible()
    expect(rest.locator(".gl-sure-number")).to_have_text(number)
    assert shown(bench) == ["Hammer", "Pliers"], "nothing to choose"


def doubting(path: Path) -> str:
    """Write a script whose model wavers over the tool, as its own probabilities say; the --model that names it."""
    text = json.dumps(REPLY, separators=(",", ":"))
    before, after = text.split('"tool":"hammer"')
    likely = [[word, math.log(p)] for word, p in (("hammer", 0.5), ("pliers", 0.3), ("wrench", 0.2))]
    tokens = [[before + '"tool":"', 0.0, []], ["hammer", math.log(0.5), likely], ['"' + after, 0.0, []]]
    path.write_text(json.dumps({"*": {"text": text, "tokens": tokens}}), "utf-8")
    return f"scripted:{path}"


def test_nothing_but_the_fiftieth_label_brings_the_percentage(page: Page, tmp_path: Path) -> None:
    """All the way, with nothing put in by the test but the calibrators' file: a model's tokens to the word or the number on the screen."""
    with serving(tmp_path / "data", doubting(tmp_path / "script.json")) as served:
        bench = opened(page, served, "counted.jpg")
        expect(bar(bench, "tool")).to_have_text("low")
        bar(bench, "tool").hover()
        expect(page.locator(".gl-sure-line")).to_have_count(3)
        assert shown(bench) == ["Hammer", "Pliers", "Wrench"]
        with served.client() as client:
            said = client.get(f"/api/v1/frames/{bench.frame_id}").json()["assessment"]
        for labels, word in ((49, "low"), (50, "75%")):
            three_in_four = Calibrator("platt", labels, (1.0, math.log(3)))  # of what was claimed with one half
            write(served.data / FOLDER, Calibrators(f"{said['model']} open {said['prompt_id']}", {"tool": three_in_four}))
            page.reload()
            expect(bar(bench, "tool")).to_have_text(word, timeout=SLOW)


def test_the_menu_of_a_field_begins_with_what_the_model_held_likely(bench: Bench) -> None:
    told(bench, unsure)
    choices = bench.page.locator("#gl-field-tool option")
    assert [choices.nth(i).get_attribute("value") for i in range(4)] == ["", "hammer", "pliers", "wrench"]
    widths = bench.page.locator("#gl-field-tool option .gl-share i").evaluate_all("all => all.map((each) => each.style.width)")
    assert widths == ["50%", "30%", "10%"]
    values = choices.evaluate_all("all => all.map((each) => each.value)")
    assert len(values) == len(set(values)), "each choice once"
    bench.page.locator("#gl-field-tool").select_option("pliers")
    kept = bench.saved()
    assert (kept["step"]["tool"]["value"], kept["step"]["tool"]["said_by"]) == ("pliers", "person")


def test_an_alternative_is_taken_by_the_keyboard_alone(bench: Bench) -> None:
    told(bench, unsure)
    bench.page.locator("body").press("Tab")
    expect(bench.page.locator("#gl-field-tool")).to_be_focused()
    bench.press("Tab")
    expect(bar(bench, "tool")).to_be_focused()
    expect(bench.page.locator(".gl-sure-box")).to_be_visible()
    bench.press("ArrowDown", "ArrowDown", "Enter")
    expect(bench.page.locator("#gl-field-tool")).to_have_value("pliers")
    expect(bench.page.locator("#gl-field-tool")).to_be_focused()
    expect(bench.page.locator(".gl-sure-box")).to_have_count(0)


def test_the_popover_goes_by_escape_and_changes_nothing(bench: Bench) -> None:
    told(bench, unsure)
    bar(bench, "phase").focus()
    bench.press("Tab", "Shift+Tab")  # so the focus is one of the keyboard
    assert shown(bench) == ["Work", "Finish"]
    bench.press("ArrowDown", "Escape")
    expect(bench.page.locator(".gl-sure-box")).to_have_count(0)
    expect(bar(bench, "phase")).to_be_focused()
    expect(bench.page.locator("#gl-field-phase")).to_have_value("work")


def test_a_finger_opens_it_and_takes_an_alternative(browser: Browser, browser_context_args: dict[str, Any], house: Served) -> None:
    with browser.new_context(**{**browser_context_args, "viewport": {"width": 820, "height": 1180}, "has_touch": True}) as context:
        bench = opened(context.new_page(), house, name="finger.jpg")
        told(bench, unsure)
        bench.page.locator(".gl-seen").filter(has_text="Hammer").tap()
        target = bench.page.locator(".gl-detail .gl-sure-bar")
        box = target.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
        target.tap()
        bench.page.locator(".gl-sure-line").filter(has_text="Pliers").tap()
        expect(bench.page.locator(".gl-chip").filter(has_text="Pliers")).to_be_visible()
        kept = bench.saved()
        assert sorted(finding["label"] for finding in kept["findings"]) == ["bolt", "hand", "pliers"]
        assert all(finding["alternatives"] == [] for finding in kept["findings"])


def test_a_box_that_may_lie_beside_its_thing_says_so(bench: Bench) -> None:
    told(bench, unsure)
    expect(bench.page.locator(".gl-chip").filter(has_text="Hammer")).to_have_text("Hammer ?")
    expect(bench.page.locator(".gl-chip").filter(has_text="Hand")).to_have_text("Hand")
    select_hammer(bench)
    expect(bench.page.locator(".gl-detail")).to_contain_text("box uncertain")
    bench.press("l")
    expect(bench.page.locator(".gl-menu-item").nth(1)).to_contain_text("Pliers")
    expect(bench.page.locator(".gl-menu-item .gl-share")).to_have_count(2)
    bench.press("Escape", "ArrowRight")
    expect(bench.page.locator(".gl-detail")).to_be_hidden()  # it is a person's box now


@pytest.mark.parametrize(("share", "said"), [(0.19, 0), (0.21, 2)])
def test_what_the_model_may_have_missed_is_said_from_a_fifth_on(bench: Bench, share: float, said: int) -> None:
    told(bench, lambda assessment: assessment.update(missed={"findings": share, "violations": share}))
    expect(bench.page.locator(".gl-missed")).to_have_count(said)
    if said:
        expect(bench.page.locator(".gl-missed").first).to_have_text("The model may have missed a violation.")


def test_where_a_frame_went_stands_in_the_bar_and_under_the_verdict(bench: Bench) -> None:
    expect(bench.page.locator(".gl-top-host")).to_be_hidden()
    expect(bench.page.locator(".gl-host")).to_have_count(0)
    told(bench, lambda assessment: assessment["reply"].update(host="gpu.example:8000"))
    expect(bench.page.locator(".gl-top-host")).to_be_visible()
    expect(bench.page.locator(".gl-top-host")).to_have_text("sent to gpu.example:8000")
    expect(bench.page.locator(".gl-origin .gl-host")).to_have_text("sent to gpu.example:8000")
    bench.page.get_by_role("button", name=re.compile("中文")).click()
    expect(bench.page.locator(".gl-top-host")).to_have_text("已发送到 gpu.example:8000")
