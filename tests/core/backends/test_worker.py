"""A model in a process of its own: it answers, it dies, it comes back, and nobody takes its silence for an answer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.backends.base import Answers
from core.backends.folder import ModelFolder, read_folder
from core.backends.worker import MOST_WAITING, Worker
from core.errors import Abandoned, ModelBusy, ModelError, ModelLost, ModelMissing, ModelSilent, ModelUnfit
from core.geometry import BoxFormat
from core.patience import Patience
from core.profile import Profile
from core.prompts import Prompt, build
from core.schema import Reply
from tests import makers

PICTURE = makers.picture(80, 60)


class Fickle:
    """Answers with the size of the batch and its adapter; dies when a picture is 13 pixels wide, works for ever when one is 17 wide.

    Of adapters it refuses one of rank 3, and dies over one of rank 5. It is loaded in the child, so it stands at the top of this file.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.speaks = folder.adapter

    def switch(self, adapter: Path | None) -> None:
        rank = json.loads((adapter / "adapter_config.json").read_text("utf-8"))["r"] if adapter else 0
        if rank == 5:
            os._exit(9)
        if rank == 3:
            raise ModelUnfit("The adapter does not fit this model.")
        self.speaks = adapter

    def ask_many(self, pictures: Sequence[Image.Image], prompt: Prompt, abandoned: Callable[[], Collection[int]]) -> Answers:
        widths = [picture.width for picture in pictures]
        if 13 in widths:
            os._exit(9)
        while 17 in widths and widths.index(17) not in abandoned():
            time.sleep(0.005)
        if 19 in widths:
            time.sleep(0.3)
        return [
            Abandoned("left") if width == 17 else Reply(str(len(widths)), f"fickle@0+{self.speaks and self.speaks.name}", prompt.id, 0.0)
            for width in widths
        ]


def fickle(folder: ModelFolder, threads: int) -> Fickle:
    return Fickle(folder)


def dawdling(folder: ModelFolder, threads: int) -> Fickle:
    time.sleep(30)
    return Fickle(folder)


def wordless(folder: ModelFolder, threads: int) -> Wordless:
    return Wordless()


class Wordless:
    """Says fewer answers than it was asked for: a fault of ours, which nobody foresaw."""

    def switch(self, adapter: Path | None) -> None:
        raise KeyError(adapter)

    def ask_many(self, pictures: Sequence[Image.Image], prompt: Prompt, abandoned: Callable[[], Collection[int]]) -> Answers:
        return []


def hopeless(folder: ModelFolder, threads: int) -> Fickle:
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
    assert worker.ask(PICTURE, prompt).text == "1"


def test_a_model_that_cannot_be_loaded_says_so_to_each_question(described: ModelFolder, prompt: Prompt) -> None:
    worker = Worker(described, 1, load=hopeless)
    for _ in range(2):
        with pytest.raises(ModelError, match="cut short"):
            worker.ask(PICTURE, prompt)
    worker.close()


def asked(worker: Worker, pictures: Sequence[Image.Image], prompt: Prompt) -> list[Future[Reply]]:
    """Ask about all at the same time, in this order."""
    pool = ThreadPoolExecutor(len(pictures))
    futures = []
    for picture in pictures:
        before = worker.waiting
        futures.append(pool.submit(worker.ask, picture, prompt))
        until(lambda before=before, last=futures[-1]: worker.waiting > before or last.done() or not worker._line)  # type: ignore[misc]
    pool.shutdown(wait=False)
    return futures


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def test_those_who_wait_are_answered_together_and_no_more_than_the_model_takes(worker: Worker, prompt: Prompt) -> None:
    worker.ask(PICTURE, prompt)  # it is loaded
    slow = asked(worker, [makers.picture(19, 60)], prompt)[0]
    until(lambda: len(worker._asked) == 1)
    rest = asked(worker, [PICTURE] * 11, prompt)
    assert slow.result().text == "1"
    assert [future.result().text for future in rest] == ["8"] * 8 + ["3"] * 3


def test_a_full_line_says_busy_at_once_and_goes_on_when_there_is_room(worker: Worker, prompt: Prompt) -> None:
    worker.ask(PICTURE, prompt)
    patience = Patience()
    with ThreadPoolExecutor(MOST_WAITING + 1) as pool:
        endless = pool.submit(worker.ask, makers.picture(17, 60), prompt, patience)
        until(lambda: len(worker._asked) == 1)
        waiting = [pool.submit(worker.ask, PICTURE, prompt) for _ in range(MOST_WAITING)]
        until(lambda: worker.waiting == MOST_WAITING)
        began = time.monotonic()
        with pytest.raises(ModelBusy, match="32 frames are waiting"):
            worker.ask(PICTURE, prompt)
        assert time.monotonic() - began < 1
        patience.give_up()
        with pytest.raises(Abandoned):
            endless.result(5)
        assert {future.result(20).text for future in waiting} == {"8"}


