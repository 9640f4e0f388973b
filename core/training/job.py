"""One training from its first question to its report: measured before, taught, measured after, held against what is in use. Goes on where it was stopped.

Promotes nothing: the adapter and what the gate says of it lie in the job's folder for people to decide.
"""

from __future__ import annotations

import errno
import gc
import importlib.metadata
import json
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import durable, profile, sft
from core.backends.catalogue import LocalSpec
from core.backends.folder import ModelFolder, read_spec
from core.errors import Abandoned, AppError, TrainingError
from core.evaluation.metrics import NAMES
from core.patience import Patience
from core.preflight.checking import refuse
from core.prompts import Prompt, build
from core.training import checking, keeping, progress, states
from core.training.recipe import Recipe, recipe_of
from core.training.states import ADAPTER, AFTER, BEFORE, CHECKPOINTS, REPORT, Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.profile import Profile
    from core.training.progress import Telling

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ROOM = re.compile(r"No space left|File too large|os error (27|28|122)|PytorchStreamWriter failed")
"""How the writers of weights, which are not Python's, say that the disk is full."""

_FAULT = "A fault of this program ended it ({}); training.log tells more."
_PACKAGES = ("torch", "transformers", "peft", "trl", "accelerate", "bitsandbytes")


class _Stopped(Exception):
    """Somebody wants it to end."""


def prepare(
    folder: Path,
    given: Mapping[str, Any],
    *,
    base: Path,
    data: Path,
    profile_file: Path,
    against: Path | None = None,
    by: str = "",
    metric: str = "",
    most_pixels: int | None = None,
) -> Job:
    """Write a new job's folder. What can be seen to be wrong without loading a model is refused here.

    Raises TrainingError, Malformed, DatasetUnfit and ModelError's kin; then there is no job.
    """
    if metric and metric not in NAMES:
        raise TrainingError(f'There is no metric "{metric}" by which an adapter could be judged. Name one of: {", ".join(NAMES)}.')
    train = sft.part(data, "train")
    if train is None:
        raise TrainingError(f"{data.name} has no part that may teach (train). Give the folder of an exported set.")
    file = {"dpo": sft.PAIRS, "kto": sft.VERDICTS}.get(str(given.get("method", "sft")), sft.SAMPLES)
    model = _spec(base, "none", against, most_pixels)
    recipe = recipe_of(given, frames=_lines(train / file), family=model.family)
    checking.refuse_other_question(train, model, build(profile.read(profile_file), model.prompt_style, model.box_format))
    checking.refuse_reports(recipe)
    job = Job(
        id=folder.name,
        recipe=recipe.as_json(),
        base=str(base.absolute()),
        data=str(data.absolute()),
        profile=str(profile_file.absolute()),
        against=str(against.absolute()) if against else None,
        by=by,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        metric=metric or "field_f1",
        most_pixels=most_pixels,
    )
    states.write_job(folder, job)
    return job


def run(folder: Path) -> states.State:
    """Do all of it, or go on with what is left. Gives the last state; what went wrong stands in it as a sentence and is not raised.

    SIGTERM and SIGINT end it after the step that is being taken: "cancelled", and it can go on from there.
    """
    telling = progress.Telling(folder)
    job = states.read_job(folder)
    if telling.state.phase == "done":
        return telling.state
    keeping.tidy(folder)
    resumed = telling.state.resumed + (telling.state.phase != "waiting" or telling.state.pid is not None)
    progress.fresh(telling)
    telling.say(resumed=resumed)
    with _signals() as patience:
        try:
            _run(folder, job, telling, patience)
        except (_Stopped, Abandoned):
            telling.say(phase="cancelled", seconds_left=None)
        except AppError as error:
            telling.say(phase="failed", error=str(error), seconds_left=None)
        except BaseException as error:
            sentence = _sentence(error, folder)
            telling.say(phase="failed", error=sentence or _FAULT.format(type(error).__name__), seconds_left=None)
            if sentence is None:
                raise
    return telling.state


def _run(folder: Path, job: Job, telling: Telling, patience: Patience) -> None:
    recipe = recipe_of(job.recipe, frames=1, family="")
    words = profile.read(Path(job.profile))
    base, data = Path(job.base), Path(job.data)
    against = Path(job.against) if job.against else None
    test = sft.part(data, "test")
    if not (folder / ADAPTER).exists():
        model = _spec(base, recipe.quantisation, None, job.most_pixels)
        refuse(data, words, prompt=build(words, model.prompt_style, model.box_format))
    if test is not None and not (folder / BEFORE).exists():
        telling.say(phase="measuring")
        _ask(_spec(base, recipe.quantisation, against, job.most_pixels), recipe, test, words, folder / BEFORE, telling, patience)
    if not (folder / ADAPTER).exists():
        telling.say(phase="training", seconds_left=None)
        _teach(folder, job, recipe, words, telling, patience)
    if test is not None:
        telling.say(phase="evaluating", seconds_left=None)
        if not (folder / AFTER).exists():
            _ask(
                _spec(base, recipe.quantisation, folder / ADAPTER, job.most_pixels), recipe, test, words, folder / AFTER, telling, patience
            )
        if not (folder / REPORT).exists():
            from core.training import reporting

            told = reporting.report(folder, data, words, job.metric)
            durable.write(folder / REPORT, json.dumps(told, indent=1, ensure_ascii=False).encode())
    keeping.drop_checkpoints(folder / CHECKPOINTS)
    telling.say(phase="done", seconds_left=0.0, error=None)


