"""The lines of a part folder's files for supervised training: of each its frames, its places for them, question and answer. Judges no answer.

A line that cannot be understood is told and the next one is read: a person wants to hear of all defects at once. One line is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.preflight.defects import Defect

TAG = "<image>"
MARKS = (TAG, "<|image_pad|>", "<|image|>", "<|vision_start|>", "<|vision_end|>", "<bbox>")
"""What trainers and models take for a place of a frame; none may stand in a text."""


@dataclass(frozen=True, slots=True)
class Line:
    """One question with one answer."""

    place: str
    image: str  # relative to the part's folder, as it is written
    prompt: str  # without the frame's tag
    answer: str


@dataclass(frozen=True, slots=True)
class _Raw:
    images: list[object]
    tags: int  # places for frames in the question
    prompt: str
    answer: str


def lines(folder: Path, file: str, at: str) -> Iterator[Line | Defect]:
    """Line by line. `at`: what stands before the file's name in a place ("train/"). `file`: a key of SHAPES."""
    shape = SHAPES[file]
    for place, text in _texts(folder / file, f"{at}{file}"):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            yield Defect(place, "schema", f"This is no JSON ({error}).")
            continue
        raw = shape(value)
        if raw is None:
            yield Defect(place, "schema", "This is not one question with one answer, as this file has them.")
            continue
        wrong = _counted(place, raw)
        if wrong is not None:
            yield wrong
        if len(raw.images) != 1 or not isinstance(raw.images[0], str):
            continue
        yield Line(place, raw.images[0], raw.prompt, raw.answer)


def _counted(place: str, raw: _Raw) -> Defect | None:
    if len(raw.images) != raw.tags:
        return Defect(place, "tags", f"There are {len(raw.images)} frames and {raw.tags} places for them.")
    if raw.tags != 1:
        return Defect(place, "tags", f"There are {raw.tags} frames, and one is asked about at a time.")
    mark = next((mark for mark in MARKS if mark in raw.prompt or mark in raw.answer), None)
    if mark is not None:
        return Defect(place, "tags", f"The text holds {mark}, which trainers take for one more frame.")
    return None


def _parts(value: Any) -> _Raw | None:
    """`sft.parts.jsonl`: the question is a list of parts, the frame one of them."""
    match value:
        case {"messages": [{"role": "user", "content": list(asked)}, {"role": "assistant", "content": list(said)}], "images": list(images)}:
            prompt, answer = _text(asked), _text(said)
            if prompt is None or answer is None:
                return None
            return _Raw(images, sum(part == {"type": "image"} for part in asked), prompt, answer)
    return None


def _text(parts: list[Any]) -> str | None:
    """The only text among parts that are texts or frames."""
    texts = [part["text"] for part in parts if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)]
    frames = sum(part == {"type": "image"} for part in parts)
    return texts[0] if len(texts) == 1 and len(texts) + frames == len(parts) else None


def _tagged(value: Any) -> _Raw | None:
    """`sft.tag.jsonl`: the frame is a tag inside the text."""
    match value:
        case {
            "messages": [{"role": "user", "content": str(asked)}, {"role": "assistant", "content": str(answer)}],
            "images": list(images),
        }:
            return _Raw(images, asked.count(TAG), asked.removeprefix(TAG), answer)
    return None


def _conversation(value: Any) -> _Raw | None:
    """`sft.qwen.json`: one `image`, or a list, beside `conversations`; the tag is followed by a line break."""
    match value:
        case {"image": image, "conversations": [{"from": "human", "value": str(asked)}, {"from": "gpt", "value": str(answer)}]}:
            return _Raw(image if isinstance(image, list) else [image], asked.count(TAG), asked.removeprefix(f"{TAG}\n"), answer)
    return None


SHAPES: Mapping[str, Callable[[Any], _Raw | None]] = {
    "sft.parts.jsonl": _parts,
    "sft.tag.jsonl": _tagged,
    "sft.qwen.json": _conversation,
}
"""The files that are looked through."""


def _texts(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Each line with its place. A list is written an entry a line; one that is not is read whole, and its entries are counted."""
    begun = False
    with path.open("rb") as file:
        if path.suffix == ".jsonl":
            yield from ((f"{name}, line {number}", line) for number, line in enumerate(file, start=1))
            return
        for number, line in enumerate(file, start=1):
            entry = line.strip().removesuffix(b",")
            if entry in (b"[", b"]", b"[]", b""):
                continue
            if not (entry.startswith(b"{") and entry.endswith(b"}")):
                break
            begun = True
            yield f"{name}, line {number}", entry
        else:
            return
    if begun:
        yield f"{name}, line {number}", b"not an entry of a list"
    else:
        yield from _entries(path, name)


def _entries(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    try:
        whole = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        whole = None
    if not isinstance(whole, list):
        yield f"{name}, line 1", b"not a list"
        return
    yield from ((f"{name}, entry {number}", orjson.dumps(entry)) for number, entry in enumerate(whole, start=1))
