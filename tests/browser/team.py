"""People of a plant at a real server: each with a role, a password and a browser of their own. Logs in as a person does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.browser.bench_page import SLOW
from tests.makers import jpeg
from tests.serving import Served, launched, scripted, serving

PASSWORD = "seven green hammers"
TEAM = {"ada": "admin", "lin": "annotator", "wang": "annotator", "chen": "reviewer", "lea": "lead", "vera": "viewer"}


@dataclass
class Team:
    """A server whose people have all set their passwords."""

    house: Served
    clients: Mapping[str, httpx.Client]
    pages: list[Page] = field(default_factory=list)

    def frame(self, second: int) -> str:
        """A fresh frame that the model has judged."""
        taken = f"2026:11:21 09:{second // 60:02}:{second % 60:02}"
        answer = self.clients["ada"].post("/api/v1/frames", files={"files": ("bench.jpg", jpeg(640, 480, taken=taken), "image/jpeg")})
        frame_id: str = answer.json()[0]["frame"]["id"]
        self.clients["ada"].post(f"/api/v1/frames/{frame_id}/assess").raise_for_status()
        return frame_id

    def at(self, browser: Browser, name: str, frame_id: str, *, lang: str = "en") -> Page:
        """The screen of a person, logged in by the login page, with a frame open."""
        page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB").new_page()
        self.pages.append(page)
        page.goto(f"{self.house.address}/login?lang={lang}&next=%2F%3Fframe%3D{frame_id}%26lang%3D{lang}")
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", PASSWORD)
        page.click("button.primary")
        expect(page.locator(".gl[data-ready=true]")).to_be_visible(timeout=SLOW)
        expect(page.locator(".gl-box")).to_have_count(3, timeout=SLOW)
        return page

    def sheet(self, frame_id: str, who: str = "ada") -> dict[str, object]:
        """What the record says of a frame."""
        said: dict[str, object] = self.clients[who].get(f"/api/v1/frames/{frame_id}").raise_for_status().json()
        return said


@contextmanager
def at_work(folder: Path, reply: dict[str, object]) -> Iterator[Team]:
    """A house of TEAM."""
    data = folder / "data"
    told = launched("people", "add", "ada", "--role", "admin", "--data", data)
    assert told.returncode == 0, told.stderr
    links = {"ada": told.stdout.rsplit("/join/", 1)[1].split()[0]}
    with serving(data, scripted(folder / "script.json", reply)) as house:
        clients = {name: house.client() for name in TEAM}
        try:
            for name, client in clients.items():
                if name not in links:
                    made = clients["ada"].post("/api/v1/people", json={"name": name, "role": TEAM[name]}).raise_for_status()
                    links[name] = made.json()["link"].rsplit("/", 1)[1]
                client.post(f"/join/{links[name]}", json={"password": PASSWORD}).raise_for_status()
            yield Team(house, clients)
        finally:
            for client in clients.values():
                client.close()
