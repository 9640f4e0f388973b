"""One training at a time, for all who may begin one: two objects for one folder stand for a server and a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from core.errors import OutOfTurn
from core.training import states
from core.training.trainings import PROCESS, Trainings
from tests import training_sets


def test_of_two_who_begin_one_at_once_one_does_and_the_other_leaves_nothing(tmp_path: Path, base: Path, exported: Path) -> None:
    both = [Trainings(tmp_path / "trainings", training_sets.PROFILE) for _ in range(2)]
    ready, said = threading.Barrier(2), list[str]()

    def begin(one: Trainings, name: str) -> None:
        ready.wait()
        try:
            said.append(one.start({"least_frames": 1}, base, exported, by="li", name=name).id)
        except OutOfTurn as error:
            said.append(str(error))

    threads = [threading.Thread(target=begin, args=(one, f"t{n}")) for n, one in enumerate(both)]
    try:
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        (begun,) = both[0].list()
        assert begun.running
        assert sorted(said, key=len)[0] == begun.id
        assert f"The training {begun.id} runs." in sorted(said, key=len)[1]
    finally:
        for one in both:
            for child in one._children.values():
                child.kill()
                child.wait()


def test_to_cancel_one_that_came_to_its_end_just_now_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "one"
    states.write_job(place, states.Job("one", {"method": "sft"}, "base", "data", "profile"))
    child = subprocess.Popen(["sleep", "60"])
    (place / PROCESS).write_text(json.dumps({"pid": child.pid, "started_at": states.started_at(child.pid)}), "utf-8")
    kill = os.kill

    def late(pid: int, signal: int) -> None:
        """The system's own, a moment too late."""
        kill(child.pid, 9)
        child.wait()
        kill(pid, signal)

    monkeypatch.setattr(os, "kill", late)
    try:
        assert not Trainings(tmp_path, training_sets.PROFILE).cancel("one").running
    finally:
        monkeypatch.undo()
        child.kill()
        child.wait()
