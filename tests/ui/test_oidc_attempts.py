"""What is kept of a login that went elsewhere and is not back yet, and which place may be named at all."""

from __future__ import annotations

import pytest

from core.errors import SettingsError
from core.settings import load
from ui.entrance.attempts import MOST, SECONDS, Attempts


def test_attempts_end_and_never_grow_without_bound() -> None:
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])
    old = attempts.begin("r", "/", "en")
    now[0] = SECONDS + 1
    assert attempts.take(old.state, old.browser) is None
    for _ in range(MOST + 10):
        last = attempts.begin("r", "/", "en")
    assert len(attempts) == MOST
    assert attempts.take(last.state, last.browser) == last
    assert attempts.take(last.state, last.browser) is None


@pytest.mark.parametrize(
    "said",
    [
        {"oidc_issuer": "http://login.example", "oidc_client_id": "x"},
        {"oidc_issuer": "https://a:b@login.example", "oidc_client_id": "x"},
        {"oidc_issuer": "https://login.example/?x", "oidc_client_id": "x"},
        {"oidc_issuer": "file:///etc/passwd", "oidc_client_id": "x"},
        {"oidc_issuer": "https://login.example"},
        {"oidc_client_id": "x"},
    ],
    ids=["plain http", "with a password", "with a question", "a file", "no client", "no place"],
)
def test_a_place_that_cannot_be_trusted_is_no_setting(said: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="oidc"):
        load(said, {})
    assert (
        load({"oidc_issuer": "https://login.example/realms/a", "oidc_client_id": "x"}, {}).oidc_issuer == "https://login.example/realms/a"
    )
