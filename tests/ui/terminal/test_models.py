from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from core.backends.catalogue import EndpointSpec, LocalSpec
from core.backends.registering import Registry
from core.errors import ModelError, ModelUnfit
from core.profile import read
from core.settings import ASSETS, Settings
from tests.model_server import serving
from tests.seeing import Seer
from ui.terminal.models import answer, arguments


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server whose model writes thousandths."""
    with serving(Path("bench-lora"), backend=Seer()) as address:
        yield address


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(Settings(data=tmp_path), replace(read(ASSETS / "profiles" / "bench.toml"), key="elsewhere"))


def parsed(*words: str) -> argparse.Namespace:
    """As launch.py understands it: the common flags have a --model of their own."""
    top, common = argparse.ArgumentParser(), argparse.ArgumentParser(add_help=False)
    common.add_argument("--data")
    common.add_argument("--model")
    arguments(top.add_subparsers(required=True), common).set_defaults(verb="models")
    return top.parse_args(["models", *words])


def test_a_model_is_added_listed_checked_and_used(registry: Registry, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(parsed("add", "bench", "--url", server, "--served-name", "bench-lora", "--family", "qwen2-vl"), registry) == 0
    said = capsys.readouterr().out
    for words in ("does it answer", "as declared, thousandths", "scale 1.00 x 1.00", "Use it: `launch.py models use bench`."):
        assert words in said
    assert answer(parsed("use", "bench"), registry) == 0
    assert "from the next start on" in capsys.readouterr().out
    assert answer(parsed("list"), registry) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["compact", "ok"]
    assert lines[1].split()[:3] == ["->", "bench", "ok"]
    assert "at 127.0.0.1:" in lines[1]
    assert answer(parsed("check", "bench"), registry) == 0


def test_a_model_in_another_frame_ends_with_1_and_says_what_to_do(
    registry: Registry, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(parsed("add", "bench", "--url", server, "--served-name", "bench-lora"), registry) == 1
    assert capsys.readouterr().out.count("Declare the family qwen2-vl") == 1
    with pytest.raises(ModelUnfit):
        answer(parsed("use", "bench"), registry)
    answer(parsed("list"), registry)
    assert "FAILED" in capsys.readouterr().out


def test_programs_get_json(registry: Registry, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer(parsed("add", "bench", "--url", server, "--served-name", "bench-lora", "--family", "qwen2-vl", "--json"), registry)
    added = json.loads(capsys.readouterr().out)
    assert (added["name"], added["state"], added["checked"]["passed"]) == ("bench", "fit", True)
    answer(parsed("list", "--json"), registry)
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["compact", "bench"]
    answer(parsed("use", "bench", "--json"), registry)
    assert json.loads(capsys.readouterr().out)["name"] == "bench"


def test_every_flag_stands_for_a_field_of_an_entry() -> None:
    known = {each.name for kind in (LocalSpec, EndpointSpec) for each in fields(kind)} | {"folder", "hub", "url"}
    flags = {key.removeprefix("spec_") for key in vars(parsed("add", "x")) if key.startswith("spec_")}
    assert flags <= known
    assert known - flags == {"source", "kind", "masked", "waiting", "most_tokens"}  # found out, or for who edits the file


def test_no_flag_of_a_model_is_taken_for_a_setting() -> None:
    asked = parsed("add", "bench", "--url", "u", "--served-name", "m", "--model", "other")
    assert (asked.name, asked.model, asked.spec_model) == ("bench", "other", "m")
    settings = {each.name for each in fields(Settings)}
    assert settings & set(vars(parsed("add", "x"))) <= {"data", "model"}


@pytest.mark.parametrize("words", [("--timeout", "0"), ("--timeout", "nan"), ("--batch", "0"), ("--batch", "x"), ("--family", "unknown")])
def test_a_number_that_is_none_is_told_at_the_command_line(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed("add", "bench", "--folder", "x", *words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_one_entry_that_cannot_be_read_is_named(registry: Registry) -> None:
    bad = {"kind": "endpoint", "url": "http://[::1/v1", "model": "m"}
    (registry.settings.data / "models.json").write_text(json.dumps({"active": None, "models": {"bad": bad}}), "utf-8")
    with pytest.raises(ModelError, match=r'models\.bad: "url" is no address of a server\. Write it as http://HOST:PORT/v1'):
        answer(parsed("list"), registry)
