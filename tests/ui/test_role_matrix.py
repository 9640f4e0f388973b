"""Everybody at every door: each role, and nobody, at every route that the running app has, Gradio's and Streamlit's included."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import NoReturn

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from core.rights import ROLES, Role
from tests.serving import ROOT
from tests.ui.peopled import ANONYMOUS, Peopled, peopled, person
from ui.permissions import NEEDS, OPEN, WEBSOCKET, compiled

SHUT = {
    "/dashboard/_stcore/metrics", "/dashboard/media/{}", "/dashboard/_stcore/upload_file/{}/{}", "/dashboard/component/{}",
    "/dashboard/_stcore/bidi-components/{}", "/dashboard/auth/login", "/dashboard/auth/logout", "/dashboard/oauth2callback",
    "/dashboard/_stcore/agent/interact", "/dashboard/_stcore/agent/openapi.json", "/dashboard/_stcore/agent/mcp", "/dashboard/{}",
    "/openapi.json", "/logout", "/svelte/{}", "/config", "/robots.txt", "/pwa_icon", "/pwa_icon/{}", "/manifest.json", "/monitoring",
    "/monitoring/summary", "/monitoring/{}", "/gradio_api/deep_link", "/gradio_api/user", "/gradio_api/login_check",
    "/gradio_api/token", "/gradio_api/app_id", "/gradio_api/dev/reload", "/gradio_api/runs", "/gradio_api/info",
    "/gradio_api/openapi.json", "/gradio_api/custom_component/{}/{}/{}/{}", "/gradio_api/proxy={}", "/gradio_api/file={}",
    "/gradio_api/file/{}", "/gradio_api/stream/{}", "/gradio_api/stream/{}/close", "/gradio_api/stream/{}/{}/{}/playlist.m3u8",
    "/gradio_api/stream/{}/{}/{}/{}.{}", "/gradio_api/stream/{}/{}/{}/playlist-file", "/gradio_api/reset", "/gradio_api/heartbeat/{}",
    "/gradio_api/api/{}", "/gradio_api/run/{}", "/gradio_api/call/v2/{}", "/gradio_api/call/{}", "/gradio_api/call/{}/{}",
    "/gradio_api/call/v2/{}/{}", "/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/queue/status", "/gradio_api/cancel",
    "/gradio_api/component_server", "/gradio_api/upload_progress", "/gradio_api/upload", "/gradio_api/startup-events",
    "/gradio_api/theme.css", "/gradio_api/process_recording", "/gradio_api/vibe-edit", "/gradio_api/undo-vibe-edit",
    "/gradio_api/vibe-code", "/gradio_api/vibe-starter-queries", "/api/{}", "/login/",
}  # fmt: skip
"""What the frameworks have and nobody here needs, as found by walking the app; `{}` is a place. A trailing slash makes no other route."""

SHUT_METHODS = {("POST", "/login"), ("OPTIONS", "/dashboard/_stcore/health")}
"""Addresses that take another method."""

PAGES_OF_THE_DASHBOARD = "/dashboard/"
"""Streamlit has one route for all files and pages below it; ours are declared by name."""

ACTORS = (ANONYMOUS, *ROLES)
AT_THE_DOOR = "This needs the role"
LEAVES = ("POST", "/api/v1/logout")  # last, or nobody would be there any more

Route = tuple[str, str]


@pytest.fixture(scope="module")
def listing() -> subprocess.Popen[str]:
    """A process that makes the app and walks all its routes, beside the server that starts meanwhile."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ui.routes_listing"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, listing: subprocess.Popen[str]) -> Iterator[Peopled]:
    with peopled(tmp_path_factory.mktemp("matrix")) as made:
        yield made


@pytest.fixture(scope="module")
def routes(listing: subprocess.Popen[str]) -> list[Route]:
    """All routes of the app."""
    said, wrong = listing.communicate(timeout=120)
    assert listing.returncode == 0, wrong
    found = [tuple(json.loads(line)) for line in said.splitlines()]
    assert len(found) > 150, "the walk over the app found too little to be true"
    return [(str(method), str(path)) for method, path in found]


def test_every_route_of_the_app_is_declared_or_shut(routes: list[Route]) -> None:
    undeclared = [route for route in routes if route not in NEEDS and not _shut(route)]
    assert undeclared == [], "add them to ui/permissions.py, or to SHUT here when nobody needs them"
    gone = [route for route in NEEDS if route not in routes and not route[1].startswith(PAGES_OF_THE_DASHBOARD)]
    assert gone == [], "ui/permissions.py speaks of routes that are not there"


