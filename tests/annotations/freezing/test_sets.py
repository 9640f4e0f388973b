"""Frozen sets on a real record: only what may teach, fixed for good, the same digest for the same content, test kept, compared, verified, leaks told."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from annotations import audit
from annotations.desk import Desk
from annotations.erasing import erase_frames, erase_person
from annotations.freezing.frozen import PARTS
from annotations.freezing.sets import Datasets
from annotations.once import Once
from annotations.store import Store
from core.errors import DatasetUnfit, Malformed, NotFound, OutOfTurn, StoreError
from core.frames import Vault
from core.profile import read
from core.schema import Finding, Risk, Value
from core.settings import ASSETS
from tests.annotations.desks import said
from tests.annotations.freezing.sets import corrected, in_scene, parts_of, printed, sets_of, taken, told
from tests.makers import NOON, correction


@pytest.fixture
def sets(store: Store, tmp_path: Path) -> Datasets:
    return sets_of(store, tmp_path)


def test_a_set_holds_what_may_teach_and_counts_what_may_not(store: Store, sets: Datasets, desk: Desk, tmp_path: Path) -> None:
    good = corrected(store, tmp_path, 6)
    bare, unsure, returned, binned, disputed, lost = taken(store, tmp_path, 6, first=20)
    told(store, unsure, verdict="cannot_tell")
    for each in (returned, binned, lost):
        told(store, each)
    desk.review(returned.id, "returned", "the box is too large", 1, by="rev")
    desk.bin(binned.id, "twice here", by="lead")
    desk.want(disputed.id, 2, by="rev")
    told(store, disputed)
    desk.second_opinion(said(disputed.id, "wu", step=replace(correction().step, tool=Value("pliers", said_by="person"))))
    Vault(tmp_path).place(lost.id).unlink()
    made = sets.freeze("first", by="lead", note="for the pilot")
    assert (made.name, made.by, made.note, made.profile, made.frames) == ("first", "lead", "for the pilot", "bench", 6)
    left_out = {"not reviewed": 1, "cannot tell": 1, "returned": 1, "in the bin": 1, "disputed": 1, "unreadable": 1}
    assert made.split["left_out"] == left_out
    assert [held.reviewed.frame for held in sets.frames("first")] == good
    assert sum(made.parts.values()) == 6
    assert {part: len(list(sets.frames("first", part))) for part in PARTS} == made.parts
    assert all(made.parts.values())
    Vault(tmp_path).place(lost.id).write_bytes(b"a frame")
    assert bare.id not in parts_of(sets, "first")


def test_nothing_of_a_frozen_set_changes_whatever_people_say_later(store: Store, sets: Datasets, desk: Desk, tmp_path: Path) -> None:
    frames = corrected(store, tmp_path, 5)
    made = sets.freeze("first", by="lead")
    before = list(sets.frames("first"))
    told(store, frames[0], saw=1, findings=())
    desk.bin(frames[1].id, "dark", by="lead")
    corrected(store, tmp_path, 2, first=50)
    assert list(sets.frames("first")) == before
    assert [held.reviewed.correction.revision for held in before] == [1] * 5
    assert sets.one("first") == made
    assert sets.verify("first").sound
    with store.reading() as connection:
        numbers = {row["seq"]: row["frame"] for row in connection.execute("SELECT seq, frame FROM corrections")}
    assert {held.correction for held in before} <= set(numbers)
    for table, change in (("datasets", "note = 'other'"), ("dataset_frames", "part = 'test'")):
        with pytest.raises(sqlite3.IntegrityError, match="only grow"), store.writing() as connection:
            connection.execute(f"UPDATE {table} SET {change}")
        with pytest.raises(sqlite3.IntegrityError, match="only grow"), store.writing() as connection:
            connection.execute(f"DELETE FROM {table}")


def test_the_same_content_gives_the_same_digest_and_other_content_another(store: Store, sets: Datasets, tmp_path: Path) -> None:
    frames = corrected(store, tmp_path, 8)
    first = sets.freeze("first", by="lead", keep_test_of=None)
    assert sets.freeze("again", by="wu", note="the same", keep_test_of=None).digest == first.digest
    assert sets.freeze("kept", by="wu", seed=99).digest == first.digest, "every frame stays where it was"
    assert sets.freeze("seed", by="wu", seed=1, keep_test_of=None).digest != first.digest
    told(store, frames[0], saw=1)
    assert sets.freeze("corrected", by="wu").digest != first.digest
    assert [each.name for each in sets.all()] == ["corrected", "seed", "kept", "again", "first"]


def test_what_was_frozen_is_in_the_audit(store: Store, sets: Datasets, tmp_path: Path) -> None:
    corrected(store, tmp_path, 4)
    made = sets.freeze("first", by="lead", by_what="scene", seed=5)
    with store.reading() as connection:
        (entry, *_) = audit.entries(connection, limit=1)
    assert (entry.action, entry.who, entry.subject, entry.frame) == ("frozen", "lead", "first", None)
    assert isinstance(entry.after, dict)
    assert (entry.after["digest"], entry.after["seed"], entry.after["parts"]) == (made.digest, 5, made.parts)
    assert not any(held.reviewed.frame.id in str(entry.after) for held in sets.frames("first"))


def test_scenes_cameras_and_days_stay_together(store: Store, sets: Datasets, tmp_path: Path) -> None:
    for camera in range(6):
        for day in range(1, 4):
            first = 100 * camera + 10 * day
            corrected(store, tmp_path, 3, first=first, name=f"press{camera}_2026110{day}120000.jpg", taken_at=datetime(2026, 11, day, 12))  # noqa: DTZ001
    whole = corrected(store, tmp_path, 6, first=900, name="other.jpg", taken_at=datetime(2026, 11, 9, 12))  # noqa: DTZ001
    in_scene(store, *whole)
    for by_what, groups in (("scene", 55), ("camera", 7)):
        made = sets.freeze(by_what, by="lead", by_what=by_what, keep_test_of=None)
        assert sum(made.split["groups"].values()) == groups
        where: dict[object, set[str]] = {}
        for held in sets.frames(by_what):
            key = held.scene if by_what == "scene" else held.reviewed.frame.name[:6]
            where.setdefault(key, set()).add(held.part)
        assert all(len(parts) == 1 for parts in where.values())
    assert sum(sets.freeze("day", by="lead", by_what="day", keep_test_of=None).split["groups"].values()) == 4
    assert sets.leaks("day")[-1].kind == "not looked at"


def test_test_frames_stay_test_and_what_taught_never_judges(store: Store, sets: Datasets, tmp_path: Path) -> None:
    old = corrected(store, tmp_path, 20)
    sets.freeze("first", by="lead")
    before = parts_of(sets, "first")
    told(store, old[0], saw=1)
    corrected(store, tmp_path, 20, first=100)
    second = sets.freeze("second", by="lead", seed=7)
    after = parts_of(sets, "second")
    assert second.split["kept"] == "first"
    assert {frame_id: after[frame_id] for frame_id in before} == before
    assert second.parts == {"train": 28, "validation": 4, "test": 8}
    assert [leak for leak in sets.leaks("second") if leak.kind == "taught before"] == []
    sets.freeze("anew", by="lead", seed=7, keep_test_of=None)
    (leak,) = [leak for leak in sets.leaks("anew") if leak.kind == "taught before" and '"first"' in leak.words]
    assert (
        leak.count
        == sum(before.get(each) in ("train", "validation") for each, part in parts_of(sets, "anew").items() if part == "test")
        > 0
    )


def test_what_fell_out_of_a_set_between_is_still_kept_apart(store: Store, sets: Datasets, desk: Desk, tmp_path: Path) -> None:
    """A frame that taught, was put away and came back: it was not in the set before, but in the one before that."""
    corrected(store, tmp_path, 12)
    sets.freeze("first", by="lead")
    taught = next(frame_id for frame_id, part in parts_of(sets, "first").items() if part == "train")
    desk.bin(taught, "dark", by="lead")
    sets.freeze("second", by="lead")
    desk.unbin(taught, "not so dark", by="lead")
    for seed in range(6):
        sets.freeze(f"third-{seed}", by="lead", seed=seed, keep_test_of="second")
        assert parts_of(sets, f"third-{seed}")[taught] == "train"


def test_a_scene_that_came_to_be_on_both_sides_is_left_out(store: Store, sets: Datasets, tmp_path: Path) -> None:
    corrected(store, tmp_path, 12)
    sets.freeze("first", by="lead")
    before = {held.part: held.reviewed.frame for held in sets.frames("first")}
    in_scene(store, before["train"], before["test"])
    (leak,) = [leak for leak in sets.leaks("first") if leak.kind == "scene now"]
    assert (leak.parts, leak.count, set(leak.examples)) == (("train", "test"), 1, {before["train"].id, before["test"].id})
    second = sets.freeze("second", by="lead")
    assert second.split["left_out"] == {"on both sides": 2}
    assert second.frames == 10


def test_a_look_comes_first_so_that_scenes_are_known(store: Store, tmp_path: Path) -> None:
    frames = corrected(store, tmp_path, 8)
    sets = sets_of(store, tmp_path, look=lambda: in_scene(store, *frames[:4]))
    sets.freeze("first", by="lead")
    assert len({held.part for held in sets.frames("first") if held.reviewed.frame in frames[:4]}) == 1


def test_what_changes_while_a_set_is_worked_out_is_in_it(store: Store, tmp_path: Path) -> None:
    """The first look at the files is beside the others' work; a correction that comes then is the one that is frozen."""
    frames = corrected(store, tmp_path, 4)
    sets = sets_of(store, tmp_path)
    looked: list[str] = []
    vault = Vault(tmp_path)

    class Busy(Vault):
        """Somebody corrects while the first file is looked for."""

        def place(self, frame_id: str) -> Path:
            if not looked:
                looked.append(frame_id)
                told(store, frames[3], saw=1)
            return vault.place(frame_id)

    sets = Datasets(store, Busy(tmp_path), sets.profile)
    sets.freeze("first", by="lead")
    assert {held.reviewed.frame.id: held.reviewed.correction.revision for held in sets.frames("first")}[frames[3].id] == 2
    assert sets.verify("first").sound


