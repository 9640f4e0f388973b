"""A model in a process of its own, so that the screens stay quick and a crash of the model is not a crash of the house. Knows no model by name."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from core.backends.base import Backend
from core.backends.folder import ModelFolder
from core.errors import AppError, ModelBusy, ModelError
from core.geometry import BoxFormat

if TYPE_CHECKING:
    from PIL import Image

    from core.patience import Patience
    from core.prompts import Prompt
    from core.schema import Reply

MOST_WAITING = 32
ANSWER_SECONDS = 300.0
"""A model that is silent for so long is taken to be dead; loading counts."""


def _load(folder: ModelFolder, threads: int) -> Backend:
    from core.backends.local import LocalModel

    return LocalModel(folder, threads)


@dataclass(frozen=True, slots=True)
class _Failed:
    """What the child sends instead of a reply."""

    sentence: str


class Worker:
    """Starts its process at birth and loads the model there while nobody waits yet. A dead process is started again at the next question."""

    def __init__(self, folder: ModelFolder, threads: int, load: Callable[[ModelFolder, int], Backend] = _load) -> None:
        self._folder, self._threads, self._load = folder, threads, load
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_WAITING)
        self._child: multiprocessing.process.BaseProcess | None = None
        self._line: Connection | None = None
        self._start()

    @property
    def model(self) -> str:
        """Name and fingerprint of the weights."""
        return self._folder.model

    @property
    def prompt_style(self) -> str:
        """The style of prompt that the model was taught."""
        return self._folder.prompt_style

    @property
    def box_format(self) -> BoxFormat:
        """How the model writes boxes."""
        return self._folder.box_format

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        """The model's reply. Raises ModelBusy when too many wait, ModelError when the model failed, died or stayed silent."""
        if not self._places.acquire(blocking=False):
            raise ModelBusy(f"{MOST_WAITING} frames are waiting for the model. Try again in a minute; nothing was lost.")
        try:
            with self._turn:
                return self._ask(picture, prompt)
        finally:
            self._places.release()

    def close(self) -> None:
        """End the process. Later questions start it anew."""
        with self._turn:
            self._end()

    def _ask(self, picture: Image.Image, prompt: Prompt) -> Reply:
        if self._child is None or not self._child.is_alive():
            self._start()
        assert self._line is not None  # _start made it
        try:
            self._line.send((picture, prompt))
            if not self._line.poll(ANSWER_SECONDS):
                self._end()
                raise ModelError(
                    f"The model gave no answer within {ANSWER_SECONDS:.0f} seconds and was stopped. A person has to judge this frame."
                )
            answer: Reply | _Failed = self._line.recv()
        except (EOFError, OSError) as error:
            self._end()
            raise ModelError("The model's process ended before it answered. It starts again with the next frame.") from error
        if isinstance(answer, _Failed):
            raise ModelError(answer.sentence)
        return answer

    def _start(self) -> None:
        self._end()
        fresh = multiprocessing.get_context("spawn")
        self._line, theirs = fresh.Pipe()
        self._child = fresh.Process(target=_serve, args=(theirs, self._folder, self._threads, self._load), name="model", daemon=True)
        self._child.start()
        theirs.close()

    def _end(self) -> None:
        if self._line is not None:
            self._line.close()
        if self._child is not None:
            self._child.kill()
            self._child.join(5)
        self._child = self._line = None


def _serve(line: Connection, folder: ModelFolder, threads: int, load: Callable[[ModelFolder, int], Backend]) -> None:
    """The child: load, then answer until the line is closed. A model that cannot be loaded says so to each question."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the line
    backend: Backend | None = None
    why = ""
    try:
        backend = load(folder, threads)
    except AppError as error:
        why = str(error)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            picture, prompt = line.recv()
            line.send(_answer(backend, why, picture, prompt))


def _answer(backend: Backend | None, why: str, picture: Image.Image, prompt: Prompt) -> Reply | _Failed:
    if backend is None:
        return _Failed(why)
    try:
        return backend.ask(picture, prompt)
    except AppError as error:
        return _Failed(str(error))
