"""The trainings of a place, each a folder and, while it runs, a process of its own that outlives whoever started it. One at a time. Teaches nothing itself."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from core import durable
from core.errors import NotFound, OutOfTurn
from core.settings import ROOT
from core.training import job as jobs
from core.training import states
from core.training.places import Base
from core.training.states import ENDED, Job, State

PROCESS, LOG, TURN = "process.json", "training.log", ".turn"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LOST = "Its process ended without a word: it was killed, or the machine went down. Resume it; it goes on from its last whole checkpoint."


@dataclass(frozen=True, slots=True)
class Training:
    """A training as it stands. Of folders only the last names."""

    id: str
    method: str
    base: str
    dataset: str
    against: str | None
    metric: str
    by: str
    at: str
    recipe: Mapping[str, Any]
    state: State
    running: bool
    gate: Mapping[str, Any] | None  # what `core.evaluation.gate` said at the end

    @property
    def may_resume(self) -> bool:
        """Whether there is something left to do and nobody does it."""
        return not self.running and self.state.phase != "done"


class Trainings:
    """All trainings below a folder. Safe to be called from many threads and processes, as a server and a terminal; a second object for the same folder
    (after a restart) sees the same."""

    def __init__(self, folder: Path, profile_file: Path) -> None:
        self._folder, self._profile = folder, profile_file
        self._lock = threading.Lock()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(
        self,
        given: Mapping[str, Any],
        base: Path | Base,
        data: Path,
        against: Path | None = None,
        *,
        by: str,
        metric: str = "",
        name: str = "",
    ) -> Training:
        """A new training that waits. `given`: what the recipe is to say otherwise than usual; `name`: its id, else the time and the method.

        Raises TrainingError, Malformed, DatasetUnfit and ModelError's kin for what could never be done, OutOfTurn for a name that is taken.
        """
        asked = base if isinstance(base, Base) else Base(base)
        with self._turn():
            place = self._prepared(given, asked, data, against, by=by, metric=metric, name=name)
        return self._told(place)

    def start(
        self,
        given: Mapping[str, Any],
        base: Path | Base,
        data: Path,
        against: Path | None = None,
        *,
        by: str,
        metric: str = "",
        name: str = "",
    ) -> Training:
        """Prepare one and begin it in a process of its own. Raises as `prepare`, and OutOfTurn while another runs."""
        asked = base if isinstance(base, Base) else Base(base)
        self._refuse_second()  # at once, while another prepares one for long
        with self._turn():
            self._refuse_second()
            place = self._prepared(given, asked, data, against, by=by, metric=metric, name=name)
            self._begin(place)
        return self._told(place)

    def list(self) -> tuple[Training, ...]:
        """All of them, the latest first."""
        found = self._folder.glob(f"*/{states.JOB}") if self._folder.is_dir() else ()
        return tuple(sorted((self._told(each.parent) for each in found), key=lambda one: (one.at, one.id), reverse=True))

    def one(self, name: str) -> Training:
        """Raises NotFound."""
        return self._told(self.place(name))

    def place(self, name: str) -> Path:
        """The folder of a training. Raises NotFound."""
        place = self._folder / self._checked(name)
        if not (place / states.JOB).is_file():
            raise NotFound(f"There is no training {name[:80]}.")
        return place

    def curve(self, name: str) -> tuple[dict[str, Any], ...]:
        """Its loss by step. Raises NotFound."""
        return tuple(states.read_progress(self.place(name)))

    def cancel(self, name: str, *, now: bool = False) -> Training:
        """Let it end after the step it takes, with what is there kept; `now`: at once, and what came after the last checkpoint is lost.

        Raises NotFound, and OutOfTurn when it does not run.
        """
        place = self.place(name)
        pid = self._pid(place)
        if pid is None or pid == os.getpid():
            raise OutOfTurn(f"The training {name} does not run in a process of its own, so there is nothing to cancel.")
        with suppress(ProcessLookupError):  # it came to its end just now
            os.kill(pid, signal.SIGKILL if now else signal.SIGTERM)
        return self._told(place)

    def resume(self, name: str) -> Training:
        """Begin it, or go on where it stopped. Raises NotFound, and OutOfTurn when it is done or one runs."""
        with self._turn():
            place = self.place(name)
            self._refuse_second()
            if states.read_state(place).phase == "done":
                raise OutOfTurn(f"The training {name} is done. Start a new one.")
            self._begin(place)
        return self._told(place)

    def wait(self, name: str, seconds: float | None = None) -> Training:
        """Until its process ended, if this object started it."""
        child = self._children.get(name)
        if child is not None:
            child.wait(seconds)
        return self.one(name)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Nobody else looks whether one runs and begins one, in no thread and no process. A kill gives the turn back."""
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / TURN).open("ab") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                yield

    def _prepared(self, given: Mapping[str, Any], base: Base, data: Path, against: Path | None, *, by: str, metric: str, name: str) -> Path:
        place = self._folder / (self._checked(name) if name else self._new_name(str(given.get("method", "sft"))))
        if place.exists():
            raise OutOfTurn(f"There is a training {place.name} already. Choose another name.")
        jobs.prepare(
            place,
            {"quantisation": base.quantisation, **given},
            base=base.folder,
            data=data,
            profile_file=self._profile,
            against=against,
            by=by,
            metric=metric,
            most_pixels=base.most_pixels,
        )
        return place

    def _begin(self, place: Path) -> None:
        with (place / LOG).open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "core.training", str(place.absolute())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # it goes on when the server ends
            )
        self._children[place.name] = child
        process = {"pid": child.pid, "started_at": states.started_at(child.pid)}
        durable.write(place / PROCESS, json.dumps(process).encode(), durable=False)

    def _told(self, place: Path) -> Training:
        job: Job = states.read_job(place)
        running = self._pid(place) is not None
        state = states.read_state(place)
        if not running and state.phase not in ENDED and (state.pid is not None or (place / PROCESS).exists()):
            state = replace(state, phase="failed", error=_LOST, seconds_left=None)
        return Training(
            id=job.id,
            method=str(job.recipe.get("method")),
            base=Path(job.base).name,
            dataset=Path(job.data).name,
            against=Path(job.against).name if job.against else None,
            metric=job.metric,
            by=job.by,
            at=job.at,
            recipe=job.recipe,
            state=state,
            running=running,
            gate=_gate(place),
        )

    def _pid(self, place: Path) -> int | None:
        """Of the process that works on it: the one that was started, or the one that wrote the state (a training at a terminal)."""
        child = self._children.get(place.name)
        if child is not None and child.poll() is not None:
            del self._children[place.name]
        try:
            said = orjson.loads((place / PROCESS).read_bytes())
            process = State(pid=int(said["pid"]), started_at=said["started_at"])
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            process = State()
        state = states.read_state(place)
        works = [
            process,
            *([] if state.phase in ENDED else [state]),
        ]  # who ended one may go on with other things, as whoever ran it at a terminal
        return next((each.pid for each in works if states.runs(each)), None)

    def _refuse_second(self) -> None:
        for each in self._folder.glob(f"*/{states.JOB}") if self._folder.is_dir() else ():
            if self._pid(each.parent) is not None:
                raise OutOfTurn(
                    f"The training {each.parent.name} runs. Wait until it is done, or cancel it; two would share the memory of one machine."
                )

    def _checked(self, name: str) -> str:
        if not _ID.fullmatch(name) or ".." in name:
            raise NotFound(f"There is no training {name[:80]}.")
        return name

    def _new_name(self, method: str) -> str:
        base = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{method}"
        taken = {each.name for each in self._folder.glob(f"{base}*")} if self._folder.is_dir() else set()
        return next(name for n in range(1, 10_000) if (name := base if n == 1 else f"{base}-{n}") not in taken)


def _gate(place: Path) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads((place / states.REPORT).read_bytes()).get("gate")
    except (OSError, orjson.JSONDecodeError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def as_json(training: Training) -> dict[str, Any]:
    """A training as plain JSON, without process and folders."""
    said = asdict(training)
    state = {name: value for name, value in said.pop("state").items() if name not in ("pid", "started_at")}
    return {**said, **state, "may_resume": training.may_resume}
