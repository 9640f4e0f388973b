"""`launch.py dataset` as it is typed: what is asked for and what is printed, in lines and as JSON, and 1 for a folder that must not teach."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from annotations.freezing.sets import Datasets
from annotations.store import Store
from core.preflight.checking import check as look_through
from tests.annotations.desks import BENCH, new_record
from tests.annotations.freezing.sets import corrected, sets_of, taken
from tests.core.preflight.folders import change_answer, whole
from ui.terminal import freezing


@pytest.fixture
def sets(tmp_path: Path) -> Iterator[Datasets]:
    with Store(new_record(tmp_path)) as store:
        corrected(store, tmp_path, 10)
        taken(store, tmp_path, 1, first=99)
        yield sets_of(store, tmp_path)


def parsed(*words: str) -> argparse.Namespace:
    top = argparse.ArgumentParser()
    verbs = top.add_subparsers()
    freezing.arguments(verbs, argparse.ArgumentParser(add_help=False))
    return top.parse_args(["dataset", *words])


def typed(sets: Datasets, *words: str) -> int:
    return freezing.answer(parsed(*words), sets)


def test_a_set_is_frozen_listed_shown_and_compared(sets: Datasets, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(sets, "list") == 0
    assert capsys.readouterr().out.startswith("There is no data set yet.")
    assert typed(sets, "freeze", "first", "--note", "for the pilot", "--seed", "4", "--shares", ".6,.2,.2") == 0
    said = capsys.readouterr().out
    assert "10 frames (6 train, 2 validation, 2 test)" in said
    assert "split by scene, seed 4; groups: train 6, validation 2, test 2" in said
    assert "left out, not reviewed: 1" in said
    assert "10 frames have not been looked at yet" in said
    assert sets.one("first").by == "terminal"
    typed(sets, "freeze", "second", "--by", "camera", "--anew", "--shares", "1,0,0")
    assert sets.one("second").split["kept"] is None
    typed(sets, "freeze", "third", "--keep-test-of", "first")
    assert sets.one("third").split["kept"] == "first"
    capsys.readouterr()
    typed(sets, "list")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["third", "second", "first"]
    typed(sets, "show", "first")
    said = capsys.readouterr().out
    assert "its digest is the same" in said
    assert ["label", "bolt", "6", "2", "2"] in [line.split() for line in said.splitlines()]
    typed(sets, "compare", "first", "third")
    assert "third beside first: the same content." in capsys.readouterr().out
    typed(sets, "compare", "first", "second")
    said = capsys.readouterr().out
    assert "moved           4" in said
    assert "-> train" in said


def test_the_same_as_json(sets: Datasets, capsys: pytest.CaptureFixture[str]) -> None:
    typed(sets, "freeze", "first", "--json")
    made = json.loads(capsys.readouterr().out)
    typed(sets, "list", "--json")
    assert json.loads(capsys.readouterr().out) == [made]
    typed(sets, "show", "first", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["set"], shown["balance"]["train"]["frames"], shown["leaks"][0]["kind"]) == (made, 7, "not looked at")
    typed(sets, "compare", "first", "first", "--json")
    assert json.loads(capsys.readouterr().out)["same"] is True


def test_a_folder_is_looked_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def looked(folder: Path, *words: str) -> int:
        return freezing.check(parsed("check", str(folder), *words), partial(look_through, profile=BENCH))

    folder = whole(tmp_path / "set")
    assert looked(folder, "--thorough", "--looks") == 0
    assert capsys.readouterr().out == "set may teach: nothing is wrong with it.\n"
    broken = Path(shutil.copytree(folder, tmp_path / "broken"))
    change_answer(broken / "train", 2, lambda said: said.update(tool="spoon"))
    assert looked(broken) == 1
    assert capsys.readouterr().out == 'train/sft.parts.jsonl, line 2: The tool is "spoon", which the profile does not have. [label]\n'
    assert looked(broken, "--json") == 1
    assert [each["key"] for each in json.loads(capsys.readouterr().out)] == ["label"]


@pytest.mark.parametrize(
    "words",
    [
        ("freeze",),
        ("freeze", "a", "--shares", "1"),
        ("freeze", "a", "--shares", "x,y,z"),
        ("freeze", "a", "--seed", "-1"),
        ("freeze", "a", "--by", "frame"),
        ("freeze", "a", "--anew", "--keep-test-of", "b"),
        (),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_by_the_parser(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
