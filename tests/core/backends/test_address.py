"""Frames go to the host in the settings and nowhere else: canaries listen wherever a trick could lead, and must hear nothing."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.backends.address import read
from core.backends.catalogue import EndpointSpec
from core.backends.endpoint import open_endpoint
from core.errors import ModelError, ModelLost, ModelRefused
from core.profile import Profile
from core.prompts import build
from tests import makers
from tests.fault_server import WORDS, FaultServer, completion, failing, read_request, response

PICTURE = makers.picture(64, 48)

NAMES: dict[str, list[str]] = {
    "model.test": ["127.0.0.1"],
    "far.test": ["203.0.113.7"],
    "metadata.google.internal": ["169.254.169.254"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "zero.test": ["0.0.0.0"],
    "both.test": ["203.0.113.7", "169.254.169.254"],
    "half.test": ["127.0.0.1", "10.0.0.7"],
    "nobody.test": [],
}

# Refused even where frames may leave this machine. PORT is where the canaries listen.
NEVER = [
    "http://2130706433:PORT/v1", "http://0x7f000001:PORT/v1", "http://0x7f.0.0.1:PORT/v1", "http://017700000001:PORT/v1", "http://0177.0.0.1:PORT/v1",
    "http://127.1:PORT/v1", "http://127.0.1:PORT/v1", "http://127.0.0.01:PORT/v1", "http://0:PORT/v1", "http://0.0.0.0:PORT/v1", "http://[::]:PORT/v1",
    "http://[::ffff:127.0.0.1]:PORT/v1", "http://[::ffff:7f00:1]:PORT/v1", "http://[::127.0.0.1]:PORT/v1", "http://[64:ff9b::7f00:1]:PORT/v1",
    "http://[2002:7f00:1::]:PORT/v1", "http://[fe80::1%25lo]:PORT/v1", "http://[fe80::1]:PORT/v1", "http://169.254.169.254/v1",
    "http://[fd00:ec2::254]/v1", "http://100.100.100.200/v1", "http://168.63.129.16/v1", "http://metadata.google.internal/v1",
    "http://mapped.test:PORT/v1", "http://zero.test:PORT/v1", "http://both.test:PORT/v1", "http://224.0.0.1:PORT/v1", "http://255.255.255.255:PORT/v1",
    "http://model@127.0.0.1:PORT/v1", "http://far.test:80@127.0.0.1:PORT/v1", "http://far.test\\@127.0.0.1:PORT/v1", "http:\\\\127.0.0.1:PORT/v1",
    "http://127.0.0.1:PORT#@far.test/v1", "http://127.0.0.1:PORT?/v1", "http://127.0.0.1:PORT/v1/../admin", "http://127.0.0.1:PORT//v1",
    "http://127.0.0.1:PORT/v1%0d%0aHost:far.test", "http://127.0.0.1:PORT/v1\r\nHost: far.test", "http://127.0.0.1\t:PORT/v1", "ht\ntp://127.0.0.1:PORT/v1",
    "http://127.0.0.1:PORT/v1;x", "file:///etc/passwd", "gopher://127.0.0.1:PORT/_POST", "ftp://127.0.0.1:PORT/v1", "dict://127.0.0.1:PORT/v1",
    "ldap://127.0.0.1:PORT/v1", "http+unix://%2Fvar%2Frun%2Fdocker.sock/v1", "data:application/json,{}", "//127.0.0.1:PORT/v1", "http:///v1",
    "http://:PORT/v1", "http://127.0.0.1:0/v1", "http://127.0.0.1:99999/v1", "http://127.0.0.1:PORT:80/v1", "http://[::1/v1", "http://[127.0.0.1]:PORT/v1",
    "http://１２７.０.０.１:PORT/v1", "http://127。0。0。1:PORT/v1", "http://localhost\0.test:PORT/v1", "http://localhost.:PORT/v1", "http://local_host:PORT/v1", "",
]  # fmt: skip

# Refused unless frames may leave this machine.
REMOTE = ["http://10.0.0.7:8000/v1", "http://192.168.1.20/v1", "https://93.184.215.14/v1", "http://far.test/v1", "http://half.test:PORT/v1", "https://[2606:4700::1111]/v1"]  # fmt: skip


def resolve(host: str, port: int) -> list[str]:
    if host not in NAMES:
        raise OSError("Name or service not known")
    return NAMES[host]


class Canary:
    """Listens on a port of every address of this machine, and says who called."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        first = socket.create_server(("0.0.0.0", 0))
        self.port: int = first.getsockname()[1]
        self._doors = [first]
        with contextlib.suppress(OSError):
            self._doors.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        for door in self._doors:
            threading.Thread(target=self._listen, args=(door,), daemon=True).start()

    def _listen(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, who = door.accept()
                self.heard.append(str(who))
                with line, contextlib.suppress(OSError):
                    read_request(line)
                    line.sendall(response(completion()))

    def close(self) -> None:
        for door in self._doors:
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()


@pytest.fixture
def canary() -> Iterator[Canary]:
    made = Canary()
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with failing() as made:
        yield made


def ask(url: str, bench: Profile, **more: Any) -> Any:
    """Open an endpoint, ask it once, close it."""
    how = {"resolve": more.pop("resolve", resolve)}
    endpoint = open_endpoint("there", EndpointSpec(url, "m", **{"timeout_seconds": 3, **more}), None, **how)
    try:
        return endpoint.ask(PICTURE, build(bench, "brief", endpoint.box_format))
    finally:
        endpoint.close()


def test_there_are_more_than_45_tricks() -> None:
    assert len({*NEVER, *REMOTE}) == len(NEVER) + len(REMOTE) >= 45


def test_a_canary_sings(canary: Canary, bench: Profile) -> None:
    assert ask(f"http://127.0.0.1:{canary.port}/v1", bench).text == WORDS
    assert len(canary.heard) == 1


@pytest.mark.parametrize("trick", NEVER, ids=ascii)
@pytest.mark.parametrize("allow_remote", [False, True], ids=["here", "anywhere"])
def test_an_address_that_is_a_trick_is_refused_before_anybody_is_called(
    trick: str, allow_remote: bool, canary: Canary, bench: Profile
) -> None:
    with pytest.raises(ModelRefused):
        ask(trick.replace("PORT", str(canary.port)), bench, allow_remote=allow_remote)
    assert canary.heard == []


@pytest.mark.parametrize("url", REMOTE)
def test_a_host_off_this_machine_wants_to_be_allowed(url: str, canary: Canary) -> None:
    with pytest.raises(ModelRefused, match="allow_remote"):
        read(url.replace("PORT", str(canary.port)), allow_remote=False, resolve=resolve)
    assert read(url.replace("PORT", "80"), allow_remote=True, resolve=resolve).pinned
    assert canary.heard == []


SECRET = "s3cretK7"


@pytest.mark.parametrize(
    ("url", "sign"),
    [
        ("http://127.0.0.1/v1?api_key=SECRET", "?"),
        ("http://127.0.0.1/v1#SECRET", "#"),
        ("user:SECRET@127.0.0.1/v1", "@"),
        ("http://user:SECRET@127.0.0.1/v1", "@"),
        ("http://user:pa/SECRET@127.0.0.1/v1", "@"),
        ("http://user:SECRET%40127.0.0.1/v1", "%"),
        ("http://user:SECRET\uff20127.0.0.1/v1", "\\uff20"),
        ("http:/user:SECRET@127.0.0.1", "@"),
        ("http://127.0.0.1/v1;SECRET", ";"),
        ("http://127.0.0.1/v1 SECRET", " "),
        ("http://127.0.0.1:SECRET/v1", None),
        ("http://127.0.0.1/v1&api_key=SECRET", None),
        ("http://[SECRET]/v1", None),
        ("SECRET", None),
    ],
)
def test_a_key_in_an_address_is_in_no_sentence(url: str, sign: str | None) -> None:
    with pytest.raises(ModelRefused) as found:
        read(url.replace("SECRET", SECRET), allow_remote=True, resolve=resolve)
    assert SECRET.lower() not in f"{found.value!r}{found.value.__cause__!r}{found.value.__context__!r}".lower()
    if sign is not None:
        assert f"has the sign '{sign}' in it" in str(found.value)
    assert ("key_variable" in str(found.value)) is (sign is not None and sign in "@?#")


def test_yes_must_be_said_as_yes() -> None:
    with pytest.raises(ModelRefused, match="allow_remote"):
        open_endpoint("there", EndpointSpec("http://10.0.0.7/v1", "m", allow_remote="no"), None)  # type: ignore[arg-type]


def test_frames_do_not_cross_the_open_network_for_everybody_to_read() -> None:
    with pytest.raises(ModelRefused, match="https"):
        read("http://93.184.215.14/v1", allow_remote=True)
    assert read("https://93.184.215.14/v1", allow_remote=True).port == 443


@pytest.mark.parametrize("host", ["nobody.test", "unheard.test"])
def test_a_name_that_nobody_knows_is_an_error_in_words(host: str) -> None:
    with pytest.raises(ModelLost, match=host):
        read(f"http://{host}/v1", allow_remote=True, resolve=resolve)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent", "300 Choices"])
def test_a_redirect_is_not_followed(status: str, canary: Canary, server: FaultServer, bench: Profile) -> None:
    server.answers["moved"] = response(b"", status, f"Location: http://127.0.0.1:{canary.port}/v1/chat/completions")
    with pytest.raises(ModelRefused, match="another address"):
        ask(server.url("moved"), bench)
    assert (canary.heard, server.calls["moved"]) == ([], 1)


def test_what_an_answer_points_to_is_not_called(canary: Canary, server: FaultServer, bench: Profile) -> None:
    there = f"http://127.0.0.1:{canary.port}/x.png"
    headers = [
        f"Location: {there}",
        f"Refresh: 0; url={there}",
        f"Link: <{there}>; rel=preload",
        f'Alt-Svc: h2="127.0.0.1:{canary.port}"',
        "Set-Cookie: a=b",
    ]
    server.answers["points"] = response(completion(json.dumps({"note": f"![see]({there})"})), "200 OK", *headers)
    endpoint = open_endpoint("there", EndpointSpec(server.url("points"), "m", timeout_seconds=3), None)
    for _ in range(3):
        assert there in endpoint.ask(PICTURE, build(bench, "brief", endpoint.box_format)).text
    endpoint.close()
    assert canary.heard == []
    assert not any("cookie" in head.lower() for head in server.heads), "nothing that a server gave us to keep comes back to it"


def test_a_proxy_in_the_environment_is_not_asked(
    canary: Canary, server: FaultServer, bench: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert ask(server.url("ok"), bench).text == WORDS
    assert canary.heard == []


def test_a_name_whose_answers_change_leads_where_it_led_when_it_was_checked(bench: Profile, server: FaultServer) -> None:
    heard = []
    other = socket.create_server(("127.0.0.2", server.port))  # the same port at another address
    other.settimeout(0.2)
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["169.254.169.254"]])
    url = server.url("ok").replace("127.0.0.1", "changing.test")
    endpoint = open_endpoint("there", EndpointSpec(url, "m", timeout_seconds=3), None, resolve=lambda host, port: next(answers))
    for _ in range(3):
        assert endpoint.ask(PICTURE, build(bench, "brief", endpoint.box_format)).host == f"changing.test:{server.port}"
    endpoint.close()
    with contextlib.suppress(TimeoutError):
        heard.append(other.accept())
    other.close()
    assert (heard, server.calls["ok"], next(answers)) == ([], 3, ["127.0.0.2"])
    assert all(f"Host: changing.test:{server.port}" in head for head in server.heads)


