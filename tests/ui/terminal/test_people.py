"""`launch.py people` and the first start of a server that others reach: who is let in from the terminal, and what is never started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import launch
from core.errors import AppError, SettingsError, StoreError
from core.settings import load
from tests.serving import ROOT, launched, scripted, serving
from tests.ui.peopled import PASSWORD, first_link, joined
from ui.terminal import people


def typed(data: Path, *words: str) -> int:
    """`launch.py people` with these words, in this process."""
    asked = launch.parser().parse_args(["people", *words, "--data", str(data)])
    done: int = asked.verb(asked, load(vars(asked), {}))
    return done


def test_people_are_added_listed_changed_and_shut_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(tmp_path, "add", "Ada", "--role", "admin", "--public-hosts", "gemba.example", "--behind-tls") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("ada may come in as admin.")
    assert said[1].startswith("https://gemba.example/join/")
    assert len(said[1].rsplit("/", 1)[1]) == 43
    typed(tmp_path, "add", "lin", "--role", "viewer", "--shown", "林")
    typed(tmp_path, "role", "lin", "lead")
    typed(tmp_path, "off", "lin")
    capsys.readouterr()
    typed(tmp_path, "list", "--json")
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["name"], each["role"], each["active"], each["ready"], each["shown"]) for each in listed] == [
        ("ada", "admin", True, False, ""),
        ("lin", "lead", False, False, "林"),
    ]
    typed(tmp_path, "on", "lin")
    typed(tmp_path, "link", "lin")
    typed(tmp_path, "list")
    assert "http://127.0.0.1:7860/join/" in (shown := capsys.readouterr().out)
    assert "lin                  lead       link not used    林" in shown


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "lin", "--role", "viewer"), "first person must be an admin"),
        (("add", "a b", "--role", "admin"), "letters and digits"),
        (("role", "nobody", "lead"), "no person named nobody"),
        (("off", "nobody"), "no person named nobody"),
        (("link", "nobody"), "no person named nobody"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_a_sentence(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(AppError, match=why):
        typed(tmp_path, *words)


def test_a_list_of_nobody_says_what_that_means_and_makes_no_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StoreError, match="no record"):
        typed(tmp_path / "mistyped", "list")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(AppError):
        typed(tmp_path, "link", "nobody")
    typed(tmp_path, "list")
    assert "whoever sits at this machine" in capsys.readouterr().out


@pytest.mark.parametrize("flags", [{"host": "0.0.0.0"}, {"host": "::"}, {"host": "192.0.2.7"}, {"public_hosts": "gemba.example"}], ids=str)
def test_what_others_reach_is_not_started_while_nobody_would_be_asked_who_they_are(tmp_path: Path, flags: dict[str, Any]) -> None:
    from annotations.store import Store

    with Store(tmp_path / "record.sqlite3") as store:
        with pytest.raises(SettingsError, match=r"--login.*people add.*127\.0\.0\.1"):
            people.members_of(store, load(flags, {}))
        assert people.members_of(store, load({**flags, "login": "yes"}, {})).login
        assert not people.members_of(store, load({}, {})).login
        people.members_of(store, load({}, {})).add("ada", "admin", by="terminal")
        assert people.members_of(store, load(flags, {})).login
        assert people.members_of(store, load({}, {})).login


def test_a_start_that_is_refused_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    done = launched("run", "--data", tmp_path / "data", "--host", "0.0.0.0", "--no-browser", "--port", "7999")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--login" in done.stderr


def test_the_first_start_prints_one_link_and_no_password_and_later_ones_print_none(tmp_path: Path) -> None:
    model = scripted(tmp_path / "script.json", {"findings": [], "tool": "none", "risk": "none"})
    with serving(tmp_path / "data", model, "--login") as served:
        log, link = served.log.read_text("utf-8"), first_link(served)
        assert log.count("/join/") == 1
        assert "password" not in log.lower()
        joined(served, link, name="ada")
        with served.client() as client:
            assert client.get("/api/v1/me").status_code == 401
            assert client.post("/api/v1/login", json={"name": "ada", "password": PASSWORD}).status_code == 200
        beside = launched("people", "list", "--data", served.data)
        assert "ada" in beside.stdout
        refused = launched("people", "add", "lin", "--role", "viewer", "--data", served.data)
        assert (refused.returncode, "Another GembaLens" in refused.stderr) == (1, True)
    with serving(tmp_path / "data", model) as again:
        assert "/join/" not in again.log.read_text("utf-8")
        with again.client() as client:
            assert client.get("/api/v1/me").status_code == 401


def test_no_password_and_no_way_around_stands_in_the_tree() -> None:
    """Every login in the house is one that a person made: no default names, no constants that open a door, nobody adds themselves."""
    found = []
    for file in [*ROOT.glob("*.py"), *(path for room in ("ui", "annotations", "core", "assets") for path in (ROOT / room).rglob("*"))]:
        if file.suffix not in (".py", ".js", ".html", ".toml", ".json") or file.stat().st_size > 2**20:
            continue
        text = file.read_text("utf-8", errors="replace")
        found += [str(file) for sign in ("$argon2", "auth=(", "gr.LoginButton", "DEFAULT_PASSWORD") if sign in text]
    assert found == []
