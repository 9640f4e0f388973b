"""What `launch.py evaluate` takes and what it prints."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.evaluation.gate import decide
from core.evaluation.judge import Marks, shown
from core.evaluation.report import compare, figures
from tests.core.evaluation.judged import FITS, said, truth
from ui.terminal import evaluating

GOLD = truth(60)
BASE, BETTER = said(GOLD, skill=0.5, seed=1), said(GOLD, skill=0.95, seed=2)


def parsed(*words: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    evaluating.options(parser)
    return parser.parse_args([str(word) for word in words])


def test_a_file_is_coco_and_a_folder_is_a_set(tmp_path: Path) -> None:
    assert evaluating.of_coco(parsed(tmp_path / "truth.json", "--images", tmp_path))
    assert not evaluating.of_coco(parsed(tmp_path, "--adapter", "spring"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("{0}/truth.json",), "--images FOLDER"),
        (("{0}/truth.json", "--images", "{0}", "--adapter", "spring"), "belong to the folder of an exported set"),
        (("{0}", "--images", "{0}"), "belong to a COCO file"),
        (("{0}", "--marks", "marks.jsonl"), "--judge"),
    ],
    ids=["no pictures", "an adapter for COCO", "pictures for a set", "marks for nobody"],
)
def test_flags_that_do_not_go_together_are_refused_in_words(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        evaluating.of_coco(parsed(*(word.format(tmp_path) for word in words)))


def test_each_set_and_adapter_has_a_place_of_its_own(tmp_path: Path) -> None:
    places = {evaluating.kept_in(parsed(tmp_path, *more), tmp_path / "data") for more in ((), ("--adapter", "a"), ("--adapter", "b"))}
    assert len(places) == 3
    assert evaluating.kept_in(parsed(tmp_path, "--out", tmp_path / "x"), tmp_path / "data") == tmp_path / "x"


def test_one_model_is_told_with_its_denominators(tmp_path: Path) -> None:
    report = {"model": "m", "frame": "as declared", **figures(GOLD, BETTER, resamples=50)}
    text = evaluating.told(report, as_json=False, kept=tmp_path)
    assert "60 frames in 30 scenes" in text
    assert "n 60" in text
    assert "Human ceiling not shown: 0 of 20" in text
    assert str(tmp_path / "report.md") in text
    assert json.loads(evaluating.told(report, as_json=True))["frames"] == 60
    assert evaluating.code(report) == 0


def test_two_models_are_told_with_the_gates_reasons() -> None:
    gate = decide(GOLD, BASE, BETTER, frame_check=FITS)
    report = {"model": "a", "adapted": "b", "comparison": compare(GOLD, BASE, BETTER, resamples=50), "gate": gate.told()}
    text = evaluating.told(report, as_json=False)
    assert gate.words in text
    assert "field_f1" in text
    assert text.count("  yes ") + text.count("  NO  ") == len(gate.reasons)
    assert evaluating.code(report) == (0 if gate.passed else 1)


def test_what_is_red_is_told_first_and_ends_with_1() -> None:
    same = {"model": "a", "adapted": "a", "comparison": compare(GOLD, BASE, BASE, resamples=50), "gate": decide(GOLD, BASE, BASE).told()}
    assert evaluating.told(same, as_json=False).startswith("RED: The two results are the same")
    assert evaluating.code(same) == 1
    dropped = {"model": "a", **figures(GOLD, BASE[3:], resamples=50)}
    assert "3 of 60 frames have no answer" in evaluating.told(dropped, as_json=False)
    assert evaluating.code(dropped) == 1


def test_a_judge_is_told_only_with_its_agreement() -> None:
    one = Marks("0", 5, 4, 3, 2, 1, "judge")
    many = [replace(one, frame_id=str(n), tool=1 + n % 5) for n in range(30)]
    report = {"model": "m", **figures(GOLD, BETTER, resamples=50)}
    assert "not shown: 4 of 30" in evaluating.told(report | {"judge": shown(many, many[:4])}, as_json=False)
    assert "alpha 1.00" in evaluating.told(report | {"judge": shown(many, many)}, as_json=False)