def test_the_second_address_is_called_when_the_first_takes_no_connection(bench: Profile, server: FaultServer) -> None:
    url = server.url("ok").replace("127.0.0.1", "two.test")
    assert ask(url, bench, resolve=lambda host, port: ["127.0.0.3", "127.0.0.1"]).text == WORDS
    assert server.calls["ok"] == 1


def test_the_model_receives_our_picture_and_no_address_of_anybody(canary: Canary, server: FaultServer, bench: Profile) -> None:
    there = f"http://127.0.0.1:{canary.port}/secret"
    names = {"en": f"hammer ![{there}]({there})"}
    profile = replace(bench, labels=(replace(bench.labels[0], names=names), *bench.labels[1:]))
    picture = makers.picture(64, 48)
    picture.info = {
        "comment": there.encode(),
        "frame_id": there,
        "xmp": there.encode(),
        "exif": makers.exif(ImageDescription=there).tobytes(),
    }
    endpoint = open_endpoint("there", EndpointSpec(server.url("ok"), "m", timeout_seconds=3), None)
    endpoint.ask(picture, build(profile, "full", endpoint.box_format))
    endpoint.close()
    body = json.loads(server.bodies[0])
    words = body["messages"][0]["content"].pop(1)
    assert set(words) == {"type", "text"}, "an address among the words is words"
    (part,) = body["messages"][0]["content"]
    assert part["type"] == "image_url"
    assert part["image_url"].pop("url").startswith("data:image/jpeg;base64,")
    assert "http" not in json.dumps(body), "nowhere else"
    assert canary.heard == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program to make a certificate")