def _teach(folder: Path, job: Job, recipe: Recipe, words: Profile, telling: Telling, patience: Patience) -> None:
    """Load, teach from the latest whole checkpoint on, keep the adapter."""
    from core.training import tutoring

    telling.say(memory_start=telling.memory()[0])
    base = _spec(Path(job.base), recipe.quantisation, None, job.most_pixels)
    train = sft.part(Path(job.data), "train")
    if train is None:
        raise TrainingError(f"{Path(job.data).name} has no part that may teach (train). It was there when this training was prepared.")
    prompt = build(words, base.prompt_style, base.box_format)
    loaded = tutoring.pupil(base, recipe)
    telling.on(loaded.device)
    telling.say(memory_loaded=telling.memory()[0])
    callback = progress.watching(folder, telling, lambda: patience.gave_up)
    lesson = tutoring.Lesson(train, loaded, prompt, words, recipe)
    with tutoring.quietly():
        trainer = tutoring.tutor(lesson, folder / CHECKPOINTS, [callback])
        learning, everything = tutoring.numbers(trainer.model)
        telling.say(adapter_bytes=tutoring.learning_bytes(trainer.model), adapter_share=learning / everything)
        checkpoint = keeping.latest(folder / CHECKPOINTS)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if patience.gave_up:
        raise _Stopped
    now, peak = telling.memory()
    telling.say(memory_now=now, memory_peak=peak, step=trainer.state.global_step, seconds_left=0.0)
    if not tutoring.finite(trainer.model):
        raise TrainingError("The adapter holds numbers that are not finite: the rate is too high for this model. Nothing was kept of it.")
    keeping.keep_adapter(trainer.model, folder / ADAPTER, base, _manifest(job, recipe, train, prompt, telling))
    del trainer, lesson, loaded, callback
    _let_go()


def _ask(spec: ModelFolder, recipe: Recipe, test: Path, words: Profile, out: Path, telling: Telling, patience: Patience) -> None:
    """Ask a model about the test part as it is asked in use, by the same backend."""
    import time

    from core.backends.local import LocalModel
    from core.evaluation.asking import ask_all

    backend = LocalModel(spec, recipe.threads)
    began = time.monotonic()

    def seen(done: int, of: int) -> None:
        now, peak = telling.memory()
        left = (time.monotonic() - began) / done * (of - done)
        telling.say(now=False, seconds_left=round(left, 1), memory_now=now, memory_peak=peak)

    ask_all(backend, test, words, out, seen=seen, patience=patience)
    backend.close()
    del backend
    _let_go()


def _spec(base: Path, quantisation: str, adapter: Path | None, most_pixels: int | None) -> ModelFolder:
    """The model as it answers in use: what changes its answers changes its id."""
    spec = LocalSpec(
        str(base.absolute()),
        adapter=str(adapter) if adapter else None,
        quantisation="nf4" if quantisation == "nf4" else "none",
        most_pixels=most_pixels,
    )
    return read_spec(base.name, spec)


def _manifest(job: Job, recipe: Recipe, train: Path, prompt: Prompt, telling: Telling) -> dict[str, Any]:
    """Of what the adapter was made, and how. No folder of this machine, and no person: adapters travel, and the record knows who registered them."""
    whole, about = sft.about(Path(job.data)), sft.about(train)
    return {
        "made_by": "gembalens",
        "training": job.id,
        "dataset": whole.get("dataset") or {"name": Path(job.data).name, "digest": None},
        "set_sha256": keeping.digest(train / sft.MANIFEST),
        "frames": len(about.get("frames") or {}),
        "profile": about.get("profile"),
        "prompt_id": prompt.id,
        "schema_id": prompt.schema_id,
        "recipe": recipe.as_json(),
        "recipe_digest": recipe.digest,
        "quantisation": recipe.quantisation,
        "steps": telling.state.step,
        "loss": telling.state.loss,
        "memory": {
            name: getattr(telling.state, name)
            for name in ("memory_start", "memory_loaded", "memory_peak", "adapter_bytes", "adapter_share")
        },
        "against": Path(job.against).name if job.against else None,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


@contextmanager
def _signals() -> Iterator[Patience]:
    """Whoever wants it to end is heard; outside the main thread nobody can be."""
    patience = Patience()
    if threading.current_thread() is not threading.main_thread():
        yield patience
        return
    before = {each: signal.signal(each, lambda *_: patience.give_up()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield patience
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _sentence(error: BaseException, folder: Path) -> str | None:
    """What the machine refused, for a person; None: it is a fault of ours."""
    if (isinstance(error, OSError) and error.errno in _FULL) or (isinstance(error, Exception) and _NO_ROOM.search(str(error))):
        keeping.drop_halves(folder / CHECKPOINTS)
        return "The disk is full. Make room and resume: it goes on from the last whole checkpoint."
    if _ran_out(error):
        return (
            "The memory ran out. Take a smaller batch with more accumulation, gradient_checkpointing, quantisation nf4, or a smaller rank, "
            "and start anew; or free memory and resume."
        )
    if isinstance(error, OSError):
        return f"A file could not be read or written: {error.strerror or error}. Resume when it can."
    return None


def _ran_out(error: BaseException) -> bool:
    """On a CPU torch says so in words only."""
    import torch

    said_so = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return said_so or isinstance(error, MemoryError | torch.OutOfMemoryError)


def _lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError as error:
        raise TrainingError(f"There is no {path.name} in {path.parent.name}. Export the set with this format.") from error


def _let_go() -> None:
    """Give back what a model took."""
    gc.collect()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
