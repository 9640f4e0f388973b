"""A secret stays where it was put: a key in the environment is used, and found in no answer, page, log, error, export, file or list of processes."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest

from core.backends import catalogue
from core.backends.catalogue import Catalogue, Checked, EndpointSpec, Entry
from core.backends.opening import open_spec
from core.framecheck import convention_of
from core.settings import Settings
from tests import makers
from tests.alone import DASHBOARD, PAGES, SHUT, STRIKING, pages_of
from tests.fault_server import WORDS, FaultServer, completion, failing, response
from tests.serving import ROOT, Served, launched, serving

VARIABLE = "GEMBALENS_KEY_CANARY"
CANARY = "sk-canary-" + "7f3a9c51" * 4
BEARER = f"Authorization: Bearer {CANARY}\r\n"
ECHO = json.dumps({"error": {"message": f"Incorrect API key provided: {CANARY}. {CANARY}", "param": CANARY, "code": CANARY}}).encode()
GOOD = response(completion(f'{WORDS[:-1]}, "note": "{CANARY}"}}'))  # a whole answer, which is kept word for word
ANSWERS = {
    "a refusal that repeats it": response(ECHO, "400 Bad Request"),
    "no such model, and it": response(ECHO, "404 Not Found"),
    "a key that is not taken": response(ECHO, "401 Unauthorized", f"WWW-Authenticate: Bearer realm={CANARY}"),
    "forbidden": response(ECHO, "403 Forbidden"),
    "sent on to an address with it": response(b"", "302 Found", f"Location: http://127.0.0.1:9/{CANARY}"),
    "a fault with it in the words": response(f"Traceback: {BEARER}".encode(), "500 Internal Server Error"),
    "too busy": response(ECHO, "429 Too Many Requests", f"X-Key: {CANARY}"),
    "a page": response(f"<html>{CANARY}</html>".encode()),
    "no completion": response(json.dumps({"choices": [], "key": CANARY}).encode()),
    "an answer in a form that none is": response(completion({"text": CANARY})),
    "broken off for a reason": response(completion(finish_reason=CANARY)),
    "another model": response(completion(model=CANARY)),
}
FORMS = {
    "plain": CANARY,
    "as base64": base64.b64encode(CANARY.encode()).decode().rstrip("=")[:-2],
    "in an address": quote(CANARY, safe=""),
    "half of it": CANARY[: len(CANARY) // 2 + 4],
    "turned": CANARY[::-1],
    "as hex": CANARY.encode().hex(),
}


@dataclass
class Search:
    """What was searched, and where the canary was found."""

    places: int = 0
    length: int = 0
    found: list[str] = field(default_factory=list)

    def take(self, place: str, content: bytes | str) -> None:
        """Look through one more text."""
        raw = content.encode() if isinstance(content, str) else content
        self.places, self.length = self.places + 1, self.length + len(raw)
        self.found += [f"{place} ({form})" for form, said in FORMS.items() if said.encode() in raw or said.encode("utf-16-le") in raw]


@pytest.mark.parametrize("form", FORMS)
def test_the_search_finds_it_in_every_form(form: str, tmp_path: Path) -> None:
    search = Search()
    (tmp_path / "file").write_bytes(b"\x00before" + FORMS[form].encode() + b"after")
    folder(search, tmp_path)
    assert search.places == 1
    assert any(f"({form})" in found for found in search.found)


def test_a_key_is_used_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, CANARY)
    data, search = tmp_path / "data", Search()
    data.mkdir()
    with failing() as server:
        server.answers["line"] = GOOD
        enter(data, server)
        with serving(data, "line-3") as served, served.client() as client:
            calls = exercise(client, server, search)
            assert calls == len(server.heads), "the model's server was asked more or less often than frames were"
            assert sum(BEARER in head for head in server.heads) == calls >= 2 * len(ANSWERS), "the key was not in use, so nothing is shown"
            look(served, client, search)
            processes(search, served)
        search.take("log", served.log.read_bytes())
        server.answers["line"] = ANSWERS["a refusal that repeats it"]
        terminal(search, data, tmp_path)
    folder(search, data)
    folder(search, tmp_path / "out")
    print(f"{search.places} texts, {search.length / 2**20:.1f} MiB, {calls} questions with the key; found {len(search.found)} times")
    assert search.places > 60
    assert search.found == []


def enter(data: Path, server: FaultServer) -> None:
    """A server in the catalogue that is called with the key, checked already."""
    entry = Entry("line-3", EndpointSpec(server.url("line"), "qwen", key_variable=VARIABLE, samples=1))
    asked = open_spec("line-3", entry.spec, Settings(data))
    checked = Checked(asked.model, True, "2026-11-21T00:00:00Z", {"declared": convention_of(asked.box_format).words})
    asked.close()
    catalogue.write(data, Catalogue().with_entry(replace(entry, checked=checked)).using("line-3"))


def exercise(client: httpx.Client, server: FaultServer, search: Search) -> int:
    """Every bad answer, each after a good one, so that the server is never left alone; the questions that must have been asked."""
    asked = len(server.heads)
    for number, (name, answer) in enumerate(ANSWERS.items()):
        for good in (True, False):
            server.answers["line"] = GOOD if good else answer
            picture = makers.jpeg(64 + number, 48 + good)
            taken = client.post("/api/v1/frames", files={"file": ("x.jpg", picture, "image/jpeg")}).raise_for_status().json()
            before = len(server.heads)
            said = client.post(f"/api/v1/frames/{taken[0]['frame']['id']}/assess")
            search.take(f"the answer to {name}", said.content + str(said.headers).encode())
            assert (said.status_code == 200) == good, (name, said.text)
            asked += len(server.heads) - before
            if good:
                client.post(f"/api/v1/frames/{taken[0]['frame']['id']}/corrections", json=STRIKING).raise_for_status()
    server.answers["line"] = GOOD
    return asked


def look(served: Served, client: httpx.Client, search: Search) -> None:
    """Everything that can be asked for: pages, each reading route with what it may take, the dashboard, an export, refusals."""
    frame_id = client.get("/api/v1/walk").json()
    known = json.dumps(frame_id)
    first = re.search(r"[0-9a-f]{64}", known)
    assert first is not None
    routes = client.get("/api/v1/openapi.json").json()["paths"]
    parts = {"frame_id": first.group(), "name": "line-3", "size": "320", "number": "1", "revision": "1"}
    reading = [re.sub(r"\{(\w+)\}", lambda part: parts.get(part[1], "1"), path) for path, ways in routes.items() if "get" in ways]
    assert len(reading) > 12
    for path in (*PAGES, *SHUT, *reading, "/nothing", f"/api/v1/frames/{'0' * 64}"):
        answer = client.get(path)
        search.take(path, answer.content + str(answer.headers).encode())
    for path, body in {
        "/api/v1/exports/sft": {"family": "qwen2_5_vl"},
        "/api/v1/models/line-3/use": {},
        "/api/v1/nothing": {"x": 1},
    }.items():
        answer = client.post(path, json=body)
        search.take(path, answer.content)
    for name in DASHBOARD:
        for message in pages_of(served.address, name):
            search.take(f"dashboard {name}", message.SerializeToString())


def processes(search: Search, served: Served) -> None:
    """What everybody on the machine can read of our processes."""
    tree = psutil.Process(served.process.pid)
    for process in (tree, *tree.children(recursive=True)):
        search.take("list of processes", " ".join([process.name(), *process.cmdline()]))


def terminal(search: Search, data: Path, folder: Path) -> None:
    """What the terminal prints and writes."""
    (folder / "frame.jpg").write_bytes(makers.jpeg(90, 60))
    for words in (
        ("models", "list", "--data", data),
        ("inspect", folder / "frame.jpg", "--data", data, "--model", "line-3"),
        ("export", "sft", folder / "out", "--data", data),
    ):
        done = launched(*words)
        search.take(" ".join(map(str, words)), done.stdout + done.stderr)


def folder(search: Search, place: Path) -> None:
    """Every file below a folder."""
    for file in sorted(place.rglob("*")):
        if file.is_file():
            search.take(str(file), file.read_bytes())


MADE_UP = ("tests/", "bench/")
"""Where keys and passwords are invented to be refused."""

PUBLIC_HASHES = ("supply/torch.toml", "Dockerfile", "requirements", "assets/models/")
LONG_LISTS = ("assets/frames/", "assets/models/compact/tokenizer.json")  # numbers and syllables; read in the slow form


def is_harmless(path: str, kind: str, value: str) -> bool:
    """Whether what a detector of secrets took for one is none, by where it stands and what it is."""
    if kind == "Secret Keyword":
        return path.startswith(MADE_UP) or (
            path.startswith("assets/locales/") and re.fullmatch(r"[A-Z]?[a-z ]+|[^\x00-\x7f]+", value) is not None
        )
    if kind == "Basic Auth Credentials":
        return path.startswith("tests/")
    if kind == "Hex High Entropy String":
        return len(value) in (40, 64) and path.startswith((*MADE_UP, *PUBLIC_HASHES))
    return kind == "Base64 High Entropy String" and path.startswith(LONG_LISTS)


def secrets_in(files: list[tuple[str, Path]]) -> Iterator[str]:
    """`path:line: kind` of all that look like secrets and are not known to be none. Nothing is verified over a network."""
    from detect_secrets.core.secrets_collection import SecretsCollection
    from detect_secrets.settings import default_settings

    found = SecretsCollection()
    with default_settings():
        for _, file in files:
            found.scan_file(str(file))
    names = {str(file): path for path, file in files}
    for place, secret in found:
        if not is_harmless(names[place], secret.type, secret.secret_value or ""):
            yield f"{names[place]}:{secret.line_number}: {secret.type}"


def tree() -> list[tuple[str, Path]]:
    """Every file of ours, those that are not yet committed too."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [(name, ROOT / name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_of_the_product_holds_a_secret() -> None:
    files = [(name, file) for name, file in tree() if not name.startswith((*MADE_UP, *LONG_LISTS))]
    assert len(files) > 150
    assert list(secrets_in(files)) == []


