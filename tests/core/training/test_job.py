"""A training from its first question to its report, ended in every way it can be ended, and gone on with."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from core.backends.adapters import CONFIG, MANIFEST, WEIGHTS
from core.backends.catalogue import LocalSpec
from core.backends.folder import read_spec
from core.backends.local import LocalModel
from core.errors import ModelUnfit, OutOfTurn, TrainingError
from core.evaluation.predictions import read as read_predictions
from core.profile import Profile
from core.prompts import build
from core.training import job, keeping, states
from core.training.trainings import Trainings
from tests import training_sets

GIVEN: dict[str, Any] = {
    "least_frames": 1, "most_steps": 6, "batch": 2, "accumulation": 1, "rank": 4, "alpha": 16, "rate": 2e-2, "warmup": 0.0, "save_every": 1
}  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, base: Path, exported: Path) -> Path:
    """The folder of a training that ran through undisturbed."""
    folder = tmp_path_factory.mktemp("trainings") / "undisturbed"
    job.prepare(folder, GIVEN, base=base, data=exported, profile_file=training_sets.PROFILE, by="li")
    state = job.run(folder)
    assert state.phase == "done", state.error
    return folder


def test_a_training_leaves_an_adapter_its_figures_and_nothing_that_could_run(done: Path, base: Path) -> None:
    assert sorted(each.name for each in done.iterdir()) == [
        "adapter", "after.jsonl", "before.jsonl", "job.json", "progress.jsonl", "report.json", "state.json"
    ]  # fmt: skip
    assert sorted(each.name for each in (done / "adapter").iterdir()) == [CONFIG, WEIGHTS, MANIFEST]
    about = json.loads((done / "adapter" / MANIFEST).read_text("utf-8"))
    assert about["base"] == read_spec("small", LocalSpec(str(base))).base
    assert about["dataset"] == {"name": "drawn", "digest": "d" * 64}
    assert about["steps"] == 6
    assert "by" not in about  # an adapter travels
    assert str(base.parent) not in (done / "adapter" / MANIFEST).read_text("utf-8") + (done / "adapter" / CONFIG).read_text("utf-8")
    report = json.loads((done / "report.json").read_text("utf-8"))
    assert report["gate"]["passed"] is False  # on four frames nobody can tell
    assert report["comparison"]["differing"]["of"] == 4


def test_its_state_tells_steps_loss_and_memory(done: Path) -> None:
    state, curve = states.read_state(done), states.read_progress(done)
    assert (state.step, state.steps, state.seconds_left) == (6, 6, 0)
    assert [line["step"] for line in curve] == [1, 2, 3, 4, 5, 6]
    assert state.loss == curve[-1]["loss"] < curve[0]["loss"]
    assert state.memory_peak is not None
    assert state.memory_start is not None
    assert state.memory_peak >= state.memory_start > 2**20
    assert 0 < (state.adapter_share or 0) < 0.5


def test_its_adapter_is_loaded_by_the_backend_and_changes_the_answer(done: Path, base: Path, exported: Path, bench: Profile) -> None:
    model = LocalModel(read_spec("small", LocalSpec(str(base))), 1)
    prompt = build(bench, model.prompt_style, model.box_format)
    frame = Image.open(next((exported / "test" / "frames").glob("*.jpg"))).convert("RGB")
    before = model.ask(frame, prompt)
    model.switch(done / "adapter")
    after = model.ask(frame, prompt)
    assert before.text != after.text
    assert after.model.startswith(f"{before.model.split(':')[0]}+adapter@")


def test_what_was_said_before_and_after_was_said_by_the_model_with_and_without_it(done: Path) -> None:
    before, after = read_predictions(done / "before.jsonl"), read_predictions(done / "after.jsonl")
    assert len(before) == len(after) == 4 + 3  # and three grey pictures
    assert {each.model for each in after} == {f"{before[0].model}+{_name(done / 'adapter')}"}


def _name(folder: Path) -> str:
    from core.backends.fingerprints import fingerprint

    return f"adapter@{fingerprint([folder / CONFIG, folder / WEIGHTS])}"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Trainings]:
    made = Trainings(tmp_path / "trainings", training_sets.PROFILE)
    yield made
    for each in made.list():
        if each.running:
            made.cancel(each.id, now=True)


def until(tell: Callable[[], bool], seconds: float = 500) -> None:
    end = time.monotonic() + seconds
    while not tell():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def killed_at(place: Trainings, name: str, step: int) -> None:
    """Kill it when it has taken this step; an adapter, if there is one, is whole."""
    until(lambda: place.one(name).state.step >= step or not place.one(name).running)
    if place.one(name).running:
        place.cancel(name, now=True)
    until(lambda: not place.one(name).running)
    adapter = place.place(name) / "adapter"
    assert not adapter.exists() or sorted(each.name for each in adapter.iterdir()) == [CONFIG, WEIGHTS, MANIFEST]


def test_a_training_that_was_killed_ends_where_an_undisturbed_one_does(place: Trainings, done: Path, base: Path, exported: Path) -> None:
    name = place.start(GIVEN, base, exported, by="li").id
    with pytest.raises(OutOfTurn, match="runs"):
        place.start(GIVEN, base, exported, by="li")
    again = Trainings(place.place(name).parent, training_sets.PROFILE)  # as after a restart of the server
    killed_at(again, name, 3)
    lost = again.one(name)
    assert (lost.state.phase, lost.may_resume) == ("failed", True)
    ended = job.run(again.place(name))  # here instead of in a second process, which would take ten seconds more to start
    assert (ended.phase, ended.step, ended.error, ended.resumed) == ("done", 6, None, 1)
    assert [line["step"] for line in again.curve(name)] == [1, 2, 3, 4, 5, 6]
    ours, theirs = (load_file(folder / "adapter" / WEIGHTS) for folder in (again.place(name), done))
    assert all(np.array_equal(ours[each], theirs[each]) for each in theirs)


def test_a_training_that_was_cancelled_keeps_what_it_has(tmp_path: Path, base: Path, exported: Path) -> None:
    folder = tmp_path / "job"
    job.prepare(folder, {**GIVEN, "most_steps": 5000}, base=base, data=exported, profile_file=training_sets.PROFILE)

    def ask() -> None:
        until(lambda: states.read_state(folder).step >= 2)
        os.kill(os.getpid(), signal.SIGTERM)

    asks = threading.Thread(target=ask)
    asks.start()
    state = job.run(folder)
    asks.join()
    assert (state.phase, state.error) == ("cancelled", None)
    assert 2 <= state.step < 5000
    whole = keeping.latest(folder / "checkpoints")
    assert whole is not None
    assert whole.name == f"checkpoint-{state.step}"
    assert not (folder / "adapter").exists()


@pytest.mark.slow
def test_twenty_kills_leave_nothing_half(place: Trainings, done: Path, base: Path, exported: Path) -> None:
    name = place.start({**GIVEN, "most_steps": 40}, base, exported, by="li").id
    for n in range(1, 21):
        killed_at(place, name, 2 * n)
        if n < 20:
            place.resume(name)
    job.run(place.place(name))
    ended = place.one(name)
    assert (ended.state.phase, ended.state.step) == ("done", 40)
    assert [line["step"] for line in place.curve(name)] == list(range(1, 41))


def test_a_set_for_another_question_is_refused_before_anything_is_loaded(tmp_path: Path, base: Path, exported: Path) -> None:
    data = tmp_path / "set"
    shutil.copytree(exported, data)
    manifest = data / "train" / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"prompt_id": "', '"prompt_id": "0'), "utf-8")
    with pytest.raises(TrainingError, match="another question"):
        job.prepare(tmp_path / "job", GIVEN, base=base, data=data, profile_file=training_sets.PROFILE)
    assert not (tmp_path / "job").exists()


def test_a_metric_that_nobody_knows_is_refused_before_it_costs_a_training(tmp_path: Path, base: Path, exported: Path) -> None:
    with pytest.raises(TrainingError, match=r'no metric "field_f2".*Name one of: field_f1, .*high_recall'):
        job.prepare(tmp_path / "job", GIVEN, base=base, data=exported, profile_file=training_sets.PROFILE, metric="field_f2")
    assert not (tmp_path / "job").exists()
    made = job.prepare(tmp_path / "job", GIVEN, base=base, data=exported, profile_file=training_sets.PROFILE, metric="high_recall")
    assert made.metric == "high_recall"


def test_an_adapter_of_another_base_is_no_measure(tmp_path: Path, base: Path, exported: Path, done: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(done / "adapter", other)
    about = json.loads((other / MANIFEST).read_text("utf-8"))
    (other / MANIFEST).write_text(json.dumps({**about, "base": "small@000000000000"}), "utf-8")
    with pytest.raises(ModelUnfit, match="made for"):
        job.prepare(tmp_path / "job", GIVEN, base=base, data=exported, profile_file=training_sets.PROFILE, against=other)


def test_a_set_that_became_unfit_fails_with_a_sentence(tmp_path: Path, base: Path, exported: Path) -> None:
    data = tmp_path / "set"
    shutil.copytree(exported, data)
    job.prepare(tmp_path / "job", GIVEN, base=base, data=data, profile_file=training_sets.PROFILE)
    frame = next((data / "train" / "frames").glob("*.jpg"))
    frame.unlink()
    state = job.run(tmp_path / "job")
    assert state.phase == "failed"
    assert frame.name in (state.error or "")


def test_a_full_disk_ends_it_with_a_sentence_and_it_goes_on_when_there_is_room(tmp_path: Path, base: Path, exported: Path) -> None:
    """No file may grow beyond 100 kB: as on a full disk, the checkpoint cannot be written to its end."""
    folder = tmp_path / "job"
    job.prepare(folder, {**GIVEN, "most_steps": 2, "rank": 64}, base=base, data=exported, profile_file=training_sets.PROFILE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        state = job.run(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (state.phase, state.error) == ("failed", "The disk is full. Make room and resume: it goes on from the last whole checkpoint.")
    assert not (folder / "adapter").exists()
    assert job.run(folder).phase == "done"


def test_half_a_checkpoint_is_never_gone_on_from(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "adapter_model.safetensors").write_bytes(b"x")
    keeping.mark_whole(tmp_path / "checkpoint-1")
    keeping.mark_whole(tmp_path / "checkpoint-2")
    assert keeping.latest(tmp_path) == tmp_path / "checkpoint-2"
    assert not (tmp_path / "checkpoint-10").exists()


def test_one_that_was_done_in_this_process_does_not_run_any_more(done: Path) -> None:
    place = Trainings(done.parent, training_sets.PROFILE)
    assert states.read_state(done).pid == os.getpid()
    assert not place.one(done.name).running
    with pytest.raises(OutOfTurn, match="nothing to cancel"):
        place.cancel(done.name, now=True)
    with pytest.raises(OutOfTurn, match="is done"):
        place.resume(done.name)


def test_a_process_number_that_was_given_away_again_is_not_taken_for_it() -> None:
    own = states.started_at(os.getpid())
    assert states.runs(states.State(pid=os.getpid(), started_at=own))
    assert not states.runs(states.State(pid=os.getpid(), started_at=(own or 0) - 1))
