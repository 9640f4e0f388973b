"""Splits: no group on two sides whatever hangs together with what, the same each time, earlier parts kept, shares and labels near what was asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.freezing.frozen import PARTS, Part
from annotations.freezing.splits import SHARES, Unit, split
from core.errors import DatasetUnfit, Malformed

BEFORE: st.SearchStrategy[Part | None] = st.sampled_from([None, None, None, *PARTS])


@st.composite
def units(draw: st.DrawFn, before: bool = False) -> list[Unit]:
    n = draw(st.integers(1, 40))
    some = st.integers(0, draw(st.integers(1, 40)))
    shows = st.lists(st.sampled_from(["label:a", "label:b", "risk:high", "risk:none"]), unique=True).map(tuple)
    return [
        Unit(f"{number:04x}", draw(some), draw(st.one_of(some, some.map(str))), draw(shows), draw(BEFORE) if before else None)
        for number in range(n)
    ]


def made(some: list[Unit], shares: Mapping[Part, float] = SHARES, seed: int = 0) -> Any:
    try:
        return split(some, shares, seed)
    except DatasetUnfit:
        return None


@settings(max_examples=80, deadline=None)
@given(units(before=True), st.integers(0, 9))
def test_no_group_is_ever_on_two_sides_and_nothing_is_lost(some: list[Unit], seed: int) -> None:
    done = made(some, seed=seed)
    if done is None:
        return
    by_scene, by_together = defaultdict(set), defaultdict(set)
    for unit in some:
        where = done.parts.get(unit.frame_id, "left out")
        by_scene[unit.scene].add(where)
        by_together[unit.together].add(where)
        if unit.before == "test":
            assert where in ("test", "left out")
        elif unit.before is not None:
            assert where != "test"
    assert all(len(parts) == 1 for parts in (*by_scene.values(), *by_together.values()))
    assert sorted([*done.parts, *done.left_out]) == [unit.frame_id for unit in some]
    assert all(done.groups[part] > 0 for part in PARTS)


@settings(max_examples=30, deadline=None)
@given(units(), st.integers(0, 9), st.randoms())
def test_the_same_frames_and_seed_give_the_same_parts_in_any_order(some: list[Unit], seed: int, dice: Any) -> None:
    shuffled = list(some)
    dice.shuffle(shuffled)
    assert made(some, seed=seed) == made(shuffled, seed=seed)


@settings(max_examples=30, deadline=None)
@given(units(), units(), st.integers(0, 9))
def test_with_new_frames_what_was_somewhere_stays_there(some: list[Unit], more: list[Unit], seed: int) -> None:
    first = made(some, seed=seed)
    if first is None:
        return
    grown = [replace(unit, before=first.parts[unit.frame_id]) for unit in some]
    grown += [replace(unit, frame_id=f"new {unit.frame_id}", scene=unit.scene + 1000, together=f"new {unit.together}") for unit in more]
    second = split(grown, SHARES, seed + 1)
    assert {unit.frame_id: second.parts[unit.frame_id] for unit in some} == first.parts


def test_a_seed_is_heard() -> None:
    some = [Unit(f"{number:04x}", number, number) for number in range(60)]
    assert len({tuple(sorted(split(some, SHARES, seed).parts.items())) for seed in range(5)}) == 5


def test_shares_labels_and_levels_are_near_what_was_asked() -> None:
    """A rare level in a tenth of the scenes, scenes of one to seven frames."""
    some = [
        Unit(f"{scene:03x}{n}", scene, scene, (f"label:{scene % 3}", "risk:high" if scene % 10 == 0 else "risk:none"))
        for scene in range(200)
        for n in range(scene % 7 + 1)
    ]
    done = split(some, SHARES, 3)
    frames, shown = Counter(done.parts.values()), Counter((done.parts[unit.frame_id], each) for unit in some for each in unit.shows)
    for part, share in SHARES.items():
        assert frames[part] / len(some) == pytest.approx(share, abs=0.01)
        for each in ("label:0", "label:1", "label:2", "risk:high", "risk:none"):
            total = sum(n for (_, name), n in shown.items() if name == each)
            assert shown[part, each] / total == pytest.approx(share, abs=0.02)


def test_frames_of_a_group_that_taught_and_judged_do_neither() -> None:
    some = [Unit(f"{number:04x}", number, number) for number in range(20)]
    some[0], some[1] = replace(some[0], before="test"), replace(some[1], scene=0, before="train")
    done = split(some, SHARES, 0)
    assert done.left_out == ("0000", "0001")


def test_what_judged_does_not_teach_where_no_test_part_is_asked_for() -> None:
    some = [Unit(f"{number:04x}", number, number, before="test" if number == 3 else None) for number in range(9)]
    assert split(some, {"train": 0.9, "validation": 0.1}, 0).left_out == ("0003",)


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_groups_are_said(n: int) -> None:
    with pytest.raises(DatasetUnfit, match=f"{n} that may go anywhere, for the parts train, validation, test"):
        split([Unit(f"{number:04x}", number % n, 0 if n == 1 else number % n) for number in range(30)], SHARES, 0)


def test_three_groups_fill_three_parts() -> None:
    assert dict(split([Unit(f"{n:04x}", n % 3, n % 3) for n in range(30)], SHARES, 0).groups) == {"train": 1, "validation": 1, "test": 1}


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ({"train": 0.7, "exam": 0.3}, '"exam" is no part'),
        ({"train": 0.7, "test": 0.2}, "make 0.9 together"),
        ({"test": 1.0}, "train needs a share"),
        ({"train": 1.5, "test": -0.5}, "share of test"),
        ({"train": float("nan")}, "share of train"),
        ({"train": True}, "share of train"),
    ],
)
def test_shares_that_are_none_are_refused(shares: Any, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence):
        split([Unit("a", 1, 1)], shares, 0)
