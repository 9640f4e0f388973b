"""The parent's side of one disposable process: start it, hand it a picture, end it when it takes too long. Decides nothing about the picture."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from core.decoding import wire
from core.decoding.looking import Seen
from core.errors import FrameRefused
from core.settings import ROOT, environment

_log = logging.getLogger(__name__)

_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL")
"""All that the process learns of our environment: what an interpreter may need to start, and no key."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a process may use. Its life ends after `pictures`, whatever they were."""

    cpu_seconds: int = 10  # of one picture
    seconds: float = 10.0  # of one picture, by the clock
    memory_bytes: int = 2**30
    pictures: int = 500
    start_seconds: float = 30.0  # until it says that it is ready; a machine under load starts slowly

    @classmethod
    def for_pixels(cls, most: int) -> Allowance:
        """Enough for a picture of so many pixels in its most wasteful legal form: 4 bytes as it is stored, twice 4 on the way to RGB, and some."""
        return cls(memory_bytes=max(2**30, 256 * 2**20 + 16 * most))


class Died(Exception):
    """The process ended, or spoke nonsense, over a picture."""


class Hung(Died):
    """It used all of its time."""


class NeverStarted(Exception):
    """There is no process, and the picture has no part in that."""


class Worker:
    """One process at a time, one picture at a time; the next process starts while nobody waits for it. Not for several threads at once."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._left = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process that there is now."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process, without waiting until it is ready. Raises NeverStarted."""
        if self._closed:
            raise NeverStarted("the program ends")
        allowed = self._allowance
        words = (allowed.cpu_seconds, allowed.memory_bytes, allowed.pictures)
        known = environment()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-B", "-s", "-m", "core.decoding.child", *map(str, words)],
                cwd=ROOT,
                env={name: known[name] for name in _KEPT if name in known},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise NeverStarted(str(error)) from error
        self._ready, self._left = False, allowed.pictures

    def look(self, question: wire.Question) -> Seen | FrameRefused:
        """What the process says of a picture. Raises Died or Hung over this picture, NeverStarted before it; there is no process then."""
        if self._process is None or self._process.poll() is not None:
            self.end()
            self.start()
        process = self._process
        assert process is not None
        source, to = process.stdout, process.stdin
        assert source is not None
        assert to is not None
        if not self._ready:
            self._await(process, source)
        with _within(process, self._allowance.seconds) as late:
            try:
                wire.send(to, *wire.question_parts(question))
                parts = wire.receive(source)
            except (OSError, EOFError, wire.Garbled) as error:
                raise self._ended(process, late) from error
        try:
            answer = wire.answer_of(parts, len(question.sizes))
        except (wire.Garbled, wire.Bug) as error:
            if isinstance(error, wire.Bug):
                _log.error("reading a picture met what nobody foresaw:\n%s", error)
            raise self._ended(process, late) from error
        self._left -= 1
        if late.over or self._left <= 0:
            self.end()
            with suppress(NeverStarted):  # then whoever comes next is told
                self.start()
        return answer

    def end(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent yet cannot be sent any more
                    pipe.close()
        process.wait()

    def close(self) -> None:
        """End the process and start none any more; also while another thread waits for its answer, which then never comes."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def _await(self, process: subprocess.Popen[bytes], source: IO[bytes]) -> None:
        """Until the process says that it is ready."""
        with _within(process, self._allowance.start_seconds):
            try:
                parts = wire.receive(source)
                if parts != [wire.READY]:
                    wire.answer_of(parts, 0)
                    raise wire.Garbled("no word of being ready")
            except (OSError, EOFError, wire.Garbled, wire.Bug) as error:
                self.end()
                raise NeverStarted(str(error) or "it ended before it was ready") from error
        self._ready = True

    def _ended(self, process: subprocess.Popen[bytes], late: _Late) -> Died:
        """The end of a process over a picture, told to the log."""
        self.end()
        hung = late.over or -process.returncode == _OUT_OF_CPU
        why = "took too long" if hung else f"ended ({process.returncode})"
        _log.warning("the process that reads pictures %s over one of them and is replaced", why)
        return Hung(why) if hung else Died(why)


_OUT_OF_CPU = 24
"""SIGXCPU on every system that has it."""


class _Late:
    """Whether the time is over."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.over = False
        self.done = False


@contextmanager
def _within(process: subprocess.Popen[bytes], seconds: float) -> Iterator[_Late]:
    """A process that is not done in time is killed, which ends every waiting for it: a stopped one too, which hears nothing else."""
    late = _Late()

    def stop() -> None:
        with late.lock:
            if not late.done:
                late.over = True
                process.kill()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        with late.lock:
            late.done = True
        timer.cancel()
