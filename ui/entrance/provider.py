"""The place where people log in instead of here: what it says of itself, and whom it proves for a code. Lines are opened to its own address only."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote_plus, urlencode, urlsplit

import httpx

from ui.entrance.attempts import Attempt
from ui.entrance.unproven import Unproven

SECONDS = 10.0  # for an answer, from the first sign to the last, waiting for a turn included
MOST_BYTES = 1024 * 1024
AT_ONCE = 8  # questions; a place that is slow must not fill this server
KEPT_SECONDS = 3600.0  # what it says of itself; its keys are asked for at each login, so that a change of them is no trouble
SCOPES = "openid profile email"


@dataclass(frozen=True, slots=True)
class Described:
    """What a place says of itself."""

    authorize: str
    token: str
    keys: str
    posts_secret: bool  # the secret goes into the form, not into a header
    names_itself: bool  # it says who it is when it sends somebody back (RFC 9207)


class Provider:
    """One place, by its configured name. All its answers are looked at as a stranger's."""

    def __init__(self, issuer: str, client_id: str, secret: str = "") -> None:
        self.issuer, self._client_id, self._secret = issuer, client_id, secret
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._described: tuple[float, Described] | None = None

    async def described(self) -> Described:
        """What it says of itself. Raises Unproven when it is silent, is another, or sends us to another machine."""
        if self._described is not None and time.monotonic() - self._described[0] < KEPT_SECONDS:
            return self._described[1]
        said = await self._ask(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != self.issuer:
            raise Unproven("silent", "the place names itself otherwise than oidc_issuer does")
        authorize, token, keys = (self._own(said.get(name)) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
        ways = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        posts = isinstance(ways, list) and "client_secret_basic" not in ways
        made = Described(authorize, token, keys, posts, said.get("authorization_response_iss_parameter_supported") is True)
        self._described = (time.monotonic(), made)
        return made

    async def way(self, attempt: Attempt) -> str:
        """Where the browser is sent to log in. Raises Unproven."""
        address = (await self.described()).authorize
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"

    async def claims(self, attempt: Attempt, code: str) -> Mapping[str, Any]:
        """Whom a code proves. Raises Unproven."""
        described = await self.described()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": attempt.redirect_uri, "code_verifier": attempt.verifier}
        headers: dict[str, str] = {}
        if self._secret and not described.posts_secret:
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client_id, **({"client_secret": self._secret} if self._secret else {})}
        said = await self._ask(described.token, form, headers)
        keys = await self._ask(described.keys)
        from ui.entrance.id_tokens import Expected, proven  # late: 33 MiB of cryptography that only a login elsewhere needs

        return proven(said.get("id_token"), keys, Expected(self.issuer, self._client_id, attempt.nonce), time.time())

    async def _ask(self, address: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON object from the place. Raises Unproven for anything else."""
        try:
            async with asyncio.timeout(SECONDS), self._turns:
                status, body = await self._exchange(address, form, headers or {})
            said = json.loads(body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise Unproven("silent", f"the place gave no answer ({type(error).__name__})") from error
        except (ValueError, RecursionError) as error:
            raise Unproven("silent", "the place sent something that is no JSON, or too much of it") from error
        if form is not None and status in (400, 401):
            raise Unproven("unproven", f"the place did not take the code or this server ({status})")
        if status != 200 or not isinstance(said, dict):
            raise Unproven("silent", f"the place answered {status}, or with something that is no object")
        return said

    async def _exchange(self, address: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body. Raises ValueError for too long a body, or a packed one, whose length says nothing."""
        # The system's authorities: a company's own stand there. Nothing to verify on plain http, which settings allow on this machine only.
        verify = await asyncio.to_thread(ssl.create_default_context) if address.startswith("https:") else False
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        async with (
            httpx.AsyncClient(follow_redirects=False, trust_env=False, verify=verify, timeout=SECONDS) as client,
            client.stream("GET" if form is None else "POST", address, data=form, headers=sent) as answer,
        ):
            if answer.is_redirect:
                return answer.status_code, b"null"
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise ValueError("packed")
            body = bytearray()
            async for part in answer.aiter_raw():
                body += part
                if len(body) > MOST_BYTES:
                    raise ValueError("too long")
            return answer.status_code, bytes(body)

    def _own(self, address: object) -> str:
        """An address of the place itself. Raises Unproven for one of another machine, so that no answer can send us around the network."""
        try:
            if isinstance(address, str) and address.isascii() and address.isprintable() and "\\" not in address and " " not in address:
                parts, own = urlsplit(address), urlsplit(self.issuer)
                if _origin(parts) == _origin(own) and parts.username is None and not parts.fragment:
                    return address
        except ValueError:  # a port that is none
            pass
        raise Unproven("silent", "the place names an address that is not its own")


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
