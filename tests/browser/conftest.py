"""A real Chromium and a real server for the trips. Fails a test on any request that leaves this machine and on any error of a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request, WebSocket

from tests.browser.bench_page import Bench, opened
from tests.browser.install import installed
from tests.serving import Served, scripted, serving

ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
HERE = ("127.0.0.1", "localhost", "::1")

# Whole pixels of a frame of 640 x 480, in thousandths: hand, hammer and bolt overlap as they do at work.
REPLY: dict[str, Any] = {
    "findings": [
        {"box": [50, 100, 300, 400], "label": "hand"},
        {"box": [100, 200, 400, 500], "label": "hammer"},
        {"box": [350, 450, 600, 800], "label": "bolt"},
    ],
    "tool": "hammer",
    "part": "bolt",
    "action": "strike",
    "phase": "work",
    "violations": [],
    "risk": "none",
}


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    own = installed()  # None: the one that Playwright fetched for itself
    return {**browser_type_launch_args, "args": list(ARGS), **({"executable_path": own} if own else {})}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "color_scheme": "light"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A fresh house whose model says REPLY of every frame."""
    with serving(tmp_path / "data", scripted(tmp_path / "script.json", REPLY)) as server:
        yield server
        assert "Traceback" not in server.log.read_text("utf-8"), server.log.read_text("utf-8")


class Watch:
    """What a browser did that it should not have."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.asked = 0

    @classmethod
    def over(cls, context: BrowserContext) -> Watch:
        """One that watches every page of `context`, from its first request on."""
        seen = cls()
        context.on("request", seen.request)
        context.on("page", seen.page)
        return seen

    def request(self, request: Request) -> None:
        self.asked += 1
        if urlsplit(request.url).scheme not in ("data", "blob"):
            self._address(request.url)

    def websocket(self, socket: WebSocket) -> None:
        self.asked += 1
        self._address(socket.url)

    def _address(self, url: str) -> None:
        if urlsplit(url).hostname not in HERE:
            self.wrong.append(f"left this machine: {url[:200]}")

    def error(self, error: Error) -> None:
        self.wrong.append(f"error of a page: {error}")

    def console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            self.wrong.append(f"refused by our own policy: {message.text[:200]}")

    def page(self, page: Page) -> None:
        page.on("pageerror", self.error)
        page.on("console", self.console)
        page.on("websocket", self.websocket)

    def judge(self) -> None:
        """Red when something was wrong."""
        assert not self.wrong, "\n".join(dict.fromkeys(self.wrong))


@pytest.fixture(autouse=True)
def watch(context: BrowserContext) -> Iterator[Watch]:
    """Watches every page of every test here, from its first request on."""
    seen = Watch.over(context)
    yield seen
    seen.judge()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests here; each brings a frame of its own."""
    folder = tmp_path_factory.mktemp("editor")
    with serving(folder / "data", scripted(folder / "script.json", REPLY)) as server:
        yield server


@pytest.fixture
def bench(page: Page, house: Served) -> Bench:
    """A fresh frame, its boxes from the model on the screen."""
    return opened(page, house, name="bench.jpg")
