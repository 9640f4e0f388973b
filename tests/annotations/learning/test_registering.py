"""Where an adapter lies when it comes in: what lies in its place already is neither overwritten nor taken away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.errors import OutOfTurn
from tests.annotations.learning.houses import House
from tests.annotations.learning.nursery import adapter

FAILS = "CREATE TRIGGER fails BEFORE INSERT ON adapters BEGIN SELECT RAISE(ABORT, 'no'); END"


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_an_adapter_that_lies_in_its_place_is_registered_as_it_lies(house: House) -> None:
    place = adapter(house.folder / "adapters" / "mine")
    (place / "notes.txt").write_text("of a person")
    before = files(place)
    assert house.adapters.register(place, by="lead").name == "mine"
    assert files(place) == before


@pytest.mark.parametrize("there", [True, False], ids=["in its place", "copied"])
def test_a_failure_takes_away_the_copy_and_never_the_adapter(there: bool, house: House) -> None:
    source = adapter(house.folder / ("adapters" if there else "elsewhere") / "mine")
    before = files(source)
    with house.store.writing() as connection:
        connection.execute(FAILS)
    with pytest.raises(Exception, match="no"):
        house.adapters.register(source, by="lead")
    assert files(source) == before
    assert (house.folder / "adapters" / "mine").exists() is there


def test_a_folder_that_nobody_registered_is_not_wiped(house: House) -> None:
    place = adapter(house.folder / "adapters" / "mine", seed=1)
    before = files(place)
    with pytest.raises(OutOfTurn, match="nobody registered it"):
        house.adapters.register(adapter(house.folder / "elsewhere" / "mine", seed=2), by="lead")
    assert files(place) == before


def test_the_copy_of_a_run_that_ended_suddenly_stands_in_nobodys_way(house: House) -> None:
    source = adapter(house.folder / "elsewhere" / "mine")
    shutil.copytree(source, house.folder / "adapters" / "mine")
    assert house.adapters.register(source, by="lead").name == "mine"
