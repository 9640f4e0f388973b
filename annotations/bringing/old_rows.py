"""Chat rows of older systems: a picture, a question, an answer, as `conversations` or `messages`, in JSON or a line each. Frames with people's words.

A list of pictures at the top of a row wins over what its turns name. A row with more or fewer than one picture and one answer is refused, as is an
answer of which a part is not understood (`annotations.bringing.old_answers`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from annotations.bringing.incoming import Incoming, Refused
from annotations.bringing.old_answers import understood
from annotations.formats.heard import Hearing, incoming, small_enough
from core.errors import AppError, Malformed
from core.frames import Limits
from core.pixels import opened, sniff, upright_size
from core.profile import Profile

MOST_BYTES = 256 * 2**20
_PLACES = ("", "frames", "images")


def is_row(said: Any) -> bool:
    """Whether this looks like such a row."""
    return isinstance(said, dict) and ("conversations" in said or "messages" in said)


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Row by row. Raises Malformed for a file that is no JSON list and has no lines of JSON."""
    small_enough(path, MOST_BYTES)
    hearing = Hearing(profile, by)
    for place, row in _rows(path):
        try:
            if isinstance(row, Malformed):
                raise row
            yield _incoming(place, row, path.parent, hearing)
        except Malformed as error:
            yield Refused(place, error)


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path.name}, line {number}", _loaded(f"{path.name}, line {number}", line)
        return
    rows = _loaded(path.name, path.read_bytes())
    if isinstance(rows, Malformed) or not isinstance(rows, list):
        raise rows if isinstance(rows, Malformed) else Malformed(f"{path.name}: this is no list of rows. Nothing was taken.")
    for number, row in enumerate(rows, start=1):
        yield f"{path.name}, row {number}", row


def _loaded(place: str, content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return Malformed(f"{place}: this is no JSON ({error}). The frame was not taken.")


def _incoming(place: str, row: Any, folder: Path, hearing: Hearing) -> Incoming:
    if not is_row(row):
        raise Malformed(f"{place}: this is no row with conversations or messages. The frame was not taken.")
    turns = row.get("conversations", row.get("messages"))
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise Malformed(f"{place}: conversations is a list of turns. The frame was not taken.")
    answers = [turn for turn in turns if turn.get("role", turn.get("from")) in ("assistant", "gpt")]
    if len(answers) != 1:
        raise Malformed(f"{place}: {len(answers)} answers, where one is due. The frame was not taken.")
    file = _found(folder, _picture(place, row, turns))
    text = _text(place, answers[0])
    heard, note = understood(place, text, hearing, _size(folder, file))
    return incoming(place, file, None, told=[hearing.told(heard, note)])


def _picture(place: str, row: Mapping[str, Any], turns: list[dict[str, Any]]) -> str:
    """The one picture of a row: the list at its top, else what its turns name."""
    top = row.get("image", row.get("images"))
    named = [top] if isinstance(top, str) else list(top or []) if isinstance(top, list | None) else [None]
    if not named:
        parts = (part for turn in turns if isinstance(turn.get("content"), list) for part in turn["content"])
        named = [part.get("image") for part in parts if isinstance(part, dict) and part.get("type") == "image"]
    if len(named) != 1 or not isinstance(named[0], str) or not named[0]:
        raise Malformed(f"{place}: {len(named)} pictures, where one is due. The frame was not taken.")
    return named[0].removeprefix("file://")


def _text(place: str, turn: Mapping[str, Any]) -> str:
    said = turn.get("content", turn.get("value"))
    if isinstance(said, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in said):
        return "".join(part["text"] for part in said)
    if not isinstance(said, str) or not said.strip():
        raise Malformed(f"{place}: the answer is empty. The frame was not taken.")
    return said


def _found(folder: Path, name: str) -> str:
    """Where the picture lies: as the row says, or by its bare name in the folder and those in which pictures usually are."""
    for file in (name, *(f"{place}/{Path(name).name}" if place else Path(name).name for place in _PLACES)):
        if not Path(file).is_absolute() and ".." not in Path(file).parts and (folder / file).is_file():
            return file
    return name


def _size(folder: Path, file: str) -> tuple[int, int] | None:
    """Upright pixels by the header; None: there is no such picture, which the importer says better."""
    place = (folder / file).resolve()
    limits = Limits()
    try:
        if not place.is_relative_to(folder.resolve()) or place.stat().st_size > limits.max_bytes:
            return None
        content = place.read_bytes()
        return upright_size(opened(content, sniff(content, file), file, limits))
    except (OSError, ValueError, AppError):
        return None
