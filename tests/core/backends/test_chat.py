"""What a server says is taken whole or not at all: words that are words, probabilities that belong to them byte by byte."""

from __future__ import annotations

import json
import math
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backends.chat import Answer, read, sent_size
from core.errors import ModelGarbled, ModelRefused
from core.geometry import FAMILIES
from tests.fault_server import WORDS, completion

MODEL = "bench-lora"


def entry(text: bytes | str, logprob: Any = -0.1, **more: Any) -> dict[str, Any]:
    """A token of an answer: by its bytes, or by its text alone as some servers give it."""
    raw = text.encode() if isinstance(text, str) else text
    return {"token": raw.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(raw) if isinstance(text, bytes) else None, **more}


def said(text: str, *entries: dict[str, Any], **choice: Any) -> Answer:
    return read(completion(text, logprobs={"content": list(entries)}, **choice), MODEL)


def test_tokens_are_the_text_and_pieces_of_characters_survive() -> None:
    raw = "锤子".encode()
    answer = said("锤子", entry(raw[:2]), entry(raw[2:]))
    assert b"".join(token.text.encode("utf-8", "surrogateescape") for token in answer.tokens) == raw
    assert answer.tokens[0].text == raw[:2].decode("utf-8", "surrogateescape")


def test_a_server_that_gives_no_bytes_is_read_by_its_texts() -> None:
    assert [token.text for token in said("{}", entry("{"), entry("}")).tokens] == ["{", "}"]


@pytest.mark.parametrize(
    "end", [[entry(b"<|im_end|>")], [entry("")], [entry(b""), entry(b"<|eot_id|>"), entry(b"\n")]], ids=["mark", "empty", "three"]
)
def test_end_marks_are_no_words(end: list[dict[str, Any]]) -> None:
    assert [token.text for token in said("{}", entry(b"{"), entry(b"}"), *end).tokens] == ["{", "}"]


@pytest.mark.parametrize(
    "entries",
    [
        [entry(b"{")],
        [entry(b"{"), entry(b"]")],
        [entry(b"{}"), entry("�")],
        [entry("�"), entry(b"{}")],
        [entry(b"{", None), entry(b"}")],
        [entry(b"{", 0.5), entry(b"}")],
        [entry(b"{", True), entry(b"}")],
        [entry(b"{", "-1"), entry(b"}")],
        [entry(b"{", 10**400), entry(b"}")],
        [{**entry(b"{"), "bytes": 10**12}, entry(b"}")],
        [{**entry(b"{"), "bytes": [123, 256]}, entry(b"}")],
        [{**entry(b"{"), "bytes": None, "token": 7}, entry(b"}")],
        [{**entry(b"{"), "bytes": None, "token": "\ud800"}, entry(b"}")],
        [{"token": "{"}, entry(b"}")],
        ["{", "}"],
    ],
    ids=["too few", "other words", "lost bytes are an end", "lost bytes", "no number", "above one", "true", "words", "endless", "many bytes", "no byte",
         "no text", "half a character", "nothing", "strings"],
)  # fmt: skip
def test_probabilities_that_do_not_belong_to_the_words_are_dropped_and_the_words_stay(
    entries: list[Any], request: pytest.FixtureRequest
) -> None:
    answer = said("{}", *entries)
    assert answer.text == "{}"
    if "lost bytes are an end" not in request.node.name:
        assert answer.tokens == ()


@pytest.mark.parametrize("logprobs", [None, [], {}, {"content": None}, {"content": 3}, {"content": []}, "x", 1], ids=repr)
def test_no_probabilities_are_no_error(logprobs: Any) -> None:
    assert read(completion(WORDS, logprobs=logprobs), MODEL) == Answer(WORDS, ())


def test_the_likeliest_come_first_and_the_one_that_was_said_is_among_them() -> None:
    others = [entry(b"[", -3.0), entry(b"x", None), entry(b"(", -1.5)]
    (token, _) = said("{}", entry(b"{", -0.5, top_logprobs=others), entry(b"}")).tokens
    assert token.top == (("{", -0.5), ("(", -1.5), ("[", -3.0))


def test_a_share_of_one_that_was_rounded_up_is_one() -> None:
    assert said("{}", entry(b"{}", 1e-7)).tokens[0].logprob == 0


@pytest.mark.parametrize(
    ("written", "becomes"),
    [("-9999.0", -9999.0), ("-1e308", -1e308), ("-0.0", 0.0), ("1e-7", 0.0), ("0.5", None), ("1e308", None), ("-1e400", None), ("null", None),
     ('"-1"', None)],
)  # fmt: skip
@pytest.mark.parametrize("place", ["its own", "another's"])
def test_odd_probabilities_are_numbers_to_count_with_or_none_at_all(written: str, becomes: float | None, place: str) -> None:
    """-9999 stands for minus infinity (vLLM): a probability of 0, and nothing that is no number comes after it."""
    likeliest = [entry(b"{}", -0.25), entry(b"[]", -7.5)]
    body = completion("{}", logprobs={"content": [entry(b"{}", -0.25 if place == "another's" else -7.5, top_logprobs=likeliest)]})
    at = body.rindex(b"-7.5") if place == "another's" else body.index(b"-7.5")
    tokens = read(body[:at] + written.encode() + body[at + 4 :], MODEL).tokens
    if becomes is None and not (written == "null" and place == "another's"):
        assert tokens == ()
        return
    (token,) = tokens
    logprobs = [token.logprob, *(logprob for _, logprob in token.top)]
    assert all(0 <= math.exp(logprob) <= 1 for logprob in logprobs)
    assert (becomes is None) is (becomes not in logprobs)