def test_the_walk_over_the_app_saw_everything_that_the_server_serves(house: Peopled, routes: list[Route]) -> None:
    """The app that is walked is made here, the one that is served by `launch.py`: neither may have what the other lacks."""
    with house.as_("admin") as client:
        described = client.get("/api/v1/openapi.json").json()["paths"]
    served = {(method.upper(), path) for path, methods in described.items() for method in methods}
    assert served - set(routes) == set(), "add them to tests/ui/routes_listing.py as launch.py adds them"
    assert len(served) > 40


def test_a_route_that_nobody_declared_is_seen() -> None:
    assert not _shut(("POST", "/api/v1/frames/{frame_id}/burn"))
    assert not _shut(("GET", "/gradio_api/brand_new"))


def test_everybody_at_every_route_finds_what_is_declared(house: Peopled, routes: list[Route]) -> None:
    table = compiled()
    cells = [(method, path) for method, path in [*routes, *NEEDS] if method != WEBSOCKET and (method, path) != LEAVES]
    wrong: list[str] = []
    tried = let_in = 0
    for actor in ACTORS:
        with house.as_(actor) as client:
            for method, template in dict.fromkeys(cells):
                address = filled(template)
                need = table.need(method, address)
                try:
                    answer = client.request(method, address, json={} if method in ("POST", "PUT", "PATCH") else None)
                except httpx.TimeoutException as error:
                    raise AssertionError(f"{actor} {method} {template} got no answer") from error
                fault = _fault(actor, answer, need is not None, need.role if need else None)
                wrong += [f"{actor} {method} {template}: {answer.status_code} {fault}"] if fault else []
                tried, let_in = tried + 1, let_in + (answer.status_code not in (401, 403, 404, 405))
    assert wrong == []
    print(f"{tried} cells as declared, {let_in} of them let in")
    assert tried == len(ACTORS) * len(dict.fromkeys(cells)) > 1000


def test_the_socket_of_the_dashboard_opens_for_those_who_logged_in(house: Peopled) -> None:
    address = house.served.address.replace("http", "ws") + "/dashboard/_stcore/stream"
    for actor in ACTORS:
        headers: Mapping[str, str] = {"Cookie": house.cookies[actor]} if house.cookies[actor] else {}
        if actor == ANONYMOUS:
            with pytest.raises(InvalidStatus) as refused, connect(address, additional_headers=headers, proxy=None):
                pass
            assert refused.value.response.status_code == 401
        else:
            with connect(address, additional_headers=headers, proxy=None) as socket:
                assert socket.response is not None
                assert socket.response.status_code == 101


CROSS = {
    "another site": {"Origin": "https://evil.example"},
    "no site": {"Origin": "null"},
    "a browser without an origin": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour": {"Sec-Fetch-Site": "same-site"},
    "a plain form with JSON in it": {"Origin": "https://evil.example", "Content-Type": "text/plain"},
    "our name as a part of another": {"Origin": "http://127.0.0.1.evil.example"},
}


def test_no_write_of_any_route_may_come_from_another_site(house: Peopled, routes: list[Route]) -> None:
    writes = [(method, path) for method, path in routes if method in ("POST", "PUT", "PATCH", "DELETE")]
    with house.as_("admin") as client:
        before = client.get("/api/v1/people").json(), client.get("/api/v1/frames").json(), client.get("/api/v1/audit?limit=5").text
        answers = {
            (method, path, how): client.request(method, filled(path), content=b'{"role": "viewer"}', headers=headers)
            for method, path in writes
            for how, headers in CROSS.items()
        }
        after = client.get("/api/v1/people").json(), client.get("/api/v1/frames").json(), client.get("/api/v1/audit?limit=5").text
    let_through = {
        key: answer.status_code for key, answer in answers.items() if (answer.status_code, answer.json()["kind"]) != (403, "CrossSite")
    }
    assert let_through == {}
    assert before == after
    assert len(answers) == len(writes) * len(CROSS) > 200
    print(f"{len(answers)} writes of {len(writes)} routes from other sites, 0 let through")


FRAMEWORKS = ("/assets/", "/static/", "/theme.css", "/dashboard")
"""Whose pages need scripts in the page."""


