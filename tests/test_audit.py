"""The gate against known flaws is red for a flaw, and red when nothing was asked: real pip-audit, against a service on loopback and against none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from supply import audit, floors
from supply.pins import CPU_LOCK, CUDA_LOCK, LOCK, Pin, read_files
from tests.serving import ROOT

HASH = "0123456789abcdef" * 4


class Advisories(BaseHTTPRequestHandler):
    """An advisory service in OSV's protocol: knows one flaw, of pillow 9.0.0; answers as `way` says."""

    way = "well"
    asked: list[tuple[str, str]] = []  # noqa: RUF012 - one list for all requests

    def do_POST(self) -> None:
        """One question: a package and its version."""
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, number = question["package"]["name"], question["version"]
        self.asked.append((name, number))
        flaw = {"id": "GHSA-0000-test-0000", "summary": "a flaw", "modified": "2026-11-01T00:00:00Z", "affected": [
            {"package": {"name": "pillow", "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.0.1"}]}]}
        ]}  # fmt: skip
        body = json.dumps({"vulns": [flaw]} if (name, number) == ("pillow", "9.0.0") else {}).encode()
        self.send_response(500 if self.way == "broken" else 200)
        self.end_headers()
        self.wfile.write(b"<html>" if self.way == "no JSON" else body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def advising(way: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The service on loopback: its address, and what it was asked."""
    handler = type("Way", (Advisories,), {"way": way, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query", handler.asked  # type: ignore[attr-defined]
        server.shutdown()


def lock_of(folder: Path, *pins: str) -> Path:
    """A lock file of these `name==version`."""
    path = folder / "some.lock"
    path.write_text("".join(f"{pin} --hash=sha256:{HASH}\n" for pin in pins), "utf-8")
    return path


@pytest.mark.parametrize(
    ("way", "pins", "code", "sentence"),
    [
        ("well", ("pillow==12.3.0", "idna==3.20"), 0, "All 2 locked distributions were asked about; none has a known flaw."),
        ("well", ("pillow==9.0.0", "idna==3.20"), 1, "pillow 9.0.0: GHSA-0000-test-0000, mended in 9.0.1"),
        ("broken", ("idna==3.20",), 2, "Asked about 0 of 1 locked distributions, so nothing is shown."),
        ("no JSON", ("idna==3.20",), 2, "Asked about 0 of 1"),
    ],
    ids=["none is known", "a known-bad pin", "a service that is broken", "a service that is none"],
)
def test_the_audit_asks_about_each_pin(tmp_path: Path, way: str, pins: tuple[str, ...], code: int, sentence: str) -> None:
    with advising(way) as (url, asked):
        done = audited(str(lock_of(tmp_path, *pins)), "--osv-url", url)
    assert (done.returncode, sentence in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
    assert code == 2 or len(set(asked)) == len(pins)
    assert (code == 2) == ("floors of floors.toml" in done.stderr)


def test_with_the_network_cut_the_audit_is_red_and_tells_the_floors() -> None:
    """pip-audit by itself is not: where an index answers that it knows nothing, it exits 0."""
    nobody = "http://127.0.0.1:9"
    done = audited(HTTPS_PROXY=nobody, HTTP_PROXY=nobody, ALL_PROXY=nobody, NO_PROXY="")
    locked = len(read_files(LOCK, CPU_LOCK, CUDA_LOCK))
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count(f"Asked about 0 of {locked} locked distributions, so nothing is shown.") == 2
    known = len(floors.floors("distributions"))
    assert f"{known} of {known} floors of floors.toml are met here, all kept. That is no audit" in done.stderr


def audited(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`make audit`, as the Makefile starts it."""
    everything = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-m", "supply.audit", *words], cwd=ROOT, env=everything, capture_output=True, text=True, check=False
    )


def test_what_an_auditor_skipped_was_not_audited() -> None:
    pins = (Pin("idna", "3.20"), Pin("pillow", "12.3.0"))
    skipped = {"dependencies": [{"name": "idna", "skip_reason": "not found"}, {"name": "pillow", "version": "12.3.0", "vulns": []}]}
    assert audit.verdict(audit.understood(json.dumps(skipped), pins), pins)[0] == 2
    other = {"dependencies": [{"name": "idna", "version": "3.19", "vulns": []}, {"name": "pillow", "version": "12.3.0", "vulns": []}]}
    assert audit.verdict(audit.understood(json.dumps(other), pins), pins)[0] == 2
    assert audit.verdict(audit.understood("", pins, "no route"), pins) == (
        2, "Asked about 0 of 2 locked distributions, so nothing is shown. no route Missing: idna, pillow"
    )  # fmt: skip
    assert audit.verdict(audit.understood('{"dependencies": []}', ()), ())[0] == 2, "an empty lock proves nothing"


def test_known_bad_pins_are_below_the_floors() -> None:
    bad = {"pillow": "9.0.0", "starlette": "0.49.0", "gradio": "6.19.0", "h11": "0.14.0", "jinja2": "3.1.5", "torch": "2.5.1"}
    least = {name: floor for name, floor in floors.floors("distributions").items() if name in bad}
    assert len(list(floors.faults(least, bad))) == len(bad)
    assert "Below the floors: " in audit.floors_held([Pin(name, number) for name, number in bad.items()])