def test_of_two_who_freeze_under_one_name_one_is_told(store: Store, sets: Datasets, tmp_path: Path) -> None:
    corrected(store, tmp_path, 6)
    done: list[str] = []

    def freeze() -> None:
        try:
            sets.freeze("first", by="lead")
            done.append("frozen")
        except OutOfTurn:
            done.append("told")

    threads = [threading.Thread(target=freeze) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(done) == ["frozen", "told", "told", "told"]
    assert len(sets.all()) == 1


def test_a_freeze_that_is_sent_again_is_done_once(store: Store, sets: Datasets, tmp_path: Path) -> None:
    corrected(store, tmp_path, 6)
    once = Once("a-key", "digest")
    assert sets.freeze("first", by="lead", once=once) == sets.freeze("first", by="lead", once=once)
    assert len(sets.all()) == 1


def test_what_cannot_be_frozen_is_said(store: Store, sets: Datasets, tmp_path: Path) -> None:
    with pytest.raises(DatasetUnfit, match="Nobody has reviewed"):
        sets.freeze("first", by="lead")
    corrected(store, tmp_path, 2)
    with pytest.raises(DatasetUnfit, match="too few groups"):
        sets.freeze("first", by="lead")
    corrected(store, tmp_path, 4, first=10)
    for name in ("", "latest", "a b", "../up", "x" * 65, "名"):
        with pytest.raises(Malformed, match="cannot name a data set"):
            sets.freeze(name, by="lead")
    with pytest.raises(Malformed, match="scene, camera, day"):
        sets.freeze("first", by="lead", by_what="frame")
    with pytest.raises(NotFound, match='no data set "none"'):
        sets.freeze("first", by="lead", keep_test_of="none")
    assert sets.all() == ()
    sets.freeze("first", by="lead")
    corridor = Datasets(store, Vault(tmp_path), read(ASSETS / "profiles" / "corridor.toml"))
    with pytest.raises(Malformed, match="for the profile bench"):
        corridor.freeze("second", by="lead", keep_test_of="first")
    for verb in (sets.one, sets.verify, sets.balance, sets.leaks, sets.frames, lambda name: sets.compare("first", name)):
        with pytest.raises(NotFound):
            verb("none")


def test_a_reader_tells_all_and_freezes_nothing(store: Store, sets: Datasets, tmp_path: Path) -> None:
    corrected(store, tmp_path, 6)
    made = sets.freeze("first", by="lead")
    with Store.open_readonly(store.path) as reader:
        beside = Datasets(reader, Vault(tmp_path), sets.profile)
        assert (beside.one("first"), beside.verify("first").sound, len(list(beside.frames("first")))) == (made, True, 6)
        with pytest.raises(StoreError, match="reading only"):
            beside.freeze("second", by="lead")


def test_two_sets_side_by_side(store: Store, sets: Datasets, desk: Desk, tmp_path: Path) -> None:
    frames = corrected(store, tmp_path, 10)
    sets.freeze("a", by="lead", keep_test_of=None)
    told(store, frames[0], saw=1, findings=(Finding("wrench", said_by="person"),), risk=Risk("high", said_by="person"))
    desk.bin(frames[1].id, "dark", by="lead")
    new = corrected(store, tmp_path, 1, first=77)
    sets.freeze("b", by="lead", keep_test_of=None, seed=3)
    beside = sets.compare("a", "b")
    assert (beside.added, beside.gone, beside.corrected) == ((new[0].id,), (frames[1].id,), (frames[0].id,))
    before, after = parts_of(sets, "a"), parts_of(sets, "b")
    assert {each.frame_id: (each.before, each.after) for each in beside.moved} == {
        each: (before[each], after[each]) for each in before if each in after and before[each] != after[each]
    }
    assert beside.moved
    assert beside.labels == {"bolt": (10, 9), "hammer": (10, 9), "wrench": (0, 1)}
    assert beside.risks == {"high": (0, 1), "low": (10, 9)}
    assert (beside.same, sets.compare("a", "a").same, sets.compare("a", "a").moved) == (False, True, ())


def test_balance_counts_frames_by_what_they_show(store: Store, sets: Datasets, tmp_path: Path) -> None:
    frames = taken(store, tmp_path, 10)
    twice = (Finding("bolt", said_by="person"), Finding("bolt", said_by="person"))
    for number, each in enumerate(frames):
        told(store, each, findings=twice, violations=(), risk=Risk("high" if number % 2 else "none", said_by="person"))
    in_scene(store, *frames[:3])
    made = sets.freeze("first", by="lead")
    counted = sets.balance("first")
    assert {part: each.frames for part, each in counted.items()} == made.parts
    assert sum(each.labels["bolt"] for each in counted.values()) == 10
    assert sum(each.risks["high"] for each in counted.values()) == sum(each.risks["none"] for each in counted.values()) == 5
    assert sum(each.scenes for each in counted.values()) == 8
    assert counted["train"].hazards == {}


def test_frames_that_look_alike_on_two_sides_are_told(store: Store, sets: Datasets, tmp_path: Path) -> None:
    frames = corrected(store, tmp_path, 12)
    sets.freeze("first", by="lead")
    by_part: dict[str, list[str]] = {}
    for frame_id, part in parts_of(sets, "first").items():
        by_part.setdefault(part, []).append(frame_id)
    known = {each.id: each for each in frames}
    alike = {by_part["train"][0]: 2**63 - 1, by_part["test"][0]: 2**63 - 1, by_part["validation"][0]: 2**62 - 1}
    for number, frame_id in enumerate(frame_id for ids in by_part.values() for frame_id in ids):
        if frame_id not in alike:
            printed(store, known[frame_id], int.from_bytes(bytes([number]) * 8, "big", signed=True) ^ 0x0F0F)
    for frame_id, phash in alike.items():
        printed(store, known[frame_id], phash)
    found = {(leak.kind, leak.parts): leak for leak in sets.leaks("first")}
    assert found["same picture", ("train", "test")].examples == (by_part["train"][0], by_part["test"][0])
    assert found["near-duplicate", ("train", "validation")].count == 1, "one bit"
    assert not [kind for kind, _ in found if kind == "not looked at"]


def test_an_erased_frame_goes_out_of_its_sets_and_that_is_said(store: Store, sets: Datasets, tmp_path: Path) -> None:
    frames = corrected(store, tmp_path, 8)
    sets.freeze("first", by="lead")
    erase_frames(store, Vault(tmp_path).remove, tmp_path, [frames[2].id], by="admin", why="asked for", at=NOON)
    assert [held.reviewed.frame for held in sets.frames("first")] == [each for each in frames if each != frames[2]]
    found = sets.verify("first")
    assert (found.sound, found.erased) == (False, 1)
    assert "1 frames of this data set were erased" in found.words
    assert sum(each.frames for each in sets.balance("first").values()) == 7


def test_an_erased_person_leaves_every_digest_as_it_was(store: Store, sets: Datasets, tmp_path: Path) -> None:
    corrected(store, tmp_path, 5)
    sets.freeze("first", by="lin")
    gone = erase_person(store, "lin", by="admin", why="asked for", at=NOON)
    assert sets.verify("first").sound
    assert sets.one("first").by == gone.pseudonym


def test_a_set_without_frames_left_is_walked_all_the_same(store: Store, sets: Datasets, tmp_path: Path) -> None:
    frames = corrected(store, tmp_path, 3)
    sets.freeze("first", by="lead")
    erase_frames(store, Vault(tmp_path).remove, tmp_path, [each.id for each in frames], by="admin", why="asked for", at=NOON)
    assert list(sets.frames("first")) == []
    assert sets.leaks("first") == ()
