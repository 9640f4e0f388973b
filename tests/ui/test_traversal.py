"""Paths to where no file may be read from, by every address that hands out files, in all three apps: nothing but a refusal comes back.

The requests are written byte by byte: a client library would tidy up the addresses.
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.makers import jpeg
from tests.serving import ROOT
from tests.ui.peopled import ANONYMOUS, Peopled, peopled

UP = 12  # folders: more than any of ours is deep

WRITTEN: Mapping[str, Callable[[str], str]] = {
    "as it is": lambda path: path,
    "dots": lambda path: "../" * UP + path[1:],
    "dots in hex": lambda path: "%2e%2e/" * UP + path[1:],
    "slashes in hex": lambda path: "..%2f" * UP + path[1:].replace("/", "%2f"),
    "all in hex": lambda path: "%2E%2E%2F" * UP + "".join(f"%{byte:02x}" for byte in path[1:].encode()),
    "twice in hex": lambda path: "%252e%252e%252f" * UP + path[1:].replace("/", "%252f"),
    "backslashes": lambda path: "..\\" * UP + path[1:].replace("/", "\\"),
    "backslashes in hex": lambda path: "..%5c" * UP + path[1:].replace("/", "%5c"),
    "doubled": lambda path: "....//" * UP + path[1:],
    "with semicolons": lambda path: "..;/" * UP + path[1:],
    "two slashes": lambda path: "/" + path,
    "a file address": lambda path: "file://" + path,
    "a file address in hex": lambda path: "file:%2f%2f" + path,
    "an end of text": lambda path: path + "%00.jpg",
    "a stream of it": lambda path: path + "::$DATA",
    "a share": lambda path: "\\\\127.0.0.1\\c$" + path.replace("/", "\\"),
    "overlong dots": lambda path: "%c0%ae%c0%ae/" * UP + path[1:],
    "capitals": lambda path: path.upper(),
    "a dot between": lambda path: "/." + path.replace("/", "/./"),
    "in and out": lambda path: "js/../" + "../" * UP + path[1:],
}

ROUTES = (
    "/", "/api/v1/samples/", "/api/v1/frames/", "/api/v1/frames/{id}/preview/", "/api/v1/frames/{id}/", "/entrance/", "/join/",
    "/assets/", "/static/", "/static/img/", "/file=", "/file/", "/theme.css/", "/svelte/", "/gradio_api/file=", "/gradio_api/file/",
    "/gradio_api/proxy=", "/gradio_api/custom_component/", "/gradio_api/stream/", "/dashboard/", "/dashboard/media/", "/dashboard/component/",
    "/dashboard/static/", "/dashboard/static/js/", "/dashboard/app/static/", "/dashboard/_stcore/", "/dashboard/_stcore/bidi-components/",
    "/dashboard/_stcore/upload_file/",
)  # fmt: skip


@dataclass
class Place:
    """A house with everything in it that nobody may read, and how each of these things is known again."""

    house: Peopled
    frame_id: str
    paths: Mapping[str, Path]
    signs: Mapping[str, bytes]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("traversal")
    settings = folder / "settings.toml"
    settings.write_text('# nobody reads this line\nlanguage = "en"\n', "utf-8")
    with peopled(folder, "--settings", str(settings)) as house:
        content = jpeg(64, 48, taken="2026:11:21 07:00:01")
        with house.as_("lead") as client:
            frame_id = client.post("/api/v1/frames", files={"file": ("a.jpg", content, "image/jpeg")}).json()[0]["frame"]["id"]
        data, weights = house.served.data, next((ROOT / "assets").rglob("*.safetensors"))
        (original,) = [path for path in data.rglob(f"{frame_id}*") if path.read_bytes() == content]
        paths = {
            "passwd": Path("/etc/passwd"),
            "environment": Path("/proc/self/environ"),
            "record": data / "record.sqlite3",
            "write-ahead log": data / "record.sqlite3-wal",
            "log": house.served.log,
            "settings": settings,
            "script": folder / "script.json",
            "source": ROOT / "ui" / "doorman.py",
            "weights": weights,
            "original": original,
        }
        signs = {
            "passwd": b"root:x:0:0",
            "environment": b"PATH=/",
            "record": b"SQLite format 3\0",
            "write-ahead log": (data / "record.sqlite3-wal").read_bytes()[:4],
            "log": b"/join/",
            "settings": b"nobody reads this line",
            "script": (folder / "script.json").read_bytes()[:40],
            "source": b"Pure ASGI. He knows no app",
            "weights": weights.read_bytes()[8:40],
            "original": content[20:60],
        }
        yield Place(house, frame_id, paths, signs)


@dataclass
class Line:
    """A connection that sends whatever it is given as an address; opened again when the server has closed it."""

    address: str
    cookie: str
    _open: socket.socket | None = field(default=None)

    def get(self, target: str, **more: str) -> tuple[int, bytes, bytes]:
        """Status, head and body."""
        host = urlsplit(self.address).netloc
        named = {"Host": host, "Accept": "*/*", **({"Cookie": self.cookie} if self.cookie else {}), **more}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        sent = f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1")
        for _ in range(2):
            try:
                return self._asked(sent)
            except OSError:
                self.close()
        raise AssertionError(f"no answer to {target[:200]}")

    def _asked(self, sent: bytes) -> tuple[int, bytes, bytes]:
        if self._open is None:
            place = urlsplit(self.address)
            self._open = socket.create_connection((place.hostname or "", place.port or 0), timeout=30)
        self._open.sendall(sent)
        said = self._until(b"", lambda said: b"\r\n\r\n" in said)
        head, _, body = said.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        body = self._until(body, (lambda body: len(body) >= int(length.group(1))) if length else (lambda body: body.endswith(b"0\r\n\r\n")))
        if re.search(rb"(?i)connection: *close", head):
            self.close()
        return int(head.split(b" ")[1]), head, body

    def _until(self, said: bytes, enough: Callable[[bytes], bool]) -> bytes:
        assert self._open is not None
        while not enough(said):
            more = self._open.recv(65536)
            if not more:
                raise ConnectionError("closed")
            said += more
        return said

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def addresses(place: Place, *, all_of_them: bool) -> list[str]:
    """80 paths: each target in eight of the ways, so that every way is used; or each in every way."""
    paths, ways = list(place.paths.values()), list(WRITTEN.values())
    if all_of_them:
        return [way(str(path)) for path, way in product(paths, ways)]
    return [ways[(8 * at + n) % len(ways)](str(path)) for at, path in enumerate(paths) for n in range(8)]


def judged(place: Place, written: list[str]) -> None:
    """Every path at every route, as nobody and as a lead. Fails at the first byte that leaves."""
    seen: Counter[tuple[str, int]] = Counter()
    for role, route in product((ANONYMOUS, "lead"), ROUTES):
        line = Line(place.house.served.address, place.house.cookies[role])
        for path in written:
            target = route.replace("{id}", place.frame_id) + path
            status, head, body = line.get(quote(target, safe="/%\\:;$=.~-_"))
            told = [name for name, sign in place.signs.items() if sign in body]
            assert not told, f"{role} got {told} by {target}"
            assert b"location:" not in head.lower(), f"{role} was sent on by {target}: {head!r}"
            assert status in REFUSALS[role], f"{status} for {role} by {target}: {body[:200]!r}"
            seen[role, status] += 1
        line.close()
    print(f"{len(written)} paths x {len(ROUTES)} routes x 2: {seen.total()} requests, {dict(seen)}, 0 bytes told")
    assert seen.total() == len(written) * len(ROUTES) * 2


REFUSALS = {ANONYMOUS: (400, 401, 404), "lead": (400, 403, 404)}


def test_no_path_leads_out_of_what_is_served(place: Place) -> None:
    written = addresses(place, all_of_them=False)
    assert len(written) == 80
    assert len(set(written)) == 80
    judged(place, written)


@pytest.mark.slow
def test_no_path_in_any_way_of_writing_leads_out(place: Place) -> None:
    judged(place, addresses(place, all_of_them=True))


def test_the_signs_by_which_a_leak_is_known_are_in_the_files(place: Place) -> None:
    for name, path in place.paths.items():
        if name != "environment":  # that of the server
            assert place.signs[name] in path.read_bytes(), name


FOREIGN = ("https://evil.example", "//evil.example", "///evil.example", "\\\\evil.example", "/\\evil.example", "/%09/evil.example",
           "https:evil.example", "%2f%2fevil.example", "https%3A%2F%2Fevil.example", "@evil.example", ".evil.example", "javascript:alert(1)")  # fmt: skip
PARAMETERS = (
    "next",
    "url",
    "file",
    "path",
    "redirect",
    "redirect_uri",
    "return",
    "returnTo",
    "continue",
    "dest",
    "target",
    "_target_url",
    "goto",
    "q",
    "lang",
    "frame",
)
PAGES = (
    "/",
    "/login",
    "/dashboard",
    "/dashboard/",
    "/dashboard/queue",
    "/join/x",
    "/gradio_api/login/huggingface",
    "/login/huggingface",
    "/logout",
    "/gradio_api/logout",
)
PLACES = (
    "/file={}",
    "/gradio_api/file={}",
    "/gradio_api/proxy={}",
    "/{}",
    "//{}",
    "/dashboard/{}",
    "/dashboard//{}",
    "/login/{}",
    "/assets/{}",
    "/static/{}",
)


def led_away(place: Place, every: int) -> None:
    """Every so-manieth address with a foreign host in it, as nobody and as a lead: wherever a browser is sent to, it is our own."""
    ours, statuses = urlsplit(place.house.served.address).netloc, Counter[int]()
    in_queries = (f"{page}?{name}={quote(value, safe='%')}" for page, name, value in product(PAGES, PARAMETERS, FOREIGN))
    in_paths = (where.format(quote(value, safe="/%\\:@")) for where, value in product(PLACES, FOREIGN))
    asked = [*list(in_queries)[::every], *in_paths]
    for role in (ANONYMOUS, "lead"):
        line = Line(place.house.served.address, place.house.cookies[role])
        for target in asked:
            status, head, _ = line.get(target, Accept="text/html")
            statuses[status] += 1
            found = re.search(rb"(?im)^location: *(.*?)\r?$", head + b"\r\n")
            assert (found is not None) == (300 <= status < 400), (target, head)
            if found:
                to = urlsplit(found.group(1).decode("latin-1"))
                assert (to.scheme, to.netloc) in (("", ""), ("http", ours)), (target, found.group(1))
                assert not re.match(rb"[/\\]{2}|/\\", found.group(1)), (target, found.group(1))
        line.close()
    print(f"{statuses.total()} addresses with a foreign host in them, {dict(statuses)}; 0 led away")
    assert statuses[303], "some were sent to the login"
    assert not [status for status in statuses if status >= 500]


def test_no_address_sends_a_browser_to_another_host(place: Place) -> None:
    led_away(place, every=7)


@pytest.mark.slow
def test_no_parameter_sends_a_browser_to_another_host(place: Place) -> None:
    led_away(place, every=1)
