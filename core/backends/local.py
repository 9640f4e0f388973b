"""A model of the Qwen-VL family in this process, from a folder with safetensors. Never from code in the folder, never from the network."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from core.backends import processors
from core.backends.folder import ModelFolder
from core.errors import ModelError
from core.geometry import BoxFormat
from core.schema import Reply, Token

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from core.patience import Patience
    from core.prompts import Prompt

TOP = 5
"""How many of the likeliest tokens are kept for each place of a reply."""


class LocalModel:
    """Loads at birth (seconds to minutes); answers one frame at a time, always the likeliest token. Raises ModelError when it cannot be loaded."""

    def __init__(self, folder: ModelFolder, threads: int) -> None:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForImageTextToText, GenerationConfig

        torch.set_num_threads(threads)
        self._folder = folder
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._processor = processors.load(folder.path)
            net: Any = AutoModelForImageTextToText.from_pretrained(
                folder.path, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype="auto"
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"The model {folder.path.name} could not be loaded: {error}") from error
        self._net = net.to(self._device).eval()
        ends = net.generation_config.eos_token_id if net.generation_config else None
        words = self._processor.tokenizer
        ends = ends if ends is not None else words.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list) else [ends])
        # A fresh config: hub folders bring repetition penalties and temperatures, which corrupt coordinates and log-probabilities.
        self._how = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False, max_new_tokens=folder.most_tokens, eos_token_id=sorted(self._ends), pad_token_id=words.pad_token_id,
            return_dict_in_generate=True, output_logits=True,
        )  # fmt: skip

    @property
    def model(self) -> str:
        """Name and fingerprint of the weights."""
        return self._folder.model

    @property
    def prompt_style(self) -> str:
        """The style of prompt that this model was taught, or the full one."""
        return self._folder.prompt_style

    @property
    def box_format(self) -> BoxFormat:
        """How it writes boxes."""
        return self._folder.box_format

    def ask(self, picture: Image.Image, prompt: Prompt, patience: Patience | None = None) -> Reply:
        """The likeliest reply, with log-probabilities of each token. Raises ModelError when memory runs out."""
        import torch

        started = time.perf_counter()
        asked = self._prepare(picture, prompt.text)
        try:
            with torch.inference_mode():
                out = self._net.generate(**asked, generation_config=self._how)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise ModelError("The model ran out of memory on this frame. Use a smaller model or close other programs.") from error
        said = out.sequences[0, asked["input_ids"].shape[1] :]
        tokens = self._tokens(said, torch.cat([step.float().cpu() for step in out.logits]))
        text = b"".join(t.text.encode("utf-8", "surrogateescape") for t in tokens).decode("utf-8", "replace")
        return Reply(text=text, model=self.model, prompt_id=prompt.id, seconds=time.perf_counter() - started, tokens=tokens)

    def _prepare(self, picture: Image.Image, text: str) -> dict[str, torch.Tensor]:
        """Pixels and words as tensors on the device."""
        import numpy as np
        from PIL import Image

        from core.compact.network import on_canvas

        if self._folder.canvas:
            picture = Image.fromarray(on_canvas(np.asarray(picture)))
        said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}]
        chat = self._processor.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
        fmt = self._folder.box_format
        size = {} if self._folder.canvas else {"images_kwargs": {"size": {"shortest_edge": fmt.min_pixels, "longest_edge": fmt.max_pixels}}}
        asked = self._processor(images=[picture], text=[chat], return_tensors="pt", **size)
        return {name: value.to(self._device) for name, value in asked.items()}

    def _tokens(self, said: torch.Tensor, logits: torch.Tensor) -> tuple[Token, ...]:
        """The reply's tokens (up to the end mark) with log-probabilities. `logits`: places x vocabulary."""
        import torch

        chances = torch.log_softmax(logits, -1)
        likeliest, which = chances.topk(min(TOP, chances.shape[1]), -1)
        tokens: list[Token] = []
        for place, number in enumerate(said.tolist()):
            if number in self._ends:
                break
            top = zip(which[place].tolist(), likeliest[place].tolist(), strict=True)
            tokens.append(Token(self._text(number), float(chances[place, number]), tuple((self._text(n), float(p)) for n, p in top)))
        return tuple(tokens)

    @functools.cached_property
    def _added(self) -> dict[int, str]:
        return {number: token.content for number, token in self._processor.tokenizer.added_tokens_decoder.items()}

    def _text(self, number: int) -> str:
        """A token's bytes as text; a piece of a character as surrogate escapes."""
        if number in self._added:
            return self._added[number]
        piece = self._processor.tokenizer.convert_ids_to_tokens(number)
        letters = _byte_of_letter()
        return bytes(letters[c] for c in piece).decode("utf-8", "surrogateescape")


@functools.cache
def _byte_of_letter() -> dict[str, int]:
    """The alphabet in which byte-level tokenizers write bytes: printable bytes as themselves, the others from U+0100 on.

    Source: GPT-2's `bytes_to_unicode`, which Qwen's and Llama 3's tokenizers share.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + n): b for n, b in enumerate(others)}
