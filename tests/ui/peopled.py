"""A served house with a person of every role, for the tests of the door. They come in as people do: by a link, with a password."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from core.rights import ROLES
from tests.serving import Served, scripted, serving

PASSWORD = "ladder beside the press"
ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Peopled:
    """A server, and the cookie of everybody in it by role; nobody's is empty."""

    served: Served
    cookies: dict[str, str]

    def as_(self, role: str, **headers: str) -> httpx.Client:
        """A client that comes as this role, or as nobody."""
        cookie = {"Cookie": self.cookies[role]} if self.cookies[role] else {}
        return httpx.Client(base_url=self.served.address, timeout=60, trust_env=False, headers={**cookie, **headers})


def first_link(served: Served) -> str:
    """The path of the link that was printed for the first admin."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = re.search(r"^http://\S+(/join/[\w-]{43})$", served.log.read_text("utf-8"), re.MULTILINE)
        if found:
            return found.group(1)
        time.sleep(0.05)
    raise AssertionError(f"no link was printed:\n{served.log.read_text('utf-8')}")


def joined(served: Served, link: str, **more: str) -> str:
    """Set a password by a link; the cookie that comes back, as it is sent."""
    with served.client() as client:
        answer = client.post(urlsplit(link).path, json={"password": PASSWORD, **more})
        assert answer.status_code == 200, answer.text
        return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


def person(served: Served, admin: str, name: str, role: str) -> str:
    """The cookie of a new person."""
    with served.client() as client:
        made = client.post("/api/v1/people", json={"name": name, "role": role}, headers={"Cookie": admin})
        assert made.status_code == 201, made.text
    return joined(served, made.json()["link"])


@contextmanager
def peopled(folder: Path, *words: str) -> Iterator[Peopled]:
    """A fresh house with everybody in it."""
    model = scripted(folder / "script.json", {"findings": [], "tool": "none", "risk": "none"})
    with serving(folder / "data", model, "--login", *words) as served:
        admin = joined(served, first_link(served), name="ada")
        others: dict[str, str] = {role: person(served, admin, f"the.{role}", role) for role in ROLES[:-1]}
        yield Peopled(served, {ANONYMOUS: "", **others, "admin": admin})
