"""A real Chromium and a real server for the trips. Fails a test on any request that leaves this machine and on any error of a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request

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

    def request(self, request: Request) -> None:
        self.asked += 1
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and url.hostname not in HERE:
            self.wrong.append(f"left this machine: {request.url[:200]}")

    def error(self, error: Error) -> None:
        self.wrong.append(f"error of a page: {error}")

    def console(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            self.wrong.append(f"refused by our own policy: {message.text[:200]}")

    def page(self, page: Page) -> None:
        page.on("pageerror", self.error)
        page.on("console", self.console)


@pytest.fixture(autouse=True)
def watch(context: BrowserContext) -> Iterator[Watch]:
    """Watches every page of every test here, from its first request on."""
    seen = Watch()
    context.on("request", seen.request)
    context.on("page", seen.page)
    yield seen
    assert not seen.wrong, "\n".join(dict.fromkeys(seen.wrong))


def numbers(answer: str) -> dict[str, list[list[int]]]:
    """Label -> boxes of an answer as it is taught."""
    found: dict[str, list[list[int]]] = {}
    for finding in json.loads(answer)["findings"]:
        found.setdefault(finding["label"], []).append(finding["box"])
    return found
