"""Lineage both ways, that nobody is judged by what taught it, what an erasure names, and that a change by hand is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotations import audit, erasing
from annotations.desk import Desk
from annotations.keeping import scrubbing
from annotations.queueing.listing import judged
from annotations.reports import Reports
from annotations.store import FILE, Store
from core.errors import Malformed, NotFound
from core.frames import Vault
from tests import makers
from tests.annotations.desks import Clock
from tests.annotations.freezing.sets import parts_of, told
from tests.annotations.learning.houses import House, house_of, known_mark
from tests.annotations.learning.nursery import BASE, LOST, training


def test_a_verdict_leads_back_to_who_taught_it_and_a_bad_correction_to_all_that_ate_it(house: House, desk: Desk) -> None:
    told(house.store, house.frames[0], saw=1, author="wu")
    house.sets.freeze("first", by="boss", shares={"train": 0.5, "validation": 0.25, "test": 0.25})
    first = house.trained("a", "first")
    house.sets.freeze("second", by="boss", keep_test_of=None, seed=5)
    house.trained("b", "second", seed=2, trained_from=first.split("+")[1].split(":")[0])
    house.trained("c", seed=3)
    house.adapters.promote("b", by="ada", why="x", anyway=True)

    number = house.says(house.frames[1], first)
    back = house.adapters.lineage_of_assessment(number)
    parts = house.sets.one("first").parts
    assert (back.adapter, back.registered, back.live) == (first.split("+")[1].split(":")[0], True, False)
    assert [(each.name, each.by, each.adapter, each.parts) for each in back.datasets] == [("first", "boss", "a", parts)]
    assert back.corrections == parts["train"] + parts["validation"] == sum(back.authors.values())
    assert {each.frame_id for each in back.sources} == {id for id, part in parts_of(house.sets, "first").items() if part != "test"}
    assert [each.name for each in house.adapters.lineage_of_adapter("b").datasets] == ["first", "second"]
    alone = house.adapters.lineage_of_frame(house.frames[1].id, first)
    assert alone == back
    base = house.adapters.lineage_of_assessment(house.says(house.frames[1], f"{BASE}:guided"))
    assert (base.adapter, base.datasets, base.authors) == (None, (), {})
    strange = house.adapters.lineage_of_assessment(house.says(house.frames[1], f"{BASE}+x@001122334455"))
    assert (strange.adapter, strange.registered, strange.datasets) == ("x@001122334455", False, ())

    taught = next(each for each in house.frames if parts_of(house.sets, "first")[each.id] == "train")
    revision = 2 if taught == house.frames[0] else 1
    eaten = house.adapters.adapters_of_revision(taught.id, revision)
    assert eaten.datasets == {"first": "train", "second": parts_of(house.sets, "second")[taught.id]}
    ate = [(each.name, each.dataset, each.through, each.live) for each in eaten.adapters]
    assert ("a", "first", "a", False) in ate
    assert ("b", "first", "a", True) in ate
    assert "c" not in {name for name, *_ in ate}
    assert eaten.live
    assert house.adapters.adapters_of_correction(eaten.number) == eaten
    judged_by = next(each for each in house.frames if parts_of(house.sets, "first")[each.id] == "test")
    test = house.adapters.adapters_of_revision(judged_by.id, 2 if judged_by == house.frames[0] else 1)
    assert [(each.name, each.part) for each in test.adapters if each.dataset == "first"] == [("a", "test")]
    if house.frames[0] == taught:
        assert house.adapters.adapters_of_revision(taught.id, 1).adapters == ()  # what was corrected since taught nobody
    with pytest.raises(NotFound):
        house.adapters.adapters_of_revision(taught.id, 9)
    with pytest.raises(NotFound):
        house.adapters.lineage_of_assessment(99)


def test_no_model_is_judged_by_what_taught_it(house: House, desk: Desk) -> None:
    house.sets.freeze("first", by="boss", shares={"train": 0.5, "validation": 0.25, "test": 0.25})
    parts = parts_of(house.sets, "first")
    digest = house.sets.one("first").digest
    made = training(house.folder / "jobs" / "a", dataset={"name": "first", "digest": digest})
    model = f"{BASE}+a@{known_mark(made / 'adapter')}:guided"
    for each in house.frames:  # it speaks before anybody registers it
        house.says(each, model)
        house.says(each, f"{BASE}:guided")
    reports = Reports(house.store.path)
    assert reports.field_accuracy(model)[0]["n"] == 12
    house.adapters.register(made, by="lead")
    tests = sum(part == "test" for part in parts.values())
    assert 0 < tests < 12

    def counted() -> tuple[int, int]:
        return reports.field_accuracy(model)[0]["n"], reports.field_accuracy(f"{BASE}:guided")[0]["n"]

    assert counted() == (tests, 12)
    assert {said.frame_id for said, _ in judged(house.store) if said.model == model} == {
        each for each, part in parts.items() if part == "test"
    }
    for each in house.frames:  # whatever is said later, by the model or by people
        house.says(each, model)
        told(house.store, each, saw=1)
    assert counted() == (tests, 12)
    taught = next(each for each in house.frames if parts[each.id] == "train")
    judges = next(each for each in house.frames if parts[each.id] == "test")
    for each in (taught, judges):
        desk.bin(each.id, "x", by="lead")
    assert counted() == (tests - 1, 10)
    for each in (taught, judges):
        desk.unbin(each.id, by="lead")
    assert counted() == (tests, 12)
    second = house.trained("b", seed=2, trained_from=model.split("+")[1].split(":")[0])
    house.says(taught, second)
    house.says(judges, second)
    assert reports.field_accuracy(second)[0]["n"] == 1  # what taught the adapter that it was trained from is known to it
    reports.close()
    assert house.adapters.learned_from("b") == house.adapters.learned_from("a")


def test_a_gate_on_frames_that_taught_the_adapter_is_no_pass(house: House) -> None:
    house.sets.freeze("first", by="boss")
    first = house.trained("a", "first")
    house.sets.freeze("second", by="boss", keep_test_of=None, seed=5, shares={"train": 0.3, "validation": 0.1, "test": 0.6})
    house.trained("b", "second", seed=2, trained_from=first.split("+")[1].split(":")[0])
    gate = house.adapters.gate("b")
    assert gate is not None
    assert not gate.passed
    assert gate.reasons[-1]["key"] == "learned"
    with pytest.raises(Malformed, match="each of its reasons"):
        house.adapters.record_gate("a", against=BASE, passed=True, reasons=[LOST], by="x")


def test_an_erasure_names_what_saw_the_frame_and_the_tallies_stay_right(house: House) -> None:
    house.sets.freeze("first", by="boss")
    model = house.trained("a", "first")
    parts = parts_of(house.sets, "first")
    for each in house.frames:
        house.says(each, model)
    vault = Vault(house.folder)
    taught = next(each.id for each in house.frames if parts[each.id] == "train")
    judges = next(each.id for each in house.frames if parts[each.id] == "test")
    eraser = erasing.Eraser(house.store, vault.remove, house.folder, Clock())
    assert eraser.saw([judges]) == {"datasets": ["first"], "adapters": []}
    assert eraser.saw([taught, judges]) == {"datasets": ["first"], "adapters": ["a"]}
    done = eraser.frames([taught, judges], by="boss", why="request 7")
    assert (done.datasets, done.adapters) == (("first",), ("a",))
    with house.store.reading() as connection:
        last = audit.entries(connection, limit=1)[0]
    assert isinstance(last.after, dict)
    assert (last.after["datasets"], last.after["adapters"]) == (["first"], ["a"])
    assert list(scrubbing.faults(house.store.path)) == []
    erasing.erase_person(house.store, "lead", by="ada", why="left", at=makers.NOON)
    assert list(scrubbing.faults(house.store.path)) == []
    assert house.adapters.one("a").by == "erased-1"


TAMPERED = {
    "a promotion is changed": (
        "promotions",
        "UPDATE promotions SET adapter = 1 WHERE seq = 2",
        "Number 2 of promotions is not what was written",
    ),
    "a promotion is added": (
        "promotions",
        "INSERT INTO promotions (adapter, gate, why, who, at) VALUES (1, 1, 'x', 'x', 'x')",
        "The audit does not speak of number 3 of promotions",
    ),
    "a promotion is taken out": ("promotions", "DELETE FROM promotions WHERE seq = 2", "Number 2 of promotions, of which the audit tells"),
    "a gate is passed by hand": ("gates", "UPDATE gates SET passed = 1 WHERE seq = 2", "Number 2 of gates is not what was written"),
    "an adapter is another": ("adapters", "UPDATE adapters SET base = 'x' WHERE seq = 1", "Number 1 of adapters is not what was written"),
    "a frame is moved to the training part": (
        "dataset_frames",
        "UPDATE dataset_frames SET part = 'train'",
        "The data set first is not what was frozen",
    ),
    "a digest is made to fit": ("datasets", "UPDATE datasets SET digest = 'x'", "another digest than the audit was told"),
}


@pytest.mark.parametrize(("table", "statement", "words"), TAMPERED.values(), ids=TAMPERED)
def test_what_was_changed_by_hand_is_found(table: str, statement: str, words: str, tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        house = house_of(store, tmp_path, 8)
        house.sets.freeze("first", by="boss")
        house.trained("a", "first")
        house.trained("b", seed=2, passed=False)
        house.adapters.promote("a", by="ada", why="x")
        house.adapters.promote("b", by="ada", why="x", anyway=True)
        assert list(scrubbing.faults(store.path)) == []
        with store.writing() as connection:
            triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)).fetchall()
            for row in triggers:
                connection.execute(f"DROP TRIGGER {row['name']}")
            connection.execute(statement)
        found = scrubbing.check(tmp_path).faults
    assert any(words in fault for fault in found), found