def test_every_page_and_every_answer_carries_the_headers(house: Peopled) -> None:
    pages = [path for method, path in NEEDS if method == "GET"]
    for actor in (ANONYMOUS, "admin"):
        with house.as_(actor, Accept="text/html") as client:
            for path in [*pages, "/nowhere", "/dashboard/nowhere", "/gradio_api/info"]:
                headers = client.get(filled(path)).headers
                policy = headers["content-security-policy"]
                assert "object-src 'none'" in policy or "default-src 'none'" in policy, path
                assert "frame-ancestors" in policy or "sandbox" in policy, path
                assert "unsafe" not in policy or path == "/" or path.startswith(FRAMEWORKS), path
                assert (headers["x-content-type-options"], headers["cross-origin-resource-policy"]) == ("nosniff", "same-origin"), path
                assert headers["referrer-policy"] in ("same-origin", "no-referrer"), path
                assert not [name for name in headers if name.startswith("access-control") or name == "server"], path
                assert "strict-transport-security" not in headers, path
    print(f"{2 * (len(pages) + 3)} pages, each with all headers")


def test_the_pages_before_the_door_allow_no_script_but_their_own(house: Peopled) -> None:
    with house.as_(ANONYMOUS, Accept="text/html") as client:
        for path, status in (("/login", 200), ("/join/nothing", 404), ("/nowhere", 404)):
            answer = client.get(path)
            assert answer.status_code == status
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert not re.search(r"<script(?! src=)|<style|\son\w+=|\sstyle=", answer.text), path


def test_an_open_socket_is_shut_within_five_seconds_of_the_end_of_its_session(house: Peopled) -> None:
    address = house.served.address.replace("http", "ws") + "/dashboard/_stcore/stream"
    ends: dict[str, Callable[[httpx.Client, httpx.Client], httpx.Response]] = {
        "log.out": lambda admin, own: own.post("/api/v1/logout", json={}),
        "other.role": lambda admin, own: admin.patch("/api/v1/people/other.role", json={"role": "lead"}),
        "shut.out": lambda admin, own: admin.patch("/api/v1/people/shut.out", json={"active": False}),
    }
    cookies = {name: person(house.served, house.cookies["admin"], name, "viewer") for name in [*ends, "stays"]}
    with ExitStack() as stack, house.as_("admin") as admin:
        sockets = {
            name: stack.enter_context(connect(address, additional_headers={"Cookie": cookie}, proxy=None))
            for name, cookie in cookies.items()
        }
        begun = time.monotonic()
        for name, end in ends.items():
            with house.as_("anonymous", Cookie=cookies[name]) as own:
                assert end(admin, own).status_code == 200
                assert own.get("/api/v1/me").status_code == 401
        for name in ends:
            with pytest.raises(ConnectionClosed) as closed:
                _read_on(sockets[name], 6)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008
        took = time.monotonic() - begun
        with pytest.raises(TimeoutError):
            _read_on(sockets["stays"], 0.2)
    print(f"3 sockets shut after {took:.1f} s")
    assert took <= 5.5


def test_leaving_is_open_to_everybody(house: Peopled) -> None:
    """Last of all: afterwards nobody is there any more."""
    for actor in ACTORS:
        with house.as_(actor) as client:
            assert client.post("/api/v1/logout", json={}).status_code == 200
            assert client.get("/api/v1/me").status_code == 401


def filled(template: str) -> str:
    """An address of this shape that leads to nothing."""
    address = template.replace("{frame_id}", "0" * 64).replace("{size}", "320")
    return re.sub(r"\{[^}]*\}", "x", address)


def _fault(actor: str, answer: httpx.Response, declared: bool, role: Role | None) -> str | None:
    """What is wrong with an answer to this actor, if anything."""
    status = answer.status_code
    if not declared:
        return None if status in (404, 405) else "is shut, and answered"
    if role is OPEN:
        return "is open, and was refused" if status == 401 and "Log in first" in answer.text else None
    if actor == ANONYMOUS:
        return None if status == 401 else "wants a login, and asked for none"
    if ROLES.index(actor) < ROLES.index(role):
        return None if status == 403 and AT_THE_DOOR in answer.text else f"wants the role {role}"
    return "was refused" if status == 401 or AT_THE_DOOR in answer.text or status == 500 else None


def _read_on(socket: ClientConnection, seconds: float) -> NoReturn:
    """Read until it is closed, or until nothing comes for so long."""
    while True:
        socket.recv(timeout=seconds)


def _shut(route: Route) -> bool:
    shape = re.sub(r"\{[^}]*\}", "{}", route[1])
    return route in SHUT_METHODS or shape in SHUT or shape.rstrip("/") in SHUT
