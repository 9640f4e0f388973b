"""When the system refuses any single call of a write, the record is as it was before or as it is after, and nothing is acknowledged that is not kept."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from annotations.store import FILE
from tests.annotations.clients import desk_of, send
from tests.annotations.crew import Ledger
from tests.annotations.faulty import script
from tests.annotations.keeping import broken_folder
from tests.annotations.nursery import SECONDS, Nursery

CALLS = ("fsync", "fdatasync", "pwrite64", "write", "openat", "rename", "ftruncate")
ERRORS = ("EIO", "ENOSPC", "EROFS", "EINTR")
MOST = 300  # of each call
FRAMES = 2

_CALL = re.compile(r"^\d+\s+(\w+)\(")
_REFUSED = re.compile(r"^\d+\s+(\w+)\((.*)= -1 (E\w+) \(.*\) \(INJECTED\)")
_TOLD = re.compile(r'^\d+\s+writev\(.*"(done|failed|refused|shut|unfolded|bug) ?([^ "\\]*)')


@dataclass(frozen=True)
class Run:
    """One piece of work and what was seen of it."""

    ledger: Ledger
    words: list[str]  # what was told beside the ledger: shut, unfolded
    calls: Counter[str]
    refused: list[str]  # lines of the tracer
    after_flush: list[str]  # what was acknowledged after a flush of the record had failed


class Bench:
    """A place for one piece of work after the other."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery, self._folder, self._turn = nursery, folder, 0

    def run(self, rule: str | None) -> tuple[Run, Path]:
        """Work with a call refused (`rule` as strace's `inject` has it); the data folder afterwards."""
        self._turn += 1
        place = self._folder / str(self._turn)
        place.mkdir()
        told = {name: str(place / name) for name in ("tell", "data", "go")}
        pid = self._nursery.start("work", {**told, "requests": script("work", FRAMES)})
        self._nursery.heard("warm")
        with Tracing(pid, place / "trace", rule):
            (place / "go").touch()
            assert self._nursery.ended() == 0
        run = _seen(place)
        return run, place / "data"


class Tracing:
    """strace holds on to a process and refuses what the rule says; it ends with the process."""

    def __init__(self, pid: int, out: Path, rule: str | None) -> None:
        assert shutil.which("strace"), "strace is missing. Install the package `strace`; without it nothing can be refused."
        asked = ["-e", f"inject={rule}"] if rule else []
        command = ["strace", "-f", "-y", "-s", "64", "-o", str(out), "-p", str(pid), "-e", f"trace={','.join(CALLS)},writev", *asked]
        self._tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> None:
        assert self._tracer.stderr is not None
        said = self._tracer.stderr.readline()
        assert "attached" in said, f"strace cannot trace here: {said}{self._tracer.stderr.read()}"

    def __exit__(self, *_: object) -> None:
        self._tracer.communicate(timeout=SECONDS)


def _seen(place: Path) -> Run:
    ledger = Ledger()
    told = (place / "tell").read_text("utf-8").split("\n")[:-1] if (place / "tell").exists() else []
    words = [line for line in told if line.startswith(("shut ", "unfolded "))]
    (place / "tell").write_text("".join(f"{line}\n" for line in told if line not in words))
    ledger.read(place / "tell")
    calls: Counter[str] = Counter()
    refused, after, flushed = [], [], True
    for line in (place / "trace").read_text("utf-8", "replace").splitlines():
        if found := _CALL.match(line):
            calls[found[1]] += 1
        if found := _REFUSED.match(line):
            refused.append(line)
            flushed = flushed and not (found[1] in ("fsync", "fdatasync") and FILE in found[2])
        if not flushed and (found := _TOLD.match(line)) and found[1] == "done":
            after.append(line)
    return Run(ledger, words, calls, refused, after)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Nursery("tests.annotations.faulty") as nursery:
        yield Bench(nursery, tmp_path)


