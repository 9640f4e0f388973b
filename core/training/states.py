"""A training as a folder: what was asked (`job.json`), how it stands (`state.json`), its loss so far (`progress.jsonl`). Runs nothing.

FOLDER/job.json        written once: recipe, base, data, against, profile, by, at, metric
FOLDER/state.json      replaced as a whole, by the process that runs it
FOLDER/progress.jsonl  a line a logged step
FOLDER/checkpoints/    while it runs or waits to go on
FOLDER/adapter/        appears whole at the end
FOLDER/before.jsonl    what was said of the test part by what is in use
FOLDER/after.jsonl     and by the adapter
FOLDER/report.json     figures of both, and what the gate says
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from core import durable
from core.errors import NotFound, TrainingError

JOB, STATE, PROGRESS = "job.json", "state.json", "progress.jsonl"
CHECKPOINTS, ADAPTER = "checkpoints", "adapter"
BEFORE, AFTER, REPORT = "before.jsonl", "after.jsonl", "report.json"

Phase = Literal["waiting", "measuring", "training", "evaluating", "done", "failed", "cancelled"]
ENDED: tuple[Phase, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked. Folders as paths on this machine; they never leave it."""

    id: str
    recipe: Mapping[str, Any]  # whole: see `core.training.recipe.Recipe`
    base: str  # the base model's folder
    data: str  # the exported set's folder
    profile: str  # the profile's file
    against: str | None = None  # the folder of the adapter in use; None: the base alone is
    by: str = ""
    at: str = ""  # UTC, ISO 8601
    most_pixels: int | None = None  # of a frame as the base sees it in use
    metric: str = "field_f1"  # which the gate is told before anything is measured


@dataclass(frozen=True, slots=True)
class State:
    """How a training stands."""

    phase: Phase = "waiting"
    step: int = 0
    steps: int = 0  # 0: not known yet
    loss: float | None = None
    seconds_left: float | None = None  # of this phase
    memory_start: int | None = None  # bytes of this process (on a GPU: of it) before the model was loaded
    memory_loaded: int | None = None  # with the model
    memory_now: int | None = None
    memory_peak: int | None = None
    adapter_bytes: int | None = None  # numbers that learn, their gradients and the optimizer's two for each
    adapter_share: float | None = None  # numbers that learn, of all
    resumed: int = 0  # how often it went on after it had stopped
    error: str | None = None  # a sentence
    pid: int | None = None
    started_at: float | None = None  # of the process, seconds since the epoch as the system says it; with `pid` it names the process
    updated_at: str = ""

    def with_(self, **changes: Any) -> State:
        """Another state, and when."""
        return replace(self, **changes, updated_at=datetime.now(UTC).isoformat(timespec="seconds"))


def write_job(folder: Path, job: Job) -> None:
    """Make the job's folder. Raises TrainingError when it holds one already."""
    if (folder / JOB).exists():
        raise TrainingError(f"{folder.name} holds a training already. Take another folder, or resume that one.")
    folder.mkdir(parents=True, exist_ok=True)
    durable.write(folder / JOB, json.dumps(asdict(job), indent=1, ensure_ascii=False).encode())
    write_state(folder, State().with_())


def read_job(folder: Path) -> Job:
    """What was asked. Raises NotFound, or TrainingError for a file that is none of ours."""
    try:
        return Job(**orjson.loads((folder / JOB).read_bytes()))
    except FileNotFoundError as error:
        raise NotFound(f"There is no training {folder.name}.") from error
    except (OSError, orjson.JSONDecodeError, TypeError) as error:
        raise TrainingError(f"{folder.name}/{JOB} cannot be read: {error}.") from error


def write_state(folder: Path, state: State) -> None:
    """The old one or the new one is there, never half of it. What the disk has no room for any more is written over the old one in place."""
    content = orjson.dumps(asdict(state), option=orjson.OPT_INDENT_2)
    try:
        durable.write(folder / STATE, content, durable=state.phase in ENDED)
    except OSError:
        if not (folder / STATE).exists():
            raise
        with (folder / STATE).open("r+b") as file:  # its blocks are there already
            file.write(content)
            file.truncate()


def read_state(folder: Path) -> State:
    """How it stands; a training without a word of it waits."""
    try:
        said = orjson.loads((folder / STATE).read_bytes())
        known = {name: value for name, value in said.items() if name in State.__dataclass_fields__}
        return State(**known) if said.get("phase") in get_args(Phase) else State()
    except (OSError, orjson.JSONDecodeError, TypeError, AttributeError):
        return State()


def add_progress(folder: Path, line: Mapping[str, Any]) -> None:
    """One more line of the loss curve."""
    with (folder / PROGRESS).open("ab") as file:
        file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def read_progress(folder: Path) -> list[dict[str, Any]]:
    """The loss curve by step; a step that was taken twice (after a kill) stands there once, as it was taken last."""
    try:
        lines = (folder / PROGRESS).read_bytes().split(b"\n")
    except OSError:
        return []
    found: dict[int, dict[str, Any]] = {}
    for line in lines:
        try:
            said = orjson.loads(line)
            found[int(said["step"])] = said
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):  # a line that a kill cut off
            continue
    return [found[step] for step in sorted(found)]


def started_at(pid: int) -> float | None:
    """When a process of this machine began, so that its number alone never names another; None: there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return _signalled(pid)
    return None if fields[0] in "ZX" else float(fields[19])  # ticks after the machine's start; a zombie is gone


def _signalled(pid: int) -> float | None:
    """Without /proc: whether it is there is all that can be told."""
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return 0.0


def runs(state: State) -> bool:
    """Whether the process that wrote this state is still there."""
    return state.pid is not None and state.started_at is not None and started_at(state.pid) == state.started_at
