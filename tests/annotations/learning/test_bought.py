"""Points of learning curves out of the record: only adapters that the same test part judged stand on one curve."""

from __future__ import annotations

import json
from collections.abc import Mapping

from annotations.freezing.frozen import Part
from annotations.learning.bought import BY_HAND, Bought
from tests.annotations.freezing.sets import corrected, parts_of, told
from tests.annotations.learning.houses import House
from tests.annotations.learning.nursery import BASE, training

SHARES: Mapping[Part, float] = {"train": 0.7, "test": 0.3}
FEW: Mapping[Part, float] = {"train": 0.9, "test": 0.1}  # what is kept as test is more than that, so nothing new goes there


def measured(house: House, name: str, dataset: str, before: float, after: float, seed: int) -> None:
    """Register an adapter that was taught and judged by a set."""
    job = training(house.folder / "jobs" / name, seed=seed, dataset={"name": dataset, "digest": house.sets.one(dataset).digest})
    sides = {
        side: {"fields": {"all": {"accuracy": {"value": value, "low": value - 0.02, "high": value + 0.02}}}}
        for side, value in (("before", before), ("after", after))
    }
    report = json.loads((job / "report.json").read_text("utf-8"))
    (job / "report.json").write_text(json.dumps({**report, "comparison": sides}), "utf-8")
    house.adapters.register(job, by="lead")


def points(house: House) -> list[tuple[str, float]]:
    return [(each.adapter, each.score) for each in Bought(house.store).points(BASE, "field_accuracy")]


def test_only_what_the_test_part_of_the_latest_judged_stands_on_a_curve(house: House) -> None:
    house.sets.freeze("other", by="lead", shares=SHARES, seed=5, keep_test_of=None)
    house.sets.freeze("first", by="lead", shares=SHARES, seed=1, keep_test_of=None)
    corrected(house.store, house.folder, 6, first=100)
    house.sets.freeze("second", by="lead", shares=FEW, keep_test_of="first")
    exams = [{id for id, part in parts_of(house.sets, name).items() if part == "test"} for name in ("other", "first", "second")]
    assert exams[0] != exams[1] == exams[2]

    measured(house, "elsewhere", "other", 0.3, 0.9, seed=1)
    assert points(house) == [("", 0.3), ("elsewhere", 0.9)]
    measured(house, "run-1", "first", 0.5, 0.6, seed=2)
    measured(house, "run-2", "second", 0.6, 0.7, seed=3)
    assert points(house) == [("", 0.5), ("run-1", 0.6), ("run-2", 0.7)]
    found = Bought(house.store).points(BASE, "field_accuracy")
    assert found[2].labels == found[1].labels + 6
    assert {each.policy for each in found[1:]} == {BY_HAND}


def test_a_test_frame_that_was_corrected_anew_makes_another_exam(house: House) -> None:
    house.sets.freeze("first", by="lead", shares=SHARES, seed=1)
    judged_by = next(each for each in house.frames if parts_of(house.sets, "first")[each.id] == "test")
    told(house.store, judged_by, saw=1, note="looked at again")
    house.sets.freeze("second", by="lead", shares=SHARES, seed=1, keep_test_of="first")
    assert parts_of(house.sets, "first") == parts_of(house.sets, "second")
    measured(house, "run-1", "first", 0.5, 0.6, seed=1)
    measured(house, "run-2", "second", 0.55, 0.7, seed=2)
    assert points(house) == [("", 0.55), ("run-2", 0.7)]


def test_an_adapter_without_the_figure_that_is_asked_for_says_not_which_exam_it_is(house: House) -> None:
    house.sets.freeze("first", by="lead", shares=SHARES, seed=1)
    house.sets.freeze("other", by="lead", shares=SHARES, seed=5, keep_test_of=None)
    measured(house, "run-1", "first", 0.5, 0.6, seed=1)
    house.trained("bare", "other", seed=2)
    assert points(house) == [("", 0.5), ("run-1", 0.6)]
