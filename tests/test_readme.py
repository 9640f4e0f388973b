"""What the README promises is there: its tree, its files, its commands."""

from __future__ import annotations

import re

from launch import parser
from tests.tree import README, ROOT, replaced


def test_the_tree_is_the_one_on_the_disk() -> None:
    text = README.read_text("utf-8")
    assert text == replaced(text), "run `make tree`"


def test_every_file_it_points_to_is_there() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README.read_text("utf-8"))
    assert targets
    assert [target for target in targets if not (ROOT / target.split("#")[0]).exists()] == []


def test_every_make_target_it_names_is_there() -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README.read_text("utf-8"), re.MULTILINE))
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {"run", "test"} <= named <= known


def test_every_verb_it_names_is_there() -> None:
    named = set(re.findall(r"launch\.py ([a-z]+)", README.read_text("utf-8")))
    known = set(re.findall(r"^    ([a-z]+)\s", parser().format_help(), re.MULTILINE))
    assert named <= known
