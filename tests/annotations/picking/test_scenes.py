"""Scenes: what shows the same is one, also where it came bit by bit; minutes apart and another tool is not; a film of a still bench is no scene of a day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annotations import opinions
from annotations.erasing import erase_frames
from annotations.picking.scenes import LONGEST, NEAR, SIMILAR, Looked, Scenes, scene_of
from annotations.store import Store
from core.prints import signed
from tests.makers import NOON, frame

BASE = 0x0F0F_3C3C_55AA_9669


def bits(number: int) -> int:
    """The base print with so many bits changed."""
    return signed(BASE ^ ((1 << number) - 1))


def scenes(*frames: tuple[int, int, float | None]) -> dict[int, int]:
    """Frame number, bits changed, second -> the scene of each, of one camera."""
    return Scenes().add([Looked(number, bits(changed), "cam", taken) for number, changed, taken in frames])


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([(1, 0, None), (2, NEAR, None)], {1: 1, 2: 1}),
        ([(1, 0, None), (2, NEAR + 1, None)], {1: 1, 2: 2}),
        ([(1, 0, 0.0), (2, SIMILAR, 10.0)], {1: 1, 2: 1}),
        ([(1, 0, 0.0), (2, SIMILAR, 16.0)], {1: 1, 2: 2}),
        ([(1, 0, 0.0), (2, SIMILAR + 2, 1.0)], {1: 1, 2: 2}),
        ([(1, 0, None), (2, SIMILAR, None)], {1: 1, 2: 2}),
        ([(1, 0, None), (2, 4, None), (3, 2, None)], {1: 1, 2: 1, 3: 1}),
        ([(5, 0, None), (3, 0, None)], {5: 3, 3: 3}),
    ],
    ids=[
        "nearly the same",
        "another",
        "one incident",
        "too late",
        "too unlike",
        "no clock",
        "joined by a third",
        "the lower number stands",
    ],
)
def test_two_frames_are_of_one_scene(frames: list[tuple[int, int, float | None]], expected: dict[int, int]) -> None:
    assert scenes(*frames) == expected


def test_two_cameras_share_near_duplicates_but_no_incident() -> None:
    found = Scenes().add([Looked(1, bits(0), "a", 0.0), Looked(2, bits(8), "b", 1.0), Looked(3, bits(0), "b", 2.0)])
    assert found == {1: 1, 2: 1, 3: 1}  # 3 is 1 seen again, and 2 is near 3 in time
    assert Scenes().add([Looked(1, bits(0), "a", 0.0), Looked(2, bits(8), "b", 1.0)]) == {1: 1, 2: 2}


def test_a_film_is_cut_into_incidents() -> None:
    # every frame is like the one before, and none like the one three before
    dice = np.random.default_rng(1)
    phash, film = BASE, []
    for second in range(0, 1200, 5):
        film.append(Looked(second + 1, signed(phash), "cam", float(second)))
        phash ^= sum(1 << int(bit) for bit in dice.choice(64, 6, replace=False))
    found = Scenes().add(film)
    spans = [[each.taken or 0.0 for each in film if found[each.frame] == scene] for scene in set(found.values())]
    assert max(max(span) - min(span) for span in spans) <= LONGEST
    assert 4 <= len(spans) < len(film) / 4


def some(count: int) -> list[Looked]:
    """Frames with many near and similar ones among them."""
    dice = np.random.default_rng(3)
    prints = [int(each) for each in dice.integers(0, 2**63, 12)]
    made = []
    for number in range(1, count + 1):
        changed = sum(1 << int(bit) for bit in dice.choice(64, int(dice.integers(0, 9)), replace=False))
        taken = None if number % 5 == 0 else float(dice.integers(0, 600))
        made.append(Looked(number, signed(prints[number % 12] ^ changed), "ab"[number % 2], taken))
    return made


def groups(found: dict[int, int]) -> set[frozenset[int]]:
    return {frozenset(frame for frame, scene in found.items() if scene == each) for each in set(found.values())}


@pytest.mark.parametrize("step", [1, 7, 60])
def test_bit_by_bit_gives_what_all_at_once_gives(step: int) -> None:
    frames = some(180)
    growing, found = Scenes(), dict[int, int]()
    for begin in range(0, len(frames), step):
        found |= growing.add(frames[begin : begin + step])
    whole = Scenes().add(frames)
    assert found == whole
    assert 20 < len(groups(whole)) < 170


def kept(store: Store, frames: list[Looked]) -> None:
    with store.writing() as connection:
        for each in frames:
            opinions.add_frame(connection, frame(frame_id=f"{each.frame:064x}", name=f"{each.camera}.jpg"), by="lin")
            connection.execute("INSERT INTO prints (frame, phash) VALUES (?, ?)", (each.frame, each.phash))


def extended(store: Store, known: Scenes) -> dict[int, int]:
    with store.writing() as connection:
        known.extend(connection)
        numbers = [row["seq"] for row in connection.execute("SELECT seq FROM frames")]
        return scene_of(connection, numbers)


def test_a_start_goes_on_where_the_record_stands(store: Store) -> None:
    frames = some(120)
    first = Scenes()
    kept(store, frames[:70])
    before = extended(store, first)
    kept(store, frames[70:])
    after = extended(store, Scenes())  # another process
    assert extended(store, first) == after
    assert len(groups(before)) < len(groups(after)) <= 120


def test_a_frame_without_a_print_is_a_scene_of_its_own(store: Store) -> None:
    kept(store, some(3))
    with store.writing() as connection:
        opinions.add_frame(connection, frame(frame_id=f"{9:064x}"), by="lin")
        Scenes().extend(connection)
        assert scene_of(connection, [4, 77]) == {4: 4, 77: 77}
        assert connection.execute("SELECT count(*) FROM scenes WHERE frame = 4").fetchone()[0] == 0


def test_an_erased_frame_leaves_its_scene_to_the_others(store: Store, tmp_path: Path) -> None:
    kept(store, [Looked(1, bits(0), "cam", None), Looked(2, bits(0), "cam", None)])
    known = Scenes()
    assert extended(store, known) == {1: 1, 2: 1}
    erase_frames(store, lambda frame_id: None, tmp_path, [f"{1:064x}"], by="boss", why="asked", at=NOON)
    kept(store, [Looked(3, bits(1), "cam", None)])
    assert extended(store, known) == {2: 1, 3: 1}


def test_a_number_that_comes_again_takes_no_scene_over(store: Store, tmp_path: Path) -> None:
    kept(store, [Looked(1, bits(40), "cam", None), Looked(2, bits(0), "cam", None)])
    known = Scenes()
    extended(store, known)
    with store.writing() as connection:  # as a scene whose first frame, number 3, was erased
        connection.execute("UPDATE scenes SET scene = 3 WHERE frame = 2")
    known = Scenes()
    kept(store, [Looked(3, bits(20), "cam", None)])
    assert extended(store, known) == {1: 1, 2: 2, 3: 3}
