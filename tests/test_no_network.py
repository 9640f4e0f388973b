"""Nothing leaves the machine: a working day in a network namespace that has loopback only, with two witnesses of what was attempted.

The kernel counts packets that had nowhere to go; strace writes down every address that any process of the server's tree was to send to. Where
neither a namespace nor strace is to be had, nothing can be shown, and the tests are red.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tests.alone import CARRIERS, PAGES
from tests.serving import ROOT
from ui.guard import Guard, doors

CALLS = "connect,sendto,sendmsg,sendmmsg"
HARMLESS = {"AF_UNIX", "AF_LOCAL", "AF_NETLINK", "AF_UNSPEC"}  # none of them reaches another machine
_LOOPBACK_UP = 'ip link set lo up 2>/dev/null || ifconfig lo up; exec "$@"'
_FAMILY = re.compile(r"sa_family=(AF_\w+)")
_ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')


@dataclass(frozen=True)
class Alone:
    """How a program is run so that it is alone, and watched."""

    before: tuple[str, ...]  # words before its command line
    in_namespace: bool
    trace: Path | None

    def run(self, *words: str, seconds: float) -> str:
        """What it prints. Red when it fails."""
        done = subprocess.run(
            [*self.before, sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def attempts(self) -> list[str]:
        """The outside addresses that were to be reached."""
        return [] if self.trace is None else outside(self.trace.read_text("utf-8", "replace"))


def outside(trace: str) -> list[str]:
    """Lines of an strace log with an address that is not on this machine, or of a family that we do not know."""
    found = []
    for line in trace.splitlines():
        families = set(_FAMILY.findall(line))
        addresses = [four or six for four, six in _ADDRESS.findall(line)]
        strange = families - HARMLESS - {"AF_INET", "AF_INET6"}
        if strange or any(not ip_address(each.split("%")[0]).is_loopback for each in addresses):
            found.append(line)
        elif families & {"AF_INET", "AF_INET6"} and not addresses:
            found.append(line)  # an address that we cannot read is none that we know
    return found


@cache
def works(*words: str) -> bool:
    """Whether this command can be run here."""
    return shutil.which(words[0]) is not None and subprocess.run(words, capture_output=True, check=False).returncode == 0


def alone(folder: Path) -> Alone:
    """The strictest way that this machine permits."""
    ways = [("unshare", "--net"), ("unshare", "--map-root-user", "--net")]
    namespace = next((way for way in ways if works(*way, "sh", "-c", _LOOPBACK_UP, "sh", "true")), None)
    watched = works("strace", "-f", "-qq", "-e", "trace=connect", "-o", os.devnull, "true")
    assert namespace or watched, (
        "Neither a network namespace (unshare) nor strace can be used here, so nothing could be shown. Install strace."
    )
    trace = folder / "trace"
    strace = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(trace)) if watched else ()
    apart = (*namespace, "sh", "-c", _LOOPBACK_UP, "sh") if namespace else ()
    return Alone((*apart, *strace), bool(namespace), trace if watched else None)


def spent(folder: Path, frames: int) -> tuple[dict[str, Any], Alone]:
    """A day of so many frames, and how it was watched."""
    way = alone(folder)
    day = json.loads(way.run("-m", "tests.alone", str(folder), str(frames), seconds=120 + 20 * frames))
    if way.trace is not None:
        traced = way.trace.read_text("utf-8", "replace")
        assert traced.count("127.0.0.1") >= 10, "strace saw next to nothing, so it is no witness"
    print(f"{frames} frames; namespace: {way.in_namespace}; strace: {way.trace is not None}; packets without a route: {day['no_route']}")
    return day, way


def holds(day: dict[str, Any], way: Alone, frames: int) -> None:
    """All functions passed, and nothing was attempted."""
    assert day["complaints"] == []
    assert (day["assessed"], day["corrected"], day["exported"]) == (frames, frames, frames)
    assert (day["pages"], day["dashboard_runs"], day["carriers"]) == (len(PAGES), 4, 3 * len(CARRIERS) + 5)
    assert day["knocks"] == [], "the server fetched an address that a stranger gave it"
    assert way.attempts() == []
    assert not way.in_namespace or day["no_route"] == 0


def test_a_day_without_a_network_reaches_for_none(tmp_path: Path) -> None:
    day, way = spent(tmp_path, 2)
    holds(day, way, 2)


@pytest.mark.slow
def test_a_hundred_inspections_without_a_network_reach_for_none(tmp_path: Path) -> None:
    day, way = spent(tmp_path, 100)
    holds(day, way, 100)
    assert day["verbs"] == 4


@pytest.mark.parametrize("carrier", [each for each in CARRIERS if "?" not in each])
def test_an_address_inside_an_address_reaches_no_app(carrier: str) -> None:
    """Gradio's file route fetches such a one from the internet and hands it on; the door shuts it, whatever stands behind."""
    reached: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await PlainTextResponse("here")(scope, receive, send)

    async def ask() -> list[int]:
        wire = httpx.ASGITransport(Guard(app, doors("127.0.0.1", 1024)))
        async with httpx.AsyncClient(transport=wire, base_url="http://127.0.0.1") as client:
            asked = ("https://models.example/x", "https%3A%2F%2Fmodels.example%2Fx", "HTTP:/models.example", "file:%5C%5Cserver")
            return [(await client.get(carrier.format(each))).status_code for each in asked]

    assert set(asyncio.run(ask())) <= {404}
    assert reached == []


