"""What each token of a byte-level tokenizer stands for, as bytes. Encodes nothing."""

from __future__ import annotations

import functools
from typing import Any


class Vocabulary:
    """Token number -> its text; a piece of a character as surrogate escapes, so that pieces joined give the text back bytewise."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, str] = {number: token.content for number, token in tokenizer.added_tokens_decoder.items()}

    def __getitem__(self, number: int) -> str:
        known = self._known.get(number)
        if known is None:
            letters = _byte_of_letter()
            piece = self._tokenizer.convert_ids_to_tokens(number) or ""  # a model's table of words may be longer than its tokenizer's
            known = self._known[number] = bytes(letters[c] for c in piece).decode("utf-8", "surrogateescape")
        return known


@functools.cache
def _byte_of_letter() -> dict[str, int]:
    """The alphabet in which byte-level tokenizers write bytes: printable bytes as themselves, the others from U+0100 on.

    Source: GPT-2's `bytes_to_unicode`, which Qwen's and Llama 3's tokenizers share.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + n): b for n, b in enumerate(others)}
