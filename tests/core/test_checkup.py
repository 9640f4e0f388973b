"""The checkup: what is wrong is seen and comes with advice."""

from __future__ import annotations

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
