"""The registry on a real record: what comes in and what does not, who may speak, and the way back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from annotations import audit
from annotations.learning import known, promotions
from annotations.learning.adapters import Adapters
from annotations.store import Store
from core.errors import Malformed, ModelMissing, ModelUnfit, NotFound, OutOfTurn, StoreError
from core.training import states
from tests.annotations.learning.houses import House
from tests.annotations.learning.nursery import BASE, adapter, training


def test_an_adapter_comes_in_whole_with_what_taught_it_and_what_was_found_of_it(house: House) -> None:
    house.sets.freeze("first", by="lead")
    job = training(house.folder / "jobs" / "run-1", dataset={"name": "first", "digest": house.sets.one("first").digest})
    (job / "adapter" / "README.md").write_text("of the trainer")
    made = house.adapters.register(job, by="lead")
    assert (made.name, made.base, made.dataset, made.about["job"], made.metrics) == (
        "run-1", BASE, "first", "run-1", {"figures": {"field_f1": 0.8}},
    )  # fmt: skip
    place = house.folder / "adapters" / "run-1"
    assert {each.name for each in place.iterdir()} == {"adapter_config.json", "adapter_model.safetensors", "gembalens.json"}
    gate = house.adapters.gate("run-1")
    assert gate is not None
    assert (gate.passed, gate.against, gate.reasons[0]["key"]) == (True, BASE, "better")
    assert house.adapters.live() is None  # to be known is not to speak
    with pytest.raises(OutOfTurn, match="registered already, as run-1"):
        house.adapters.register(job / "adapter", by="lead", name="again")
    with pytest.raises(OutOfTurn, match="There is an adapter run-1"):
        house.adapters.register(adapter(house.folder / "other", seed=2), by="lead", name="run-1")
    assert house.adapters.one("run-1") == made
    with house.store.reading() as connection:
        actions = [each.action for each in audit.entries(connection, limit=3)]
    assert actions[:2] == ["gate", "adapter registered"]


def broken_adapters(folder: Path) -> dict[str, tuple[Path, type[Exception], str]]:
    pickled = adapter(folder / "pickled")
    (pickled / "adapter_model.bin").write_bytes(b"x")
    cut = adapter(folder / "cut")
    (cut / "adapter_model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    bare = adapter(folder / "bare")
    (bare / "gembalens.json").unlink()
    unfinished = training(folder / "unfinished")
    shutil.rmtree(unfinished / "adapter")
    return {
        "pickled": (pickled, ModelUnfit, "may run code"),
        "cut short": (cut, ModelUnfit, "damaged"),
        "of no base": (adapter(folder / "no-base", base=""), ModelUnfit, "for which model"),
        "without a manifest": (bare, ModelMissing, "gembalens.json"),
        "not at its end": (unfinished, OutOfTurn, "has no adapter"),
        "nowhere": (folder / "nowhere", NotFound, "nowhere"),
        "of no name": (adapter(folder / "a b"), Malformed, "cannot name"),
    }


@pytest.mark.parametrize("case", ["pickled", "cut short", "of no base", "without a manifest", "not at its end", "nowhere", "of no name"])
def test_what_is_no_adapter_leaves_nothing_behind(case: str, house: House, tmp_path: Path) -> None:
    source, error, words = broken_adapters(tmp_path / "brought")[case]
    with pytest.raises(error, match=words):
        house.adapters.register(source, by="lead")
    assert house.adapters.adapters() == ()
    assert not (house.folder / "adapters").exists() or not any((house.folder / "adapters").iterdir())


def test_an_adapter_that_is_not_measured_yet_waits_for_its_figures(house: House, tmp_path: Path) -> None:
    told = training(tmp_path / "jobs" / "run-1")
    measured = (told / "report.json").read_bytes()
    (told / "report.json").unlink()
    part = tmp_path / "set" / "test"
    part.mkdir(parents=True)
    (part / "manifest.json").write_text("{}")
    (told / "job.json").write_text(json.dumps({"id": "run-1", "data": str(tmp_path / "set")}), "utf-8")
    for phase in ("evaluating", "failed", "done"):
        states.write_state(told, states.State(phase=phase))
        with pytest.raises(OutOfTurn, match="of the training run-1 is not measured yet"):
            house.adapters.register(told, by="lead")
    shutil.rmtree(part)  # a set of which no part judges: there is nothing to wait for but its end
    states.write_state(told, states.State(phase="evaluating"))
    with pytest.raises(OutOfTurn, match="is not measured yet"):
        house.adapters.register(told, by="lead")
    assert house.adapters.adapters() == ()
    states.write_state(told, states.State(phase="done"))
    assert house.adapters.register(told, by="lead").metrics == {}
    other = training(tmp_path / "jobs" / "run-2", seed=2)
    (other / "report.json").write_bytes(measured)
    assert house.adapters.register(other, by="lead").metrics == {"figures": {"field_f1": 0.8}}


def test_no_frame_is_named_where_an_erasure_would_not_find_it(house: House) -> None:
    gone = house.frames[0].id
    figures = {"worst": [gone, "x"], gone: 1, "by": {"frame": f"see {gone}"}, "field_f1": 0.7}
    house.trained("run-1", figures=figures, reasons=[{"key": "better", "passed": True, "words": "yes", "values": {gone: 1}}])
    assert house.adapters.one("run-1").metrics["figures"] == {"worst": ["x"], "by": {}, "field_f1": 0.7}
    with house.store.reading() as connection:
        rows = [tuple(row) for table in known.ROWS for row in connection.execute(f"SELECT * FROM {table}")]
        notes = [row[0] for row in connection.execute("SELECT after FROM audit WHERE frame IS NULL")]
    assert gone not in str(rows) + str(notes)


def test_only_what_passed_its_gate_beside_what_speaks_now_may_speak(house: House) -> None:
    house.trained("good")
    house.trained("bad", seed=2, passed=False)
    house.trained("measured-elsewhere", seed=3, against="other@001122334455")
    with pytest.raises(OutOfTurn, match=r"Box F1 fell by 7\.0 points"):
        house.adapters.promote("bad", by="lead", why="try it")
    with pytest.raises(OutOfTurn, match="never measured beside tiny@0a1b2c3d4e5f:guided"):
        house.adapters.promote("measured-elsewhere", by="lead", why="try it")
    with pytest.raises(Malformed, match="Say why"):
        house.adapters.promote("good", by="lead", why=" ")
    with pytest.raises(NotFound):
        house.adapters.promote("nobody", by="lead", why="x")
    assert house.adapters.promotions() == ()
    done = house.adapters.promote("good", by="lead", why="+3 points on the press")
    assert (done.adapter, done.back, done.anyway, done.by) == ("good", False, False, "lead")
    assert house.model.model == f"{BASE}+{house.adapters.one('good').id}:guided"
    with pytest.raises(OutOfTurn, match="speaks already"):
        house.adapters.promote("good", by="lead", why="x")
    house.trained("next", seed=4)  # measured beside the base, which does not speak any more
    with pytest.raises(OutOfTurn, match="never measured beside"):
        house.adapters.promote("next", by="lead", why="x")
    house.adapters.record_gate(
        "next", against=house.model.model or "", passed=True, reasons=[{"key": "a", "passed": True, "words": "b"}], by="x"
    )
    assert house.adapters.promote("next", by="lead", why="x").adapter == "next"


def test_a_word_that_promotes_against_the_gate_is_kept(house: House) -> None:
    house.trained("bad", passed=False)
    house.trained("unmeasured", seed=2, against="other@001122334455")
    assert house.adapters.promote("bad", by="ada", why="the line waits", anyway=True).anyway
    assert house.adapters.promote("unmeasured", by="ada", why="better by eye", anyway=True).anyway
    with house.store.reading() as connection:
        last = audit.entries(connection, limit=1)[0]
    assert isinstance(last.after, dict)
    assert (last.action, last.who, last.after["anyway"], last.after["why"]) == ("promoted", "ada", True, "better by eye")


def test_what_spoke_before_speaks_again_step_by_step(house: House) -> None:
    with pytest.raises(OutOfTurn, match="nothing to take back"):
        house.adapters.roll_back(by="lead", why="x")
    for seed, name in enumerate(("a", "b", "c")):
        house.trained(name, seed=seed)
        house.adapters.promote(name, by="ada", why="x", anyway=True)
    assert house.adapters.roll_back(by="lead", why="c is worse").adapter == "b"
    house.adapters.promote("c", by="ada", why="x", anyway=True)
    backs = [house.adapters.roll_back(by="lead", why="x").adapter for _ in range(3)]
    assert backs == ["b", "a", None]
    assert house.model.model == f"{BASE}:guided"
    assert house.adapters.live() is None
    with pytest.raises(OutOfTurn, match="nothing to take back"):
        house.adapters.roll_back(by="lead", why="x")
    assert [each.back for each in house.adapters.promotions()] == [True, True, True, False, True, False, False, False]


def test_an_adapter_that_the_model_does_not_take_is_not_promoted(house: House) -> None:
    house.trained("good")
    house.trained("foreign", seed=2, base="other@001122334455")
    house.model.refuses = True
    with pytest.raises(ModelUnfit, match="does not fit"):
        house.adapters.promote("good", by="lead", why="x")
    house.model.refuses = False
    with pytest.raises(ModelUnfit, match="made for other@001122334455"):
        house.adapters.promote("foreign", by="ada", why="x", anyway=True)
    shutil.copyfile(
        adapter(house.folder / "else", seed=9) / "adapter_model.safetensors",
        house.folder / "adapters" / "good" / "adapter_model.safetensors",
    )
    with pytest.raises(ModelUnfit, match="not those that were registered"):
        house.adapters.promote("good", by="lead", why="x")
    shutil.rmtree(house.folder / "adapters" / "good")
    with pytest.raises(NotFound, match="from a backup"):
        house.adapters.promote("good", by="lead", why="x")
    assert (house.adapters.promotions(), house.model.model) == ((), f"{BASE}:guided")


def test_another_question_and_an_adapter_of_the_catalogue_stand_in_the_way(house: House) -> None:
    house.trained("good")
    house.model.prompt_id = "another"
    with pytest.raises(OutOfTurn, match="another question"):
        house.adapters.promote("good", by="lead", why="x")
    house.model.prompt_id, house.model.model = "prompt", f"{BASE}+elsewhere@001122334455:guided"
    with pytest.raises(ModelUnfit, match="from the catalogue"):
        house.adapters.promote("good", by="ada", why="x", anyway=True)


def test_when_the_record_fails_the_model_goes_back(house: House) -> None:
    house.trained("good")
    with house.store.writing() as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON promotions BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Exception, match="no"):
        house.adapters.promote("good", by="lead", why="x")
    assert house.model.model == f"{BASE}:guided"
    with house.store.writing() as connection:
        connection.execute("DROP TRIGGER full")


def test_a_start_finds_who_spoke_and_only_over_its_own_base(house: House) -> None:
    house.trained("good")
    found = promotions.promoted_in(house.folder)
    assert found(BASE) is None
    house.adapters.promote("good", by="lead", why="x")
    assert found(BASE) == house.folder / "adapters" / "good"
    assert promotions.live_adapter(house.store, "other@001122334455", house.folder / "adapters") is None
    assert promotions.promoted_in(house.folder / "nowhere")(BASE) is None
    reader = Adapters(Store.open_readonly(house.store.path), house.folder / "adapters")
    live = reader.live()
    assert live is not None
    assert live.name == "good"
    with pytest.raises(StoreError, match="read only"):
        reader.roll_back(by="x", why="x")
    silent = Adapters(house.store, house.folder / "adapters")  # at a terminal, where no model runs
    assert silent.roll_back(by="terminal", why="x").adapter is None
    assert found(BASE) is None


@pytest.mark.parametrize(("measured", "runs"), [(":nf4", ":guided"), (":guided", ":nf4:guided")], ids=["in 4 bits", "in 16 bits"])
def test_what_was_found_of_weights_that_were_held_otherwise_opens_no_gate(house: House, measured: str, runs: str) -> None:
    house.model.model = f"{BASE}{runs}"
    house.trained("run-1", against=f"{BASE}{measured}")
    assert house.adapters.gate("run-1") is None
    with pytest.raises(OutOfTurn, match="never measured beside"):
        house.adapters.promote("run-1", by="boss", why="x")
    told = Adapters(house.store, house.folder / promotions.FOLDER).gate("run-1")  # where nothing answers, nobody knows how it is held
    assert told is not None
    assert told.passed
    house.trained("run-2", seed=2, against=f"{BASE}{runs.removesuffix(':guided')}")  # a grammar changes no weight
    assert house.adapters.promote("run-2", by="boss", why="x").adapter == "run-2"