@pytest.mark.parametrize("known", [True, False], ids=["its own certificate", "another's certificate"])
def test_a_pinned_address_is_held_to_its_name(known: bool, tmp_path: Path, bench: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "model.test" if known else "other.test"
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    line: list[str | Path] = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2"]
    subprocess.run([*line, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked: list[str] = []
    context.sni_callback = lambda line, said, context: asked.append(str(said))
    with socket.create_server(("127.0.0.1", 0)) as door:
        served = threading.Thread(target=answer_once, args=(door, context, asked), daemon=True)
        served.start()
        url = f"https://model.test:{door.getsockname()[1]}/v1"
        if known:
            assert ask(url, bench).text == WORDS
            assert asked == ["model.test", f"Host: model.test:{door.getsockname()[1]}"]
        else:
            with pytest.raises(ModelError, match="certificate"):
                ask(url, bench)
            assert asked[0] == "model.test"
            assert not any(said.startswith("Host") for said in asked), "no frame was sent"
        served.join(5)


def answer_once(door: socket.socket, context: ssl.SSLContext, asked: list[str]) -> None:
    """Answer until one question was understood, or three greetings failed."""
    for _ in range(3):
        line, _ = door.accept()
        with contextlib.suppress(OSError), context.wrap_socket(line, server_side=True) as wrapped:
            head, _ = read_request(wrapped)
            if head:
                asked.append(head.split("\r\n")[1])
                wrapped.sendall(response(completion()))
                return
