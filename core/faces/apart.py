"""Faces covered in a process of its own: the server stays small, and a picture that kills the one who looks at it costs that picture and nothing else."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import Future, ProcessPoolExecutor, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self

from core.errors import ModelBusy, ModelLost, ModelSilent
from core.faces.blurring import faceless

SECONDS = 60.0  # for a frame, the start of the process included
WAITING = 12  # frames; the next is told to come back. Fewer than the threads of a server, or nobody could save meanwhile


class Coverer:
    """Covers faces, one frame after the other. The process begins with the first. Safe to use from many threads."""

    def __init__(self, seconds: float = SECONDS, most_waiting: int = WAITING) -> None:
        self._seconds, self._places = seconds, threading.BoundedSemaphore(most_waiting)
        self._guard = threading.Lock()
        self._process: ProcessPoolExecutor | None = None

    def cover(self, content: bytes, longest: int | None) -> bytes:
        """See `faceless`. Raises what it raises, and ModelBusy, ModelSilent or ModelLost when it could not be done: the frame is not shown then."""
        if not self._places.acquire(blocking=False):
            raise ModelBusy("Too many frames wait for their faces to be covered. Try again in a moment.")
        try:
            return self._asked(content, longest).result(self._seconds)
        except TimeoutError as error:
            self.close()
            raise ModelSilent("The faces of this frame could not be covered in time, so it is not shown. Try again.") from error
        except BrokenProcessPool as error:
            self.close()
            raise ModelLost("The faces of this frame could not be covered, so it is not shown. Try again.") from error
        finally:
            self._places.release()

    def _asked(self, content: bytes, longest: int | None) -> Future[bytes]:
        with self._guard:
            if self._process is None:  # spawned, not forked: a fork of many threads may hang
                self._process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
            return self._process.submit(faceless, content, longest)

    def close(self) -> None:
        """End the process; the next frame begins another."""
        with self._guard:
            process, self._process = self._process, None
        if process is not None:
            for each in list((process._processes or {}).values()):
                each.kill()  # it may hang in a picture, and there is nothing in it that must be kept
            process.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
