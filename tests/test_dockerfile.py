"""Our own rules for the Dockerfile, for machines with no engine: read as text, never built here. A careless one is seen as such."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "Dockerfile").read_text("utf-8")
SECRET = re.compile(r"(?i)(password|passwd|secret|token|api_?key|credential|private_?key|_key_)\w*")
LOWEST_USER = 10001

Instruction = tuple[str, str]
"""Its word in capitals, and the rest of it on one line."""


def instructions(text: str) -> list[Instruction]:
    """Comments out, continued lines joined."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    lines = re.sub(r"\\\n", " ", kept).splitlines()
    return [(word.upper(), rest.strip()) for word, _, rest in (line.strip().partition(" ") for line in lines if line.strip())]


def faults(text: str) -> Iterator[str]:
    """What is wrong with a Dockerfile, a sentence each."""
    found = instructions(text)
    last = found[max((i for i, (word, _) in enumerate(found) if word == "FROM"), default=0) :]
    words = [word for word, _ in last]
    for word, rest in found:
        yield from _where_it_comes_from(word, rest)
    if sum(word == "FROM" for word, _ in found) < 2:
        yield "one stage: what builds is shipped"
    users = [rest for word, rest in last if word == "USER"]
    ids = re.fullmatch(r"(\d+):(\d+)", users[-1]) if users else None
    if not ids or min(map(int, ids.groups())) < LOWEST_USER:
        yield f"does not run as a user and group of {LOWEST_USER} or above, in numbers"
    for needed in ("HEALTHCHECK", "VOLUME", "ENTRYPOINT", "STOPSIGNAL"):
        if needed not in words:
            yield f"no {needed}"
    for word, rest in last:
        if word in ("ENTRYPOINT", "CMD") and not rest.startswith("["):
            yield f"{word} goes through a shell, which swallows SIGTERM"
        if word in ("ENTRYPOINT", "CMD") and re.search(r"supervisor|\bsh\b|bash|&&|cron|systemd", rest):
            yield f"{word} starts more than one process"
        if word == "HEALTHCHECK" and "CMD" not in rest:
            yield "a HEALTHCHECK that asks nothing"


def _where_it_comes_from(word: str, rest: str) -> Iterator[str]:
    """Everything that goes in is named exactly, and nothing that is secret stays in a layer."""
    image = rest.split()[0] if rest else ""
    if word == "FROM" and not re.fullmatch(r"\S+:\d+\.\d+\.\d+\S*@sha256:[0-9a-f]{64}", image):
        yield f"{image} is not pinned to a version and its digest"
    if word == "ADD":
        yield "ADD fetches and unpacks; COPY"
    if word == "COPY" and "--from" not in rest and re.search(r"(^|\s)(\.|\*|\./)\s", rest):
        yield "COPY of everything"
    if word in ("ENV", "ARG") and any(
        SECRET.fullmatch(name) or SECRET.search(name) for name in re.findall(r"([A-Za-z_]\w*)(?==|\s|$)", rest)
    ):
        yield f"a secret in {word}"
    if word == "RUN" and re.search(r"curl|wget|sudo|git clone|chmod\s+(-R\s+)?777|--(extra-)?index-url|--trusted-host|https?://", rest):
        yield f"RUN {rest[:40]} ... reaches where it should not"
    if word == "RUN" and re.search(r"\bpip\S*\s+install\b", rest) and not ("--require-hashes" in rest and "--no-deps" in rest):
        yield "pip install takes what no hash holds"
    if word == "RUN" and re.search(r"apt(-get)?\s+install", rest) and "--no-install-recommends" not in rest:
        yield "apt-get brings more than was asked for"


def test_ours_is_careful() -> None:
    assert list(faults(TEXT)) == []


CARELESS: dict[str, tuple[str, str, str]] = {
    "latest": (":3.11.14-slim-bookworm@", ":latest@", "not pinned"),
    "no digest": (re.findall(r"@sha256:\w+", TEXT)[0], "", "its digest"),
    "ADD": ("COPY core", "ADD core", "ADD fetches"),
    "ADD of an address": ("COPY core", "ADD https://example.org/core.tar.gz", "ADD fetches"),
    "everything": ("COPY core /src/core", "COPY . /src", "everything"),
    "a secret in ENV": ("HOME=/tmp", "HOME=/tmp API_KEY=x", "a secret in ENV"),
    "a secret in ARG": ("ARG TORCH=cuda", "ARG HUB_TOKEN", "a secret in ARG"),
    "a model's key": ("HOME=/tmp", "HOME=/tmp GEMBALENS_KEY_LINE=x", "a secret in ENV"),
    "no user": ("USER 10001:10001\n", "", "10001"),
    "root": ("USER 10001:10001", "USER root", "10001"),
    "a user by name": ("USER 10001:10001", "USER gemba", "10001"),
    "a low user": ("USER 10001:10001", "USER 10000:10001", "10001"),
    "root's group": ("USER 10001:10001", "USER 10001:0", "10001"),
    "no health check": ("HEALTHCHECK", "LABEL", "no HEALTHCHECK"),
    "a health check that is none": (TEXT[TEXT.index("HEALTHCHECK") : TEXT.index("ENTRYPOINT")], "HEALTHCHECK NONE\n", "asks nothing"),
    "no volume": ('VOLUME ["/data"]\n', "", "no VOLUME"),
    "a shell": ('ENTRYPOINT ["python", "launch.py"]', "ENTRYPOINT python launch.py", "shell"),
    "two processes": ('CMD ["run"]', 'CMD ["sh", "-c", "cron && python launch.py"]', "more than one process"),
    "another index": ("pip install --no-deps", "pip install --no-deps --extra-index-url http://x", "should not"),
    "no hashes": (" --require-hashes", "", "no hash"),
    "whatever a hashed part wants": (" --no-deps", "", "no hash"),
    "a script from the internet": ("RUN python -m venv /opt/venv", "RUN curl -sSf https://example.org/x | sh", "should not"),
}


@pytest.mark.parametrize(("there", "instead", "seen"), CARELESS.values(), ids=CARELESS)
def test_a_careless_one_is_seen(there: str, instead: str, seen: str) -> None:
    assert there in TEXT
    found = list(faults(TEXT.replace(there, instead)))
    assert any(seen in fault for fault in found), found


def test_one_that_does_everything_wrong_is_told_so() -> None:
    text = "FROM python:latest\nADD https://example.org/x /x\nENV PASSWORD=x\nCOPY . /app\nRUN pip install gradio\nCMD python launch.py\n"
    assert len(list(faults(text))) >= 11


def test_both_stages_stand_on_the_same_image() -> None:
    assert len({rest.split()[0] for word, rest in instructions(TEXT) if word == "FROM"}) == 1


def test_what_it_copies_is_there_and_not_ignored() -> None:
    copied = [source for word, rest in instructions(TEXT) if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]]
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", "everything stays outside but what is let in by name"
    assert {source for source in copied if not (ROOT / source).exists()} == set()
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied)


def test_the_settings_that_it_sets_are_settings() -> None:
    set_here = set(re.findall(r"GEMBALENS_([A-Z_]+)", TEXT))
    assert {"DATA", "HOST", "LOGIN", "OPEN_BROWSER"} <= set_here
    assert {name for name in set_here if name.lower() not in {each.name for each in fields(Settings)}} == set()


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([Path(sys.executable).with_name("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
