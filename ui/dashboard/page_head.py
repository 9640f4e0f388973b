"""What we write into the head of Streamlit's one HTML page: our name, where it lives, the theme. Touches nothing else that Streamlit sends."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCRIPT = Path(__file__).with_name("head.js")
NOTHING = PlainTextResponse("There is nothing at this address.", 404, headers={"Cache-Control": "no-store"})
_TITLE = b"<title>Streamlit</title>"


class PageHead:
    """An ASGI layer before the dashboard. A page in which it finds nothing to replace goes out as it came.

    Streamlit (1.67) answers with its page for every static file that is not there; here that is a 404.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._head = b"<title>GembaLens</title><script>" + _SCRIPT.read_bytes() + b"</script>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        page: list[bytes] = []

        async def rewriting(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None:
                await send(message)
            else:
                page.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                if scope["path"].removeprefix(scope.get("root_path", "")).startswith("/static/"):
                    await NOTHING(scope, receive, send)
                else:
                    await self._send(b"".join(page), start, send)

        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]  # compressed outside, for all apps alike
        await self.app({**scope, "headers": plain}, receive, rewriting)

    async def _send(self, page: bytes, start: Message, send: Send) -> None:
        page = page.replace(_TITLE, self._head, 1)
        headers = MutableHeaders(raw=start["headers"])
        for name in ("etag", "last-modified"):  # of Streamlit's file, which is not what is sent
            del headers[name]
        headers["Content-Length"] = str(len(page))
        headers["Cache-Control"] = "no-cache"
        await send(start)
        await send({"type": "http.response.body", "body": page})


def _is_page(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return start["status"] == 200 and headers.get("content-type", "").startswith("text/html")
