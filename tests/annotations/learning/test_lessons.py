"""What a record has to teach: frames that may and may not, pairs by edit, what each policy drew, and the further frame that a training would see."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotations.desk import Desk
from annotations.learning.lessons import Lessons
from annotations.picking.drawn import Picking
from annotations.store import Store
from core.errors import Malformed, NotFound
from core.frames import Vault
from core.profile import read
from core.schema import Risk, Value
from core.settings import ASSETS
from tests.makers import assessment, correction, jpeg
from ui.marks import colour

PROFILE = read(ASSETS / "profiles" / "bench.toml")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "record.sqlite3") as made:
        yield made


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return Desk(store, Vault(tmp_path), PROFILE, lambda frame, content, patience: assessment(frame), "scripted:0", "prompt")


@pytest.fixture
def lessons(store: Store, desk: Desk) -> Lessons:
    return Lessons(store, PROFILE, desk.picture)


def frames(desk: Desk, n: int) -> list[str]:
    ids = [desk.receive(jpeg(320, 200 + i, rects=[((32, 40, 160, 120), "red")]), f"{i}.jpg", by="ada").id for i in range(n)]
    for frame_id in ids:
        desk.assess(frame_id)
    return ids


def untouched(frame_id: str) -> dict[str, object]:
    """Everything that the machine said, confirmed."""
    said = assessment(frame_id)
    return {
        "findings": tuple(replace(each, said_by="confirmed") for each in said.findings),
        "violations": tuple(replace(each, said_by="confirmed") for each in said.violations),
    }


def test_what_may_teach_is_counted_with_the_reasons_of_the_rest(desk: Desk, lessons: Lessons) -> None:
    ids = frames(desk, 5)
    for frame_id in ids[:2]:
        desk.correct(correction(frame_id))
    desk.correct(correction(ids[2], verdict="cannot_tell"))
    found = lessons.may_teach()
    assert found.frames == 2
    assert found.left_out == {"not reviewed": 2, "cannot tell": 1}
    assert lessons.teachable() == [(ids[1], "1.jpg"), (ids[0], "0.jpg")]


def test_pairs_are_counted_by_edit(desk: Desk, lessons: Lessons) -> None:
    ids = frames(desk, 4)
    other = replace(correction().step, tool=Value("pliers", said_by="person"))
    desk.correct(correction(ids[0], step=other, **untouched(ids[0])))
    desk.correct(correction(ids[1], risk=Risk("high", said_by="person"), **untouched(ids[1])))
    desk.correct(correction(ids[2], **untouched(ids[2])))
    found = lessons.pairs("qwen2.5-vl")
    assert found.n == 2
    assert found.kinds == {"tool": 1, "risk raised": 1}
    assert found.none == {"unchanged": 1}


def test_each_policy_is_told_with_what_people_found(desk: Desk, store: Store, lessons: Lessons, tmp_path: Path) -> None:
    ids = frames(desk, 6)
    picking = Picking(store, Vault(tmp_path), PROFILE)
    assert lessons.picked() == ()
    for policy, n in (("random", 4), ("uncertain", 2)):
        picking.draw(n, policy, by="boss", seed=1, blind=0.0, double=0.0)
    first = [task.frame_id for task in picking.tasks(1)]
    desk.correct(correction(first[0], risk=Risk("high", said_by="person"), **untouched(first[0])))
    desk.correct(correction(first[1], **untouched(first[1])))
    desk.correct(correction(first[2], verdict="cannot_tell"))
    random, uncertain = lessons.picked()
    assert (random.policy, random.drawn, random.reviewed, dict(random.levels)) == ("random", 4, 2, {"high": 1, "low": 1})
    assert (random.compared, random.wrong) == (2, 1)
    assert (uncertain.policy, uncertain.drawn, uncertain.reviewed, uncertain.compared) == ("uncertain", 2, 0, 0)
    assert set(ids) >= set(first)


def test_a_further_frame_is_shown_beside_its_own_with_boxes(desk: Desk, lessons: Lessons) -> None:
    (frame_id,) = frames(desk, 1)
    desk.correct(correction(frame_id))
    made = lessons.preview(frame_id, ("brightness",), 3, lambda label: colour(PROFILE, label), covered=False)
    before, after = (np.asarray(Image.open(io.BytesIO(each))).astype(int) for each in (made.before, made.after or b""))
    assert (before.shape, made.changes, made.labels) == (after.shape, ("brightness",), ("hammer", "bolt"))
    assert abs(int(before[5, 5].mean()) - int(after[5, 5].mean())) > 3
    again = lessons.preview(frame_id, ("brightness",), 3, lambda label: colour(PROFILE, label), covered=False)
    assert again == made


def test_a_frame_that_may_not_teach_has_no_further_one(desk: Desk, lessons: Lessons) -> None:
    taught, other = frames(desk, 2)
    desk.correct(correction(taught))
    for frame_id in (other, "0" * 64):
        with pytest.raises(NotFound, match="may not teach"):
            lessons.preview(frame_id, ("blur",), 0, lambda label: "#000000", covered=False)
    with pytest.raises(Malformed, match="no change of a frame"):
        lessons.preview(taught, ("upside",), 0, lambda label: "#000000", covered=False)
