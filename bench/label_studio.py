"""Label Studio as a peer: its own package in an environment of its own, its own SQLite, on loopback with telemetry off. Knows nothing of ours.

The environment is made once, in a folder that is kept (some 1 GiB); each run has a data folder of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serving import free_port

VERSION = "1.23.2"
PACKAGE = f"label-studio=={VERSION}"
START_SECONDS, INSTALL_SECONDS = 240.0, 900.0
ADMIN_TOKEN, PASSWORD = "a" * 40, "benchbench1"
CLASSES = [f"class_{number:02d}" for number in range(17)]
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">'
    + "".join(f'<Label value="{each}"/>' for each in CLASSES)
    + '</RectangleLabels><Choices name="verdict" toName="image"><Choice value="ok"/><Choice value="violation"/></Choices></View>'
)
# Everybody who works is a member with a token of their own: Label Studio reserves a task for a user.
_PEOPLE = """
import os, sys
sys.path.insert(0, os.path.join(os.environ["LABEL_STUDIO_SITE"], "label_studio"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings.label_studio")
import django; django.setup()
from users.models import User
from organizations.models import Organization
from rest_framework.authtoken.models import Token
everybody = Organization.objects.first()
everybody.jwt.legacy_api_tokens_enabled = True; everybody.jwt.save()
for number in range(int(sys.argv[1])):
    person, _ = User.objects.get_or_create(email=f"u{number}@example.com", defaults=dict(username=f"u{number}", active_organization=everybody))
    person.active_organization = everybody; person.save()
    everybody.add_user(person)
    print("TOKEN", Token.objects.get_or_create(user=person)[0].key)
"""


class PeerMissing(Exception):
    """Label Studio cannot be put beside ours here; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running one."""

    port: int
    pid: int
    home: Path  # its data folder
    tokens: tuple[str, ...]  # of people who work
    started: float  # seconds from the first line to the first answer

    def client(self, token: str = ADMIN_TOKEN) -> PeerClient:
        """A connection of its own."""
        return PeerClient(self.port, token)

    def locked(self) -> int:
        """How often its log says that the database was locked."""
        return (self.home / "server.log").read_bytes().count(b"database is locked")


class PeerClient:
    """One keep-alive connection."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self._headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Status and content. A connection that was closed while idle is opened once more."""
        content = None if body is None else json.dumps(body).encode()
        for attempt in (0, 1):
            try:
                self._connection.request(method, path, content, self._headers)
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, ConnectionError):
                self._connection.close()
                if attempt:
                    raise
        raise AssertionError("one of both attempts answers or raises")

    def told(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer that has to be a good one."""
        status, content = self.ask(method, path, body)
        if status >= 400:
            raise RuntimeError(f"Label Studio answered {status} to {method} {path}: {content[:300]!r}")
        return json.loads(content)

    def project(self, title: str) -> int:
        """A new project that draws the most uncertain task first, as ours does."""
        said = {"title": title, "label_config": CONFIG, "sampling": "Uncertainty sampling", "maximum_annotations": 1}
        number: int = self.told("POST", "/api/projects/", {**said, "show_collab_predictions": True})["id"]
        return number

    def view(self, project: int, items: Sequence[dict[str, Any]], ordering: Sequence[str]) -> int:
        """A tab of its data manager: filters and an order."""
        said = {"title": "bench", "filters": {"conjunction": "and", "items": list(items)}, "ordering": list(ordering)}
        number: int = self.told("POST", "/api/dm/views/", {"project": project, "data": said})["id"]
        return number


def prepared(cache: Path) -> Path:
    """The folder of its environment, made when it is not there. Raises PeerMissing."""
    home = cache / f"label-studio-{VERSION}"
    ready = home / "ready"
    if ready.exists():
        return home
    shutil.rmtree(home, ignore_errors=True)
    print(f"Installing {PACKAGE} into {home} (once; some minutes and 1 GiB) ...", flush=True)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE])
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(home, ignore_errors=True)
        said = getattr(error, "stderr", "") or str(error)
        why = said.strip().splitlines()[-1] if said.strip() else type(error).__name__
        raise PeerMissing(f"{PACKAGE} cannot be installed here ({why}), so only our own figures are measured, without ratios.") from error
    ready.touch()
    return home


@contextmanager
def running(environment: Path, home: Path, people: int) -> Iterator[Peer]:
    """Started with a fresh data folder, and ended with the block. Raises PeerMissing when it does not start."""
    home.mkdir(parents=True)
    port, began = free_port(), time.perf_counter()
    own = _environment(environment, home)
    words = ["start", "--no-browser", "--port", str(port), "--internal-host", "127.0.0.1", "--data-dir", str(home), "--log-level", "ERROR"]
    words += ["--username", "admin@example.com", "--password", PASSWORD, "--user-token", ADMIN_TOKEN, "--enable-legacy-api-token"]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [str(environment / "bin" / "label-studio"), *words], env=own, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        _wait(process, port, home)
        started = time.perf_counter() - began
        made = subprocess.run(
            [str(environment / "bin" / "python"), "-c", _PEOPLE, str(people)], env=own, capture_output=True, text=True, check=False
        )
        tokens = tuple(line.split()[1] for line in made.stdout.splitlines() if line.startswith("TOKEN"))
        if len(tokens) != people:
            raise PeerMissing(f"Label Studio {VERSION} did not take its people ({made.stderr.strip()[-200:]}); nothing is put beside ours.")
        yield Peer(port, process.pid, home, tokens, started)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tasks(many: int, *, annotated: bool = False, seed: int = 0) -> list[dict[str, Any]]:
    """What is imported: each with a prediction of five boxes and a choice, and with a person's annotation if wanted."""
    dice = random.Random(seed)
    made = []
    for number in range(many):
        said = {"model_version": "v1", "score": round(dice.random(), 5), "result": result(dice, score=True)}
        task = {"data": {"image": f"/static/{number:06d}.jpg", "site": f"site{number % 20}"}, "predictions": [said]}
        made.append({**task, "annotations": [{"result": result(dice)}]} if annotated else task)
    return made


def result(dice: random.Random, boxes: int = 5, *, score: bool = False) -> list[dict[str, Any]]:
    """What one says of a task."""
    said: list[dict[str, Any]] = []
    for number in range(boxes):
        corner = {"x": round(dice.uniform(0, 70), 3), "y": round(dice.uniform(0, 70), 3)}
        size = {"width": round(dice.uniform(2, 30), 3), "height": round(dice.uniform(2, 30), 3), "rotation": 0}
        box: dict[str, Any] = {
            "id": f"b{number}{dice.randrange(16**8):08x}",
            "type": "rectanglelabels",
            "from_name": "label",
            "to_name": "image",
        }
        box |= {"original_width": 1280, "original_height": 960, "image_rotation": 0}
        box |= {"value": {**corner, **size, "rectanglelabels": [dice.choice(CLASSES)]}}
        said.append({**box, "score": round(dice.random(), 4)} if score else box)
    verdict: dict[str, Any] = {"id": f"c{dice.randrange(16**8):08x}", "type": "choices", "from_name": "verdict", "to_name": "image"}
    return [*said, {**verdict, "value": {"choices": [dice.choice(["ok", "violation"])]}}]


def _environment(environment: Path, home: Path) -> dict[str, str]:
    """Nothing of ours gets in and nothing gets out: no analytics, no error reports, no look for a newer version; a proxy that is nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LABEL_STUDIO", "DJANGO", "GEMBALENS"))}
    silent = {"COLLECT_ANALYTICS": "false", "collect_analytics": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    silent |= {"LATEST_VERSION_CHECK": "false", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    place = {"LABEL_STUDIO_BASE_DATA_DIR": str(home), "BASE_DATA_DIR": str(home), "LOG_LEVEL": "ERROR", "DEBUG": "false"}
    site = next((environment / "lib").glob("python3*")) / "site-packages"
    return {**kept, **silent, **place, "no_proxy": "127.0.0.1,localhost", "LABEL_STUDIO_SITE": str(site)}


def _wait(process: subprocess.Popen[bytes], port: int, home: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    said = (home / "server.log").read_text("utf-8", "replace").strip()[-300:]
    raise PeerMissing(f"Label Studio {VERSION} did not start ({said}); nothing is put beside ours.")


def _run(line: list[str]) -> None:
    subprocess.run(line, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS, stdin=subprocess.DEVNULL)
