"""`sft.swift_grounding.jsonl`: chat lines whose boxes are the tag `<bbox>`, the numbers beside them, so that ms-swift itself writes them for its model.

The numbers are pixels of the frame file where the prompt asks for pixels, else shares of its sides. ms-swift turns them into what the chosen model
says. Only with QWENVL_BBOX_FORMAT=new it writes `[1, 2, 3, 4]`; its default, `<|box_start|>(1,2),(3,4)<|box_end|>`, is no JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from annotations.formats.folder import TAG, read_lines, sample, write_lines
from annotations.formats.folder import tagged as with_frame
from annotations.formats.paired import TAGS, opened
from core.errors import ExportError, Malformed
from core.schema import Sample

FILE = "sft.swift_grounding.jsonl"
VALID_FOR = ("ms-swift 4.6 with QWENVL_BBOX_FORMAT=new (Qwen-VL models; spaces follow the commas of boxes there)",)
NOT_FOR = (
    "ms-swift 4.6 without QWENVL_BBOX_FORMAT=new: boxes that are no JSON",
    "all others: <bbox> stays in the text",
)

BBOX = "<bbox>"
PIXELS, SHARES = "real", "norm1"  # what ms-swift calls them
_BOX = re.compile(r'(?<="box":)\[(-?[\d.]+),(-?[\d.]+),(-?[\d.]+),(-?[\d.]+)\]')
_UNIT = re.compile(r" in (whole pixels|[\d.]+ths?) of the picture")
_THOUSAND = 1000


def write(samples: Iterable[Sample], folder: Path) -> tuple[Path, ...]:
    """One line a sample. Raises ExportError for a family that writes boxes in neither pixels nor thousandths."""
    path = folder / FILE
    write_lines(path, (_line(each) for each in samples))
    return (path,)


def read(folder: Path) -> tuple[Sample, ...]:
    """The samples of a folder, boxes in their answers again. Raises Malformed with file, line and reason."""
    samples = []
    for place, line in read_lines(folder / FILE):
        match line:
            case {
                "messages": [{"role": "user", "content": str(asked)}, {"role": "assistant", "content": str(answer)}],
                "images": [str(image)],
                "objects": {"bbox": [*boxes], "bbox_type": str(kind)},
            }:
                samples.append(sample(folder, image, opened(asked, place), _filled(answer, boxes, kind, place), place))
            case _:
                raise Malformed(f"{place}: not one question with one frame, one answer and its boxes.")
    return tuple(samples)


def unit(prompt: str) -> str:
    """In what the boxes of an answer to this prompt are, read where the model reads it. A prompt that says nothing asks for thousandths.

    Raises ExportError for another unit.
    """
    said = _UNIT.search(prompt)
    if said is None or said[1] == f"{_THOUSAND}ths":
        return SHARES
    if said[1] == "whole pixels":
        return PIXELS
    raise ExportError(f"ms-swift cannot write boxes in {said[1]}. Export sft_tag for this model family; it holds the numbers as they are.")


def _line(each: Sample) -> dict[str, object]:
    found = next((tag for tag in TAGS for text in (each.prompt, each.answer) if tag in text and tag != TAG), None)
    if found is not None:
        raise ExportError(f"The text for frame {each.frame_id[:12]} holds {found}, which ms-swift would fill. Take it out of the profile.")
    kind = unit(each.prompt)
    boxes = [[_number(side) for side in box] for box in _BOX.findall(each.answer)]
    if kind == SHARES:
        boxes = [[side / _THOUSAND for side in box] for box in boxes]
    return {
        "messages": [{"role": "user", "content": with_frame(each, "")}, {"role": "assistant", "content": _BOX.sub(BBOX, each.answer)}],
        "images": [each.image],
        "objects": {"ref": [], "bbox": boxes, "bbox_type": kind},
    }


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _filled(answer: str, boxes: list[Any], kind: str, place: str) -> str:
    """The answer with its numbers. Raises Malformed where tags and boxes are not as many, or a box is none."""
    pieces = answer.split(BBOX)
    if len(pieces) != len(boxes) + 1:
        raise Malformed(f"{place}: {len(pieces) - 1} {BBOX} and {len(boxes)} boxes.")
    written = []
    for box in boxes:
        if not (isinstance(box, list) and len(box) == 4 and all(isinstance(side, int | float) for side in box)):
            raise Malformed(f"{place}: a box takes four numbers.")
        sides = [round(side * _THOUSAND) if kind == SHARES else side for side in box]
        written.append(f"[{','.join(f'{side:g}' if side != int(side) else str(int(side)) for side in sides)}]")
    return "".join(piece for both in zip(pieces, [*written, ""], strict=True) for piece in both)
