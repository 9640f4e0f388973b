"""The pages before the door: log in, join by a link, and what is said to somebody who may not come further. Plain HTML; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote, urlencode, urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from core.errors import NotFound
from ui.texts import LANGUAGES, Texts

FOLDER = Path(__file__).resolve().parent
ASSETS: Mapping[str, str] = {"entrance.css": "text/css", "entrance.js": "text/javascript"}
POLICY = {
    "Content-Security-Policy": "default-src 'none'; object-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address of a link is the link
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_TITLES = {403: "entrance.shut.role", 404: "entrance.shut.nothing"}
FAULTS = ("silent", "over", "unproven", "declined", "unknown", "shut_out")
"""How a login elsewhere may end; each has its sentence."""
_OTHER = {"en": "zh", "zh": "en"}


def own_place(asked: str | None) -> str:
    """Where somebody goes after the login: an address of this server, whatever was asked for.

    >>> own_place("/dashboard/queue?lang=zh"), own_place("//evil.example"), own_place("https://evil.example"), own_place(None)
    ('/dashboard/queue?lang=zh', '/', '/', '/')
    """
    place = asked or "/"
    if not place.startswith("/") or place.startswith("//") or "\\" in place or not place.isprintable() or len(place) > 2000:
        return "/"
    parts = urlsplit(place)
    return "/" if parts.scheme or parts.netloc or parts.path in ("/login",) or parts.path.startswith(("/join/", "/api/v1/oidc/")) else place


def language_of(scope: Scope, usual: str) -> str:
    """The language of a visitor: what the address says, then the browser, then the house."""
    asked = QueryParams(scope["query_string"]).get("lang")
    if asked in LANGUAGES:
        return str(asked)
    wanted = [each.split(";")[0].strip()[:2].lower() for each in Headers(scope=scope).get("accept-language", "").split(",")]
    return next((each for each in wanted if each in LANGUAGES), usual)


def login_page(scope: Scope, usual: str, place: str, elsewhere: str | None = None) -> Response:
    """Name and password, and a way to the other place where people log in, by its name; None: there is none. Says how a try there ended."""
    language = language_of(scope, usual)
    say = Texts(language)
    why = QueryParams(scope["query_string"]).get("elsewhere")
    fault = say(f"entrance.elsewhere.{why}") if elsewhere is not None and why in FAULTS else ""
    press = say("entrance.elsewhere.named", name=elsewhere) if elsewhere else say("entrance.elsewhere.usual")
    hidden = {"fault_hidden": "" if fault else " hidden", "elsewhere_hidden": " hidden" if elsewhere is None else ""}
    shown = {"fault": fault, "elsewhere": "" if elsewhere is None else press}
    return _page("login", scope, language, 200, place=place, place_quoted=quote(place, safe=""), **shown, **hidden)


def join_page(scope: Scope, usual: str, name: str | None) -> Response:
    """A password for this person; None: the first admin, who says a name too."""
    language = language_of(scope, usual)
    say = Texts(language)
    welcome = say("entrance.join.first") if name is None else say("entrance.join.welcome", name=name)
    return _page("join", scope, language, name=name or "", first="first" if name is None else "known", welcome=welcome)


def gone_page(scope: Scope, usual: str) -> Response:
    """For a link that is good for nothing."""
    language = language_of(scope, usual)
    say = Texts(language)
    return _page("shut", scope, language, 404, heading=say("entrance.gone"), words=say("entrance.gone.words"), number="")


def refused_page(scope: Scope, status: int, number: str, usual: str) -> Response:
    """For somebody who may not see this, or who asks for what is not there."""
    language = language_of(scope, usual)
    say = Texts(language)
    heading = _TITLES.get(status, "entrance.shut.nothing")
    return _page(
        "shut", scope, language, status, heading=say(heading), words=say(f"{heading}.words"), number=say("entrance.number", number=number)
    )


def asset(name: str) -> Response:
    """The style or the script. Raises NotFound."""
    if name not in ASSETS:
        raise NotFound("There is nothing at this address.")
    return Response((FOLDER / name).read_bytes(), media_type=ASSETS[name], headers={"Cache-Control": "no-cache"})


def _page(which: str, scope: Scope, language: str, status: int = 200, **values: str) -> Response:
    """A page of this folder. Every value is escaped, so it may stand between tags and between quotes."""
    say = Texts(language)
    words = {key.replace(".", "_"): words for key, words in say.starting("entrance.").items()}
    query = [(key, value) for key, value in QueryParams(scope["query_string"]).multi_items() if key != "lang"]
    other = urlencode([*query, ("lang", _OTHER[language])])
    filled = {key: escape(value) for key, value in {**words, **values, "language": language, "other": other}.items()}
    body = Template((FOLDER / f"{which}.html").read_text("utf-8")).substitute(filled)
    whole = Template((FOLDER / "frame.html").read_text("utf-8")).substitute({**filled, "body": body})
    return HTMLResponse(whole, status, headers={**POLICY, "Content-Language": language})