def wrong(run: Run, data: Path) -> list[str]:
    """What does not hold afterwards: first as it was left, then after everything unanswered was sent again."""
    faults = [f"a bug: {bug}" for bug in run.ledger.bugs] + [f"acknowledged after a failed flush: {line}" for line in run.after_flush]
    faults += [f"no sentence: {said}" for said in (*run.ledger.failed.values(), *run.words) if not said.rstrip().endswith(".")]
    store, desk = desk_of(data)
    for request in run.ledger.open or script("work", FRAMES):
        send(desk, request)
        run.ledger.done.add(request["key"])
        run.ledger.asked[request["key"]] = request
    store.close()
    return faults + run.ledger.wrong(data / FILE) + broken_folder(data)


def test_nothing_is_refused_and_everything_is_done(bench: Bench) -> None:
    run, data = bench.run(None)
    assert (len(run.ledger.done), run.ledger.open, run.refused, run.words) == (6 * FRAMES, [], [], [])
    assert all(run.calls[call] for call in CALLS), f"the work never calls {[call for call in CALLS if not run.calls[call]]}"
    assert wrong(run, data) == []


@pytest.mark.parametrize("points", [42, pytest.param(None, marks=pytest.mark.slow)], ids=["daily", "long"])
def test_any_single_call_that_is_refused_leaves_before_or_after(bench: Bench, points: int | None) -> None:
    whole, _ = bench.run(None)
    chosen = []
    for call in CALLS:
        there = min(MOST, whole.calls[call])
        some = max(there, 3 * len(ERRORS)) if points is None else points // len(CALLS)
        numbers = [1 + (place * there // some if there >= some else place % there) for place in range(some)]
        chosen += [(call, ERRORS[place % len(ERRORS)], number) for place, number in enumerate(numbers)]
    faults: dict[str, list[str]] = {}
    met: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for call, error, number in chosen:
        run, data = bench.run(f"{call}:error={error}:when={number}")
        met[call] += len(run.refused)
        told.update(["shut" if any(word.startswith("shut") for word in run.words) else "failed" if run.ledger.failed else "passed over"])
        if found := wrong(run, data):
            faults[f"{call} {error} {number}"] = found
        shutil.rmtree(data.parent)
    print(
        f"{len(chosen)} points, {sum(met.values())} refused calls ({dict(met)}); what became of the work: {dict(told)}; {len(faults)} wrong"
    )
    assert faults == {}
    assert sum(met.values()) >= 0.8 * len(chosen)
    assert told["failed"]
    assert told["shut"]
    assert set(met) == set(CALLS)


def test_after_a_failed_flush_the_record_takes_nothing_until_it_is_opened_anew(bench: Bench) -> None:
    """The system may drop what it could not write and call the next flush a success, so one refusal must last."""
    run, data = bench.run("fdatasync:error=EIO:when=9")
    assert len(run.refused) == 1
    failed, asked = list(run.ledger.failed), list(run.ledger.asked)
    assert run.ledger.done == set(asked[: asked.index(failed[0])]), "something was kept after the failure"
    assert len(failed) >= 3
    assert all("start GembaLens anew" in run.ledger.failed[key] for key in failed[1:])
    assert wrong(run, data) == []


def test_a_volume_that_becomes_read_only_under_work_is_told_each_time_and_loses_nothing(bench: Bench) -> None:
    """From a moment on the system refuses everything that would change the disk, as it does when a volume is mounted anew after a fault."""
    whole, _ = bench.run(None)
    run, data = bench.run(f"pwrite64:error=EROFS:when={whole.calls['pwrite64'] * 3 // 4}+")
    assert len(run.refused) >= 2
    assert run.ledger.done
    assert run.ledger.failed
    assert all("Traceback" not in said for said in (*run.ledger.failed.values(), *run.words))
    asked = list(run.ledger.asked)
    assert run.ledger.done == set(asked[: asked.index(next(iter(run.ledger.failed)))]), "something was kept after the first refusal"
    assert wrong(run, data) == []
