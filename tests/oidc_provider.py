"""A place where people log in, on loopback: discovery, keys, a login without questions, tokens for codes. Real, and able to lie in every way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

CLIENT, SECRET = "gembalens at the press", "s3cret+of/the:server"
RSA, OTHER, CURVE = RSAKey.generate_key(2048), RSAKey.generate_key(2048), ECKey.generate_key("P-256")


class Long(JWSRegistry):
    """Heads with a key in them."""

    max_header_length = 8192


@dataclass
class Place:
    """What it says, and how it lies. A claim that is None is left out."""

    issuer: str
    secret: str = SECRET
    said: dict[str, Any] = field(default_factory=lambda: {"sub": "u-17"})
    signs: str = "RS256"
    answers: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)  # path -> in the place of the true answer
    described: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # paths
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        own = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return {"issuer": self.issuer, **{name: self.issuer + path for name, path in own.items()}, **self.described}

    def keys(self) -> dict[str, Any]:
        named = (("a", RSA), ("c", CURVE))
        return {"keys": [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, key in named]}

    def code_for(self, asked: Mapping[str, str]) -> str:
        """Somebody logged in: the code with which they go back."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(asked)
        return code

    def token(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """An ID token for a code, once, for the client and the verifier that belong to it."""
        asked = self.codes.pop(form.get("code", ""), None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != digest or asked["code_challenge_method"] != "S256":
            return 400, {"error": "invalid_grant"}
        if form.get("redirect_uri") != asked["redirect_uri"] or form.get("grant_type") != "authorization_code":
            return 400, {"error": "invalid_grant"}
        if self._client(form, authorization) != (CLIENT, self.secret):
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.said}
        return 200, {
            "access_token": "x",
            "token_type": "Bearer",
            "id_token": self.signed({k: v for k, v in claims.items() if v is not None}),
        }

    def _client(self, form: Mapping[str, str], authorization: str) -> tuple[str, str]:
        if authorization.startswith("Basic "):
            name, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
            return unquote_plus(name), unquote_plus(secret)
        return form.get("client_id", ""), form.get("client_secret", "")

    def signed(self, claims: dict[str, Any]) -> str:
        """The claims, signed truly or falsely."""
        if self.signs in ("none", "HS256"):
            head, body = (_part(json.dumps(each).encode()) for each in ({"alg": self.signs, "typ": "JWT", "kid": "a"}, claims))
            known = hmac.new(RSA.as_pem(private=False), f"{head}.{body}".encode(), hashlib.sha256).digest()
            return f"{head}.{body}.{_part(known) if self.signs == 'HS256' else ''}"
        if self.signs == "garbage":
            return "a.b.c"
        keys: dict[str, RSAKey | ECKey] = {"RS256": RSA, "other key": OTHER, "ES256": CURVE, "PS256": RSA, "no kid": RSA}
        key = keys[self.signs]
        algorithm = {"ES256": "ES256", "PS256": "PS256"}.get(self.signs, "RS256")
        header = {"alg": algorithm, "kid": "c" if key is CURVE else "a", "jwk": key.as_dict(private=False)}
        if self.signs == "no kid":
            del header["kid"]
        return jwt.encode(header, claims, key, registry=Long(algorithms=[algorithm]))


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def provider() -> Iterator[Place]:
    """A place that answers while the block runs."""

    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, asked = self._path()
            if path == "/authorize":
                back = urlencode({"code": place.code_for(asked), "state": asked["state"]})
                self._answer(302, {"Location": f"{asked['redirect_uri']}?{back}"}, b"")
            else:
                true = {"/.well-known/openid-configuration": place.describe, "/keys": place.keys}.get(path)
                self._answer(200 if true else 404, {}, json.dumps(true() if true else {}).encode())

        def do_POST(self) -> None:
            self._path()
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, said = place.token(form, self.headers.get("Authorization", ""))
            self._answer(status, {"Content-Type": "application/json"}, json.dumps(said).encode())

        def _path(self) -> tuple[str, dict[str, str]]:
            parts = urlsplit(self.path)
            place.asked.append(parts.path)
            return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            status, headers, body = place.answers.get(urlsplit(self.path).path, (status, headers, body))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    place = Place(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
