"""Lets a local model say only what a prompt's JSON Schema allows, token by token (llguidance). Changes no score in place and chooses nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import ModelUnfit

if TYPE_CHECKING:
    import torch

    from core.prompts import Prompt

_NO_SPACES = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
# Left to itself llguidance allows only one spelling of what must follow; a model that learned another (one token for
# `","violations":[]`) would be led into words it never said. The mask may name every token that fits.
_ANY_SPELLING = '%llguidance {"no_forcing": true}\nstart: %json '


class Grammars:
    """The grammars of one tokenizer, each compiled once. `width`: of the model's logits, which may be more or less than the tokenizer has words."""

    def __init__(self, tokenizer: Any, width: int, ends: Sequence[int]) -> None:
        from llguidance.hf import from_tokenizer

        self._all = max(width, len(tokenizer))
        self._words = from_tokenizer(tokenizer, n_vocab=self._all, eos_token=list(ends))
        self._width = width
        self._compiled: dict[str, Any] = {}

    def begin(self, prompt: Prompt, rows: int) -> list[Any]:
        """A matcher for each of `rows` replies to `prompt`. Raises ModelUnfit for a schema that cannot be followed."""
        from llguidance import LLMatcher

        matcher = self._compiled.get(prompt.schema_id)
        if matcher is None:
            schema = json.dumps({**prompt.schema, "x-guidance": _NO_SPACES})
            matcher = LLMatcher(self._words, LLMatcher.grammar_from_lark(_ANY_SPELLING + schema))
            if matcher.is_error():
                raise ModelUnfit(f"The profile's schema cannot be followed token by token: {matcher.get_error()}. Use the model unguided.")
            self._compiled[prompt.schema_id] = matcher
        return [matcher.deep_copy() for _ in range(rows)]

    def allowed(self, matchers: Sequence[Any]) -> torch.Tensor:
        """Which tokens may follow: rows x width, true where one may."""
        import torch
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        bits = allocate_token_bitmask(len(matchers), self._all)
        for row, matcher in enumerate(matchers):
            fill_next_token_bitmask(matcher, bits, row)
        flat = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, : self._width]
        return torch.from_numpy(flat.view(np.bool_))
