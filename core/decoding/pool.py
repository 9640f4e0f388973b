"""The decoder of a server: strangers' bytes are decoded in disposable processes, a few at a time. What comes back is a frame, or a sentence."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from types import TracebackType
from typing import Self

from core.decoding.looking import Seen, check
from core.decoding.wire import Question
from core.decoding.worker import Allowance, Died, Hung, NeverStarted, Worker
from core.errors import FrameRefused, TooOften
from core.frames import framed, shown_name
from core.pixels import Limits
from core.schema import Frame

_log = logging.getLogger(__name__)

Keep = Callable[[str, Mapping[int, bytes]], object]
"""Takes the previews of a frame, by size: `Vault.keep_previews`."""

PROCESSES = 2
MOST_WAITING = 24  # fewer than the threads of the server that may wait, so that there are always some for other work
WAIT_SECONDS = 30.0
CLOSING_SECONDS = 3.0  # a part of what the server may take to stop
AGAIN_SECONDS = 5
"""Told to whoever is sent away because too many wait."""


class Decoder:
    """Safe to use from many threads. A process starts with the first picture that needs it, or by `warm`; `close` ends them."""

    def __init__(
        self,
        allowance: Allowance | None = None,
        *,
        sizes: Sequence[int] = (),
        keep: Keep | None = None,
        processes: int = PROCESSES,
        most_waiting: int = MOST_WAITING,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._sizes, self._keep = tuple(sizes), keep
        self._most_waiting, self._wait_seconds = most_waiting, wait_seconds
        self._lock = threading.Lock()
        self._waiting = 0
        self._closed = threading.Event()
        self._workers = [Worker(allowance or Allowance()) for _ in range(processes)]
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def warm(self) -> None:
        """Start all processes now, without waiting for them."""
        for worker in self._workers:
            if worker.pid is not None:
                continue
            try:
                worker.start()
            except NeverStarted as error:  # tried again, and told, at the first picture
                _log.warning("the process that reads pictures does not start: %s", error)

    def admit(self, content: bytes, name: str, *, limits: Limits, source: str = "upload", now: datetime) -> Frame:
        """As `core.frames.admit`, which runs in the other process; its previews go to `keep`.

        Raises FrameRefused, FrameTooLarge, also when the process died over these bytes or took too long; TooOften when too many wait.
        """
        shown = shown_name(name)
        check(content, shown, limits)  # decodes nothing, and most of what is no frame ends here
        seen = self._looked(Question(content, shown, limits, self._sizes))
        frame = framed(seen, content, shown, source=source, now=now)
        if self._keep is not None:
            self._keep(frame.id, dict(zip(self._sizes, seen.previews, strict=True)))
        return frame

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that there are now, for whoever watches them."""
        return tuple(pid for worker in self._workers if (pid := worker.pid) is not None)

    @property
    def waiting(self) -> int:
        """How many wait for a process, those whose picture is being read not counted."""
        return self._waiting

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """End the processes: each as soon as its picture is read, or when the time is over. Whoever comes later is sent away."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
        end = time.monotonic() + seconds
        for _ in self._workers:
            with suppress(queue.Empty):
                self._idle.get(timeout=max(0.0, end - time.monotonic())).end()
        for worker in self._workers:
            worker.close()  # who still waits for one of them finds its line closed, and ends it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def _looked(self, question: Question) -> Seen:
        """A picture over which a process died is tried once more: somebody may have killed it. One that used up its time is not."""
        with self._borrowed() as worker:
            try:
                try:
                    answer = worker.look(question)
                except Hung as error:
                    raise FrameRefused(f"{question.shown}: reading it takes too long. Save it again as JPEG and send that file.") from error
                except (Died, NeverStarted):
                    answer = worker.look(question)
            except NeverStarted as error:
                _log.error("the process that reads pictures does not start: %s", error)
                told = f"{question.shown}: pictures cannot be read at this moment. Nothing was kept; try again soon."
                raise TooOften(told, AGAIN_SECONDS) from error
            except Died as error:
                raise FrameRefused(f"{question.shown}: it cannot be read safely. Save it again as JPEG and send that file.") from error
        if isinstance(answer, FrameRefused):
            raise answer
        return answer

    @contextmanager
    def _borrowed(self) -> Iterator[Worker]:
        """A worker of one's own for a while. Raises TooOften instead of waiting without an end."""
        busy = TooOften("Many pictures are being read at this moment. Nothing was kept; try again soon.", AGAIN_SECONDS)
        with self._lock:
            if self._closed.is_set() or (self._idle.empty() and self._waiting >= self._most_waiting):
                raise busy
            self._waiting += 1
        try:
            worker = self._idle.get(timeout=self._wait_seconds)
        except queue.Empty as error:
            raise busy from error
        finally:
            with self._lock:
                self._waiting -= 1
        try:
            yield worker
        finally:
            if self._closed.is_set():
                worker.end()
            self._idle.put(worker)