_REACHING = "import socket\nfrom contextlib import suppress\nfrom tests.packets import no_route\nbefore = no_route()\n{}\nprint(no_route() - before)"
_REACHES: dict[str, str] = {
    "a connection": "with suppress(OSError): socket.create_connection(('192.0.2.1', 443), 0.2)",
    "a connection over IPv6": "with suppress(OSError): socket.create_connection(('2001:db8::1', 443), 0.2)",
    "a datagram": "with suppress(OSError): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "a question for an address": "with suppress(OSError): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 1))",
}


@pytest.mark.parametrize("reach", _REACHES.values(), ids=_REACHES)
def test_both_witnesses_see_what_reaches_out(reach: str, tmp_path: Path) -> None:
    way = alone(tmp_path)
    counted = int(way.run("-c", _REACHING.format(reach), seconds=60))
    assert way.trace is None or len(way.attempts()) >= 1
    assert not way.in_namespace or counted >= 1


_LINES: dict[str, tuple[str, Callable[[int], bool]]] = {
    "loopback": ('1 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0', lambda n: n == 0),
    "loopback over IPv6": ('1 connect(3, {sa_family=AF_INET6, inet_pton(AF_INET6, "::1", &sin6_addr)}, 28) = 0', lambda n: n == 0),
    "a socket file": ('1 connect(3, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0', lambda n: n == 0),
    "the kernel": ("1 sendto(3, [{nlmsg_len=20}], 20, 0, {sa_family=AF_NETLINK, nl_pid=0}, 12) = 20", lambda n: n == 0),
    "a line that is open": ('1 sendto(3, "GET / HTTP/1.1", 14, 0, NULL, 0) = 14', lambda n: n == 0),
    "another machine": ('1 connect(3, {sa_family=AF_INET, sin_addr=inet_addr("10.0.0.7")}, 16) = -1 ENETUNREACH', lambda n: n == 1),
    "another machine over IPv6": (
        '1 connect(3, {sa_family=AF_INET6, inet_pton(AF_INET6, "fe80::1", &sin6_addr)}, 28) = 0',
        lambda n: n == 1,
    ),
    "an unreadable address": ("1 connect(3, {sa_family=AF_INET, ...}, 16) = 0", lambda n: n == 1),
    "another kind of wire": ("1 connect(3, {sa_family=AF_VSOCK, svm_cid=2}, 16) = 0", lambda n: n == 1),
}


@pytest.mark.parametrize(("line", "right"), _LINES.values(), ids=_LINES)
def test_a_trace_is_read_as_it_is_meant(line: str, right: Callable[[int], bool]) -> None:
    assert right(len(outside(line)))
