"""Our own rules for the Dockerfile, for machines with no engine: read as text, never built here. A careless one is seen as such."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECRET = re.compile(r"(?i)(password|passwd|secret|token|api_?key)\w*\s*=")

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
        image = rest.split()[0] if rest else ""
        if word == "FROM" and not re.fullmatch(r"\S+:\d+\.\d+\.\d+\S*(@sha256:[0-9a-f]{64})?", image):
            yield f"{image} is not pinned to a version"
        if word == "ADD":
            yield "ADD fetches and unpacks; COPY"
        if word in ("ENV", "ARG") and SECRET.search(rest):
            yield f"a secret in {word}"
        if word == "RUN" and re.search(r"curl|wget|sudo|chmod\s+(-R\s+)?777|--(extra-)?index-url|--trusted-host", rest):
            yield f"RUN {rest[:40]} ... reaches where it should not"
    if sum(word == "FROM" for word, _ in found) < 2:
        yield "one stage: what builds is shipped"
    users = [rest for word, rest in last if word == "USER"]
    if not users or not re.match(r"\d+", users[-1]) or int(re.split(r"\D", users[-1])[0]) < 10000:
        yield "does not run as a user of 10000 or above"
    for needed in ("HEALTHCHECK", "VOLUME", "ENTRYPOINT", "STOPSIGNAL"):
        if needed not in words:
            yield f"no {needed}"
    for word, rest in last:
        if word in ("ENTRYPOINT", "CMD") and not rest.startswith("["):
            yield f"{word} goes through a shell, which swallows SIGTERM"


def test_ours_is_careful() -> None:
    assert list(faults((ROOT / "Dockerfile").read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (("3.11.14-slim-bookworm", "latest"), "not pinned"),
        (("COPY core", "ADD core"), "ADD fetches"),
        (("HOME=/tmp", "HOME=/tmp API_KEY=x"), "a secret"),
        (("USER 10001:10001\n", ""), "10000"),
        (("USER 10001:10001", "USER root"), "10000"),
        (("USER 10001:10001", "USER 1000"), "10000"),
        (("HEALTHCHECK", "LABEL"), "no HEALTHCHECK"),
        (('VOLUME ["/data"]\n', ""), "no VOLUME"),
        (('ENTRYPOINT ["python", "launch.py"]', "ENTRYPOINT python launch.py"), "shell"),
        (("pip install -r", "pip install --extra-index-url http://x -r"), "should not"),
    ],
    ids=["latest", "ADD", "a secret", "no user", "root", "a low user", "no health check", "no volume", "a shell", "another index"],
)
def test_a_careless_one_is_seen(change: tuple[str, str], seen: str) -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert change[0] in text
    assert any(seen in fault for fault in faults(text.replace(*change)))


def test_what_it_copies_is_there_and_not_ignored() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    copied = [source for word, rest in instructions(text) if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert {source for source in copied if not (ROOT / source).exists()} == set()
    assert set(copied) <= allowed
