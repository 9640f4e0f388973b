"""Another model's marks for answers, as an option: five dimensions, 1 to 5, asked of any backend that can be asked. Nothing rests on them.

They are shown only beside how well they agree with people who marked the same answers, and not at all before enough were marked twice:
a judge whose agreement nobody knows measures itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import msgspec
import numpy as np
import orjson

from core import sft
from core.backends.base import FRAME_ID, Backend
from core.errors import Malformed, ModelGarbled
from core.evaluation.ceiling import alpha
from core.evaluation.predictions import Prediction, by_frame
from core.extraction import extract
from core.patience import Patience
from core.pixels import upright
from core.prompts import Prompt
from core.settings import ASSETS

DIMENSIONS = ("tool", "function", "safety", "misuse", "valid_json")
MARKS = (1, 2, 3, 4, 5)
LEAST = 30
"""Answers marked by a person too, from which on marks are shown."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Of one answer, 1 to 5 in each dimension."""

    frame_id: str
    tool: int
    function: int
    safety: int
    misuse: int
    valid_json: int
    by: str = ""  # a person's name, or a model's id

    def __getitem__(self, dimension: str) -> int:
        if dimension not in DIMENSIONS:
            raise KeyError(dimension)
        found: int = getattr(self, dimension)
        return found

    def __post_init__(self) -> None:
        if any(self[dimension] not in MARKS for dimension in DIMENSIONS):
            raise ValueError(f"a mark is a whole number from 1 to 5: {[self[dimension] for dimension in DIMENSIONS]}")


def question(reference: str, answer: str) -> Prompt:
    """What the judge is asked. Both texts are put in as JSON strings, so that neither ends where it stands."""
    mark = {"type": "integer", "minimum": MARKS[0], "maximum": MARKS[-1]}
    schema = {"type": "object", "properties": dict.fromkeys(DIMENSIONS, mark), "required": list(DIMENSIONS), "additionalProperties": False}
    template = Template((ASSETS / "prompts" / "judge.txt").read_text("utf-8").strip())
    text = template.substitute(reference=orjson.dumps(reference).decode(), answer=orjson.dumps(answer).decode())
    written = orjson.dumps(schema)
    return Prompt(_short(text.encode() + b"\0" + written), text, _short(written), schema)


def judge(
    backend: Backend,
    part_folder: Path,
    predictions: Iterable[Prediction],
    *,
    most: int | None = None,
    seen: Callable[[int, int], None] = lambda done, of: None,
    patience: Patience | None = None,
) -> tuple[tuple[Marks, ...], int]:
    """Marks for the answers to the frames of a part, at most `most` of them, and how many could not be had: the judge's reply was none.

    Raises Malformed for a part that cannot be used and ModelError when the judge is not there to be asked.
    """
    said = by_frame(predictions)
    asked = [sample for sample in sft.samples(part_folder) if sample.frame_id in said][:most]
    made, lost = list[Marks](), 0
    for number, sample in enumerate(asked, start=1):
        try:
            content = (part_folder / sample.image).read_bytes()
        except OSError as error:
            raise Malformed(f"The frame {sample.image} cannot be read: {error.strerror or error}.") from error
        picture = upright(content)
        picture.info[FRAME_ID] = sample.frame_id
        try:
            reply = backend.ask(picture, question(sample.answer, said[sample.frame_id].text), patience)
            made.append(marks_of(reply.text, sample.frame_id, reply.model))
        except (ModelGarbled, Malformed):
            lost += 1
        seen(number, len(asked))
    return tuple(made), lost


def marks_of(text: str, frame_id: str, by: str) -> Marks:
    """The marks in a reply. Raises Malformed for anything but five whole numbers from 1 to 5."""
    found = extract(text, lambda value: isinstance(value, dict) and value.keys() >= set(DIMENSIONS)).value
    if not isinstance(found, dict) or any(type(found[dimension]) is not int for dimension in DIMENSIONS):
        raise Malformed("The judge gave no five marks.")
    try:
        return Marks(frame_id, **{dimension: found[dimension] for dimension in DIMENSIONS}, by=by)
    except ValueError as error:
        raise Malformed(f"The judge's marks cannot be used: {error}.") from error


def read_marks(path: Path) -> tuple[Marks, ...]:
    """People's marks, a JSON object a line: frame_id, the five dimensions, by. Raises Malformed with file, line and reason."""
    decode = msgspec.json.Decoder(Marks).decode
    made = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Malformed(f"The marks {path.name} cannot be read: {error.strerror or error}.") from error
    for number, line in enumerate(lines, start=1):
        try:
            made.append(decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed(f"{path.name}, line {number}: these are no marks ({error}).") from error
    return tuple(made)


def shown(judged: Sequence[Marks], people: Sequence[Marks], *, lost: int = 0, least: int = LEAST) -> dict[str, Any]:
    """The judge's mean marks, each with its agreement with people on the answers that both marked (Krippendorff's alpha, ordinal); a sentence
    instead while fewer than `least` were."""
    theirs: Mapping[str, Marks] = {each.frame_id: each for each in people}
    both = [(each, theirs[each.frame_id]) for each in judged if each.frame_id in theirs]
    if len(both) < least:
        return {"shown": False, "n": len(both), "why": f"not shown: {len(both)} of {least} answers were marked by a person too"}
    dimensions = {
        dimension: {
            "mean": float(np.mean([each[dimension] for each in judged])),
            "people": float(np.mean([person[dimension] for _, person in both])),
            "same": float(np.mean([mine[dimension] == person[dimension] for mine, person in both])),
            "alpha": alpha([(mine[dimension], person[dimension]) for mine, person in both], levels=MARKS),
        }
        for dimension in DIMENSIONS
    }
    return {"shown": True, "n": len(both), "judged": len(judged), "without_marks": lost, "dimensions": dimensions}


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
