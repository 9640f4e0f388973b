"""A model in a process of its own: it answers, it dies, it comes back, and nobody takes its silence for an answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.backends.base import Backend
from core.backends.folder import ModelFolder, read_folder
from core.backends.worker import Worker
from core.errors import ModelError
from core.geometry import BoxFormat
from core.patience import Patience
from core.profile import Profile
from core.prompts import Prompt, build
from core.schema import Reply
from tests import makers

PICTURE = makers.picture(80, 60)


class Fickle:
    """Answers; dies when the picture is 13 pixels wide. It is loaded in the child, so it stands at the top of this file."""

    model, prompt_style, box_format = "fickle@0", "brief", BoxFormat()

    def ask(self, picture: object, prompt: Prompt, patience: Patience | None = None) -> Reply:
        if picture.size[0] == 13:  # type: ignore[attr-defined]
            os._exit(9)
        return Reply("{}", self.model, prompt.id, 0.0)


def fickle(folder: ModelFolder, threads: int) -> Backend:
    return Fickle()


def hopeless(folder: ModelFolder, threads: int) -> Backend:
    raise ModelError("The model could not be loaded: its weights are cut short.")


@pytest.fixture
def described(tiny: Path) -> ModelFolder:
    return read_folder(tiny)


@pytest.fixture
def prompt(bench: Profile) -> Prompt:
    return build(bench, "brief", BoxFormat())


@pytest.fixture
def worker(described: ModelFolder) -> Iterator[Worker]:
    made = Worker(described, 1, load=fickle)
    yield made
    made.close()


def test_it_answers(worker: Worker, prompt: Prompt) -> None:
    assert worker.ask(PICTURE, prompt).prompt_id == prompt.id


def test_a_death_is_an_error_in_words_and_the_next_frame_is_answered(worker: Worker, prompt: Prompt) -> None:
    with pytest.raises(ModelError, match="ended before it answered"):
        worker.ask(makers.picture(13, 60), prompt)
    assert worker.ask(PICTURE, prompt).text == "{}"


def test_a_model_that_cannot_be_loaded_says_so_to_each_question(described: ModelFolder, prompt: Prompt) -> None:
    worker = Worker(described, 1, load=hopeless)
    for _ in range(2):
        with pytest.raises(ModelError, match="cut short"):
            worker.ask(PICTURE, prompt)
    worker.close()


def test_the_true_model_answers_from_its_own_process(described: ModelFolder, prompt: Prompt) -> None:
    worker = Worker(described, 1)
    reply = worker.ask(PICTURE, prompt)
    worker.close()
    assert reply.model == described.model
    assert reply.tokens
