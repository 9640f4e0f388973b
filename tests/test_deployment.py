"""The page on vLLM is held to its own rules: versions, limits, addresses; what it tells people to type is understood here. Starts no server."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from core.backends import catalogue
from core.backends.catalogue import EndpointSpec
from core.backends.endpoint import open_endpoint
from core.settings import ROOT
from supply.floors import faults, floors
from ui.terminal import models

PAGE = (ROOT / "deploy" / "vllm.md").read_text("utf-8")
BLOCKS = [re.sub(r"\\\n\s*", "", block) for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)]
LINES = [line.split("   #")[0].strip() for block in BLOCKS for line in block.splitlines()]
SERVERS = [shlex.split(line) for line in LINES if line.startswith("vllm serve")]


def test_the_page_has_the_five_ways_to_serve() -> None:
    assert len(SERVERS) == 5


def test_no_version_on_the_page_is_older_than_the_floor() -> None:
    versions = re.findall(r"vllm/vllm-openai:v(\d+)\.(\d+)", PAGE) + re.findall(r"vLLM (\d+)\.(\d+)", PAGE)
    assert versions
    assert [fault for major, minor in versions for fault in faults(floors("documented"), {"vllm": f"{major}.{minor}"})] == []


@pytest.mark.parametrize("server", SERVERS, ids=range(5))
def test_every_server_takes_one_picture_of_our_size_from_us_and_fetches_none(server: list[str]) -> None:
    said = dict(pairwise(server))
    assert json.loads(said["--limit-mm-per-prompt"]) == {"image": 1, "video": 0}
    assert json.loads(said["--mm-processor-kwargs"])["max_pixels"] >= EndpointSpec("", "").most_pixels
    assert said["--allowed-media-domains"] == "media.invalid"
    assert said["--generation-config"] == "vllm"
    assert said["--host"] in ("127.0.0.1", "10.20.0.11")
    assert "--trust-remote-code" not in server
    assert "--allowed-local-media-path" not in server
    assert "--api-key" not in server, "by the environment: a flag could be read in the list of processes"


def test_the_entry_on_the_page_is_one(tmp_path: Path) -> None:
    (entry,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / catalogue.FILE).write_text(entry, "utf-8")
    known = catalogue.read(tmp_path)
    spec = known.entry("bench-7b").spec
    assert known.active == "bench-7b"
    assert isinstance(spec, EndpointSpec)
    open_endpoint("bench-7b", spec, None).close()


def test_what_people_are_told_to_type_is_understood() -> None:
    parser = argparse.ArgumentParser()
    models.arguments(parser.add_subparsers(), argparse.ArgumentParser(add_help=False))
    told = [shlex.split(line)[1:] for line in LINES if line.startswith("launch.py models")]
    assert len(told) == 4
    for words in told:
        assert parser.parse_args(words).models_verb == words[1]
