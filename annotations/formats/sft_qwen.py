"""`sft.qwen.json`: one list of `image` + `conversations`, as the scripts beside the Qwen-VL models read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from annotations.formats.folder import sample, tagged, untagged
from core.errors import Malformed
from core.schema import Sample

FILE = "sft.qwen.json"
VALID_FOR = (
    "Qwen-VL finetuning scripts (the tag is followed by a line break there)",
    "LLaMA-Factory 0.9.5 with its columns mapped",
    "ms-swift 4.6",
)
NOT_FOR = ("Unsloth",)

_BETWEEN = "\n"


def write(samples: Sequence[Sample], folder: Path) -> tuple[Path, ...]:
    """A JSON list, one sample a line, written as it goes."""
    path = folder / FILE
    with path.open("wb") as file:
        file.write(b"[")
        for i, each in enumerate(samples):
            file.write((b",\n" if i else b"\n") + orjson.dumps(_entry(each)))
        file.write(b"\n]\n")
    return (path,)


def read(folder: Path) -> tuple[Sample, ...]:
    """The samples of a folder. Raises Malformed with file, entry and reason."""
    try:
        entries = orjson.loads((folder / FILE).read_bytes())
    except orjson.JSONDecodeError as error:
        raise Malformed(f"{FILE}: this is no JSON ({error}).") from error
    samples = []
    for number, entry in enumerate(entries, start=1):
        place = f"{FILE}, entry {number}"
        match entry:
            case {"image": str(image), "conversations": [{"from": "human", "value": str(asked)}, {"from": "gpt", "value": str(answer)}]}:
                samples.append(sample(folder, image, untagged(asked, _BETWEEN, place), answer, place))
            case _:
                raise Malformed(f"{place}: not one question with one frame and one answer.")
    return tuple(samples)


def _entry(each: Sample) -> dict[str, object]:
    question = {"from": "human", "value": tagged(each, _BETWEEN)}
    return {"image": each.image, "conversations": [question, {"from": "gpt", "value": each.answer}]}
