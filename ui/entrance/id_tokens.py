"""Whether what another place signed proves who somebody is: OpenID Connect Core 3.1.3.7, point by point. Opens nothing and knows no person."""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from ui.entrance.unproven import Unproven

ALGORITHMS: Mapping[str, str] = {"RS256": "RSA", "ES256": "EC"}
"""What may sign -> the kind of its key. Never "none", and nothing that signs with what everybody can read."""

LEEWAY_SECONDS = 60  # by which two clocks may differ
OLDEST_SECONDS = 600  # of a token that was issued for this very login
LONGEST = 65536  # signs of a token
LEAST_BITS = 2048
MOST_KEYS = 50
LONGEST_SUBJECT = 255


class Signed(jws.JWSRegistry):
    """How a token may look: a head with certificates in it is longer than the library's measure; words in it that nobody knows say nothing."""

    max_header_length = 8192

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithms=[algorithm], strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to stand in it."""

    issuer: str
    client_id: str
    nonce: str


def proven(token: object, keys: object, expected: Expected, now: float) -> Mapping[str, Any]:
    """The claims of an ID token, once everything in it holds. `keys`: the place's JSON Web Key Set. Raises Unproven."""
    if not isinstance(token, str) or not token.isascii() or len(token) > LONGEST:
        raise Unproven("unproven", "there is no token")
    try:
        header = jws.extract_compact(token.encode(), registry=Signed("none")).headers()
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Unproven("unproven", "the token cannot be read") from error
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Unproven("unproven", "the token is signed in a way that is not taken")
    for key in _candidates(keys, ALGORITHMS[algorithm], header.get("kid")):
        try:
            claims = jwt.decode(token, key, algorithms=[algorithm], registry=Signed(algorithm)).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        _check(claims, expected, now)
        return claims
    raise Unproven("unproven", "no key of the place signed this token")


def _candidates(keys: object, kind: str, kid: object) -> Iterator[RSAKey | ECKey]:
    """The keys that may have signed: of the right kind, for signatures, by name where the token names one. Only their public parts are read."""
    listed = keys.get("keys") if isinstance(keys, dict) else None
    for each in listed[:MOST_KEYS] if isinstance(listed, list) else []:
        if not isinstance(each, dict) or each.get("kty") != kind or each.get("use", "sig") != "sig":
            continue
        if kid is not None and each.get("kid") != kid:
            continue
        try:
            if kind == "EC":
                if each.get("crv") == "P-256":
                    yield ECKey.import_key({name: each[name] for name in ("kty", "crv", "x", "y")})
            else:
                key = RSAKey.import_key({name: each[name] for name in ("kty", "n", "e")})
                if key.public_key.key_size >= LEAST_BITS:
                    yield key
        except (JoseError, KeyError, ValueError, TypeError):  # a key that we cannot read signs nothing
            continue


def _check(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    audience, subject, nonce = claims.get("aud"), claims.get("sub"), claims.get("nonce")
    meant = audience if isinstance(audience, list) else [audience]
    azp = claims.get("azp", None if len(meant) > 1 else expected.client_id)
    begins, issued, ends = (_moment(claims.get(name)) for name in ("nbf", "iat", "exp"))
    rules = {
        "iss": claims.get("iss") == expected.issuer,
        "aud": expected.client_id in meant,
        "azp": azp == expected.client_id,
        "exp": ends is not None and ends > now - LEEWAY_SECONDS,
        "iat": issued is not None and now - OLDEST_SECONDS <= issued <= now + LEEWAY_SECONDS,
        "nbf": "nbf" not in claims or (begins is not None and begins <= now + LEEWAY_SECONDS),
        "nonce": isinstance(nonce, str) and hmac.compare_digest(nonce.encode(), expected.nonce.encode()),
        "sub": isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT and subject.isprintable() and not subject.isspace(),
    }
    wrong = [name for name, holds in rules.items() if not holds]
    if wrong:
        raise Unproven("unproven", f"the token does not hold: {', '.join(wrong)}")


def _moment(said: object) -> float | None:
    """Seconds since 1970."""
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) and _finite(said) else None


def _finite(said: float) -> bool:
    try:
        return math.isfinite(said)
    except OverflowError:
        return False
