"""Draws in the record: what is written of them, who gets the tasks, what blind and double ones do, and that what is kept in memory is what the record says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from annotations import audit
from annotations.desk import Desk
from annotations.erasing import erase_frames, erase_person
from annotations.once import Once
from annotations.picking.drawn import Picking
from annotations.picking.policies import POLICIES
from annotations.queueing import leases
from annotations.queueing.leases import DRAWN, RETURNED, TASKS, WAITING
from annotations.samplers import SAMPLERS
from annotations.store import Store
from core.errors import Malformed, NotFound, OutOfTurn, StoreError
from core.frames import Vault
from core.schema import Frame
from tests.annotations.desks import BENCH, frames_in, said
from tests.annotations.picking.drawings import EYES, NO_SHARES, looked_at, numbers, sql
from tests.makers import NOON, jpeg


def test_a_draw_is_written_with_all_that_is_needed_to_weigh_it(store: Store, picking: Picking) -> None:
    frames_in(store, 30)
    made = picking.draw(10, "uncertain", by="boss", seed=7)
    assert (made.policy, made.mix, made.seed, made.pool, made.budget, made.tasks, made.done) == (
        "uncertain",
        {"uncertain": 1.0},
        7,
        30,
        10,
        10,
        0,
    )
    tasks = picking.tasks(made.number)
    assert len({task.frame_id for task in tasks}) == 10
    kept = sql(store, "SELECT inclusion, sampler FROM tasks")
    assert sum(1 / inclusion for inclusion, _ in kept) == pytest.approx(30, rel=0.2)
    assert {sampler for _, sampler in kept} <= {"uncertain", "random"}
    assert all(0 < inclusion <= 1 for inclusion, _ in kept)
    assert all(task.inclusion and task.why for task in tasks if task.kind != "blind")
    with store.reading() as connection:
        told = audit.entries(connection, limit=1)[0]
    assert (told.action, told.who, told.subject) == ("drawn", "boss", f"draw {made.number}")
    assert told.after == {"policy": "uncertain", "mix": {"uncertain": 1.0}, "seed": 7, "pool": 30, "budget": 10, "tasks": 10}
    assert not any(task.frame_id in orjson.dumps(sql(store, "SELECT * FROM draws")).decode() for task in tasks)


def test_the_same_record_and_seed_give_the_same_draw(store: Store, picking: Picking, tmp_path: Path) -> None:
    frames_in(store, 40)
    pool = picking.pool()
    first = picking.draw(8, by="boss", seed=3)
    drawn = [task.frame_id for task in picking.tasks(first.number)]
    frames = {f"{number:064x}" for number in pool.frames.tolist()}
    assert set(drawn) <= frames
    second = picking.draw(8, by="boss", seed=3)
    assert not set(drawn) & {task.frame_id for task in picking.tasks(second.number)}  # what was drawn waits already


def test_the_profiles_own_mix_is_the_usual_one_here(store: Store, tmp_path: Path) -> None:
    frames_in(store, 5)
    own = Picking(store, Vault(tmp_path), replace(BENCH, mix={"rare": 2.0, "risk": 1.0}))
    assert own.draw(2, by="boss").mix == {"rare": 2.0, "risk": 1.0}
    plain = Picking(store, Vault(tmp_path), replace(BENCH, mix={}))
    assert plain.policies == POLICIES


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"budget": 0}, "1 to 10,000"),
        ({"budget": 5, "policy": "best"}, "is no policy"),
        ({"budget": 5, "mix": {"best": 1.0}}, "no sampler best"),
        ({"budget": 5, "mix": {"risk": 0.0}}, "more than 0"),
        ({"budget": 5, "floor": 0.01}, "floor"),
    ],
    ids=["nothing", "policy", "sampler", "no share", "no floor"],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(store: Store, picking: Picking, more: dict[str, Any], says: str) -> None:
    frames_in(store, 3)
    with pytest.raises(Malformed, match=says):
        picking.draw(**more, by="boss")
    assert numbers(store, "draws", "seq") == []


def test_where_nothing_waits_nothing_is_drawn(store: Store, picking: Picking) -> None:
    frames_in(store, 2)
    picking.draw(2, by="boss")
    with pytest.raises(OutOfTurn, match="not drawn already"):
        picking.draw(1, by="boss")
    with pytest.raises(NotFound):
        picking.tasks(9)


def test_sent_again_under_its_key_it_is_drawn_once(store: Store, picking: Picking) -> None:
    frames_in(store, 10)
    once = Once("key", "digest")
    assert picking.draw(3, by="boss", once=once).number == picking.draw(3, by="boss", once=once).number
    assert len(numbers(store)) == 3


def test_tasks_come_before_what_waits_in_their_order(store: Store, desk: Desk, picking: Picking) -> None:
    frames_in(store, 20)
    drawn = [task.frame_id for task in picking.tasks(picking.draw(3, "random", by="boss", seed=1, **NO_SHARES).number)]
    given, after = [], None
    for _ in range(3):
        found = desk.reserve("ann", "1", after)
        assert found is not None
        given.append((found.frame_id, found.why))
        desk.correct(said(found.frame_id, "ann"))
        after = found.frame_id
    assert given == [(each, DRAWN) for each in drawn]
    found = desk.reserve("ann", "1", after)
    assert found is not None
    assert found.why == WAITING
    assert picking.draws()[0].done == 3


def test_who_passes_a_task_over_is_given_the_next_and_then_what_waits(store: Store, desk: Desk, picking: Picking) -> None:
    frames_in(store, 6)
    drawn = [task.frame_id for task in picking.tasks(picking.draw(2, "random", by="boss", **NO_SHARES).number)]
    given: list[str] = []
    after = None
    for _ in range(6):
        found = desk.reserve("ann", "1", after)
        assert found is not None
        given.append(after := found.frame_id)
    assert given[:2] == drawn
    assert len(set(given)) >= 5


def test_two_people_are_never_given_the_same_task(store: Store, desk: Desk, picking: Picking) -> None:
    frames_in(store, 10)
    picking.draw(4, by="boss", **NO_SHARES)
    given = [desk.reserve(f"ann {n}", "1") for n in range(4)]
    assert len({each.frame_id for each in given if each}) == 4
    assert {each.why for each in given if each} == {DRAWN}


def test_what_was_returned_comes_before_tasks_and_the_bin_holds_tasks_back(store: Store, desk: Desk, picking: Picking) -> None:
    made = frames_in(store, 4)
    desk.correct(said(made[3], "ann"))
    desk.review(made[3].id, "returned", "look again", 1, by="wang")
    drawn = picking.draw(2, "random", by="boss", **NO_SHARES)
    first, second = [task.frame_id for task in picking.tasks(drawn.number)]
    desk.bin(first, "blurred", by="boss")
    given = [desk.reserve("ann", tab) for tab in ("1", "2")]
    assert [(each.frame_id, each.why) for each in given if each] == [(made[3].id, RETURNED), (second, DRAWN)]


def test_a_task_is_found_without_a_look_at_those_that_are_done(store: Store) -> None:
    values = {"by": "ann", "tab": "1", "left": 1}
    for which in ("TRUE", leases.FRESH):
        steps = [row[3] for row in sql_plan(store, leases.statement(TASKS, which), values)]
        assert steps[0] == "SCAN t"
        assert not [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN s")]


def sql_plan(store: Store, asked: str, values: dict[str, object]) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(f"EXPLAIN QUERY PLAN {asked}", values)]


def drawn_as(store: Store, kind: str, picking: Picking) -> Frame:
    """One frame with one task of this kind."""
    (known,) = frames_in(store, 1)
    picking.draw(1, by="boss", blind=float(kind == "blind"), double=float(kind == "double"))
    return known


def test_of_a_blind_task_nobody_who_works_on_it_sees_the_machines_word(store: Store, desk: Desk, picking: Picking) -> None:
    known = drawn_as(store, "blind", picking)
    before = desk.sheet(known.id, by="ann", judge=True)
    assert (before.assessment, before.unaided, before.blind) == (None, True, False)
    assert desk.sheet(known.id).assessment is not None  # nobody in particular, such as an export
    assert desk.walk()[0].level is None
    with pytest.raises(OutOfTurn, match="without the model's proposal"):
        desk.may_be_shown(known.id)
    (task,) = picking.tasks(1)
    assert (task.kind, task.score, task.why, task.done) == ("blind", None, {}, False)
    assert (task.sampler, task.inclusion) == (None, None)  # what is drawn by doubt or risk, and how surely, tells what the machine thinks

    saved = desk.correct(said(known, "ann", saw_model=None))
    assert saved.saw_model is None
    after = desk.sheet(known.id, by="ann")
    assert (after.assessment is not None, after.unaided) == (True, False)
    desk.may_be_shown(known.id)
    (task,) = picking.tasks(1)
    assert task.done
    assert task.why
    assert (task.sampler in SAMPLERS, task.inclusion) == (True, 1.0)


def test_a_double_task_wants_an_opinion_of_somebody_else(store: Store, desk: Desk, picking: Picking) -> None:
    known = drawn_as(store, "double", picking)
    assert desk.sheet(known.id, by="ann").wanted == 2
    desk.correct(said(known, "ann"))
    found = desk.reserve("wang", "1")
    assert found is not None
    assert (found.frame_id, found.why) == (known.id, leases.WANTED)
    assert desk.reserve("ann", "1") is None
    sheet = desk.sheet(known.id, by="wang")
    assert (sheet.blind, sheet.correction) == (True, None)


def test_a_double_task_leaves_more_opinions_that_were_wanted_already(store: Store, desk: Desk, picking: Picking) -> None:
    (known,) = frames_in(store, 1)
    desk.want(known.id, 3, by="wang")
    picking.draw(1, by="boss", blind=0.0, double=1.0)
    assert desk.sheet(known.id).wanted == 3


def test_kinds_are_shared_out_as_is_asked(store: Store, picking: Picking) -> None:
    frames_in(store, 40)
    made = picking.draw(40, "random", by="boss", seed=1, blind=0.25, double=0.25)
    kinds = [task.kind for task in picking.tasks(made.number)]
    assert {kind: kinds.count(kind) for kind in ("blind", "double", "plain")} == {"blind": 10, "double": 10, "plain": 20}


def test_an_erased_frame_leaves_no_task_print_scene_or_vector(store: Store, picking: Picking, tmp_path: Path) -> None:
    frames_in(store, 4)
    looked_at(store, range(1, 5))
    drawn = picking.draw(3, by="boss")
    gone = picking.tasks(drawn.number)[0].frame_id
    left = [number for number in range(1, 5) if f"{number:064x}" != gone]
    erase_frames(store, lambda frame_id: None, tmp_path, [gone], by="boss", why="asked", at=NOON)
    for table in ("prints", "scenes", "embeddings"):
        assert numbers(store, table) == left, table
    assert drawn.tasks == 3
    assert len(set(numbers(store)) & set(left)) == len(numbers(store)) == len(numbers(store, "open_tasks")) == 2
    assert picking.draws()[0].tasks == 2
    assert gone.encode() not in (tmp_path / "record.sqlite3").read_bytes()
    erase_person(store, "boss", by="admin", why="asked", at=NOON)
    assert picking.draws()[0].by.startswith("erased-")


def test_beside_the_process_that_writes_draws_are_told_and_none_is_made(store: Store, desk: Desk, picking: Picking, tmp_path: Path) -> None:
    frames_in(store, 2)
    desk.receive(jpeg(), "a.jpg", by="lin")
    made = picking.draw(2, "random", by="boss", **NO_SHARES)
    with Store.open_readonly(store.path) as reader:
        beside = Picking(reader, Vault(tmp_path), BENCH, eyes_id=EYES)
        assert beside.draws() == [made]
        assert beside.tasks(made.number) == picking.tasks(made.number)
        assert beside.wanting() == (3, 0)
        for verb in (lambda: beside.draw(1, by="boss"), beside.look):
            with pytest.raises(StoreError, match="to be read only"):
                verb()
    assert picking.draws() == [made]


def test_tasks_only_grow(store: Store, picking: Picking) -> None:
    frames_in(store, 2)
    picking.draw(2, by="boss")
    for change in ("UPDATE tasks SET inclusion = 1", "DELETE FROM tasks", "UPDATE draws SET seed = 1", "DELETE FROM draws"):
        with pytest.raises(Exception, match="only grow"), store.writing() as connection:
            connection.execute(change)


def test_a_correction_that_comes_while_it_is_drawn_makes_no_open_task(store: Store, desk: Desk, picking: Picking) -> None:
    made = frames_in(store, 2)
    pool = picking.pool()
    assert len(pool) == 2
    made_draw = picking.draw(2, by="boss", **NO_SHARES)
    desk.correct(said(made[0], "ann"))
    assert numbers(store, "open_tasks") == [2]
    assert picking.drawn(made_draw.number).done == 1