@pytest.mark.parametrize("written", ["NaN", "-Infinity", "Infinity"])
def test_what_json_does_not_know_is_no_answer(written: str) -> None:
    body = completion("{}", logprobs={"content": [entry(b"{}", -7.5)]}).replace(b"-7.5", written.encode())
    with pytest.raises(ModelGarbled):
        read(body, MODEL)


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ("bench-lora", "bench-lora"),
        ("bench-lora", "/adapters/bench-lora"),
        ("bench-lora", "C:\\adapters\\bench-lora"),
        ("bench-lora", "factory/bench-lora/"),
        ("/models/bench.gguf", "bench.gguf"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "Qwen2.5-VL-7B-Instruct"),
        ("/models/bench.gguf", "/models/bench.gguf"),
        ("bench-lora", None),
        ("bench-lora", ""),
        ("bench-lora", 7),
        ("bench-lora", ["base-7b"]),
    ],
)
def test_a_model_is_known_by_its_name_with_its_folders_or_without(asked: str, answers: object) -> None:
    assert read(completion(model=answers), asked).text == WORDS


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ("bench-lora", "base-7b"),
        ("bench-lora", "/models/base-7b"),
        ("bench-lora", "bench-lora/base-7b"),
        ("bench-lora", "bench-lora-2"),
        ("bench-lora", "bench"),
        ("bench-lora", "Bench-LoRA"),
        ("bench-lora", "bench-lora:latest"),
        ("bench-lora", "bench-lora.gguf"),
        ("bench-lora", "/"),
        ("/", "//"),
        ("ours/bench-7b", "theirs/bench-7b"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
    ],
)
def test_another_model_does_not_pass_for_the_one_that_was_asked(asked: str, answers: str) -> None:
    with pytest.raises(ModelRefused, match=re.escape(f'answers as "{answers}", not as "{asked}"')) as found:
        read(completion(model=answers), asked)
    assert f"--served-name {answers}." in str(found.value)


def test_a_name_that_is_a_trick_is_shown_as_one_word_and_short() -> None:
    with pytest.raises(ModelRefused) as found:
        read(completion(model="m; rm -rf ~\n\x1b[2J" + "x" * 10_000), MODEL)
    assert "--served-name 'm; rm -rf ~[2Jxxx" in str(found.value)
    assert str(found.value).isprintable()
    assert len(str(found.value)) < 600


@pytest.mark.parametrize("reason", ["stop", "length", "eos", "eos_token", "stop_sequence", None])
def test_an_answer_may_end_in_several_ways(reason: str | None) -> None:
    assert read(completion(WORDS, finish_reason=reason), MODEL).text == WORDS


@pytest.mark.parametrize("reason", ["content_filter", "tool_calls", "abort", "error", 3, ["stop"]], ids=str)
def test_an_answer_that_was_broken_off_is_none(reason: Any) -> None:
    with pytest.raises(ModelGarbled):
        read(completion(WORDS, finish_reason=reason), MODEL)


def test_words_in_parts_are_joined() -> None:
    assert read(completion([{"type": "text", "text": "{"}, {"type": "text", "text": "}"}]), MODEL).text == "{}"


NO_ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "a number": b"3",
    "null": b"null",
    "a list": b"[]",
    "no choices": b"{}",
    "choices are no list": b'{"choices": {"message": {"content": "x"}}}',
    "a message that is a string": b'{"choices": [{"message": "x"}]}',
    "content is a number": completion(3),
    "content is empty": completion(""),
    "content is blank": completion(" \n"),
    "half a character": completion("x").replace(b'"x"', b'"\\ud800"'),
    "an error in an answer": b'{"error": {"message": "out of memory"}, "choices": [{"message": {"content": "{}"}}]}',
    "a refusal": json.dumps({"choices": [{"message": {"content": "{}", "refusal": "I will not"}, "finish_reason": "stop"}]}).encode(),
    "a tool call beside words": json.dumps({"choices": [{"message": {"content": "{}", "tool_calls": [{"id": "1"}]}}]}).encode(),
    "infinity": completion(WORDS, extra=math.inf),
    "a number of 10,000 digits": completion(WORDS, extra=1).replace(b'"extra": 1', b'"extra": ' + b"9" * 10_000),
    "100,000 brackets": b"[" * 100_000,
    "the words twice": completion("{}").replace(b'"content": "{}"', b'"content": "{}", "content": "[]"'),
    "another encoding": completion("{}").decode().encode("utf-16"),
}


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(ModelGarbled):
        read(body, MODEL)


@given(st.binary(max_size=200), st.integers(0, 10**9))
def test_a_damaged_answer_is_an_answer_or_an_error_and_nothing_else(noise: bytes, seed: int) -> None:
    dice = random.Random(seed)
    body = bytearray(completion(WORDS, logprobs={"content": [entry(bytes([byte])) for byte in WORDS.encode()]}))
    for byte in noise[:4]:
        body[dice.randrange(len(body))] = byte
    for content in (bytes(body), bytes(body[: dice.randrange(len(body))]), noise):
        try:
            answer = read(content, MODEL)
        except ModelGarbled:
            continue
        joined = b"".join(token.text.encode("utf-8", "surrogateescape") for token in answer.tokens)
        assert joined in (b"", answer.text.encode("utf-8"))


@given(st.integers(1, 8000), st.integers(1, 8000), st.sampled_from(sorted(FAMILIES)))
def test_the_frame_that_is_sent_keeps_its_shape_and_the_limit(width: int, height: int, family: str) -> None:
    if max(width, height) > 100 * min(width, height):
        return
    most = 512 * 28 * 28
    w, h = sent_size((width, height), FAMILIES[family], most)
    assert w * h <= most
    if not FAMILIES[family].resized:
        assert w <= width
        assert h <= height
        assert abs(w / width - h / height) <= max(1 / width, 1 / height) + 1e-9
