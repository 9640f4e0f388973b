"""The door on the wire: who is let in with what, what a refusal says, and that nothing but a good session or token is believed."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from annotations.desk import Desk
from annotations.entering.members import Members
from annotations.reports import Reports
from core.frames import Vault
from core.settings import Settings
from tests.annotations.membership import PASSWORD, Clock, everybody, membership
from tests.makers import jpeg
from tests.ui.answering import PROFILE, SITE, correction, received
from ui.api import create
from ui.doorman import Doorman
from ui.entrance.pages import own_place
from ui.identity import actor_in
from ui.shutting import shut_when_over

HTML = {"Accept": "text/html,application/xhtml+xml"}


@dataclass(frozen=True)
class House:
    """An app with members, its clock, and a way to come as somebody."""

    app: Any
    members: Members
    clock: Clock
    cookies: dict[str, str]

    def client(self, role: str = "", **headers: str) -> TestClient:
        made = TestClient(self.app, base_url=SITE, raise_server_exceptions=False, follow_redirects=False, headers=headers)
        if role:
            made.cookies.set("gembalens", self.cookies[role], domain="127.0.0.1", path="/")
        return made


def house_of(folder: Path, *, always: bool = True, filled: bool = True, **more: Any) -> Iterator[House]:
    with membership(folder, always=always) as (members, clock, store):
        desk, reports = Desk(store, Vault(folder), PROFILE, clock=clock), Reports(store.path)
        settings = Settings(data=folder, **more)
        app = create(desk, reports, settings, members=members, screens=False)
        yield House(app, members, clock, everybody(members) if filled else {})
        reports.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from house_of(tmp_path)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[House]:
    yield from house_of(tmp_path, always=False, filled=False)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[House]:
    yield from house_of(tmp_path, behind_tls=True, public_hosts=("gemba.example",))


def test_a_page_sends_to_the_login_and_back_and_the_api_says_401(house: House) -> None:
    with house.client() as client:
        page = client.get("/dashboard/queue?lang=zh", headers=HTML)
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Fdashboard%2Fqueue%3Flang%3Dzh&lang=zh")
        for headers in ({}, HTML):
            said = client.get("/api/v1/frames", headers=headers)
            assert said.status_code == 401
            assert set(said.json()) == {"error", "kind", "id"}
            assert said.json()["kind"] == "LoginNeeded"
            assert said.headers["www-authenticate"] == "Bearer"
        script = client.get("/assets/x.js", headers={"Accept": "*/*"})
        assert script.status_code == 401


ELSEWHERE = (
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example",
    "javascript:alert(1)", "data:text/html,x", "evil.example", "", "http:evil.example", "/login?next=https://evil.example", "/join/" + "x" * 43,
    "/" + "x" * 3000, "/%0a/evil\u2028", "//evil.example@127.0.0.1/", " //evil.example",
)  # fmt: skip
OUR_OWN = ("/", "/dashboard/", "/?frame=abc&lang=zh", "/dashboard/queue?x=//y")


def test_the_login_sends_nobody_to_another_place_and_everybody_to_their_own(house: House) -> None:
    with house.client() as guest, house.client("viewer") as known:
        for asked in (*ELSEWHERE, *OUR_OWN):
            place = asked if asked in OUR_OWN else "/"
            assert own_place(asked) == place
            page = guest.get("/login", params={"next": asked}).text
            assert unescape(re.search(r'data-then="([^"]*)"', page).group(1)) == place  # type: ignore[union-attr]
            assert known.get("/login", params={"next": asked}).headers["location"] == place
    print(f"{len(ELSEWHERE)} places elsewhere and {len(OUR_OWN)} of our own, asked twice each; 0 led away")


def test_what_an_address_says_is_never_a_part_of_the_page(house: House) -> None:
    hostile = '/?x="><script>alert(1)</script>'
    with house.client() as client:
        page = client.get("/login", params={"next": hostile, "y": '"><script>'}).text
    assert "<script>" not in page
    assert f'data-then="{escape(hostile)}"' in page


def test_a_login_gives_a_cookie_that_no_script_and_no_other_site_gets(house: House) -> None:
    with house.client() as client:
        answer = client.post("/api/v1/login", json={"name": "The.Lead", "password": PASSWORD})
        assert answer.json() == {"name": "the.lead", "shown": "the.lead", "role": "lead", "via": "session", "login": True}
        flags = answer.headers["set-cookie"].split("; ")
        assert re.fullmatch(r"gembalens=[\w-]{43}", flags[0])
        assert set(flags[1:]) == {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=lax"}
        assert client.get("/api/v1/me").json()["name"] == "the.lead"


def test_behind_tls_the_cookie_is_bound_to_this_host_and_browsers_keep_to_https(locked: House) -> None:
    with locked.client() as client:
        answer = client.post("/api/v1/login", json={"name": "the.lead", "password": PASSWORD}, headers={"Host": "gemba.example"})
        flags = answer.headers["set-cookie"].split("; ")
        assert re.fullmatch(r"__Host-gembalens=[\w-]{43}", flags[0])
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(flags)
        assert not [flag for flag in flags if flag.startswith("Domain")]
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        value = flags[0].partition("=")[2]
        assert client.get("/api/v1/me", headers={"Cookie": f"__Host-gembalens={value}"}).status_code == 200
        client.cookies.clear()
        assert client.get("/api/v1/me", headers={"Cookie": f"gembalens={value}"}).status_code == 401, "the plain name is a neighbour's"
        link = client.post(
            "/api/v1/people/the.lead/link", headers={"Cookie": f"__Host-gembalens={locked.cookies['admin']}", "Host": "gemba.example"}
        )
        assert link.json()["link"].startswith("https://gemba.example/join/")


def test_a_login_never_takes_over_a_cookie_that_was_there_before(house: House) -> None:
    planted = "x" * 43
    with house.client() as client:
        client.cookies.set("gembalens", planted)
        answer = client.post("/api/v1/login", json={"name": "the.lead", "password": PASSWORD})
        assert planted not in answer.headers["set-cookie"]
    with house.client() as stranger:
        stranger.cookies.set("gembalens", planted)
        assert stranger.get("/api/v1/me").status_code == 401


def test_a_second_login_and_a_logout_end_the_session_before(house: House) -> None:
    with house.client("viewer") as client, house.client("viewer") as stolen:
        assert stolen.get("/api/v1/me").status_code == 200
        assert client.post("/api/v1/login", json={"name": "the.viewer", "password": PASSWORD}).status_code == 200
        assert stolen.get("/api/v1/me").status_code == 401
        kept = client.cookies["gembalens"]
        gone = client.post("/api/v1/logout")
        assert "Max-Age=0" in gone.headers["set-cookie"]
        assert client.get("/api/v1/me", headers={"Cookie": f"gembalens={kept}"}).status_code == 401


def test_an_expired_session_says_so_in_json_and_the_work_is_saved_once_after_the_next_login(house: House) -> None:
    with house.client("annotator") as client:
        with house.client("inspector") as inspector:
            frame_id = received(inspector, jpeg(64, 48))
        house.clock.on(minutes=31)
        work, key = correction(), {"Idempotency-Key": "draft-1"}
        late = client.post(f"/api/v1/frames/{frame_id}/corrections", json=work, headers=key)
        assert (late.status_code, late.json()["kind"]) == (401, "LoginNeeded")
        assert client.post("/api/v1/login", json={"name": "the.annotator", "password": PASSWORD}).status_code == 200
        for _ in range(2):
            assert client.post(f"/api/v1/frames/{frame_id}/corrections", json=work, headers=key).json()["revision"] == 1
        assert [each["author"] for each in client.get(f"/api/v1/frames/{frame_id}/history").json()] == ["the.annotator"]


def test_the_sixth_wrong_login_waits_whoever_it_is_and_is_told_so(house: House) -> None:
    with house.client() as client:
        statuses = [client.post("/api/v1/login", json={"name": f"guess{n % 2}", "password": "x" * 12}).status_code for n in range(30)]
        assert statuses == [401] * 5 + [429] * 25
        right = client.post("/api/v1/login", json={"name": "the.lead", "password": PASSWORD})
        assert right.status_code == 429, "this address has to wait"
        assert int(right.headers["retry-after"]) == right.json()["seconds"] > 800
        assert right.json()["kind"] == "TooOften"
        assert "minutes" in right.json()["error"]


BAD_TOKENS = ("gl_" + "x" * 43, "x", "", "gl_", "a" * 5000, "gl_'; DROP TABLE people;--")


def test_a_wrong_token_is_refused_even_beside_a_good_cookie(house: House) -> None:
    with house.client("admin") as client:
        for token in BAD_TOKENS:
            for path in ("/api/v1/me", "/livez"):
                assert client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 401, token[:50]


def test_a_token_comes_from_anywhere_and_a_cookie_does_not(house: House) -> None:
    token = house.members.issue("the.lead", "script", "inspector")
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    with house.client() as client:
        me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}", **evil})
        assert me.json() == {"name": "the.lead", "shown": "the.lead", "role": "inspector", "via": "token", "login": True}
        files = {"file": ("a.jpg", jpeg(64, 48), "image/jpeg")}
        assert client.post("/api/v1/frames", files=files, headers={"Authorization": f"bearer {token}", **evil}).status_code == 200
        assert client.get("/api/v1/audit", headers={"Authorization": f"Bearer {token}"}).status_code == 403
    with house.client("admin") as client:
        assert client.post("/api/v1/frames", files=files, headers=evil).json()["kind"] == "CrossSite"
        assert client.post("/api/v1/frames", files=files, headers={"Authorization": "Bearer x", **evil}).status_code == 401


def test_a_token_is_told_once_and_looks_after_no_tokens(house: House) -> None:
    with house.client("lead") as client:
        made = client.post("/api/v1/tokens", json={"name": "night run", "role": "inspector", "ends_at": "2027-01-01T00:00:00Z"})
        assert made.status_code == 201
        token = made.json()["token"]
        (listed,) = client.get("/api/v1/tokens").json()["tokens"]
        assert token not in str(listed)
        assert (listed["name"], listed["role"], listed["ends_at"]) == ("night run", "inspector", "2027-01-01T00:00:00Z")
        tries: list[Any] = [{"name": "x", "role": "admin"}, {"name": "x", "role": "lead", "ends_at": "yesterday"}, {"role": "lead"}, []]
        for wrong in tries:
            assert client.post("/api/v1/tokens", json=wrong).status_code == 422
    with house.client() as program:
        program.headers["Authorization"] = f"Bearer {token}"
        assert program.post("/api/v1/tokens", json={"name": "more", "role": "inspector"}).status_code == 403
        assert program.get("/api/v1/tokens").status_code == 403
    with house.client("lead") as client:
        assert client.delete(f"/api/v1/tokens/{listed['id']}").status_code == 200
        assert client.delete(f"/api/v1/tokens/{listed['id']}").status_code == 404


def test_an_admin_looks_after_people_and_what_changes_counts_at_once(house: House) -> None:
    with house.client("admin") as admin, house.client("lead") as lead:
        assert admin.post("/api/v1/people", json={"name": "the.lead", "role": "viewer"}).status_code == 422
        made = admin.post("/api/v1/people", json={"name": "Li.Na", "role": "annotator", "shown": "李娜"}).json()
        assert (made["name"], made["shown"], made["ready"], made["made_by"]) == ("li.na", "李娜", False, "the.admin")
        with house.client() as guest:
            assert guest.post(made["link"], json={"password": PASSWORD}).json()["role"] == "annotator"
            assert guest.post(made["link"], json={"password": PASSWORD}).status_code == 404
        assert lead.get("/api/v1/audit").status_code == 200
        assert admin.patch("/api/v1/people/the.lead", json={"role": "viewer"}).json()["role"] == "viewer"
        assert lead.get("/api/v1/audit").status_code == 401
        for wrong, status in (({"role": "king"}, 422), ({"active": "no"}, 422), ({}, 422), ({"password": "x"}, 422)):
            assert admin.patch("/api/v1/people/the.lead", json=wrong).status_code == status
        assert admin.patch("/api/v1/people/nobody", json={"active": False}).status_code == 404
        assert admin.patch("/api/v1/people/the.admin", json={"active": False}).status_code == 403
        people = {each["name"]: each for each in admin.get("/api/v1/people").json()["people"]}
        assert len(people) == 7
        assert "argon2" not in str(people)


def test_alone_on_this_machine_nobody_logs_in_until_the_first_person_is_added(alone: House) -> None:
    with alone.client() as client:
        assert client.get("/api/v1/me").json() == {"name": "local", "shown": "local", "role": "admin", "via": "local", "login": False}
        assert client.get("/login").headers["location"] == "/"
        assert client.post("/api/v1/tokens", json={"name": "x", "role": "viewer"}).status_code == 403
        assert client.get("/api/v1/me", headers={"Authorization": "Bearer gl_x"}).status_code == 401
        assert client.post("/api/v1/people", json={"name": "lin", "role": "viewer"}).status_code == 422
        made = client.post("/api/v1/people", json={"name": "ada", "role": "admin"}).json()
        assert made["made_by"] == "local"
        assert client.get("/api/v1/me").status_code == 401
        assert client.post(made["link"], json={"password": PASSWORD}).status_code == 200
        assert client.get("/api/v1/me").json()["via"] == "session"


def test_the_join_page_asks_the_first_admin_for_a_name_and_others_for_a_password_only(tmp_path: Path) -> None:
    for house in house_of(tmp_path, filled=False):
        with house.client(Accept="text/html") as client:
            link = house.members.first_link()
            page = client.get(f"/join/{link}?lang=zh")
            assert page.headers["referrer-policy"] == "no-referrer"
            assert ('class="is-first"' in page.text, "您是第一位管理员" in page.text) == (True, True)
            assert client.post(f"/join/{link}", json={"password": PASSWORD, "name": "local"}).status_code == 422
            assert client.post(f"/join/{link}", json={"password": "short", "name": "ada"}).status_code == 422
            assert client.post(f"/join/{link}", json={"password": PASSWORD, "name": "ada"}).status_code == 200
            assert client.get(f"/join/{link}").status_code == 404
            other = house.members.add("x", "viewer", shown='"><script>alert(1)</script>', by="ada")[1]
            shown = client.get(f"/join/{other}?lang=en&x=%22%3E%3Cscript%3E")
            assert 'class="is-known"' in shown.text
            assert "<script>" not in shown.text


def test_what_is_refused_at_the_door_or_the_guard_has_a_kind_and_an_id_that_the_log_knows(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with house.client("viewer") as client:
        refused = [
            client.get("/api/v1/me", headers={"Host": "evil.example"}),
            client.post("/api/v1/logout", headers={"Origin": "https://evil.example"}),
            client.post("/api/v1/frames", headers={"Content-Length": str(10**9)}),
            client.get("/api/v1/audit"),
            client.get("/gradio_api/info"),
            client.put("/api/v1/me"),
            client.get("/api/v1/nowhere"),
            client.get("/api/v1/me", headers={"Authorization": "Bearer x"}),
        ]
    assert [answer.status_code for answer in refused] == [400, 403, 413, 403, 404, 405, 404, 401]
    assert refused[5].headers["allow"] == "GET"
    for answer in refused:
        said = answer.json()
        assert set(said) == {"error", "kind", "id"}
        assert said["error"].endswith(".")
        assert any(said["id"] in line for line in caplog.messages), said
    assert not any("/api/v1/nowhere" in line or "evil" in line for line in caplog.messages)


def test_who_may_not_open_a_page_reads_a_page_and_not_json(house: House) -> None:
    with house.client("viewer", **HTML) as client:
        page = client.get("/dashboard/people?lang=zh")
        assert page.status_code == 403
        assert "您的角色不能打开此页" in page.text
        assert client.get("/nowhere").status_code == 404
        assert "There is nothing at this address" in client.get("/nowhere").text


def asked(doorman: Doorman, scope: dict[str, Any]) -> tuple[list[Message], Scope]:
    """What was sent, and the scope that the app behind saw."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, doorman(scope, receive, send)).result()
    return sent, scope