@pytest.mark.slow
def test_no_file_at_all_holds_a_secret() -> None:
    assert list(secrets_in(tree())) == []


@pytest.mark.slow
def test_no_line_that_was_ever_committed_holds_a_secret(tmp_path: Path) -> None:
    """Every version of every file: what was once written can be read for ever."""
    listed = subprocess.run(["git", "rev-list", "--objects", "--all"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = []
    for line in listed.splitlines():
        digest, _, name = line.partition(" ")
        if not name or name.startswith(LONG_LISTS) or Path(name).suffix in (".jpg", ".png", ".safetensors", ".woff2", ""):
            continue
        place = tmp_path / digest / Path(name).name
        place.parent.mkdir()
        with place.open("wb") as out:
            subprocess.run(["git", "cat-file", "blob", digest], cwd=ROOT, stdout=out, stderr=subprocess.DEVNULL, check=False)
        files.append((name, place))
    assert len(files) > 300
    assert list(secrets_in(files)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("launch.py", 'AWS = "AKIA' + "Q3EGRFQ4TZ7XW5ND" + '"'),
        ("core/x.py", 'password = "' + "Tr0ub4dor&3-x9" + '"'),
        ("ui/x.py", "-----BEGIN " + "RSA PRIVATE KEY-----"),
        ("tests/x.py", 'GIT = "ghp_' + "a1B2c3D4e5F6g7" + "H8i9J0k1L2m3N4o5P6q7R8" + '"'),
        ("assets/locales/en.json", '{"password": "' + "Tr0ub4dor3x9" + '"}'),
        ("core/y.py", 'URL = "https://user:' + "s3cr3tpass@models.corp/v1" + '"'),
    ],
    ids=["a cloud's key", "a password", "a private key", "a token in a test", "a password among words", "a password in an address"],
)
def test_a_secret_in_a_file_is_seen(name: str, text: str, tmp_path: Path) -> None:
    place = tmp_path / Path(name).name
    place.write_text(f"{text}\n", "utf-8")
    assert list(secrets_in([(name, place)]))
