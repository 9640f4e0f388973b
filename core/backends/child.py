"""The process that owns a model: it loads, then answers batches and changes its adapter until its line is closed. It hears between two tokens
that nobody waits any more."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.backends.base import Answers
from core.backends.folder import ModelFolder
from core.errors import ModelError

if TYPE_CHECKING:
    from PIL import Image

    from core.prompts import Prompt


class Answering(Protocol):
    """What a process can own: a model that answers several frames at once."""

    def ask_many(self, pictures: Sequence[Image.Image], prompt: Prompt, abandoned: Callable[[], Collection[int]]) -> Answers:
        """See `core.backends.local.LocalModel.ask_many`."""

    def switch(self, adapter: Path | None) -> None:
        """See `core.backends.local.LocalModel.switch`."""


Load = Callable[[ModelFolder, int], Answering]
"""Makes the model, in the child. Must be importable: it travels by name."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent to the child."""

    pictures: list[Image.Image]
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Change:
    """Sent to the child between two batches: the model with the adapter that is to speak from now on."""

    folder: ModelFolder


def serve(line: Connection, gone: Sequence[int], folder: ModelFolder, threads: int, load: Load | None) -> None:
    """The child's life. `gone`: shared with the parent, 1 at the places of a batch for which nobody waits any more.

    Its first word, None, says that it reads what it is sent. A model that cannot be loaded says so to each question. To a change the answer is
    None, or why it was not made.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the line
    model: Answering | ModelError
    try:
        model = (load or _local)(folder, threads)
    except ModelError as error:
        model = error
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        line.send(None)
        while True:
            asked: Batch | Change = line.recv()
            if isinstance(asked, Change):
                try:
                    model = _changed(model, asked.folder, threads, load or _local)
                    line.send(None)
                except ModelError as error:
                    line.send(error)
            elif isinstance(model, ModelError):
                line.send([model] * len(asked.pictures))
            else:
                line.send(model.ask_many(asked.pictures, asked.prompt, lambda: [n for n, one in enumerate(gone) if one]))


def _changed(model: Answering | ModelError, folder: ModelFolder, threads: int, load: Load) -> Answering:
    """The model with another adapter; one that could not be loaded with the adapter it had is loaded anew. Raises ModelError's kin."""
    if isinstance(model, ModelError):
        return load(folder, threads)
    model.switch(folder.adapter)
    return model


def _local(folder: ModelFolder, threads: int) -> Answering:
    from core.backends.local import LocalModel

    return LocalModel(folder, threads)
