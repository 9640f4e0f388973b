"""What the files of preference pairs share: texts without a trainer's own tags, and a pair read back with the size of its frame file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from annotations.formats.folder import TAG, sample, untagged
from core.errors import ExportError, Malformed
from core.schema import Pair

TAGS = (TAG, "<video>", "<audio>", "<bbox>", "<ref-object>", "<cot-process>", "<start-image>")
"""What LLaMA-Factory or ms-swift 4.6 (template/base.py, special_tokens) would take for something to be filled in. In two answers of a pair that hold
`<bbox>` for their boxes, chosen and rejected become one text, and the pair teaches nothing (ms-swift, issue 5934): here each writes its own numbers."""


def plain(each: Pair) -> tuple[str, str, str]:
    """Prompt, chosen and rejected. Raises ExportError for a text in which a tag stands."""
    texts = (each.prompt, each.chosen, each.rejected)
    found = next((tag for tag in TAGS for text in texts if tag in text), None)
    if found is not None:
        raise ExportError(
            f"The text for frame {each.frame_id[:12]} holds {found}, which trainers would fill with something else. Take it out of the profile."
        )
    return texts


def opened(text: str, place: str) -> str:
    """The prompt out of a text that begins with the frame's tag. Raises Malformed."""
    return untagged(text, "", place)


def listed(path: Path) -> Iterator[tuple[str, Any]]:
    """The entries of a JSON list, each with its place. Raises Malformed."""
    try:
        entries = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Malformed(f"{path.name}: this is no JSON ({error}).") from error
    if not isinstance(entries, list):
        raise Malformed(f"{path.name}: this is no list.")
    for number, entry in enumerate(entries, start=1):
        yield f"{path.name}, entry {number}", entry


def pair(folder: Path, image: str, prompt: str, chosen: str, rejected: str, line: Mapping[str, Any], place: str) -> Pair:
    """A pair whose size is that of the frame file itself. Raises Malformed."""
    shown = sample(folder, image, prompt, chosen, place)
    kinds, model = line.get("kinds") or (), line.get("model") or ""
    if not (isinstance(kinds, list | tuple) and all(isinstance(kind, str) for kind in kinds) and isinstance(model, str)):
        raise Malformed(f"{place}: kinds is a list of words, and model is one.")
    try:
        return Pair(shown.frame_id, image, shown.width, shown.height, prompt, chosen, rejected, tuple(kinds), model)
    except ValueError as error:
        raise Malformed(f"{place}: {error}.") from error
