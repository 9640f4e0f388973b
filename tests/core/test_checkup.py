"""The checkup: what is wrong is seen and comes with advice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core import checkup
from core.settings import load


def test_a_package_of_another_version_is_limited_and_a_missing_one_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("numpy==0.1\n# torch==9\n")
    (tmp_path / "b.txt").write_text("no-such-package-here==1.0\n")
    other, missing = checkup.packages(tmp_path / "a.txt"), checkup.packages(tmp_path / "b.txt")
    assert (other.state, missing.state) == ("limited", "broken")
    assert "numpy" in other.said
    assert "make setup" in missing.advice


def test_a_folder_that_cannot_be_written_is_broken_and_one_that_can_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert checkup.folder(tmp_path / "file" / "data").state == "broken"
    assert checkup.folder(tmp_path / "data").state == "works"
    assert list((tmp_path / "data").iterdir()) == []


def test_a_bad_profile_is_named_beside_the_good_ones(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('key = "mine"\n')
    found = {check.what: check for check in checkup.profiles(load({"profile": str(tmp_path / "mine.toml")}, {}))}
    assert found["profile bench"].state == "works"
    assert (found["profile mine"].state, bool(found["profile mine"].advice)) == ("broken", True)


def test_too_little_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "LEAST_FREE", 2**62)
    assert checkup.disk(tmp_path / "not" / "there").state == "limited"


def test_a_missing_model_is_broken() -> None:
    assert checkup.model(load({"model": "nowhere"}, {})).state == "broken"


def entered(data: Path, **more: object) -> None:
    """A catalogue with one model in it, that is in use."""
    spec = {"kind": "local", "source": "/models/bench-7b", **more}
    (data / "models.json").write_text(json.dumps({"active": "bench-7b", "models": {"bench-7b": spec}}))


CHECKED = {"model": "bench-7b@1", "passed": True, "at": "2026-11-20T12:00:00+00:00"}
FITS = {"frame": "as declared, pixels: mean IoU 0.91, scale 1.02 x 0.97; 20 of 22 known boxes were found"}


@pytest.mark.parametrize(
    ("checked", "state", "words"),
    [
        ({}, "limited", "never checked"),
        ({"checked": {**CHECKED, "findings": FITS}}, "works", "was checked at 2026-11-20T12:00:00+00:00"),
        ({"checked": {**CHECKED, "passed": False, "findings": {"answers": "no: out"}}}, "limited", "models check bench-7b"),
    ],
    ids=["unchecked", "checked", "failed"],
)
def test_the_model_in_use_is_named_with_whether_it_was_checked(tmp_path: Path, checked: dict[str, object], state: str, words: str) -> None:
    entered(tmp_path, **checked)
    check = checkup.chosen(load({"data": str(tmp_path)}, {}))
    assert (check.state, "bench-7b is in use" in check.said) == (state, True)
    assert words in check.said + check.advice


def test_without_a_catalogue_the_one_that_ships_is_in_use_and_a_flag_goes_before_it(tmp_path: Path) -> None:
    assert "compact is in use and ships" in checkup.chosen(load({"data": str(tmp_path)}, {})).said
    assert "x is taken" in checkup.chosen(load({"data": str(tmp_path), "model": "x"}, {})).said


def test_a_catalogue_that_cannot_be_read_is_broken(tmp_path: Path) -> None:
    (tmp_path / "models.json").write_text("{")
    assert checkup.chosen(load({"data": str(tmp_path)}, {})).state == "broken"


def test_the_scale_of_the_check_is_a_number_for_a_gauge(tmp_path: Path) -> None:
    settings = load({"data": str(tmp_path)}, {})
    assert checkup.frame_scale(settings) is None
    entered(tmp_path, checked={**CHECKED, "findings": {**FITS, "scale": "1.0199 x 0.9704"}})
    assert checkup.frame_scale(settings) == (1.0199, 0.9704), "as it was kept, not as a sentence rounds it"
    entered(tmp_path, checked={**CHECKED, "findings": FITS})
    assert checkup.frame_scale(settings) is None, "a sentence is for people"
