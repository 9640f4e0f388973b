"""The pool as a draw reads it: its columns say what they are called, and what is kept in memory is what the record says."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotations import opinions
from annotations.desk import Desk
from annotations.erasing import erase_frames
from annotations.picking.drawn import Picking
from annotations.picking.pool import Pool
from annotations.store import Store
from core.frames import Vault
from core.schema import Box, Finding, Frame, Reply, Risk, Step, Value, Violation
from tests.annotations.desks import BENCH, frames_in
from tests.annotations.picking.drawings import EYES, looked_at, sql
from tests.makers import NOON, assessment, correction, frame


def columns(pool: Pool) -> dict[str, Any]:
    return {each.name: getattr(pool, each.name) for each in fields(pool)}


def same(one: Pool, other: Pool) -> None:
    assert len(one) == len(other)
    for name, values in columns(one).items():
        if values is None or name == "camera":
            assert (values is None) == (columns(other)[name] is None), name
        else:
            assert np.allclose(values, columns(other)[name], atol=1e-5, equal_nan=True), name
    codes = dict(zip(one.camera.tolist(), other.camera.tolist(), strict=True))  # numbers of cameras may differ, and part the frames alike
    assert [codes[each] for each in one.camera.tolist()] == other.camera.tolist()


def told(known: Frame, model: str, level: str, tool: str, **more: Any) -> Any:
    reply = Reply("{}", model, "prompt", 0.5)
    step = Step(tool=Value(tool, 0.6, alternatives=(("drill", 0.3),)), part=Value("bolt", 0.9))
    return assessment(known, model=model, risk=Risk(level, {"none": 0.3, level: 0.7}), step=step, reply=reply, **more)


def test_what_is_kept_in_memory_is_what_the_record_says_after_every_change(store: Store, desk: Desk, tmp_path: Path) -> None:
    def fresh() -> Pool:
        return Picking(store, Vault(tmp_path), BENCH, eyes_id=EYES, promised=lambda: 0.6).pool()

    warm = Picking(store, Vault(tmp_path), BENCH, eyes_id=EYES, promised=lambda: 0.6)
    same(warm.pool(), fresh())
    made = frames_in(store, 12)
    same(warm.pool(), fresh())
    looked_at(store, range(1, 9))
    same(warm.pool(), fresh())
    with store.writing() as connection:
        for number, known in enumerate(made[:4]):
            said_now = told(known, "other:0", "high" if number else "low", "drill", violations=(Violation("tool_at_edge", "low"),))
            opinions.add_assessment(connection, said_now, uncertainty=0.1 * number, at=NOON)
    same(warm.pool(), fresh())
    desk.correct(correction(made[0], findings=(Finding("drill", Box(0, 0, 1, 1), said_by="person"),)))
    desk.correct(correction(made[5], verdict="cannot_tell"))
    same(warm.pool(), fresh())
    desk.bin(made[6].id, "blurred", by="boss")
    warm.draw(2, by="boss", seed=1)
    same(warm.pool(), fresh())
    looked_at(store, range(9, 13))
    desk.correct(correction(made[8], author="wang"))
    same(warm.pool(), fresh())
    erase_frames(store, lambda frame_id: None, tmp_path, [made[11].id, made[1].id], by="boss", why="asked", at=NOON)
    with store.writing() as connection:  # its number may be that of one that was erased
        opinions.add_frame(connection, frame(frame_id="f" * 64, name="new.jpg"), by="cam")
    same(warm.pool(), fresh())
    warm.forget()
    same(warm.pool(), fresh())


def pool_row(pool: Pool, number: int) -> dict[str, float]:
    row = pool.frames.tolist().index(number)
    return {name: float(values[row]) for name, values in columns(pool).items() if name != "vectors"}


def test_the_columns_say_what_they_are_called(store: Store, desk: Desk, tmp_path: Path) -> None:
    made = frames_in(store, 6)
    looked_at(store, range(1, 6))
    with store.writing() as connection:
        opinions.add_assessment(connection, told(made[0], "other:0", "high", "drill"), uncertainty=0.4, at=NOON)
        opinions.add_frame(connection, frame(frame_id="e" * 64, name="line2_0001.jpg"), by="cam")
    for known in made[3:5]:
        desk.correct(correction(known))
    pool = Picking(store, Vault(tmp_path), BENCH, eyes_id=EYES, promised=lambda: 0.7).pool()
    first, second, bare = (pool_row(pool, number) for number in (1, 2, 7))
    assert pool.frames.tolist() == [1, 2, 3, 6, 7]
    assert first["uncertain"] == pytest.approx(0.4)
    assert bare["uncertain"] == 1.0
    assert first["high"] == pytest.approx(0.7)
    assert first["threshold"] == pytest.approx(1.0)
    assert second["high"] == pytest.approx(0.0)
    assert first["disagreement"] > 0
    assert np.isnan(second["disagreement"])
    assert first["rare"] == pytest.approx(1.0)  # no labelled frame shows a drill
    assert second["rare"] == pytest.approx(1.0)  # nor a hand, which its model saw
    assert np.isnan(bare["rare"])
    assert np.isnan(bare["drifted"])
    assert np.isnan(pool_row(pool, 6)["drifted"])  # it has no vector
    assert 0 <= first["drifted"] <= 1
    assert first["scene"] == 1
    assert (second["scene"], pool_row(pool, 3)["scene"]) == (2, 2)
    assert first["camera"] != bare["camera"]
    assert pool.vectors is not None
    assert not pool.vectors[-1].any()


def test_how_far_a_frame_drifted_is_its_cosine_with_the_nearest_that_is_labelled(store: Store, desk: Desk, picking: Picking) -> None:
    made = frames_in(store, 8)
    looked_at(store, range(1, 9))
    for known in made[5:]:
        desk.correct(correction(known))
        picking.pool()  # one labelled frame after the other is compared
    pool = picking.pool()
    assert pool.vectors is not None
    labelled = np.stack(
        [np.frombuffer(row[0], "<f2") for row in sql(store, "SELECT vector FROM embeddings WHERE frame > 5 ORDER BY frame")]
    )
    expected = 1 - (pool.vectors @ labelled.astype(np.float32).T).max(axis=1)
    assert np.allclose(pool.drifted, np.clip(expected, 0, 1), atol=1e-3)
