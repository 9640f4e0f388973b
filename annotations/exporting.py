"""Large exports in the background: asked for, written one at a time, gone on with after a sudden end, fetched by a link. It writes no format itself.

All lies in the folder of exports: `NAME.job.json` says how an export stands (no frame is named there), `.NAME.partial-job` is what is being written,
`NAME` the finished export. What is half made goes with an erasure as every half-made export does; the export is then written anew.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from annotations import audit, datasets
from annotations.archives import Archive
from annotations.datasets import ExportReport, Way
from annotations.freezing import frozen
from annotations.once import Once, done
from annotations.rows import clean, moment
from annotations.store import Store
from core.errors import AppError, ExportError, Malformed, NotFound, OutOfTurn
from core.frames import Vault
from core.profile import Profile

Phase = Literal["waiting", "writing", "done", "failed", "cancelled", "removed"]
"""Removed: it was done, and went because a frame in it was erased."""

OPEN = ("waiting", "writing")
TELL_SECONDS = 0.5  # between two looks of whoever waits
TRIES = 3  # when an erasure comes in between
_STATE = ".job.json"
_NAME = re.compile(r"export-\d{8}-\d{6}(-\d+)?")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for. `dataset` None: all that may teach; `formats` empty: those that are usual."""

    family: str = "qwen2.5-vl"
    formats: tuple[str, ...] = ()
    dataset: str | None = None
    pictures: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """An export and how it stands."""

    id: str
    at: str  # when it was asked for, UTC
    wanted: Wanted
    phase: Phase = "waiting"
    frames: int = 0  # looked at so far
    of: int = 0  # to be looked at
    written: int = 0  # in it, when it is done
    left_out: dict[str, int] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    error: str = ""  # why it failed, a sentence


class _Stopped(BaseException):
    """The export is to end now: it was cancelled, or the program closes. No error: nothing between here and the writer takes it for one."""


