"""The treaty between export and training: what one part folder of a training set holds, read line by line. Writes nothing and knows no trainer.

A part folder (`train`, `validation`, `test` of an exported set, or a set without parts) holds `manifest.json`, `frames/` and the
asked files, of which these are read here: `sft.parts.jsonl`, `dpo.trl.jsonl`, `kto.trl.jsonl`. Nothing is held in memory but a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

from core.errors import Malformed
from core.schema import Pair, Sample

MANIFEST, SAMPLES, PAIRS, VERDICTS = "manifest.json", "sft.parts.jsonl", "dpo.trl.jsonl", "kto.trl.jsonl"
PARTS = ("train", "validation", "test")


def about(folder: Path) -> Mapping[str, Any]:
    """The manifest of a part folder, or of the whole set. Raises Malformed when there is none of ours."""
    try:
        found = orjson.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise Malformed(f"There is no {MANIFEST} in {folder.name}. Give a folder that `launch.py export` wrote.") from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise Malformed(f"{folder.name}/{MANIFEST} cannot be read: {error}.") from error
    if not isinstance(found, dict) or found.get("made_by") != "gembalens":
        raise Malformed(f"{folder.name}/{MANIFEST} is no manifest of a training set of ours.")
    return found


def part(folder: Path, name: str) -> Path | None:
    """The folder of a part; None: the set has no such part. A folder that is itself a part is its own `train`."""
    if (folder / name / MANIFEST).is_file():
        return folder / name
    is_part = (folder / "frames").is_dir() and not any((folder / each).is_dir() for each in PARTS)
    return folder if name == "train" and is_part else None


def scenes(folder: Path) -> Mapping[str, int]:
    """By frame id the number of its scene: near-duplicates share it. A frame of which nobody said one is a scene of its own."""
    frames = _frames(folder)
    said = {frame: int(known["scene"]) for frame, known in frames.items() if known.get("scene") is not None}
    beyond = max(said.values(), default=0) + 1
    alone = (frame for frame in sorted(frames) if frame not in said)
    return {**said, **{frame: beyond + n for n, frame in enumerate(alone)}}


def samples(folder: Path) -> Iterator[Sample]:
    """The questions with their answers, in the file's order. Raises Malformed with file, line and reason."""
    for place, line in _lines(folder, SAMPLES):
        match line:
            case {"messages": [{"role": "user"} as asked, {"role": "assistant"} as said], "images": [str(image)]}:
                size = _size(folder, image, place)
                yield Sample(Path(image).stem, image, *size, _text(asked, place, frames=1), _text(said, place))
            case _:
                raise Malformed(f"{place}: not one question with one frame and one answer.")


def pairs(folder: Path) -> Iterator[Pair]:
    """The better and the worse answer to a question, in the file's order. Raises Malformed with file, line and reason."""
    for place, line in _lines(folder, PAIRS):
        match line:
            case {"images": [str(image)], "prompt": asked, "chosen": chosen, "rejected": rejected}:
                size = _size(folder, image, place)
                prompt = _said(asked, place, frames=1)
                kinds, model = tuple(map(str, line.get("kinds") or ())), str(line.get("model") or "")
                try:
                    yield Pair(Path(image).stem, image, *size, prompt, _said(chosen, place), _said(rejected, place), kinds, model)
                except ValueError as error:
                    raise Malformed(f"{place}: {error}.") from error
            case _:
                raise Malformed(f"{place}: not one question with one frame, a chosen and a rejected answer.")


def verdicts(folder: Path) -> Iterator[tuple[Sample, bool]]:
    """Single answers and whether each was good, in the file's order. Raises Malformed with file, line and reason."""
    for place, line in _lines(folder, VERDICTS):
        match line:
            case {"images": [str(image)], "prompt": asked, "completion": said, "label": bool(good)}:
                size = _size(folder, image, place)
                yield Sample(Path(image).stem, image, *size, _said(asked, place, frames=1), _said(said, place)), good
            case _:
                raise Malformed(f"{place}: not one question with one frame, an answer, and whether it was good.")


def _frames(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    found = about(folder).get("frames")
    if not isinstance(found, dict) or not all(isinstance(known, dict) for known in found.values()):
        raise Malformed(f"{folder.name}/{MANIFEST} does not say which frames the set holds.")
    return found


def _lines(folder: Path, file: str) -> Iterator[tuple[str, Any]]:
    """Each line with its place ("sft.parts.jsonl, line 7")."""
    try:
        lines = (folder / file).open("rb")
    except OSError as error:
        raise Malformed(f"There is no {file} in {folder.name}. Export the set with this format.") from error
    with lines:
        for number, line in enumerate(lines, start=1):
            place = f"{file}, line {number}"
            try:
                yield place, orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise Malformed(f"{place}: this is no JSON ({error}).") from error


def _said(turn: object, place: str, frames: int = 0) -> str:
    """The text of a conversation of one turn."""
    match turn:
        case [dict() as only]:
            return _text(only, place, frames)
        case _:
            raise Malformed(f"{place}: more or less than one turn where one is due.")


def _text(turn: Mapping[str, Any], place: str, frames: int = 0) -> str:
    """The text of a turn, which must show that many frames before it."""
    match turn.get("content"):
        case str(text) if frames == 0:
            return text
        case [*shown, {"type": "text", "text": str(text)}] if len(shown) == frames and all(s == {"type": "image"} for s in shown):
            return text
        case _:
            raise Malformed(f"{place}: a turn that is not {'one frame and ' if frames else ''}one text.")


def _size(folder: Path, image: str, place: str) -> tuple[int, int]:
    """Width and height of a frame file, from its head. Raises Malformed for one that is missing, elsewhere or no picture."""
    path = Path(image)
    if path.is_absolute() or ".." in path.parts:
        raise Malformed(f"{place}: {image} lies outside the folder.")
    try:
        with Image.open(folder / path) as picture:
            return picture.size
    except (OSError, Image.DecompressionBombError) as error:
        raise Malformed(f"{place}: the frame {image} is missing or no picture.") from error
