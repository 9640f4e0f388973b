"""A model in a process of its own, so that the screens stay quick and a crash of the model is not a crash of the house. Knows no model by name.

Whoever asks waits in one line; the model takes as many from its front as it answers together. Nothing waits for a batch to fill.
"""

from __future__ import annotations

import logging
import multiprocessing
import threading
from collections import deque
from concurrent.futures import CancelledError, Future
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

from core.backends.base import Answers
from core.backends.child import Batch, Load, serve
from core.backends.folder import ModelFolder
from core.errors import Abandoned, ModelBusy, ModelError, ModelLost, ModelSilent
from core.geometry import BoxFormat

if TYPE_CHECKING:
    from PIL import Image

    from core.patience import Patience
    from core.prompts import Prompt
    from core.schema import Reply

_log = logging.getLogger(__name__)

MOST_WAITING = 32
LOADING_SECONDS = 900.0
ANSWER_SECONDS = 300.0
"""A model that is silent for so long, while it loads or over a batch, is taken to be dead."""


class _Question:
    """A frame in the line, and the place where its answer is awaited."""

    __slots__ = ("answer", "picture", "prompt")

    def __init__(self, picture: Image.Image, prompt: Prompt) -> None:
        self.picture, self.prompt = picture, prompt
        self.answer: Future[Reply] = Future()


class Worker:
    """Starts its process at birth and loads the model there while nobody waits yet. A dead process is started again at the next question."""

    def __init__(
        self,
        folder: ModelFolder,
        threads: int,
        load: Load | None = None,
        *,
        loading_seconds: float = LOADING_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._folder, self._threads, self._load = folder, threads, load
        self._loading_seconds, self._answer_seconds = loading_seconds, answer_seconds
        self._line: deque[_Question] = deque()
        self._asked: list[_Question] = []  # those that the model is answering now
        self._change = threading.Condition()
        self._closed = False
        self._fresh = multiprocessing.get_context("spawn")
        self._gone = self._fresh.RawArray("b", folder.batch)  # by place in the batch: nobody waits for it any more
        self._reads = False  # the process has loaded and takes what it is sent
        self._child, self._pipe = self._start()
        self._worker = threading.Thread(target=self._work, name="model line", daemon=True)
        self._worker.start()

    @property
    def model(self) -> str:
        """Id of base, adapter, quantisation and whether it is guided."""
        return self._folder.model

    @property
    def prompt_style(self) -> str:
        """The style of prompt that the model was taught."""
        return self._folder.prompt_style

    @property
    def box_format(self) -> BoxFormat:
        """How the model writes boxes."""
        return self._folder.box_format

    @property
    def waiting(self) -> int:
        """How many frames stand in the line, those that are being answered not counted."""
        return len(self._line)

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        """The model's reply. Raises ModelBusy when too many wait, Abandoned, and ModelError's kin when the model failed, died or stayed silent."""
        question = _Question(picture, prompt)
        with self._change:
            if self._closed:
                raise ModelLost("The model was stopped. Start the program again.")
            if len(self._line) >= MOST_WAITING:
                raise ModelBusy(f"{MOST_WAITING} frames are waiting for the model. Try again in a minute; nothing was lost.")
            self._line.append(question)
            self._change.notify()
        if patience is not None:
            patience.watch(lambda: self._abandon(question))
        try:
            return question.answer.result()
        except CancelledError as error:
            raise Abandoned("Nobody waited for the answer any more.") from error

    def close(self) -> None:
        """End the process; whoever waits is told."""
        with self._change:
            self._closed = True
            self._change.notify()
            self._child.kill()  # who reads its answers finds the line closed
        self._worker.join(10)

    def _abandon(self, question: _Question) -> None:
        """Take a question out of the line, or tell the model to leave it."""
        with self._change:
            if question in self._line:
                self._line.remove(question)
            elif question in self._asked:
                self._gone[self._asked.index(question)] = 1
        question.answer.cancel()

    def _work(self) -> None:
        """The only thread that speaks with the process. However it ends, nobody is left waiting."""
        try:
            self._answer_the_line()
        finally:
            with self._change:
                self._closed = True
                left = [*self._asked, *self._line]
                self._line.clear()
            self._end()
            for question in left:
                _fail(question, ModelLost("The model was stopped before this frame was its turn."))

    def _answer_the_line(self) -> None:
        """Until it is closed: the front of the line to the model, its answers back."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._line or self._closed)
                if self._closed:
                    return
                asked = self._asked = self._front()
                self._gone[:] = bytes(len(self._gone))
            answers = self._answers(Batch([question.picture for question in asked], asked[0].prompt))
            for question, answer in zip(asked, answers, strict=True):
                if isinstance(answer, ModelError):
                    _fail(question, answer)
                elif question.answer.set_running_or_notify_cancel():
                    question.answer.set_result(answer)
            with self._change:
                self._asked = []

    def _front(self) -> list[_Question]:
        """As many as are answered together: they share a prompt."""
        prompt = self._line[0].prompt.id
        taken: list[_Question] = []
        while self._line and len(taken) < self._folder.batch and self._line[0].prompt.id == prompt:
            taken.append(self._line.popleft())
        return taken

    def _answers(self, batch: Batch) -> Answers:
        """What the process says of a batch; when it says nothing, an error for each frame."""
        error: ModelError = ModelLost("The model's process ended before it answered. It starts again with the next frame.")
        try:
            if not self._child.is_alive():
                self._end()
                self._child, self._pipe = self._start()
            if not self._reads:  # sending to a process that does not read would wait without an end
                self._heard(self._loading_seconds, "was not loaded")
                self._reads = True
            self._pipe.send(batch)
            answers: Answers = self._heard(self._answer_seconds, "gave no answer")
            return answers
        except ModelSilent as silent:
            error = silent
        except (EOFError, OSError):
            self._child.join(1)
            if not self._closed:
                _log.error(
                    "the model's process ended (exit code %s) over %d frames; it starts again", self._child.exitcode, len(batch.pictures)
                )
        self._end()
        return [error] * len(batch.pictures)

    def _heard(self, seconds: float, what: str) -> Any:
        """The process's next word. Raises ModelSilent when it comes too late."""
        if not self._pipe.poll(seconds):
            raise ModelSilent(f"The model {what} within {seconds:g} seconds and was stopped. A person has to judge this frame.")
        return self._pipe.recv()

    def _start(self) -> tuple[SpawnProcess, Connection]:
        self._reads = False
        ours, theirs = self._fresh.Pipe()
        child = self._fresh.Process(
            target=serve, args=(theirs, self._gone, self._folder, self._threads, self._load), name="model", daemon=True
        )
        child.start()
        theirs.close()
        return child, ours

    def _end(self) -> None:
        self._pipe.close()
        self._child.kill()
        self._child.join(5)


def _fail(question: _Question, error: ModelError) -> None:
    if not question.answer.done() and question.answer.set_running_or_notify_cancel():
        question.answer.set_exception(error)