class Exports:
    """The exports of a data folder. Made once; `resume` at the start of the program, `close` at its end."""

    def __init__(
        self, folder: Path, store: Store, vault: Vault, profile: Profile, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._folder, self._store, self._vault, self._profile, self._clock = folder, store, vault, profile, clock
        self._guard = threading.Lock()
        self._worker: threading.Thread | None = None
        self._cancelled: set[str] = set()
        self._closed = False

    def start(self, wanted: Wanted, *, by: str, once: Once | None = None) -> Job:
        """Ask for an export. Raises Malformed and NotFound for what cannot be had, before anything is begun."""
        formats = wanted.formats or datasets.usual(wanted.family, pairs=wanted.dataset is not None)
        try:
            datasets.check(wanted.family, formats, pictures=wanted.pictures)
        except ExportError as error:
            raise Malformed(str(error)) from error
        if wanted.dataset is not None:
            frozen.one(self._store, wanted.dataset)
        at = self._clock()
        with self._store.writing() as connection:

            def act() -> str:
                job = Job(self._new_name(at), moment(at), replace(wanted, formats=formats))
                after = {"family": wanted.family, "formats": formats, "dataset": wanted.dataset}
                audit.note(connection, "export asked", who=clean(by), at=moment(at), subject=job.id, after=after)
                self._save(job)
                return job.id

            name = done(connection, once, act, who=by, at=at)
        self._wake()
        return self.one(name)

    def every(self) -> list[Job]:
        """All of them, the latest first."""
        return sorted(self._jobs(), key=lambda job: (job.at, len(job.id), job.id), reverse=True)

    def one(self, name: str) -> Job:
        """How it stands. Raises NotFound."""
        if not _NAME.fullmatch(name):
            raise NotFound("There is no export of this name.")
        try:
            said = orjson.loads((self._folder / f"{name}{_STATE}").read_bytes())
        except FileNotFoundError as error:
            raise NotFound("There is no export of this name.") from error
        wanted = Wanted(**{**said.pop("wanted"), "formats": tuple(said.pop("formats"))})
        job = Job(**{**said, "wanted": wanted, "files": tuple(said["files"])})
        if job.phase == "done" and not (self._folder / name).is_dir():
            return replace(job, phase="removed", error="A frame that was in it has been erased, and the export with it. Export again.")
        return job

    def cancel(self, name: str) -> Job:
        """End one that is not done yet; what it wrote goes. Raises NotFound and OutOfTurn."""
        with self._guard:
            job = self.one(name)
            if job.phase not in OPEN:
                raise OutOfTurn(f"This export is {job.phase} already. Nothing was changed.")
            self._cancelled.add(name)
            if job.phase == "waiting":
                self._save(replace(job, phase="cancelled"))
        return self.one(name)

    def archive(self, name: str) -> Archive:
        """The finished export as one ZIP file. Raises NotFound, and OutOfTurn while it is not done."""
        job = self.one(name)
        if job.phase != "done":
            raise OutOfTurn(job.error or f"This export is {job.phase}. Come back when it is done.")
        return Archive(self._folder / name)

    def resume(self) -> None:
        """Go on with what an earlier run of the program left open."""
        self._wake()

    def close(self) -> None:
        """End the one that is being written, so that the next start goes on with it."""
        with self._guard:
            self._closed = True
            worker = self._worker
        if worker is not None:
            worker.join()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is open, or so long; whether nothing is."""
        with self._guard:
            worker = self._worker
        if worker is not None:
            worker.join(seconds)
        return not any(job.phase in OPEN for job in self._jobs())

    def _wake(self) -> None:
        with self._guard:
            if self._closed or self._worker is not None:
                return
            if any(job.phase in OPEN for job in self._jobs()):
                self._worker = threading.Thread(target=self._work, name="exports", daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while True:
            with self._guard:
                waiting = sorted((job for job in self._jobs() if job.phase in OPEN), key=lambda job: (job.at, len(job.id), job.id))
                if not waiting or self._closed:
                    self._worker = None
                    return
                job = replace(waiting[0], phase="writing", frames=0, error="")
                self._save(job)
            try:
                self._run(job)
            except BaseException:  # a fault of ours: the next start does not run into it again
                self._end(job, phase="failed", error="The export broke off; the log says why. Ask for it again.")
                with self._guard:
                    self._worker = None
                raise

    def _run(self, job: Job) -> None:
        for attempt in range(TRIES):
            before = datasets.erasures(self._store)
            try:
                report = self._write(job)
                self._note(job, report)
                self._end(job, phase="done", written=report.written, left_out=report.left_out, files=report.files, error="")
                return
            except _Stopped:
                if job.id in self._cancelled:
                    self._end(job, phase="cancelled")
                return
            except ExportError as error:  # an erasure takes half-made exports away
                if attempt + 1 < TRIES and datasets.erasures(self._store) != before:
                    shutil.rmtree(self._partial(job.id), ignore_errors=True)
                    continue
                self._end(job, phase="failed", error=str(error))
                return
            except AppError as error:
                self._end(job, phase="failed", error=str(error))
                return

    def _write(self, job: Job) -> ExportReport:
        wanted, told = job.wanted, time.monotonic()
        of = datasets.of_how_many(self._store, wanted.dataset)
        self._save(replace(job, of=of))
        count = 0

        def seen(frames: int) -> None:
            nonlocal count, told
            count += frames
            if self._closed or job.id in self._cancelled:
                raise _Stopped
            if time.monotonic() - told >= TELL_SECONDS:
                told = time.monotonic()
                self._save(replace(job, of=of, frames=count))

        out, way = self._folder / job.id, Way(seen, self._partial(job.id))
        more: dict[str, Any] = {"family": wanted.family, "formats": wanted.formats, "pictures": wanted.pictures, "way": way}
        if wanted.dataset is None:
            return datasets.export_sft(self._store, self._vault, self._profile, out, **more)
        return datasets.export_dataset(self._store, self._vault, self._profile, wanted.dataset, out, **more)

    def _note(self, job: Job, report: ExportReport) -> None:
        """Into the audit, as an export of whoever asked."""
        manifest = hashlib.sha256((report.folder / datasets.MANIFEST).read_bytes()).hexdigest()
        counted = {"written": report.written, "left_out": report.left_out}
        after = {**counted, "family": job.wanted.family, "dataset": job.wanted.dataset, "manifest": manifest}
        asked = "SELECT who FROM audit WHERE action = 'export asked' AND subject = ? ORDER BY seq DESC LIMIT 1"
        with self._store.writing() as connection:
            row = connection.execute(asked, (job.id,)).fetchone()
            who = row["who"] if row is not None and row["who"] is not None else "erased"
            audit.note(connection, "exported", who=who, at=moment(self._clock()), subject=job.id, after=after)

    def _end(self, job: Job, **more: Any) -> None:
        shutil.rmtree(self._partial(job.id), ignore_errors=True)
        with suppress(NotFound):
            job = replace(job, of=self.one(job.id).of)
        self._save(replace(job, frames=job.of, **more))
        self._cancelled.discard(job.id)

    def _partial(self, name: str) -> Path:
        return self._folder / f".{name}.partial-job"

    def _jobs(self) -> Iterator[Job]:
        for path in self._folder.glob(f"export-*{_STATE}"):
            try:
                yield self.one(path.name.removesuffix(_STATE))
            except (NotFound, orjson.JSONDecodeError, TypeError, KeyError) as error:
                _log.warning("%s cannot be read: %s", path.name, error)

    def _save(self, job: Job) -> None:
        """Replace the state at once; whoever reads sees the one before or this one."""
        said = asdict(job)
        said["formats"] = said["wanted"].pop("formats")
        path = self._folder / f"{job.id}{_STATE}"
        fresh = path.with_name(f".{path.name}.{threading.get_ident()}")
        fresh.write_bytes(orjson.dumps(said))
        fresh.replace(path)

    def _new_name(self, at: datetime) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        stamp = at.astimezone(UTC).strftime("export-%Y%m%d-%H%M%S")
        names = (f"{stamp}{suffix}" for suffix in ("", *(f"-{i}" for i in range(2, 1000))))
        return next(name for name in names if not (self._folder / f"{name}{_STATE}").exists() and not (self._folder / name).exists())
