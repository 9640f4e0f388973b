"""The environments of other trainers: every version is exact, torch comes first, and one that was made for other pins is made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from supply import trainers


@pytest.mark.parametrize("name", trainers.NAMES)
def test_every_pin_is_exact_and_torch_comes_first(name: str) -> None:
    first, rest = trainers.pins_of(name)
    assert len(first) == 1
    assert all(pin.count("==") == 1 and not pin.startswith("-") and "://" not in pin for pin in (*first, *rest))
    named = [pin.split("==")[0].lower().replace("_", "-") for pin in rest]
    assert len(named) == len(set(named))
    assert name.replace("_", "-") in named


def test_all_use_the_same_torch() -> None:
    assert len({tuple(trainers.pins_of(name)[0]) for name in trainers.NAMES}) == 1


def test_an_environment_for_other_pins_is_none(tmp_path: Path) -> None:
    assert trainers.python_of("trl", tmp_path) is None
    python = tmp_path / "trl" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert trainers.python_of("trl", tmp_path) is None
    stamp = tmp_path / "trl" / "ready"
    stamp.write_text("of other pins", "ascii")
    assert trainers.python_of("trl", tmp_path) is None
    stamp.write_text(trainers.digest(trainers.PINS / "trl.txt"), "ascii")
    assert trainers.python_of("trl", tmp_path) == python


def test_a_trainer_that_could_not_be_installed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "no folder"
    place.write_text("", "utf-8")
    monkeypatch.setattr(trainers, "PLACE", place)
    assert trainers.main(["trl"]) == 1
    assert "trl: could not be installed" in capsys.readouterr().err
