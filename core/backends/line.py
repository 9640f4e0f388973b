"""The line to one server: one body out, one body back, within limits of size and time; what may safely be tried again is. Reads no answer.

Only the address that was checked is called: no redirect is followed, no proxy is taken from the environment, no cookie is kept,
and nothing is unpacked (a small packed body may be a huge one).
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import orjson

from core.backends.address import Address
from core.errors import ModelBusy, ModelError, ModelGarbled, ModelLost, ModelRefused

MOST_BYTES = 4 * 2**20
"""Of an answer. A reply of 2,048 tokens with five alternatives each takes about 1 MiB."""

CONNECT_SECONDS = 3.0
MOST_RETRIES = 2
PAUSE_SECONDS = 0.5
"""Before the first retry at most; twice as long before the second. The dice take up to half of it off, so that not all come back at once."""

_IDLE_SECONDS = 4.0  # a second less than uvicorn keeps a quiet connection, so that we are the ones who close it
_LAST_WORDS = 200  # characters of a refusal that are shown
_PLACE = "/chat/completions"


class _Again(Exception):
    """Not now, and nothing was answered: asking again is safe. `error`: what it is when nobody asks again; `after`: what the server asked for, in seconds."""

    def __init__(self, error: ModelError, after: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.after = error, after


class Line:
    """Connections to one server, kept open between questions. Lives in one event loop.

    A question that is given up while it connects can leave a place in httpx's pool taken for ever (httpcore 1.0.9: 2 in 100 of such).
    So the pool is replaced then, and closed when the last of its other questions has its answer.
    """

    def __init__(self, address: Address, key: str | None, connections: int, dice: random.Random) -> None:
        self._address, self._key, self._connections, self._dice = address, key, connections, dice
        self._pinned = address.pinned
        self._verify = (
            _trusted() if address.scheme == "https" else False
        )  # http:// has nothing to verify; the authorities take 30 ms to load
        self._timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)  # the rest is bounded from outside, all together
        self._users: dict[httpx.AsyncClient, int] = {}  # client -> questions that it is busy with
        self._client = self._fresh()

    async def close(self) -> None:
        """Hang up."""
        for client in list(self._users):
            await client.aclose()

    def _fresh(self) -> httpx.AsyncClient:
        kept = httpx.Limits(max_connections=None, max_keepalive_connections=self._connections, keepalive_expiry=_IDLE_SECONDS)
        client = httpx.AsyncClient(follow_redirects=False, trust_env=False, verify=self._verify, timeout=self._timeout, limits=kept)
        self._users[client] = 0
        return client

    @asynccontextmanager
    async def _pool(self) -> AsyncIterator[httpx.AsyncClient]:
        """The client of now, for one exchange."""
        client = self._client
        self._users[client] += 1
        try:
            yield client
        except asyncio.CancelledError:
            if client is self._client:
                self._client = self._fresh()
            raise
        finally:
            self._users[client] -= 1
            if client is not self._client and not self._users[client]:
                del self._users[client]
                await client.aclose()

    async def post(self, body: bytes, until: float) -> bytes:
        """The answer's body. At most two retries, none that would begin after `until` (loop time). Raises ModelError's kin."""
        pause = PAUSE_SECONDS
        for retries in range(MOST_RETRIES, -1, -1):
            try:
                return await self._exchange(body)
            except _Again as again:
                wait = max(pause * self._dice.uniform(0.5, 1), again.after)
                if not retries or asyncio.get_running_loop().time() + wait >= until:
                    raise again.error from again
            await asyncio.sleep(wait)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    async def _exchange(self, body: bytes) -> bytes:
        async with self._pool() as client:
            return await self._asked(client, body)

    async def _asked(self, client: httpx.AsyncClient, body: bytes) -> bytes:
        shown = self._address.shown
        try:
            response = await self._send(client, body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _Again(ModelLost(f"The model's server {shown} cannot be reached ({error}). Is it running?")) from error
        except httpx.TransportError as error:
            raise _Again(ModelLost(f"The connection to the model's server {shown} broke before it answered.")) from error
        try:
            await self._judge(response)
            return await self._read(response, MOST_BYTES)
        except httpx.TransportError as error:
            raise ModelLost(f"The connection to the model's server {shown} broke in the middle of its answer.") from error
        finally:
            await response.aclose()

    async def _send(self, client: httpx.AsyncClient, body: bytes) -> httpx.Response:
        """To the first of the checked addresses that takes a connection; it is the first to be tried the next time."""
        pinned = self._pinned
        for at, number in enumerate(pinned, start=1):
            try:
                response = await client.send(self._request(number, body), stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if at == len(pinned):
                    raise
            else:
                self._pinned = (number, *(other for other in pinned if other != number))
                return response
        raise AssertionError("an address that was checked is pinned to at least one number")

    def _request(self, pinned: str, body: bytes) -> httpx.Request:
        headers = {
            "Host": self._address.host_header,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "GembaLens",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        extensions = {"sni_hostname": self._address.host, "timeout": self._timeout.as_dict()}
        return httpx.Request("POST", self._address.url(pinned, _PLACE), headers=headers, content=body, extensions=extensions)

    async def _judge(self, response: httpx.Response) -> None:
        """Nothing, for an answer that may be read. Raises what its status means otherwise."""
        shown, status = self._address.shown, response.status_code
        if status == 200:
            return
        if 300 <= status < 400:
            raise ModelRefused(f"The model's server {shown} sends us on to another address. Only the one in the settings is ever called.")
        if status in (401, 403):
            raise ModelRefused(
                f"The model's server {shown} does not accept our key ({status}). Check the variable that key_variable names."
            )
        if status == 404:
            raise ModelRefused(f"The model's server {shown} knows no such model, or answers elsewhere (404){await self._words(response)}")
        if status == 429:
            raise _Again(ModelBusy(f"The model's server {shown} has too much to do (429). Try again in a minute."), _wait_of(response))
        if status in (502, 503, 504):
            raise _Again(ModelLost(f"The model's server {shown} cannot answer now ({status})."), _wait_of(response))
        if status >= 500:
            raise ModelLost(f"The model's server {shown} failed ({status}). Its own log says why.")
        if status >= 400:
            raise ModelRefused(f"The model's server {shown} refuses this question ({status}){await self._words(response)}")
        raise ModelGarbled(f"The model's server {shown} answered with status {status}, which is no answer.")

    async def _words(self, response: httpx.Response) -> str:
        """What the server says of its refusal, short and without our key; a full stop when it says nothing."""
        try:
            error = orjson.loads(await self._read(response, 64 * 1024))
            said = error["error"]["message"] if isinstance(error.get("error"), dict) else error.get("message") or error.get("detail")
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ModelGarbled):
            return "."
        words = " ".join(str(said or "").split())
        if self._key:
            words = words.replace(self._key, "(our key)")
        shown = "".join(sign for sign in words if sign.isprintable())[:_LAST_WORDS]
        return f': "{shown}"' if shown else "."

    async def _read(self, response: httpx.Response, most: int) -> bytes:
        shown = self._address.shown
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
            raise ModelGarbled(f"The model's server {shown} sent a packed answer, which was not asked for and is not unpacked.")
        said = response.headers.get("content-length", "")
        if said.isdecimal() and int(said) > most:
            raise ModelGarbled(f"The model's server {shown} announced an answer of {int(said) >> 20} MiB. At most {most >> 20} are read.")
        content = bytearray()
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > most:
                raise ModelGarbled(f"The model's server {shown} sent more than {most >> 20} MiB for one answer.")
        return (
            bytes(content).replace(self._key.encode(), b"(our key)") if self._key else bytes(content)
        )  # no answer needs it, and answers are kept


def _trusted() -> ssl.SSLContext:
    """The usual authorities, and those of this machine: a site's own ends up there, or is named by SSL_CERT_FILE."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def _wait_of(response: httpx.Response) -> float:
    """Retry-After in seconds, which is a number or a date; 0 when nothing sensible is said."""
    said = response.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        return max(0.0, (parsedate_to_datetime(said).astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