def test_the_dashboard_is_told_who_looks_and_nobody_can_say_it_for_themselves(house: House) -> None:
    seen: list[dict[str, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append({name.decode(): value.decode() for name, value in scope["headers"]})

    forged = [(b"x-gembalens-role", b"admin"), (b"x-gembalens-name", b"ada"), (b"cookie", f"gembalens={house.cookies['viewer']}".encode())]
    scope = {"type": "websocket", "path": "/dashboard/_stcore/stream", "headers": forged, "query_string": b""}
    asked(Doorman(app, house.members), scope)
    actor = actor_in(seen[0])
    assert (actor.name, actor.role) == ("the.viewer", "viewer")
    plain = {"type": "http", "method": "GET", "path": "/api/v1/me", "headers": forged, "query_string": b""}
    asked(Doorman(app, house.members), plain)
    assert "x-gembalens-role" not in seen[1]


def test_a_socket_without_a_session_never_reaches_the_app(house: House) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("reached")

    scope: dict[str, Any] = {"type": "websocket", "path": "/dashboard/_stcore/stream", "headers": [], "query_string": b""}
    assert asked(Doorman(app, house.members), scope)[0] == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    elsewhere = {**scope, "path": "/gradio_api/stream", "headers": [(b"cookie", f"gembalens={house.cookies['admin']}".encode())]}
    assert asked(Doorman(app, house.members), elsewhere)[0][0]["type"] == "websocket.close"


def test_a_socket_is_shut_when_whoever_opened_it_is_gone_and_only_what_they_say_is_a_sign_of_life() -> None:
    answers, lives, sent = [True, True, False], [], []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass
        await send({"type": "websocket.send", "text": "too late"})

    def still(sign_of_life: bool) -> bool:
        lives.append(sign_of_life)
        return answers.pop(0)

    async def go() -> None:
        came = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "x"}]

        async def receive() -> Message:
            if came:
                return came.pop(0)
            await asyncio.sleep(60)
            raise AssertionError("nobody waits so long")

        async def send(message: Message) -> None:
            sent.append(message)

        await asyncio.wait_for(shut_when_over(app, {"type": "websocket"}, receive, send, still, every_seconds=0.02), 10)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, go()).result()
    assert lives == [True, False, False]
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]
