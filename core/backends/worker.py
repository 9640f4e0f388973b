"""A model in a process of its own, so that the screens stay quick and a crash of the model is not a crash of the house. Knows no model by name.

Whoever asks waits in one line; the model takes as many from its front as it answers together. Nothing waits for a batch to fill. A change of
adapter stands in the same line: what was asked before it is answered as it was asked.
"""

from __future__ import annotations

import logging
import multiprocessing
import threading
from collections import deque
from concurrent.futures import CancelledError, Future
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.backends.adapters import read_adapter
from core.backends.base import Answers
from core.backends.child import Batch, Change, Load, serve
from core.backends.folder import ModelFolder
from core.errors import Abandoned, ModelBusy, ModelError, ModelLost, ModelSilent, ModelUnfit
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


class _Switch:
    """A change of adapter in the line, and the place where it is told that it was made."""

    __slots__ = ("answer", "folder")

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        self.answer: Future[None] = Future()


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
        self._line: deque[_Question | _Switch] = deque()
        self._switching: _Switch | None = None  # the one that the model makes now
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
    def base(self) -> str:
        """NAME@FINGERPRINT of the base alone."""
        return self._folder.base

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
        """How many stand in the line, those that are being answered not counted."""
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

    def switch(self, adapter: Path | None) -> None:
        """Let another adapter speak, or the base alone, as soon as the questions that wait now are answered. See `core.backends.base.Switching`.

        Raises ModelMissing, ModelUnfit, ModelLost, ModelSilent; then everything is as it was.
        """
        folder = self._folder
        if folder.merge:
            raise ModelUnfit("The adapter of this model is merged into its weights, so it cannot be switched. Add the model without merge.")
        described = None if adapter is None else read_adapter(adapter, folder.names, folder.base)
        wanted = _Switch(folder.with_adapter(described))
        with self._change:
            if self._closed:
                raise ModelLost("The model was stopped. Start the program again.")
            self._line.append(wanted)
            self._change.notify()
        wanted.answer.result()

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
                left = [*self._asked, *([self._switching] if self._switching else []), *self._line]
                self._line.clear()
            self._end()
            for question in left:
                _fail(question, ModelLost("The model was stopped before this was its turn."))

    def _answer_the_line(self) -> None:
        """Until it is closed: the front of the line to the model, its answers back; changes of adapter when it is their turn."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._line or self._closed)
                if self._closed:
                    return
                wanted = self._switching = self._next_switch()
                asked = self._asked = [] if wanted else self._front()
                self._gone[:] = bytes(len(self._gone))
            if wanted is not None:
                self._change_adapter(wanted)
                continue
            answers = self._answers(Batch([question.picture for question in asked], asked[0].prompt))
            for question, answer in zip(asked, answers, strict=True):
                if isinstance(answer, ModelError):
                    _fail(question, answer)
                elif question.answer.set_running_or_notify_cancel():
                    question.answer.set_result(answer)
            with self._change:
                self._asked = []

    def _next_switch(self) -> _Switch | None:
        """The change of adapter whose turn it is; None: somebody's question is first."""
        first = self._line[0]
        if not isinstance(first, _Switch):
            return None
        self._line.popleft()
        return first

    def _front(self) -> list[_Question]:
        """As many as are answered together: they share a prompt, and no change of adapter stands between them."""
        taken: list[_Question] = []
        while self._line and len(taken) < self._folder.batch:
            following = self._line[0]
            if isinstance(following, _Switch) or (taken and following.prompt.id != taken[0].prompt.id):
                break
            taken.append(following)
            self._line.popleft()
        return taken

    def _change_adapter(self, wanted: _Switch) -> None:
        """Have the process change its adapter; only then the id is another. What it had goes on speaking when that fails, however it fails."""
        said = self._said(Change(wanted.folder), self._loading_seconds, "did not change its adapter", "a change of adapter")
        with self._change:
            self._switching = None
            if said is None:
                self._folder = wanted.folder
        if isinstance(said, ModelError):
            _fail(wanted, said)
        else:
            wanted.answer.set_result(None)

    def _answers(self, batch: Batch) -> Answers:
        """What the process says of a batch; when it says nothing, an error for each frame."""
        many = len(batch.pictures)
        answers: Answers | ModelError = self._said(batch, self._answer_seconds, "gave no answer", f"{many} frames")
        return [answers] * many if isinstance(answers, ModelError) else answers

    def _said(self, word: Batch | Change, seconds: float, silent: str, over: str) -> Any:
        """What the process says to a word; an error when it says nothing, and then it is ended."""
        error: ModelError = ModelLost("The model's process ended before it answered. It starts again with the next frame.")
        try:
            if not self._child.is_alive():
                self._end()
                self._child, self._pipe = self._start()
            if not self._reads:  # sending to a process that does not read would wait without an end
                self._heard(self._loading_seconds, "was not loaded")
                self._reads = True
            self._pipe.send(word)
            return self._heard(seconds, silent)
        except ModelSilent as late:
            error = late
        except (EOFError, OSError):
            self._child.join(1)
            if not self._closed:
                _log.error("the model's process ended (exit code %s) over %s; it starts again", self._child.exitcode, over)
        self._end()
        return error

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


def _fail(question: _Question | _Switch, error: ModelError) -> None:
    if not question.answer.done() and question.answer.set_running_or_notify_cancel():
        question.answer.set_exception(error)
