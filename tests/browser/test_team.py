"""Several people at one record, each in a real Chromium: who may do what, whose frame it is, a colleague's word, and a session that ends in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.bench_page import SLOW
from tests.browser.conftest import REPLY, Watch
from tests.browser.team import PASSWORD, Team, at_work

pytestmark = pytest.mark.browser
_seconds = count()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with at_work(tmp_path_factory.mktemp("team"), REPLY) as team:
        yield team


@pytest.fixture
def team(plant: Team) -> Iterator[Team]:
    """The plant; what its browsers did is looked at afterwards."""
    yield plant
    for page in plant.pages:
        page.context.close()
    plant.pages.clear()


def corrected(team: Team, frame_id: str, who: str = "lin", level: str = "none") -> None:
    said = team.clients[who].get(f"/api/v1/frames/{frame_id}").json()
    body = {key: said["assessment"][key] for key in ("findings", "step", "violations", "risk")}
    body["risk"] = {**body["risk"], "level": level, "said_by": "person"}
    body |= {"saw_revision": said["revision"], "verdict": "reviewed"}
    team.clients[who].post(f"/api/v1/frames/{frame_id}/corrections", json=body).raise_for_status()


def phase(page: Page, value: str) -> None:
    page.locator("#gl-field-phase").select_option(value)


def save(page: Page, route: str = "corrections") -> None:
    with page.expect_response(lambda response: response.url.endswith(f"/{route}")) as caught:
        page.keyboard.press("Control+s")
    assert caught.value.status == 200, caught.value.text()


def test_a_correction_carries_the_name_of_who_logged_in(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    page = team.at(browser, "lin", frame_id)
    expect(page.locator(".gl-top-person")).to_contain_text("lin")
    phase(page, "finish")
    save(page)
    assert team.sheet(frame_id)["correction"]["author"] == "lin"  # type: ignore[index]


def test_a_frame_that_somebody_works_on_says_who_and_until_when(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    lin = team.at(browser, "lin", frame_id)
    with lin.expect_response(lambda response: response.url.endswith("/lease")):
        phase(lin, "finish")
    wang = team.at(browser, "wang", frame_id)
    expect(wang.locator(".gl-state")).to_contain_text("lin works on this frame until")
    save(lin)
    wang.reload()
    expect(wang.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    expect(wang.locator(".gl-state")).to_have_count(0)


def test_a_returned_correction_goes_back_with_its_word_and_is_accepted_then(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    corrected(team, frame_id)
    chen = team.at(browser, "chen", frame_id)
    expect(chen.locator(".gl-state")).to_contain_text("Corrected by lin")
    chen.keyboard.press("r")
    chen.locator("dialog textarea").fill("The hammer's box is too wide.")
    with chen.expect_response(lambda response: response.url.endswith("/reviews")):
        chen.locator("dialog .is-primary").click()
    lin = team.at(browser, "lin", frame_id)
    expect(lin.locator(".gl-state.is-returned")).to_contain_text("chen returned this to you")
    expect(lin.locator(".gl-state q")).to_have_text("The hammer's box is too wide.")
    phase(lin, "finish")
    save(lin)
    again = team.at(browser, "chen", frame_id)
    with again.expect_response(lambda response: response.url.endswith("/reviews")):
        again.get_by_role("button", name="Accept").click()
    assert team.sheet(frame_id)["state"] == "accepted"


def test_nobody_is_offered_to_check_their_own_work(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    corrected(team, frame_id, who="chen")
    page = team.at(browser, "chen", frame_id)
    expect(page.locator("#gl-field-tool")).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)


def test_a_viewer_sees_everything_and_changes_nothing(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    page = team.at(browser, "vera", frame_id)
    for name in ("Agree", "Can't tell", "Save and next"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    expect(page.locator(".gl-add-tile")).to_have_count(0)
    phase(page, "finish")
    expect(page.locator(".gl-notice")).to_contain_text("You may look at frames here")
    assert team.sheet(frame_id)["revision"] == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_session_that_ends_in_the_middle_costs_nothing(team: Team, browser: Browser, lang: str) -> None:
    frame_id = team.frame(next(_seconds))
    page = team.at(browser, "wang", frame_id, lang=lang)
    phase(page, "finish")
    page.request.post(f"{team.house.address}/api/v1/logout", headers={"Origin": team.house.address})
    page.wait_for_timeout(2500)  # a session is believed for two seconds after it was last looked up
    page.keyboard.press("Control+s")
    page.locator("#gl-login-password").fill("wrong words, ten at least")
    page.locator("dialog button[type=submit]").click()
    expect(page.locator(".gl-wrong")).not_to_be_empty()
    page.locator("#gl-login-password").fill(PASSWORD)
    with page.expect_response(lambda response: response.url.endswith("/corrections") and response.status == 200):
        page.locator("dialog button[type=submit]").click()
    expect(page.locator("dialog")).to_have_count(0)
    kept = team.sheet(frame_id)
    assert (kept["revision"], kept["correction"]["author"], kept["correction"]["step"]["phase"]["value"]) == (1, "wang", "finish")  # type: ignore[index]


def test_a_save_whose_answer_was_lost_is_done_once(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    page = team.at(browser, "lin", frame_id)
    keys = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # it arrives, and nobody hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/corrections", lose)
    phase(page, "finish")
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".gl-notice").last).to_contain_text("Saved.")
    assert keys[0] == keys[1]
    assert team.sheet(frame_id)["revision"] == 1


def test_two_versions_are_put_together_piece_by_piece(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    page = team.at(browser, "wang", frame_id)
    phase(page, "finish")
    page.locator("#gl-field-action").select_option("grasp")
    corrected(team, frame_id, level="high")
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Put both together").click()
    rows = page.locator(".gl-merge-row:not(.is-head)")
    expect(rows).to_have_count(3)  # the risk is theirs alone, phase and action are mine
    expect(page.locator(".gl-merge-row.is-different")).to_have_count(0)
    with page.expect_response(lambda response: response.url.endswith("/corrections")) as caught:
        page.get_by_role("button", name="Save it so").click()
    assert caught.value.status == 200
    kept = team.sheet(frame_id)["correction"]
    said = (kept["risk"]["level"], kept["step"]["phase"]["value"], kept["step"]["action"]["value"], kept["author"])  # type: ignore[index]
    assert said == ("high", "finish", "grasp", "wang")
    assert team.sheet(frame_id)["revision"] == 2


def test_an_earlier_version_is_restored_as_the_newest(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    corrected(team, frame_id, level="low")
    corrected(team, frame_id, who="wang", level="high")
    page = team.at(browser, "lin", frame_id)
    page.get_by_role("button", name="History").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.locator(".gl-notice").last).to_contain_text("Version 1 is the newest again.")
    kept = team.sheet(frame_id)
    assert (kept["revision"], kept["correction"]["risk"]["level"], kept["correction"]["author"]) == (3, "low", "lin")  # type: ignore[index]


def test_a_frame_that_is_put_away_comes_back_whole(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    corrected(team, frame_id, level="high")
    page = team.at(browser, "lea", frame_id)
    page.get_by_role("button", name="Put this frame away").click()
    page.locator("dialog input").fill("blurred")
    with page.expect_response(lambda response: response.url.endswith("/bin")):
        page.get_by_role("button", name="Put away", exact=True).click()
    expect(page.locator(f'.gl-thumb[data-id="{frame_id}"]')).to_have_count(0)
    assert team.sheet(frame_id)["binned"] is True
    page.locator(".gl-add-tile").click()
    page.get_by_role("button", name="The bin").click()
    page.locator("dialog").get_by_role("button", name="Take it out again").first.click()
    expect(page.locator(".gl-notice").last).to_contain_text("It is back where it was.")
    kept = team.sheet(frame_id)
    assert (kept["binned"], kept["revision"]) == (False, 1)


def test_a_second_opinion_is_given_blind_and_a_reviewer_decides(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    team.clients["chen"].put(f"/api/v1/frames/{frame_id}/wanted", json={"n": 2}).raise_for_status()
    corrected(team, frame_id, level="high")
    wang = team.at(browser, "wang", frame_id)
    expect(wang.locator(".gl-state")).to_contain_text("A second opinion is wanted here")
    expect(wang.locator(".gl-verdict-word")).to_have_text("NO RISK SEEN")  # the model's, not lin's
    save(wang, "opinions")
    assert team.sheet(frame_id)["state"] == "disputed"
    chen = team.at(browser, "chen", frame_id)
    chen.get_by_role("button", name="Compare").click()
    expect(chen.locator("dialog .gl-version")).to_have_count(2)
    chen.locator("dialog .gl-version").first.get_by_role("button", name="Start from this one").click()
    save(chen, "adjudicate")
    kept = team.sheet(frame_id)
    assert (kept["state"], kept["correction"]["author"]) == ("accepted", "chen")  # type: ignore[index]


def test_who_logs_out_is_at_the_door_and_the_draft_waits(team: Team, browser: Browser) -> None:
    frame_id = team.frame(next(_seconds))
    page = team.at(browser, "lin", frame_id)
    seen = Watch.over(page.context)
    phase(page, "finish")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator(".gl-top-person button").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("input[name=password]")).to_be_visible(timeout=SLOW)
    page.goto(f"{team.house.address}/?frame={frame_id}")
    expect(page.locator("input[name=password]")).to_be_visible(timeout=SLOW)
    page.fill("input[name=name]", "lin")
    page.fill("input[name=password]", PASSWORD)
    page.click("button.primary")
    expect(page.locator("#gl-field-phase")).to_have_value("finish", timeout=SLOW)
    seen.judge()


@pytest.mark.parametrize(("who", "pages", "status"), [("vera", 7, 403), ("lea", 9, 200)], ids=["a viewer", "a lead"])
def test_figures_about_people_are_for_leads(team: Team, browser: Browser, who: str, pages: int, status: int) -> None:
    page = team.at(browser, who, team.frame(next(_seconds)))
    answer = page.goto(f"{team.house.address}/dashboard/people?lang=en")
    assert answer is not None
    assert answer.status == status
    if status == 200:
        expect(page.get_by_role("heading", name="Who did what")).to_be_visible(timeout=SLOW)
    page.goto(f"{team.house.address}/dashboard/?lang=en")
    expect(page.get_by_test_id("stTopNavLink")).to_have_count(pages, timeout=SLOW)
