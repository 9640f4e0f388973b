"""A local model that is asked: frames in batches, the likeliest reply to each, memory that runs out, people who stop waiting. Loads by `core.backends.loading`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.backends import loading
from core.backends.base import Answers
from core.backends.decoding import Said, decode
from core.backends.folder import ModelFolder
from core.backends.grammar import Grammars
from core.backends.patches import flatten_patches
from core.backends.vocabulary import Vocabulary
from core.errors import Abandoned, ModelError
from core.geometry import BoxFormat
from core.schema import Reply, Token

if TYPE_CHECKING:
    from PIL import Image

    from core.patience import Patience
    from core.prompts import Prompt

_NO_ROOM = "The model ran out of memory on this one frame. Use 4 bits, a smaller model or smaller frames, or close other programs."


class LocalModel:
    """Loads at birth (seconds to minutes). The same frame gets the same reply alone and in a batch. Not safe for several threads."""

    def __init__(self, folder: ModelFolder, threads: int) -> None:
        self._loaded = loading.load(folder, threads)
        flatten_patches(self._loaded.net)
        tokenizer = self._loaded.processor.tokenizer
        self._vocabulary = Vocabulary(tokenizer)
        width = self._loaded.net.config.get_text_config().vocab_size
        self._grammars = Grammars(tokenizer, width, sorted(self._loaded.ends)) if folder.guided else None

    @property
    def model(self) -> str:
        """Id of base, adapter, quantisation and whether it is guided."""
        return self._loaded.folder.model

    @property
    def base(self) -> str:
        """NAME@FINGERPRINT of the base alone."""
        return self._loaded.folder.base

    @property
    def prompt_style(self) -> str:
        """The style of prompt that this model was taught, or the full one."""
        return self._loaded.folder.prompt_style

    @property
    def box_format(self) -> BoxFormat:
        """How it writes boxes."""
        return self._loaded.folder.box_format

    def switch(self, adapter: Path | None) -> None:
        """Answer with another adapter, or with none, without loading the base anew. Raises ModelError's kin and keeps the one it had."""
        self._loaded.switch(adapter)

    def close(self) -> None:
        """Give back what it keeps on a GPU beside its weights; those go with the object."""
        self._let_go()

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        """The likeliest reply to one frame. Raises ModelError."""
        answer = self.ask_many([picture], prompt, lambda: [0] if patience and patience.gave_up else [])[0]
        if isinstance(answer, ModelError):
            raise answer
        return answer

    def ask_many(self, pictures: Sequence[Image.Image], prompt: Prompt, abandoned: Callable[[], Collection[int]] = tuple) -> Answers:
        """The likeliest reply to each frame, in their order; an error in the place of one that could not be answered.

        `abandoned` tells at any moment for which of them nobody waits any more. Frames of like size are answered together:
        the shorter ones of a batch are padded to the longest.
        """
        answers: Answers = [Abandoned("Nobody waited for the answer any more.")] * len(pictures)
        by_size = sorted(range(len(pictures)), key=lambda n: pictures[n].width * pictures[n].height)
        waiting = [by_size[n : n + self._loaded.folder.batch] for n in range(0, len(by_size), self._loaded.folder.batch)]
        while waiting:
            batch = waiting.pop(0)
            gone = set(abandoned())
            batch = [n for n in batch if n not in gone]
            if not batch:
                continue
            replies: Answers | None = None
            try:
                replies = self._replies([pictures[n] for n in batch], prompt, lambda batch=batch: _places(batch, abandoned()))  # type: ignore[misc]
            except ModelError as error:
                if len(batch) > 1:  # one of them may be impossible, and it is not the others' fault
                    waiting[:0] = [[n] for n in batch]
                    continue
                replies = [error]
            except (MemoryError, RuntimeError) as error:
                if not _ran_out(error):
                    raise  # the process that owns the model ends, and a fresh one begins
            if replies is None:  # here, where the error no longer holds what the batch took
                self._let_go()
                if len(batch) > 1:  # half of them may find room
                    waiting[:0] = [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
                    continue
                replies = [ModelError(_NO_ROOM)]
            for n, reply in zip(batch, replies, strict=True):
                answers[n] = reply
        return answers

    def _replies(self, pictures: Sequence[Image.Image], prompt: Prompt, abandoned: Callable[[], Collection[int]]) -> Answers:
        import torch

        began = time.perf_counter()
        asked = self._loaded.prepare(pictures, prompt.text)
        grammar = (self._grammars, self._grammars.begin(prompt, len(pictures))) if self._grammars else None
        with torch.inference_mode():
            said = decode(self._loaded.net, asked, self._loaded.ends, self._loaded.folder.most_tokens, grammar, abandoned)
        seconds = time.perf_counter() - began
        gone = set(abandoned())
        return [
            Abandoned("Nobody waited for the answer any more.") if n in gone else self._reply(one, prompt, seconds)
            for n, one in enumerate(said)
        ]

    def _reply(self, said: Said, prompt: Prompt, seconds: float) -> Reply:
        words = self._vocabulary
        tokens = tuple(Token(words[n], chance, tuple((words[other], p) for other, p in top)) for n, chance, top in said.steps)
        text = b"".join(t.text.encode("utf-8", "surrogateescape") for t in tokens).decode("utf-8", "replace")
        return Reply(text, self.model, prompt.id, seconds, tokens, masked=self._grammars is not None)

    def _let_go(self) -> None:
        """Give back what a broken-off batch took on the GPU."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _places(batch: Sequence[int], gone: Collection[int]) -> list[int]:
    return [place for place, n in enumerate(batch) if n in gone] if gone else []


def _ran_out(error: Exception) -> bool:
    """On a CPU torch says so in words only."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
