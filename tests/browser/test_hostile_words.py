"""Words that would like to be markup, said wherever people, files and models may say something, and looked at in a real Chromium on every screen.

Nothing may come alive: no dialog, no request for /canary, no element or attribute that a word has made.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from playwright.sync_api import Dialog, Page, Request, expect

from tests.browser.bench_page import SLOW
from tests.browser.conftest import REPLY
from tests.makers import encoded, exif, picture
from tests.markup import ACTIVE, MARKUP
from tests.serving import Served, scripted, serving

pytestmark = pytest.mark.browser

PASSWORD = "seven green hammers"
TOGETHER = 10  # words in one note
BINNED = 54  # the others wait in the queue
SPOKEN = [" ".join(MARKUP[start : start + TOGETHER]) for start in range(0, len(MARKUP), TOGETHER)]


@dataclass
class Eyes:
    """What a page did that it should not have, and what was looked at."""

    page: Page
    wrong: list[str] = field(default_factory=list)
    looked: Counter[str] = field(default_factory=Counter)  # by screen: words that stood on it

    def __post_init__(self) -> None:
        self.page.on("dialog", self.dialog)
        self.page.context.on("request", self.request)

    def dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # our own question about what was not saved
            dialog.accept()
            return
        self.wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def request(self, request: Request) -> None:
        if urlsplit(request.url).path.startswith("/canary") or "canary" in (urlsplit(request.url).hostname or ""):
            self.wrong.append(f"asked for {request.url}")

    def look(self, screen: str, *, least: int = 0) -> None:
        """Judge what is on the screen; at least so many of the words must stand there, as text or as the name of something."""
        self.page.mouse.move(700, 400)
        made = self.page.evaluate(ACTIVE)
        assert not made, f"{screen}: {made}"
        said = self.page.evaluate(
            "() => document.body.innerText + [...document.querySelectorAll('[title], textarea')].map((e) => e.title + (e.value ?? '')).join('\\n')"
        )
        seen = said.count("canary")
        assert seen >= least, f"{screen}: only {seen} of the words are there"
        self.looked[screen] = max(seen, self.looked[screen])

    def judge(self) -> None:
        """Red when anything came alive."""
        assert not self.wrong, self.wrong
        print(f"{len(MARKUP)} words, {len(self.looked)} screens {dict(self.looked)}: 0 dialogs, 0 requests, 0 elements")


@dataclass(frozen=True)
class Plant:
    """A house in which everybody and everything speaks markup."""

    house: Served
    client: httpx.Client  # that of the admin, whose shown name is a word too
    work: list[str]  # frames with notes, histories and reviews
    named: list[str]  # frames whose names are the words
    link: str  # with which somebody of such a name may join


def photo(number: int, word: str) -> str:
    """A frame with a word in its metadata, in base64."""
    tags = exif(None, f"2026:11:21 10:{number // 60:02}:{number % 60:02}", ImageDescription=word, Make=word, Artist=word)
    return base64.b64encode(encoded(picture(64, 48), "JPEG", exif=tags.tobytes(), comment=word.encode())).decode()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("markup")
    unknown = [{"box": [10, 10, 200, 200], "label": word} for word in MARKUP[:30]]
    rules = [{"hazard": word, "risk": word, "rules": [word]} for word in MARKUP[30:]]
    reply = {**REPLY, "findings": [*REPLY["findings"], *unknown], "violations": rules, "tool": MARKUP[0], MARKUP[1]: MARKUP[2]}
    with serving(folder / "data", scripted(folder / "script.json", reply)) as house, house.client() as client:
        names = [*(f"work {n}" for n in range(len(SPOKEN))), *MARKUP]
        frames = [{"name": name, "content": photo(n, MARKUP[n % len(MARKUP)])} for n, name in enumerate(names)]
        sent = client.post("/api/v1/inspect/base64", json={"frames": frames}).raise_for_status().json()["frames"]
        ids = [each["frame_id"] for each in sent]
        for n, frame_id in enumerate(ids[: len(SPOKEN)]):
            spoken(client, frame_id, n)
        ada = client.post("/api/v1/people", json={"name": "ada", "role": "admin", "shown": MARKUP[5]}).raise_for_status().json()
        client.post(urlsplit(ada["link"]).path, json={"password": PASSWORD, "name": "ada", "shown": MARKUP[5]}).raise_for_status()
        links = [
            client.post("/api/v1/people", json={"name": f"eve{n}", "role": "lead", "shown": MARKUP[n]}).raise_for_status().json()["link"]
            for n in (0, 4, 46)
        ]
        yield Plant(house, client, ids[: len(SPOKEN)], ids[len(SPOKEN) :], links[1])


def spoken(client: httpx.Client, frame_id: str, n: int) -> None:
    """Ten authors whose names are words, each with a note of ten; the last is returned with ten more."""
    said = client.get(f"/api/v1/frames/{frame_id}").json()["assessment"]
    body = {key: said[key] for key in ("step", "risk")} | {"findings": [], "violations": [], "verdict": "reviewed", "note": SPOKEN[n]}
    for revision, author in enumerate(MARKUP[n * TOGETHER : (n + 1) * TOGETHER]):
        answer = client.post(
            f"/api/v1/frames/{frame_id}/corrections", json={**body, "saw_revision": revision, "author": author.replace("\n", " ")}
        )
        assert answer.status_code == 200, answer.text
    returned = {"verdict": "returned", "comment": SPOKEN[n], "revision": TOGETHER}
    client.post(f"/api/v1/frames/{frame_id}/reviews", json=returned).raise_for_status()


@pytest.fixture
def eyes(page: Page, plant: Plant) -> Iterator[Eyes]:
    """A browser in which the admin has logged in."""
    page.context.add_cookies([{"name": name, "value": value, "url": plant.house.address} for name, value in plant.client.cookies.items()])
    seen = Eyes(page)
    yield seen
    seen.judge()


def opened(page: Page, plant: Plant, frame_id: str, lang: str = "en") -> None:
    page.goto(f"{plant.house.address}/?frame={frame_id}&lang={lang}")
    expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
    expect(page.locator(".gl-panel")).to_be_visible(timeout=SLOW)


def test_no_word_comes_alive_in_the_inspector(eyes: Eyes, plant: Plant, page: Page) -> None:
    for n, frame_id in enumerate(plant.work):
        opened(page, plant, frame_id, "zh" if n % 2 else "en")
        expect(page.locator(".gl-state q")).to_contain_text("canary", timeout=SLOW)
        page.locator(".gl-dropped").evaluate("(list) => { list.closest('details').open = true }")
        eyes.look("frame", least=3 * TOGETHER)
        page.get_by_role("button", name="历史" if n % 2 else "History").first.click()
        expect(page.locator("dialog .gl-history li")).to_have_count(TOGETHER, timeout=SLOW)
        eyes.look("history", least=TOGETHER)
        page.keyboard.press("Escape")
    eyes.look("walk", least=len(MARKUP) // 2)
    conflict(eyes, plant, page)
    for frame_id, word in zip(plant.named[:BINNED], MARKUP, strict=False):
        plant.client.post(f"/api/v1/frames/{frame_id}/bin", json={"why": word.replace("\n", " ")}).raise_for_status()
    opened(page, plant, plant.named[0])
    eyes.look("binned frame", least=1)
    page.locator(".gl-add-tile").click()
    page.get_by_role("button", name="The bin").click()
    expect(page.locator("dialog .gl-history li")).to_have_count(BINNED, timeout=SLOW)
    eyes.look("bin", least=BINNED)


def conflict(eyes: Eyes, plant: Plant, page: Page) -> None:
    """Somebody says something else while the frame is open; both versions stand side by side."""
    frame_id = plant.named[-1]
    opened(page, plant, frame_id)
    said = plant.client.get(f"/api/v1/frames/{frame_id}").json()["assessment"]
    body = {key: said[key] for key in ("step", "risk")} | {
        "findings": [],
        "violations": [],
        "saw_revision": 0,
        "verdict": "reviewed",
        "note": SPOKEN[0],
    }
    plant.client.post(f"/api/v1/frames/{frame_id}/corrections", json=body).raise_for_status()
    page.locator("#gl-field-phase").select_option("finish")
    page.locator("#gl-field-tool").select_option("hammer")
    page.locator(".gl-levels button").first.click()  # such a reply leaves the risk undetermined
    page.keyboard.press("Control+s")
    expect(page.locator("dialog[open]")).to_be_visible(timeout=SLOW)
    eyes.look("conflict")
    page.keyboard.press("Escape")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_word_comes_alive_in_the_dashboard(eyes: Eyes, plant: Plant, page: Page, lang: str) -> None:
    for name in ("today", "queue", "quality", "data", "models", "people", "health"):
        page.goto(f"{plant.house.address}/dashboard/{name}?lang={lang}&frame={quote(MARKUP[5])}")
        expect(page.get_by_role("heading").first).to_be_visible(timeout=SLOW)
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=SLOW)
        eyes.look(name, least=4 if name == "queue" else 0)


def test_no_word_comes_alive_on_the_way_in(eyes: Eyes, plant: Plant, page: Page) -> None:
    page.context.clear_cookies()
    for word in MARKUP[::6]:
        page.goto(f"{plant.house.address}/login?next={quote('/?frame=' + word, safe='')}&lang={quote(word, safe='')}")
        eyes.look("login")
    page.get_by_label("Name", exact=True).fill(MARKUP[5])
    page.get_by_label("Password", exact=True).fill(MARKUP[6])
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).not_to_be_empty(timeout=SLOW)
    eyes.look("login refused")
    page.goto(f"{plant.link}?lang=en")
    expect(page.get_by_role("heading").first).to_be_visible()
    eyes.look("join")
    page.goto(f"{plant.house.address}/join/{quote(MARKUP[5], safe='')}")
    eyes.look("no such link")


def test_the_watch_sees_a_word_that_comes_alive(page: Page, plant: Plant) -> None:
    eyes = Eyes(page)
    page.context.add_cookies([{"name": name, "value": value, "url": plant.house.address} for name, value in plant.client.cookies.items()])
    opened(page, plant, plant.work[0])  # a page whose policy lets scripts of its own run
    page.evaluate("(word) => { document.body.insertAdjacentHTML('beforeend', word) }", MARKUP[5])
    page.evaluate("(word) => { document.body.insertAdjacentHTML('beforeend', word) }", MARKUP[4])
    page.wait_for_timeout(300)
    assert any(each.startswith("a dialog") for each in eyes.wrong)
    assert any(each.startswith("asked for") for each in eyes.wrong)
    assert len(page.evaluate(ACTIVE)) >= 2


def test_the_words_are_sixty_and_differ() -> None:
    assert len(MARKUP) == len(set(MARKUP)) == 60
    assert all("canary" in word for word in MARKUP)
    assert all(json.dumps(word) for word in MARKUP)


UI = Path(__file__).resolve().parents[2] / "ui"
TO_MARKUP = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "DOMParser",
    "eval(",
    "new Function",
    "srcdoc",
    "setHTML",
)


def test_no_script_of_ours_makes_markup_of_words() -> None:
    scripts = [path for path in UI.rglob("*") if path.suffix in (".js", ".html")]
    assert len(scripts) > 20
    assert not [(path.name, each) for path in scripts for each in TO_MARKUP if each in path.read_text("utf-8")]
