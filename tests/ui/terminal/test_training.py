"""`launch.py train` at a terminal: what is asked reaches the trainings, and how they go is told in words."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import Malformed, NotFound, SettingsError, TrainingError
from core.settings import Settings
from core.training import states
from core.training.places import Places
from core.training.recipe import read
from core.training.trainings import Trainings, as_json
from tests import training_sets
from ui.terminal.training import answer, arguments


def parsed(*words: str) -> argparse.Namespace:
    """As launch.py understands it."""
    top, common = argparse.ArgumentParser(), argparse.ArgumentParser(add_help=False)
    common.add_argument("--data")
    arguments(top.add_subparsers(required=True), common).set_defaults(verb="train")
    return top.parse_args(["train", *words])


@pytest.fixture
def trainings(tmp_path: Path) -> Trainings:
    return Trainings(tmp_path / "trainings", training_sets.PROFILE)


def told(trainings: Trainings, tmp_path: Path, *words: str) -> int:
    return answer(parsed(*words), trainings, Places(Settings(data=tmp_path), anywhere=True), read, as_json)


def one(tmp_path: Path, name: str = "bench-2", **state: Any) -> Path:
    folder = tmp_path / "trainings" / name
    states.write_job(
        folder, states.Job(name, {"method": "sft"}, "/m/compact", "/e/drawn", "/p.toml", by="li", at="2026-11-21T08:00:00+00:00")
    )
    states.write_state(folder, states.State(**state).with_())
    return folder


def test_a_list_says_how_each_stands(trainings: Trainings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one(tmp_path, phase="done", step=80, steps=80, loss=0.41234, memory_peak=3 * 2**29)
    assert told(trainings, tmp_path, "list") == 0
    assert capsys.readouterr().out.split() == ["bench-2", "done", "step", "80", "of", "80", "loss", "0.412", "1.5", "GiB", "at", "most"]
    assert told(trainings, tmp_path, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["phase"] == "done"


def test_one_is_shown_with_its_curve_its_memory_and_what_to_do(
    trainings: Trainings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = one(
        tmp_path, phase="failed", step=2, steps=8, error="The disk is full. Make room and resume.", memory_start=2**30, memory_loaded=2**31,
        memory_peak=2**32, adapter_bytes=2**20, adapter_share=0.19
    )  # fmt: skip
    for step, loss in ((1, 1.0), (2, 0.5)):
        states.add_progress(folder, {"step": step, "loss": loss})
    assert told(trainings, tmp_path, "show", "bench-2") == 0
    said = capsys.readouterr().out
    assert "█▁  1.000 -> 0.500" in said
    assert "1.00 GiB before the model, 2.00 with it, 4.00 at most; learning 19.0 %" in said
    assert "The disk is full" in said
    assert "launch.py train resume bench-2" in said


def test_one_is_begun_by_names_and_folders(trainings: Trainings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = training_sets.exported(tmp_path / "elsewhere", train=20, test=1)
    (tmp_path / "mine.toml").write_text("rank = 4\nepochs = 2\n", "utf-8")
    asked = [
        str(data),
        "--recipe",
        str(tmp_path / "mine.toml"),
        "--set",
        "epochs=3",
        "--set",
        "schedule=linear",
        "--name",
        "bench-3",
        "--detach",
    ]
    assert told(trainings, tmp_path, *asked) == 0
    assert "bench-3" in capsys.readouterr().out
    job = states.read_job(tmp_path / "trainings" / "bench-3")
    assert (job.recipe["rank"], job.recipe["epochs"], job.recipe["schedule"], job.by) == (4, 3, "linear", "terminal")
    assert told(trainings, tmp_path, "cancel", "bench-3", "--now") == 0
    trainings.wait("bench-3", 60)
    assert not trainings.one("bench-3").running


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (("show",), SettingsError, "Say which training"),
        (("show", "nothing"), NotFound, "no training nothing"),
        (("nowhere",), NotFound, "no exported set nowhere"),
        (("nowhere", "--set", "rank"), Malformed, "no NAME=VALUE"),
        (("nowhere", "--recipe", "none.toml"), TrainingError, "no recipe none.toml"),
    ],
    ids=["no id", "no training", "no set", "no value", "no recipe"],
)
def test_what_is_missing_is_said(words: tuple[str, ...], error: type[Exception], says: str, trainings: Trainings, tmp_path: Path) -> None:
    with pytest.raises(error, match=says):
        told(trainings, tmp_path, *words)
