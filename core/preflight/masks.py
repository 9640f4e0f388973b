"""Does the loss fall on the answer and on nothing else? Told from the labels that a trainer would learn from. Trains nothing.

TRL's default learned from 1,484 of 1,484 tokens of a conversation, 1,196 of them places of a picture: nothing fails then, it only learns the question.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from core.schema import Sample

IGNORED = -100
"""The label of a token from which nothing is learned (torch's cross entropy, `ignore_index`)."""

ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>", "<eos>", "<end_of_turn>", "\n")
"""What may stand behind an answer in the loss, in any number: a model must learn where to stop."""

Decode = Callable[[Sequence[int]], str]
"""Tokens to text, special ones included."""


class Masking(Protocol):
    """What a trainer would learn from."""

    def labels(self, sample: Sample) -> Sequence[int]:
        """A label for each token of the conversation, IGNORED where nothing is learned."""
        ...

    def decode(self, tokens: Sequence[int]) -> str:
        """Tokens to text, special ones included."""
        ...


def masked_right(labels: Sequence[int], answer: str, decode: Decode, ends: Collection[str] = ENDS) -> str | None:
    """What is wrong with the labels of one conversation, in a sentence; None: the supervised tokens decode to the answer and its end.

    >>> letters = dict(enumerate("ask {}<|im_end|>"))
    >>> decode = lambda tokens: "".join(letters[token] for token in tokens)
    >>> masked_right([IGNORED] * 4 + list(range(4, 16)), "{}", decode)
    >>> masked_right(list(range(16)), "{}", decode)
    'The loss would fall on 16 of 16 tokens, and on "ask " before the answer.'
    """
    learned = [label for label in labels if label != IGNORED]
    if not learned:
        return f"The loss would fall on none of {len(labels)} tokens: nothing would be learned."
    text = decode(learned)
    if _without_end(text, answer, ends):
        return None
    counted = f"The loss would fall on {len(learned)} of {len(labels)} tokens, and"
    at = text.find(answer)
    if at < 0:
        return f"{counted} they are not the answer: {_shown(text)}."
    if at > 0:
        return f"{counted} on {_shown(text[:at], last=True)} before the answer."
    return f"{counted} on {_shown(text[len(answer) :])} behind the answer."


def batch_masked_right(labels: Any, answers: Sequence[str], decode: Decode, ends: Collection[str] = ENDS) -> tuple[str, ...]:
    """`masked_right` for a batch: labels as rows of numbers or a tensor (batch x tokens). A sentence for each row that is wrong, with its number from 1."""
    rows = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    if len(rows) != len(answers):
        return (f"There are {len(rows)} rows of labels for {len(answers)} answers.",)
    said = [masked_right(row, answer, decode, ends) for row, answer in zip(rows, answers, strict=True)]
    return tuple(f"Row {number}: {words}" for number, words in enumerate(said, start=1) if words is not None)


class Templated:
    """The labels of a trainer that puts the loss on what a chat template adds to the question: the answer and its end.

    `tokenizer`: any with `apply_chat_template`, `__call__` and `decode`, as those of transformers.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def labels(self, sample: Sample) -> Sequence[int]:
        """Question and answer are tokenised apart, as prompt and completion are. All tokens count where the template puts no answer after the question."""
        asked = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": sample.prompt}]}]
        told = [*asked, {"role": "assistant", "content": [{"type": "text", "text": sample.answer}]}]
        question = str(self._tokenizer.apply_chat_template(asked, add_generation_prompt=True, tokenize=False))
        whole = str(self._tokenizer.apply_chat_template(told, tokenize=False))
        if not whole.startswith(question):
            return self._tokens(whole)
        return [*[IGNORED] * len(self._tokens(question)), *self._tokens(whole[len(question) :])]

    def decode(self, tokens: Sequence[int]) -> str:
        """As it would be generated, special tokens included."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=False))

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])


def _without_end(text: str, answer: str, ends: Collection[str]) -> bool:
    """Whether a text is the answer and ends alone."""
    if not text.startswith(answer):
        return False
    rest = text[len(answer) :]
    while rest:
        end = next((end for end in ends if rest.startswith(end)), None)
        if not end:
            return False
        rest = rest[len(end) :]
    return True


def _shown(text: str, *, last: bool = False) -> str:
    short = text if len(text) <= 60 else f"...{text[-57:]}" if last else f"{text[:57]}..."
    return f'"{short}"'
