"""Masks: only the answer and its end may be learned, told for rows and batches, and with a real tokenizer and its chat template."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.preflight.masks import ENDS, IGNORED, Templated, batch_masked_right, masked_right
from core.schema import Sample
from core.settings import ASSETS

ANSWER = '{"findings":[],"risk":"none"}'


def letters(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def decode(tokens: Sequence[int]) -> str:
    return "".join(map(chr, tokens))


def labels(before: str, learned: str) -> list[int]:
    return [IGNORED] * len(before) + letters(learned)


@pytest.mark.parametrize("end", ["", *ENDS, "<|im_end|>\n", "<|eot_id|><|end_of_text|>"])
def test_an_answer_and_its_end_are_right(end: str) -> None:
    assert masked_right(labels("What is seen?", ANSWER + end), ANSWER, decode) is None


@pytest.mark.parametrize(
    ("learned", "words"),
    [
        ("", "falls on none"),
        (f"What is seen?{ANSWER}", 'on "What is seen?" before the answer'),
        (f"{ANSWER} So be it.", 'on " So be it." behind the answer'),
        (ANSWER[3:], "they are not the answer"),
        (ANSWER[:-3], "they are not the answer"),
        (f"{ANSWER}<|im_end|>{ANSWER}", "behind the answer"),
    ],
    ids=["nothing", "the question", "more", "begun late", "cut off", "twice"],
)
def test_anything_else_is_said(learned: str, words: str) -> None:
    said = masked_right(labels("the frame's places", learned), ANSWER, decode)
    assert said is not None
    assert words.replace("falls", "would fall") in said


def test_a_hole_in_the_answer_is_seen() -> None:
    row = labels("?", ANSWER)
    row[7] = IGNORED
    assert masked_right(row, ANSWER, decode) is not None


def test_a_batch_tells_its_rows() -> None:
    rows = [labels("??", ANSWER), labels("", f"??{ANSWER}")]
    (said,) = batch_masked_right(np.array(rows), [ANSWER, ANSWER], decode)
    assert said.startswith("Row 2: ")
    assert batch_masked_right(rows[:1], [ANSWER], decode) == ()
    assert batch_masked_right(rows, [ANSWER], decode) == ("There are 2 rows of labels for 1 answers.",)


def test_a_real_template_puts_the_loss_on_the_answer() -> None:
    from transformers import PreTrainedTokenizerFast

    words = PreTrainedTokenizerFast.from_pretrained(str(ASSETS / "models" / "compact"))
    sample = Sample(
        "a" * 64, "frames/a.jpg", 640, 480, "What is seen?", '{"findings":[{"box":[10,20,300,400],"label":"hammer"}],"risk":"none"}'
    )
    right = Templated(words)
    row = right.labels(sample)
    assert masked_right(row, sample.answer, right.decode) is None
    assert row.count(IGNORED) > 5
    unmasked = [*right._tokens("What is seen?"), *(label for label in row if label != IGNORED)]
    assert "before the answer" in str(masked_right(unmasked, sample.answer, right.decode))


def test_a_template_that_puts_no_answer_after_the_question_is_found() -> None:
    from transformers import PreTrainedTokenizerFast

    words = PreTrainedTokenizerFast.from_pretrained(str(ASSETS / "models" / "compact"))
    words.chat_template = "{% for m in messages %}{{ m['role'] }}{% endfor %}{% if add_generation_prompt %}now{% endif %}"
    wrong = Templated(words)
    sample = Sample("a" * 64, "frames/a.jpg", 640, 480, "What is seen?", ANSWER)
    assert masked_right(wrong.labels(sample), ANSWER, wrong.decode) is not None
