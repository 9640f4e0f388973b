"""The cookie of a session: its name, its flags, and the one sign in it. Knows nobody; what it says is checked elsewhere."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

ABSOLUTE_SECONDS = 12 * 60 * 60
"""When the browser forgets it; the record ends the session by then, whatever the browser does."""

_PLAIN, _LOCKED = "gembalens", "__Host-gembalens"
LONGEST = 100  # signs of a value that is looked at


def named(behind_tls: bool) -> str:
    """Its name. With TLS in front the prefix binds it to this very host: no neighbour under the same domain can put one in its place."""
    return _LOCKED if behind_tls else _PLAIN


def give(response: Response, value: str, *, behind_tls: bool) -> None:
    """Hand it to the browser: for no script, for no other site's writes, with TLS in front for no plain connection."""
    response.set_cookie(named(behind_tls), value, max_age=ABSOLUTE_SECONDS, path="/", secure=behind_tls, httponly=True, samesite="lax")


def take_back(response: Response, *, behind_tls: bool) -> None:
    """Have the browser forget it."""
    response.delete_cookie(named(behind_tls), path="/", secure=behind_tls, httponly=True, samesite="lax")


def said(headers: Headers, *, behind_tls: bool) -> str | None:
    """What the cookie of a request says."""
    for line in headers.getlist("cookie"):
        value = cookie_parser(line).get(named(behind_tls), "")
        if 0 < len(value) <= LONGEST:
            return value
    return None
