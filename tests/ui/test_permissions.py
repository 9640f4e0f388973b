"""The table of the door: what it says of places that matter, written down a second time, and how an address finds its line."""

from __future__ import annotations

import pytest

from core.rights import ROLES, Actor
from ui.permissions import NEEDS, OPEN, WEBSOCKET, compiled

FRAME = f"/api/v1/frames/{'0' * 64}"
TABLE = compiled()


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", "/livez", OPEN),
        ("GET", "/login", OPEN),
        ("POST", "/api/v1/login", OPEN),
        ("GET", "/join/abc", OPEN),
        ("GET", "/", "viewer"),
        ("GET", "/metrics", "viewer"),
        ("GET", "/dashboard/", "viewer"),
        (WEBSOCKET, "/dashboard/_stcore/stream", "viewer"),
        ("GET", f"{FRAME}/picture", "viewer"),
        ("POST", "/api/v1/frames", "inspector"),
        ("POST", "/api/v1/inspect", "inspector"),
        ("POST", f"{FRAME}/assess", "inspector"),
        ("POST", f"{FRAME}/corrections", "annotator"),
        ("POST", "/api/v1/next", "annotator"),
        ("PUT", f"{FRAME}/lease", "annotator"),
        ("POST", f"{FRAME}/reviews", "reviewer"),
        ("POST", f"{FRAME}/adjudicate", "reviewer"),
        ("PUT", f"{FRAME}/wanted", "reviewer"),
        ("POST", f"{FRAME}/bin", "lead"),
        ("POST", "/api/v1/bulk", "lead"),
        ("POST", "/api/v1/exports/sft", "lead"),
        ("GET", "/api/v1/audit", "lead"),
        ("GET", "/dashboard/people", "lead"),
        ("GET", "/api/v1/people", "admin"),
        ("POST", "/api/v1/people", "admin"),
        ("PATCH", "/api/v1/people/lin", "admin"),
        ("POST", "/api/v1/people/lin/link", "admin"),
        ("POST", "/api/v1/models/x/check", "admin"),
        ("POST", "/api/v1/models/x/use", "admin"),
    ],
)
def test_the_places_that_matter_ask_for_what_they_should(method: str, path: str, least: str | None) -> None:
    need = TABLE.need(method, path)
    assert need is not None
    assert need.role == least


def test_only_coming_in_and_being_alive_are_open_to_everybody() -> None:
    assert {f"{method} {path}" for (method, path), role in NEEDS.items() if role is OPEN} == {
        "GET /livez", "GET /readyz", "GET /login", "GET /join/{token}", "POST /join/{token}", "GET /entrance/{name}", "GET /favicon.ico",
        "POST /api/v1/login", "POST /api/v1/logout", "GET /api/v1/oidc/start", "GET /api/v1/oidc/back",
    }  # fmt: skip


def test_no_write_is_for_viewers_but_that_of_their_own_tokens() -> None:
    writes = {path for (method, path), role in NEEDS.items() if method not in ("GET", WEBSOCKET) and role == "viewer"}
    assert writes == {"/api/v1/tokens", "/api/v1/tokens/{token_id}"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/proxy=http://evil"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/vibe-code"),
        ("PUT", "/dashboard/_stcore/upload_file/a/b"),
        ("POST", "/dashboard/_stcore/agent/mcp"),
        ("GET", "/dashboard/media/x"),
        ("GET", "/dashboard/secrets.toml"),
        ("GET", "//livez"),
        ("GET", "/livez/"),
        ("GET", "/livez\n"),
        ("GET", "/LIVEZ"),
        ("GET", ""),
        ("POST", "/livez"),
        ("OPTIONS", "/api/v1/me"),
        ("TRACE", "/"),
        ("GET", "/api/v1/frames/a/b/picture"),
        ("GET", "/api/v1/people/a/b"),
        ("GET", "/api/v1/models/x/use"),
        (WEBSOCKET, "/gradio_api/queue/join"),
        (WEBSOCKET, "/dashboard/_stcore/stream/x"),
    ],
    ids=str,
)
def test_what_is_declared_nowhere_is_shut(method: str, path: str) -> None:
    assert TABLE.need(method, path) is None


def test_a_head_is_a_get_and_an_address_knows_its_methods() -> None:
    assert TABLE.need("HEAD", "/livez") == TABLE.need("GET", "/livez")
    assert TABLE.others("/api/v1/tokens") == ["GET", "POST"]
    assert TABLE.others("/nowhere") == []


def test_every_line_of_the_table_is_found_again() -> None:
    for (method, template), role in NEEDS.items():
        address = template.replace("{path:path}", "a/b.js").replace("{", "").replace("}", "")
        need = TABLE.need(method, address)
        assert need is not None, template
        assert (need.template, need.role) == (template, role)


def test_the_ladder_has_no_missing_rung() -> None:
    for low, role in enumerate(ROLES):
        assert [Actor("lin", role).may(each) for each in ROLES] == [n <= low for n in range(len(ROLES))]
