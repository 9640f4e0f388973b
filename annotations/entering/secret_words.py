"""What proves who somebody is: passwords and random tokens, and the digests that are kept in their place. Knows no table and no person."""

from __future__ import annotations

import hashlib
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import Malformed

SHORTEST, LONGEST = 10, 200  # signs of a password
TOGETHER = 2  # passwords that are looked at at the same time; each wants 64 MiB

TOKEN_PREFIX = "gl_"  # noqa: S105 - by which a person, and a scanner of leaked files, knows what it is


def token() -> str:
    """256 random bits, as 43 signs that may stand in an address."""
    return secrets.token_urlsafe(32)


def digest(said: str) -> str:
    """What is kept of a random token. It needs no salt and no slowness: nobody guesses 256 bits."""
    return hashlib.sha256(said.encode()).hexdigest()


class Passwords:
    """Argon2id, with the parameters of RFC 9106 for servers of little memory (3 rounds, 64 MiB, 4 lanes)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._decoy = self._hasher.hash(token())
        self._places = threading.BoundedSemaphore(TOGETHER)

    def kept(self, password: object, name: str) -> str:
        """What is kept of a new password. Raises Malformed, with what is wrong with it."""
        if not isinstance(password, str) or not SHORTEST <= len(password) <= LONGEST:
            raise Malformed(f"A password has {SHORTEST} to {LONGEST} signs. Choose another; nothing was saved.")
        if password.casefold().strip() == name:
            raise Malformed("A password must not be the name. Choose another; nothing was saved.")
        if len(set(password)) < 3:
            raise Malformed("A password of one or two different signs is guessed at once. Choose another; nothing was saved.")
        with self._places:
            return self._hasher.hash(_plain(password))

    def fits(self, password: object, kept: str | None) -> bool:
        """Whether this is the password. Nobody of that name (None) takes the same time: a decoy is checked, which nothing fits."""
        said = _plain(password[: LONGEST + 1]) if isinstance(password, str) else b""
        with self._places:
            try:
                self._hasher.verify(kept or self._decoy, said)
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None


def _plain(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