def test_who_stops_waiting_frees_the_place_in_the_line(worker: Worker, prompt: Prompt) -> None:
    worker.ask(PICTURE, prompt)
    endless, patience = Patience(), Patience()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(worker.ask, makers.picture(17, 60), prompt, endless)
        until(lambda: len(worker._asked) == 1)
        second = pool.submit(worker.ask, PICTURE, prompt, patience)
        until(lambda: worker.waiting == 1)
        patience.give_up()
        with pytest.raises(Abandoned):
            second.result(1)
        assert worker.waiting == 0
        endless.give_up()
        with pytest.raises(Abandoned):
            first.result(5)
    assert worker.ask(PICTURE, prompt).text == "1"


def test_a_death_takes_its_batch_along_and_nobody_else_and_stands_in_the_log(
    worker: Worker, prompt: Prompt, caplog: pytest.LogCaptureFixture
) -> None:
    worker.ask(PICTURE, prompt)
    slow = asked(worker, [makers.picture(19, 60)], prompt)[0]
    until(lambda: len(worker._asked) == 1)
    batch = asked(worker, [makers.picture(13, 60)] + [PICTURE] * 8, prompt)
    assert slow.result().text == "1"
    for future in batch[:8]:
        with pytest.raises(ModelLost):
            future.result(20)
    assert batch[8].result(20).text == "1"
    assert "exit code 9" in caplog.text


def test_a_killed_process_is_back_for_the_next_frame(worker: Worker, prompt: Prompt) -> None:
    worker.ask(PICTURE, prompt)
    worker._child.kill()
    worker._child.join()
    assert worker.ask(PICTURE, prompt).text == "1"


def test_a_model_that_never_ends_loading_is_given_up_however_large_the_frame(described: ModelFolder, prompt: Prompt) -> None:
    worker = Worker(described, 1, load=dawdling, loading_seconds=0.5)
    for picture in (PICTURE, makers.picture(1600, 1200)):  # the large one does not fit into the line to a process that does not read
        began = time.monotonic()
        with pytest.raises(ModelSilent, match=r"was not loaded within 0\.5 seconds"):
            worker.ask(picture, prompt)
        assert time.monotonic() - began < 10
    worker.close()


def test_a_model_that_never_answers_is_stopped_and_the_next_frame_is_answered(described: ModelFolder, prompt: Prompt) -> None:
    worker = Worker(described, 1, load=fickle, answer_seconds=1.5)
    worker.ask(PICTURE, prompt)
    with pytest.raises(ModelSilent, match=r"gave no answer within 1\.5 seconds"):
        worker.ask(makers.picture(17, 60), prompt)
    assert worker.ask(PICTURE, prompt).text == "1"
    worker.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_that_nobody_foresaw_leaves_nobody_waiting(described: ModelFolder, prompt: Prompt) -> None:
    worker = Worker(described, 1, load=wordless)
    with pytest.raises(ModelLost, match="was stopped"):
        worker.ask(PICTURE, prompt)
    worker._worker.join(10)
    with pytest.raises(ModelLost, match="was stopped"):
        worker.ask(PICTURE, prompt)


def test_who_waits_when_it_is_closed_is_told(described: ModelFolder, prompt: Prompt) -> None:
    worker = Worker(described, 1, load=fickle)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(worker.ask, makers.picture(17, 60), prompt)
        until(lambda: len(worker._asked) == 1)
        second = pool.submit(worker.ask, PICTURE, prompt)
        until(lambda: worker.waiting == 1)
        worker.close()
        for waiting in (first, second):
            with pytest.raises(ModelLost):
                waiting.result(5)
    with pytest.raises(ModelLost, match="was stopped"):
        worker.ask(PICTURE, prompt)


def test_the_true_model_answers_from_its_own_process(described: ModelFolder, prompt: Prompt) -> None:
    worker = Worker(described, 1)
    reply = worker.ask(PICTURE, prompt)
    worker.close()
    assert reply.model == described.model
    assert reply.tokens


