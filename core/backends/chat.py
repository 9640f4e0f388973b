"""One question in the words of `/v1/chat/completions`, and what its answer means. Sends nothing; believes nothing that is not whole.

Source: the chat completions part of OpenAI's API reference, as vLLM, SGLang, llama.cpp, Ollama and LM Studio speak it.
"""

from __future__ import annotations

import base64
import io
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from core.errors import ModelGarbled, ModelRefused, ModelUnfit
from core.geometry import BoxFormat, Size, smart_resize
from core.schema import Token

if TYPE_CHECKING:
    from PIL import Image

    from core.backends.catalogue import EndpointSpec
    from core.prompts import Prompt

TOP = 5
"""How many of the likeliest tokens are asked for at each place: no server gives more than 20, and some refuse more than 5."""

JPEG_QUALITY = 95
_ENDS = ("stop", "length", "eos", "eos_token", "stop_sequence", None)  # of an answer that was not broken off; each server has its own words
_LONGEST_NAME = 200  # characters of a model's name
_SURELY_ABOVE_ONE = 1e-3  # a log-probability may be above 0 by rounding, not by this


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. One that ran into the limit of tokens is kept as it is: the parser sees where its JSON is cut."""

    text: str
    tokens: tuple[Token, ...]  # joined they are `text`; empty: no log-probabilities, or none that belong to it


def sent_size(size: Size, fmt: BoxFormat, most_pixels: int) -> Size:
    """The size at which a frame is sent. For a family that speaks in pixels of the resized frame that is its own resize, so that the server's changes nothing.

    >>> sent_size((1920, 1080), BoxFormat(scale=None, resized=True), 1280 * 28 * 28), sent_size((1920, 1080), BoxFormat(), 1280 * 720)
    ((1316, 728), (1280, 720))
    """
    if fmt.resized:
        return smart_resize(size, fmt.factor, fmt.min_pixels, most_pixels)
    share = min(1.0, math.sqrt(most_pixels / (size[0] * size[1])))
    return max(1, int(size[0] * share)), max(1, int(size[1] * share))


def picture_url(picture: Image.Image, fmt: BoxFormat, most_pixels: int) -> str:
    """The frame as a JPEG made here, without any metadata, as a data URL. Raises ModelUnfit for a shape that the family does not take."""
    from PIL import Image

    try:
        size = sent_size(picture.size, fmt, most_pixels)
    except ValueError as error:
        raise ModelUnfit(f"This frame cannot be shown to the model: {error}.") from error
    made = (
        picture.convert("RGB") if size == picture.size else picture.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    )
    made.info = {}  # comments and profiles would otherwise be written on
    out = io.BytesIO()
    made.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def question(spec: EndpointSpec, prompt: Prompt, url: str, *, sample: int = 0) -> bytes:
    """The body of a request: the picture, the words, no sampling. `sample` 1, 2, ...: one of several draws from the model's own distribution, without log-probabilities."""
    body: dict[str, Any] = {
        "model": spec.model,
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt.text}]},
        ],
        "temperature": 1 if sample else 0,  # at 1 a share of k draws estimates the probability itself
        "seed": sample,
        "max_tokens": spec.most_tokens,
        "stream": False,
    }
    if spec.guided:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": prompt.schema}}
    if spec.logprobs and not sample:
        body |= {"logprobs": True, "top_logprobs": TOP}
    return orjson.dumps(body)


def read(body: bytes, model: str) -> Answer:
    """What the body of an answer by `model` says. Raises ModelGarbled for everything that is not one whole answer in words, and ModelRefused for another model's.

    What JSON does not know (NaN) and what it leaves open (a key that stands twice) is garbled too: it could be read in two ways.
    """
    try:
        said = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
        if said.get("error"):
            raise ModelGarbled("The model's server sent an error where an answer should be.")
        _check_name(said.get("model"), model)
        choice = said["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        text = message["content"]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise ModelGarbled(f"The model's server sent something that is no chat completion ({type(error).__name__}).") from error
    if isinstance(text, list):  # in parts, as some servers do
        text = "".join(str(part.get("text", "")) for part in text if isinstance(part, dict))
    if not isinstance(text, str) or not text.strip() or message.get("tool_calls") or message.get("refusal"):
        raise ModelGarbled(
            "The model's server sent an answer without words: a tool call, a refusal, or nothing. A person has to judge this frame."
        )
    if reason not in _ENDS:
        raise ModelGarbled(f"The model's server broke the answer off ({str(reason)[:40]!r}). A person has to judge this frame.")
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ModelGarbled("The model's server sent an answer with half a character in it.") from error
    return Answer(text, _tokens(choice.get("logprobs"), raw))


def _check_name(said: object, asked: str) -> None:
    """Nothing, when the model that a server says it answered as is the one that was asked. Raises ModelRefused.

    A server that does not say is believed. A name is the same name with the folders before it or without (`/models/bench-7b` is
    `bench-7b`); two different paths are two models, and so are two names of which one only begins with the other.
    """
    if not isinstance(said, str) or not said.strip() or said == asked:
        return
    names = [name.replace("\\", "/").rstrip("/") for name in (said, asked)]
    last = [name.rpartition("/")[2] for name in names]
    if last[0] == last[1] != "" and (names[0] == last[0] or names[1] == last[1]):
        return
    shown = "".join(sign for sign in said if sign.isprintable())[:_LONGEST_NAME]
    raise ModelRefused(
        f'The model\'s server answers as "{shown}", not as "{asked}". '
        f"If that is the model you mean, add it again with --served-name {shlex.quote(shown)}."
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _tokens(logprobs: object, raw: bytes) -> tuple[Token, ...]:
    """The tokens of a text. None at all unless they are this text byte by byte, with a probability each: better no confidence than another's."""
    try:
        tokens = [_token(entry) for entry in logprobs["content"]]  # type: ignore[index]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        return ()
    pieces = [token.text.encode("utf-8", "surrogateescape") for token in tokens]
    length = sum(map(len, pieces))
    while pieces and (length > len(raw) or not pieces[-1]):  # an end mark that is a token and no word
        length -= len(pieces.pop())
    return tuple(tokens[: len(pieces)]) if b"".join(pieces) == raw else ()


def _token(entry: Mapping[str, Any]) -> Token:
    text, logprob = _piece(entry), _logprob(entry["logprob"])
    top = [(_piece(other), _logprob(other["logprob"])) for other in _likeliest(entry) if other.get("logprob") is not None]
    if top and text not in (other for other, _ in top):
        top.append((text, logprob))
    return Token(text, logprob, tuple(sorted(top, key=lambda each: -each[1])))


def _likeliest(entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return entry.get("top_logprobs") or ()


def _piece(entry: Mapping[str, Any]) -> str:
    """A token as text; a piece of a character as surrogate escapes."""
    said = entry.get("bytes")
    if said is None:
        text = entry["token"]
        return text.encode("utf-8").decode("utf-8")  # type: ignore[no-any-return]
    if not isinstance(said, list):  # bytes(10**10) would make them
        raise TypeError("no bytes")
    return bytes(said).decode("utf-8", "surrogateescape")


def _logprob(said: object) -> float:
    """A natural logarithm of a probability. Raises ValueError for what is none.

    vLLM writes -9999 for minus infinity; it is kept: its probability is 0, which whoever counts with it has to expect of any server.
    """
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said) or said > _SURELY_ABOVE_ONE:
        raise ValueError("no log-probability")
    return min(0.0, float(said))
