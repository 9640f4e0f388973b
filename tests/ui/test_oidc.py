"""Logging in elsewhere, against a real place on loopback that can lie: who is proven comes in, everybody else is told why not and has no session."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from annotations.desk import Desk
from annotations.entering.members import Members
from annotations.reports import Reports
from core.frames import Vault
from core.settings import Settings
from tests.annotations.membership import PASSWORD, everybody, membership
from tests.oidc_provider import CLIENT, SECRET, Place, provider
from tests.serving import free_port
from tests.ui.answering import PROFILE, SITE
from ui.api import create
from ui.texts import Texts

WAY = "/api/v1/oidc/start"
NOW = int(time.time())


@dataclass(frozen=True)
class House:
    """An app whose people may log in at a place."""

    app: Any
    members: Members
    place: Place
    cookies: dict[str, str]

    def browser(self) -> TestClient:
        return TestClient(self.app, base_url=SITE, raise_server_exceptions=False, follow_redirects=False)

    def way(self, browser: TestClient, place: str = "/dashboard/queue?lang=en") -> str:
        """Where the other place sends a browser back to, after a login there."""
        begun = browser.get(WAY, params={"next": place})
        assert begun.status_code == 303, begun.text
        assert begun.headers["location"].startswith(f"{self.place.issuer}/authorize?"), begun.headers["location"]
        with httpx.Client(trust_env=False) as client:
            return str(client.get(begun.headers["location"]).headers["location"])


def house_of(folder: Path, place: Place, **more: Any) -> Iterator[House]:
    with membership(folder) as (members, clock, store):
        settings = Settings(data=folder, **{"oidc_issuer": place.issuer, "oidc_client_id": CLIENT, "oidc_name": "Press & Sons", **more})
        reports = Reports(store.path)
        app = create(Desk(store, Vault(folder), PROFILE, clock=clock), reports, settings, members=members, screens=False)
        cookies = everybody(members)
        members.set_subject("the.viewer", f"{place.issuer}#u-17", by="the.admin")
        yield House(app, members, place, cookies)
        reports.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("GEMBALENS_KEY_OIDC", SECRET)
    with provider() as place:
        yield from house_of(tmp_path, place)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, House]]:
    """Two houses for the tests that change nobody in them: one that knows its place, and one that it never described itself to."""
    with pytest.MonkeyPatch.context() as patch, provider() as place, provider() as silent:
        patch.setenv("GEMBALENS_KEY_OIDC", SECRET)
        for house in house_of(tmp_path_factory.mktemp("kept"), place):
            for other in house_of(tmp_path_factory.mktemp("undescribed"), silent):
                yield house, other


@pytest.fixture
def kept(standing: tuple[House, House]) -> House:
    honest(standing[0].place)
    return standing[0]


@pytest.fixture
def undescribed(standing: tuple[House, House]) -> House:
    honest(standing[1].place)
    return standing[1]


def honest(place: Place) -> None:
    """It tells the truth again."""
    fresh = Place(place.issuer)
    for each in ("said", "signs", "answers", "described", "secret", "asked"):
        setattr(place, each, getattr(fresh, each))


def refused(browser: TestClient, answer: Any, why: str) -> None:
    """It leads to the login page, which says this sentence in both languages, and there is no session."""
    where = urlsplit(answer.headers["location"])
    assert (answer.status_code, where.path, where.netloc) == (303, "/login", "")
    assert parse_qs(where.query)["elsewhere"] == [why]
    for language in ("en", "zh"):
        page = browser.get("/login", params={"elsewhere": why, "lang": language})
        assert Texts(language)(f"entrance.elsewhere.{why}") in unescape(page.text)
    assert browser.cookies.get("gembalens") is None
    assert browser.get("/api/v1/me").status_code == 401


def test_who_logged_in_elsewhere_comes_in_where_they_wanted_to(house: House) -> None:
    with house.browser() as browser:
        begun = browser.get(WAY, params={"next": "/dashboard/queue"})
        asked = parse_qs(urlsplit(begun.headers["location"]).query)
        assert (asked["code_challenge_method"], asked["response_type"], asked["client_id"]) == (["S256"], ["code"], [CLIENT])
        assert asked["redirect_uri"] == [f"{SITE}/api/v1/oidc/back"]
        assert len(asked["code_challenge"][0]) == 43
        flags = begun.headers["set-cookie"].lower()
        assert all(word in flags for word in ("httponly", "samesite=lax", "max-age=600")), flags
        assert begun.headers["cache-control"] == "no-store"
        back = house.way(browser)
        answer = browser.get(back, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/queue?lang=en")
        assert browser.get("/api/v1/me").json() | {"shown": ""} == {
            "name": "the.viewer", "shown": "", "role": "viewer", "via": "session", "login": True,
        }  # fmt: skip
        assert browser.cookies.get("gembalens-oidc") is None, "the cookie of the way is taken back"
        assert house.place.asked.count("/.well-known/openid-configuration") == 1, "what it says of itself is kept"


def test_an_earlier_session_of_the_browser_is_over(house: House) -> None:
    with house.browser() as browser:
        browser.cookies.set("gembalens", house.cookies["lead"], domain="127.0.0.1", path="/")
        assert browser.get("/api/v1/me").json()["name"] == "the.lead"
        answer = browser.get(house.way(browser))
        assert "gembalens=" in answer.headers["set-cookie"]
        assert house.members.by_cookie(house.cookies["lead"]) is None


TRUE: dict[str, dict[str, Any]] = {
    "signed with a curve": {"signs": "ES256"},
    "no name of the key": {"signs": "no kid"},
    "several readers, and we the one it is for": {"said": {"aud": [CLIENT, "other"], "azp": CLIENT}},
    "a clock half a minute ahead": {"said": {"iat": NOW + 30, "exp": NOW + 330}},
}

LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"said": {"nonce": "x"}},
    "no nonce": {"said": {"nonce": None}},
    "for another": {"said": {"aud": "other"}},
    "for nobody": {"said": {"aud": None}},
    "for several, and not said whom": {"said": {"aud": [CLIENT, "other"]}},
    "asked for by another": {"said": {"azp": "other"}},
    "of another place": {"said": {"iss": "https://evil.example"}},
    "too old": {"said": {"iat": NOW - 400, "exp": NOW - 100}},
    "without an end": {"said": {"exp": None}},
    "an end that is no number": {"said": {"exp": "tomorrow"}},
    "issued tomorrow": {"said": {"iat": NOW + 86400, "exp": NOW + 90000}},
    "issued long ago": {"said": {"iat": NOW - 86400}},
    "not yet good": {"said": {"nbf": NOW + 86400}},
    "of nobody": {"said": {"sub": None}},
    "a number for a name": {"said": {"sub": 17}},
    "signed by nobody": {"signs": "none"},
    "signed with what everybody can read": {"signs": "HS256"},
    "signed with another key, which it brings along": {"signs": "other key"},
    "signed in a way that is not taken": {"signs": "PS256"},
    "garbage for a token": {"signs": "garbage"},
    "a code that is good for nothing": {"answers": {"/token": (400, {}, b'{"error": "invalid_grant"}')}},
    "an answer without a token": {"answers": {"/token": (200, {}, b"{}")}},
    "no keys": {"answers": {"/keys": (200, {}, b'{"keys": []}')}},
    "keys that are none": {"answers": {"/keys": (200, {}, b'{"keys": [7, {"kty": "RSA", "kid": "a", "n": "!", "e": []}]}')}},
    "another secret": {"secret": "other"},
}

BROKEN: dict[str, tuple[str, tuple[int, dict[str, str], bytes]]] = {
    "no JSON at the token": ("/token", (200, {}, b"<html>")),
    "a list at the token": ("/token", (200, {}, b"[]")),
    "nested without end": ("/token", (200, {}, b"[" * 200_000)),
    "too much": ("/keys", (200, {}, b'{"keys": "' + b"x" * 1_100_000 + b'"}')),
    "packed": ("/keys", (200, {"Content-Encoding": "gzip"}, b"x")),
    "a fault at the token": ("/token", (500, {}, b"{}")),
    "sent on from the token": ("/token", (302, {"Location": "/keys"}, b"")),
    "sent on from the keys": ("/keys", (307, {"Location": "http://127.0.0.1:1/keys"}, b"")),
}


def lie(place: Place, **how: Any) -> None:
    for name, value in how.items():
        setattr(place, name, {"sub": "u-17", **value} if name == "said" else value)


@pytest.mark.parametrize("secret", [SECRET, ""], ids=["the secret in the form", "no secret, PKCE alone"])
def test_a_place_may_want_the_secret_in_the_form_or_none(secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBALENS_KEY_OIDC", secret)
    with provider() as place:
        place.secret, place.described = secret, {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        for house in house_of(tmp_path, place):
            with house.browser() as browser:
                assert browser.get(house.way(browser)).headers["location"] == "/dashboard/queue?lang=en"


@pytest.mark.parametrize("how", TRUE.values(), ids=TRUE)
def test_what_holds_is_taken(how: dict[str, Any], kept: House) -> None:
    lie(kept.place, **how)
    with kept.browser() as browser:
        assert browser.get(kept.way(browser)).headers["location"] == "/dashboard/queue?lang=en"
        assert browser.get("/api/v1/me").json()["name"] == "the.viewer"


def test_no_lie_of_the_other_place_lets_anybody_in(kept: House) -> None:
    for name, how in LIES.items():
        honest(kept.place)
        lie(kept.place, **how)
        with kept.browser() as browser:
            answer = browser.get(kept.way(browser))
            assert "gembalens=" not in answer.headers["set-cookie"], name
            refused(browser, answer, "unproven")
    print(f"{len(LIES)} lies tried, {len(LIES)} refused")
    assert len(LIES) >= 25


@pytest.mark.parametrize(("path", "answer"), BROKEN.values(), ids=BROKEN)
def test_a_place_that_answers_badly_is_told_of(path: str, answer: tuple[int, dict[str, str], bytes], kept: House) -> None:
    with kept.browser() as browser:
        back = kept.way(browser)
        kept.place.answers[path] = answer
        before = len(kept.place.asked)
        refused(browser, browser.get(back), "silent")
        assert len(kept.place.asked) - before <= 2, "it was not followed to where it sends on"


AT_THE_START: dict[str, dict[str, Any]] = {
    "another name": {"issuer": "https://evil.example"},
    "a token place on another machine": {"token_endpoint": "http://169.254.169.254/token"},
    "keys at another port": {"jwks_uri": "http://127.0.0.1:1/keys"},
    "a name in an address": {"jwks_uri": "http://a@127.0.0.1/keys"},
    "a login page elsewhere": {"authorization_endpoint": "https://evil.example/authorize"},
    "no login page": {"authorization_endpoint": None},
    "a port that is none": {"token_endpoint": "http://127.0.0.1:x/token"},
}


@pytest.mark.parametrize("how", AT_THE_START.values(), ids=AT_THE_START)
def test_a_place_that_leads_elsewhere_is_not_followed(how: dict[str, Any], undescribed: House) -> None:
    undescribed.place.described = how
    with undescribed.browser() as browser:
        refused(browser, browser.get(WAY), "silent")
        assert undescribed.place.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "answer", [(302, {"Location": "/keys"}, b""), (200, {}, b"x"), (503, {}, b"{}")], ids=["sent on", "garbage", "broken"]
)
def test_a_place_that_does_not_describe_itself_is_told_of(answer: tuple[int, dict[str, str], bytes], undescribed: House) -> None:
    undescribed.place.answers["/.well-known/openid-configuration"] = answer
    with undescribed.browser() as browser:
        refused(browser, browser.get(WAY), "silent")


def test_while_the_place_is_down_a_password_still_does(tmp_path: Path) -> None:
    for house in house_of(tmp_path, Place(f"http://127.0.0.1:{free_port()}")):
        with house.browser() as browser:
            refused(browser, browser.get(WAY), "silent")
            assert browser.post("/api/v1/login", json={"name": "the.viewer", "password": PASSWORD}).status_code == 200
            assert browser.get("/api/v1/me").json()["name"] == "the.viewer"


def test_a_way_back_is_good_once_and_in_its_own_browser(kept: House) -> None:
    with kept.browser() as owner, kept.browser() as other, kept.browser() as bare:
        back, _ = kept.way(owner), kept.way(other)
        refused(other, other.get(back), "over")  # the cookie of another attempt
        refused(bare, bare.get(back), "over")  # no cookie
        refused(bare, bare.get("/api/v1/oidc/back"), "over")
        cookie = owner.cookies.get("gembalens-oidc")
        assert owner.get(back).headers["location"] == "/dashboard/queue?lang=en", "others could not use it up"
        owner.cookies.clear()
        owner.cookies.set("gembalens-oidc", str(cookie), domain="127.0.0.1", path="/")
        refused(owner, owner.get(back), "over")


def test_a_code_of_somebody_elses_login_is_good_for_nothing(kept: House) -> None:
    with kept.browser() as owner, kept.browser() as thief:
        stolen = parse_qs(urlsplit(kept.way(owner)).query)["code"][0]
        state = parse_qs(urlsplit(kept.way(thief)).query)["state"][0]
        refused(thief, thief.get("/api/v1/oidc/back", params={"code": stolen, "state": state}), "unproven")


@pytest.mark.parametrize(
    ("more", "why"),
    [({"error": "access_denied"}, "declined"), ({"iss": "https://evil.example"}, "unproven"), ({"code": ""}, "unproven")],
    ids=["broken off", "sent back by another", "no code"],
)
def test_who_comes_back_without_a_login_is_told(more: dict[str, str], why: str, kept: House) -> None:
    with kept.browser() as browser:
        said = {name: values[0] for name, values in parse_qs(urlsplit(kept.way(browser)).query).items()}
        refused(browser, browser.get("/api/v1/oidc/back", params={**said, **more}), why)
        assert "/token" not in kept.place.asked


@pytest.mark.parametrize("place", ["https://evil.example", "//evil.example", "/\\evil.example", "/login", "/api/v1/oidc/start", "x"])
def test_nobody_is_sent_to_a_foreign_place_afterwards(place: str, kept: House) -> None:
    with kept.browser() as browser:
        assert browser.get(kept.way(browser, place)).headers["location"] == "/"


def test_strangers_and_who_is_shut_out_stay_out_and_nobody_is_made_known(house: House) -> None:
    known = [person.name for person in house.members.everybody()]
    house.place.said = {"sub": "stranger", "preferred_username": "the.lead", "email": "a@b.example", "email_verified": True}
    with house.browser() as browser:
        refused(browser, browser.get(house.way(browser)), "unknown")
    house.members.set_active("the.viewer", False, by="the.admin")
    house.place.said = {"sub": "u-17"}
    with house.browser() as browser:
        refused(browser, browser.get(house.way(browser)), "shut_out")
    assert [person.name for person in house.members.everybody()] == known


@pytest.mark.parametrize(
    ("set_by_admin", "claims", "comes_in"),
    [
        ("email:Lea@Firm.example", {"email": "lea@firm.EXAMPLE", "email_verified": True}, True),
        ("name:Lea", {"preferred_username": "lea"}, True),
        ("email:lea@firm.example", {"email": "lea@firm.example"}, False),
        ("email:lea@firm.example", {"email": "lea@firm.example", "email_verified": "true"}, False),
        ("name:lea", {"email": "lea", "email_verified": True, "preferred_username": "leo"}, False),
    ],
    ids=["by e-mail", "by name", "an e-mail that nobody verified", "a word for a yes", "another name"],
)
def test_the_first_login_is_recognised_only_as_an_admin_said(
    set_by_admin: str, claims: dict[str, Any], comes_in: bool, house: House
) -> None:
    with house.browser() as admin:
        admin.cookies.set("gembalens", house.cookies["admin"], domain="127.0.0.1", path="/")
        changed = admin.patch("/api/v1/people/the.lead", json={"login_elsewhere": set_by_admin})
        assert changed.status_code == 200, changed.text
        assert house.members.by_cookie(house.cookies["lead"]) is None, "their sessions are over"
    house.place.said = {"sub": "u-99", **claims}
    with house.browser() as browser:
        answer = browser.get(house.way(browser))
        if not comes_in:
            refused(browser, answer, "unknown")
            return
        assert browser.get("/api/v1/me").json()["name"] == "the.lead"
    assert house.members.person("the.lead").login_elsewhere == f"{house.place.issuer}#u-99", "from now on by what cannot change"
    house.place.said = {"sub": "u-100", **claims}
    with house.browser() as browser:
        refused(browser, browser.get(house.way(browser)), "unknown")


def test_an_admin_links_and_unlinks_and_no_login_belongs_to_two(house: House) -> None:
    subject = f"{house.place.issuer}#u-17"
    with house.browser() as admin:
        admin.cookies.set("gembalens", house.cookies["admin"], domain="127.0.0.1", path="/")
        assert admin.patch("/api/v1/people/the.lead", json={"login_elsewhere": subject}).status_code == 422
        for wrong in ("x", "", "email:", 7, "ftp://x#y", "https://x.example", "a" * 600):
            assert admin.patch("/api/v1/people/the.lead", json={"login_elsewhere": wrong}).status_code == 422, wrong
        assert admin.patch("/api/v1/people/the.viewer", json={"login_elsewhere": None}).json()["login_elsewhere"] is None
        made = admin.post("/api/v1/people", json={"name": "mei", "role": "lead", "login_elsewhere": subject})
        assert (made.status_code, made.json()["link"], made.json()["ready"]) == (201, None, True)
    with house.browser() as browser:
        browser.get(house.way(browser))
        assert browser.get("/api/v1/me").json()["name"] == "mei"


def test_the_button_is_there_only_when_there_is_a_place(house: House, tmp_path: Path) -> None:
    with house.browser() as browser:
        for language, words in (("en", "Log in with Press &amp; Sons"), ("zh", "使用Press &amp; Sons登录")):
            page = browser.get("/login", params={"next": "/bin?a=1&b=2", "lang": language}).text
            assert words in page
            assert f'href="/api/v1/oidc/start?next=%2Fbin%3Fa%3D1%26b%3D2&amp;lang={language}"' in page
    (tmp_path / "other").mkdir()
    for without in house_of(tmp_path / "other", house.place, oidc_issuer="", oidc_client_id=""):
        with without.browser() as browser:
            assert '<p class="ways" hidden>' in browser.get("/login?elsewhere=unknown").text
            assert [browser.get(path).status_code for path in (WAY, "/api/v1/oidc/back?code=x&state=y")] == [404, 404]
