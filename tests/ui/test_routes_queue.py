"""The queue over HTTP: a tab draws and holds, another tab is told whose a frame is, and nothing that is sent breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from core.rights import Actor
from tests.makers import jpeg
from tests.ui.answering import SITE, app_of, correction, received


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Whoever the header names is who asks, as the doorman would say it: "name role"."""
    app, store = app_of(tmp_path)

    def known(inner: ASGIApp) -> ASGIApp:
        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            said = dict(scope.get("headers", [])).get(b"x-test")
            if said is not None:
                name, role = said.decode().split()
                scope["state"] = {**scope.get("state", {}), "actor": Actor(name, role)}
            await inner(scope, receive, send)

        return served

    with TestClient(known(app), base_url=SITE, raise_server_exceptions=False) as client:
        yield client
    store.close()


@pytest.fixture
def frames(client: TestClient) -> list[str]:
    return [received(client, jpeg(64 + number, 48)) for number in range(3)]


def following(client: TestClient, tab: str, who: str = "ann annotator", **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/next", json={"tab": tab, **more}, headers={"X-Test": who})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def test_a_frame_is_drawn_held_shown_as_held_and_free_again_when_it_was_corrected(client: TestClient, frames: list[str]) -> None:
    first = following(client, "1")
    assert (first["frame_id"], first["why"]) == (frames[0], "waiting")
    assert first["lease"]["until"].endswith("Z")
    assert following(client, "2")["frame_id"] == frames[1]
    assert following(client, "1", "bo annotator")["frame_id"] == frames[2]
    assert following(client, "2", "bo annotator") == {"frame_id": None, "lease": None, "why": None}
    shown = client.get(f"/api/v1/frames/{frames[0]}", headers={"X-Test": "bo annotator"}).json()["lease"]
    assert (shown["holder"], shown["mine"]) == ("ann", False)
    saved = client.post(f"/api/v1/frames/{frames[0]}/corrections", json=correction(), headers={"X-Test": "ann annotator"})
    assert saved.status_code == 200, saved.text
    assert client.get(f"/api/v1/frames/{frames[0]}").json()["lease"] is None
    assert following(client, "1", after=frames[0])["frame_id"] is None


def test_another_tab_is_told_whose_a_frame_is_and_until_when(client: TestClient, frames: list[str]) -> None:
    path, ann, bo = f"/api/v1/frames/{frames[2]}/lease", {"X-Test": "ann annotator"}, {"X-Test": "bo annotator"}
    taken = client.put(path, json={"tab": "1"}, headers=ann)
    assert taken.status_code == 200
    assert (taken.json()["holder"], taken.json()["mine"]) == ("ann", True)
    refused = client.put(path, json={"tab": "1"}, headers=bo)
    assert refused.status_code == 409
    said = refused.json()
    assert said["error"].startswith("ann works on this frame just now; it comes free in 15 minutes")
    assert (said["kind"], said["lease"]["holder"], said["lease"]["mine"]) == ("Held", "ann", False)
    assert client.request("DELETE", path, json={"tab": "1"}, headers=bo).json() == {"given_back": False}
    assert client.request("DELETE", path, json={"tab": "1"}, headers=ann).json() == {"given_back": True}
    assert client.put(path, json={"tab": "1"}, headers=bo).status_code == 200


def test_disputed_frames_are_asked_for_by_reviewers_alone(client: TestClient, frames: list[str]) -> None:
    assert frames
    assert client.post("/api/v1/next", json={"tab": "1", "disputed": True}, headers={"X-Test": "ann annotator"}).status_code == 403
    assert following(client, "1", "rev reviewer", disputed=True)["why"] == "waiting"


WRONG = {
    "no object": ([], 422),
    "no tab": ({}, 422),
    "a tab that is a number": ({"tab": 7}, 422),
    "an empty tab": ({"tab": ""}, 422),
    "a long tab": ({"tab": "x" * 101}, 422),
    "a tab of two lines": ({"tab": "a\nb"}, 422),
    "an after that is no id": ({"tab": "1", "after": "../x"}, 404),
    "an after that is not there": ({"tab": "1", "after": "0" * 64}, 404),
    "an after that is a number": ({"tab": "1", "after": 7}, 422),
    "a disputed that is a word": ({"tab": "1", "disputed": "yes"}, 422),
}


def test_what_cannot_be_understood_is_refused_with_a_sentence(client: TestClient, frames: list[str]) -> None:
    assert frames
    tried = 0
    for name, (body, status) in WRONG.items():
        answer = client.post("/api/v1/next", json=body)
        assert answer.status_code == status, (name, answer.text)
        assert answer.json()["error"].endswith("."), name
        tried += 1
    assert tried == 10


def test_a_lease_is_of_a_frame_and_a_tab(client: TestClient, frames: list[str]) -> None:
    for method in ("PUT", "DELETE"):
        for path, body, status in (("0" * 64, {"tab": "1"}, 404), ("x", {"tab": "1"}, 404), (frames[0], {}, 422)):
            answer = client.request(method, f"/api/v1/frames/{path}/lease", json=body)
            assert answer.status_code == status, (method, path, answer.text)