def of_rank(folder: Path, base: str, rank: int) -> Path:
    """The files of an adapter for a base, without a number in them that a model could use."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rank, "base_model_name_or_path": base}), "utf-8")
    head = json.dumps({"x.lora_A.weight": {"dtype": "F32", "shape": [rank, 1], "data_offsets": [0, 4 * rank]}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + bytes(4 * rank))
    return folder


def test_what_waits_ends_under_the_old_adapter_and_what_comes_then_under_the_new(
    worker: Worker, described: ModelFolder, prompt: Prompt, tmp_path: Path
) -> None:
    adapter, before = of_rank(tmp_path / "two", described.path.name, 2), worker.model
    worker.ask(PICTURE, prompt)
    with ThreadPoolExecutor(4) as pool:
        slow = pool.submit(worker.ask, makers.picture(19, 60), prompt)
        until(lambda: len(worker._asked) == 1)
        behind = pool.submit(worker.ask, PICTURE, prompt)
        until(lambda: worker.waiting == 1)
        switched = pool.submit(worker.switch, adapter)
        until(lambda: worker.waiting == 2)
        after = pool.submit(worker.ask, PICTURE, prompt)
        assert worker.model == before  # until it is its turn
        assert [future.result(20).model for future in (slow, behind, after)] == ["fickle@0+None", "fickle@0+None", "fickle@0+two"]
        switched.result(20)
    assert "+two@" in worker.model
    worker._child.kill()  # who comes back after a death has the same adapter
    worker._child.join()
    assert worker.ask(PICTURE, prompt).model == "fickle@0+two"
    worker.switch(None)
    assert (worker.model, worker.ask(PICTURE, prompt).model) == (before, "fickle@0+None")


@pytest.mark.parametrize(("rank", "error"), [(3, ModelUnfit), (5, ModelLost)], ids=["refused", "died over it"])
def test_an_adapter_that_cannot_be_laid_over_it_changes_nothing(
    rank: int, error: type[ModelError], worker: Worker, described: ModelFolder, prompt: Prompt, tmp_path: Path
) -> None:
    worker.switch(of_rank(tmp_path / "two", described.path.name, 2))
    before = worker.model
    with pytest.raises(error):
        worker.switch(of_rank(tmp_path / "odd", described.path.name, rank))
    assert (worker.model, worker.ask(PICTURE, prompt).model) == (before, "fickle@0+two")
    with pytest.raises(ModelMissing):
        worker.switch(tmp_path / "nowhere")
    with pytest.raises(ModelUnfit, match="made for elsewhere"):
        worker.switch(of_rank(tmp_path / "foreign", "elsewhere", 2))
    assert worker.model == before


def unless_alone(folder: ModelFolder, threads: int) -> Fickle:
    if folder.adapter is not None:
        raise ModelUnfit("The adapter does not fit this model.")
    return Fickle(folder)


def test_a_model_that_could_not_be_loaded_with_its_adapter_answers_once_it_is_taken_off(
    described: ModelFolder, prompt: Prompt, tmp_path: Path
) -> None:
    worker = Worker(described, 1, load=unless_alone)
    worker.ask(PICTURE, prompt)
    worker.switch(of_rank(tmp_path / "two", described.path.name, 2))
    worker._child.kill()
    worker._child.join()
    with pytest.raises(ModelUnfit):
        worker.ask(PICTURE, prompt)
    worker.switch(None)
    assert (worker.model, worker.ask(PICTURE, prompt).model) == (described.model, "fickle@0+None")
    worker.close()


def test_a_merged_adapter_and_a_stopped_model_cannot_be_switched(described: ModelFolder) -> None:
    merged = Worker(replace(described, merge=True), 1, load=fickle)
    with pytest.raises(ModelUnfit, match="merged"):
        merged.switch(None)
    merged.close()
    stopped = Worker(described, 1, load=fickle)
    stopped.close()
    with pytest.raises(ModelLost, match="was stopped"):
        stopped.switch(None)


def test_the_true_model_answers_otherwise_with_an_adapter_and_exactly_as_before_without(
    families: Mapping[str, Path], loras: Mapping[str, Path], prompt: Prompt
) -> None:
    described = replace(read_folder(families["qwen2_5_vl"]), most_tokens=12)
    with closing(Worker(described, 1)) as worker:
        alone = worker.ask(PICTURE, prompt)
        worker.switch(loras["qwen2_5_vl"])
        adapted = worker.ask(PICTURE, prompt)
        worker.switch(None)
        again = worker.ask(PICTURE, prompt)
    assert adapted.text != alone.text
    assert adapted.model.startswith(f"{described.base}+qwen2_5_vl-bench@")
    assert (again.model, again.text, again.tokens) == (alone.model, alone.text, alone.tokens)
