"""COCO's one JSON file of boxes (https://cocodataset.org/#format-data), pictures beside it: boxes of people, and with a score those of a machine.

Boxes are [x, y, width, height] in pixels of the upright frame, from its top left corner. What COCO has no place for stands with the image, where
`core.evaluation` looks for it: `step`, `risk`, `violations`, and as `whole` the labels of the whole frame; `reviewed` says that somebody looked,
even where nothing is. Anything that COCO knows and we do not (masks without boxes, key points, crowds) is refused and not half taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import orjson
from msgspec import Meta

from annotations.bringing.incoming import Incoming, Refused
from annotations.formats.heard import Heard, Hearing, incoming, machine, small_enough, unit
from annotations.formats.labelled import ALL, Frames, Labelled
from core.errors import Malformed
from core.profile import Profile
from core.schema import FIELDS, Finding

FILE = "annotations.coco.json"
CARRIES = ALL
ABOUT = "COCO tools, CVAT, Label Studio, FiftyOne; they leave aside what stands with the image. Hazards by name, without their boxes"

MOST_BYTES = 64 * 2**20
"""Of a file; some 500,000 boxes."""

Word = Annotated[str, Meta(max_length=300)]


class CocoCategory(msgspec.Struct):
    """A label."""

    id: int
    name: Word


class CocoImage(msgspec.Struct):
    """A frame."""

    id: int
    file_name: Annotated[str, Meta(min_length=1, max_length=1_000)]
    width: Annotated[int, Meta(ge=1, le=100_000)]
    height: Annotated[int, Meta(ge=1, le=100_000)]
    step: dict[Word, Word | None] = {}
    risk: Word | None = None
    violations: Annotated[list[Word], Meta(max_length=500)] = []
    whole: Annotated[list[Word], Meta(max_length=500)] = []
    reviewed: bool = False


class CocoBox(msgspec.Struct):
    """A box."""

    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    score: Annotated[float, Meta(ge=0, le=1)] | None = None
    iscrowd: int = 0


class CocoFile(msgspec.Struct):
    """The file."""

    images: list[CocoImage]
    categories: list[CocoCategory]
    annotations: list[CocoBox]


def write(frames: Frames, profile: Profile, folder: Path) -> tuple[Path, ...]:
    """One file, frame by frame: the boxes wait in a file of their own until all images stand."""
    path, waiting = folder / FILE, folder / f".{FILE}.boxes"
    numbers = {term.key: number for number, term in enumerate(profile.labels, start=1)}
    categories = [{"id": number, "name": key, "supercategory": profile.term("label", key).kind} for key, number in numbers.items()]
    said = {"description": f"profile {profile.key}, version {profile.version}"}
    box, fields = 0, profile.fields
    try:
        with path.open("wb") as file, waiting.open("w+b") as later:
            file.write(b'{"info":%b,"categories":%b,"images":[' % (orjson.dumps(said), orjson.dumps(categories)))
            for number, each in enumerate(frames(False), start=1):
                file.write((b",\n" if number > 1 else b"\n") + orjson.dumps(_image(number, each, fields)))
                width, height, lines = each.width, each.height, []
                for thing in each.said.findings:
                    if thing.box is not None:
                        x0, y0, x1, y1 = thing.box
                        w, h, comma, box = (x1 - x0) * width, (y1 - y0) * height, ",\n" if box else "\n", box + 1
                        lines.append(
                            f'{comma}{{"id":{box},"image_id":{number},"category_id":{numbers[thing.label]},'
                            f'"bbox":[{x0 * width:.2f},{y0 * height:.2f},{w:.2f},{h:.2f}],"area":{w * h:.2f},"iscrowd":0}}'
                        )
                later.write("".join(lines).encode())
            file.write(b'\n],"annotations":[')
            later.seek(0)
            while some := later.read(2**20):
                file.write(some)
            file.write(b"\n]}\n")
    finally:
        waiting.unlink(missing_ok=True)
    return (path,)


def _image(number: int, each: Labelled, fields: Sequence[str]) -> dict[str, object]:
    step, said = each.said.step, each.said
    image: dict[str, object] = {"id": number, "file_name": each.image, "width": each.width, "height": each.height}
    if fields:
        image["step"] = {name: getattr(step, name).value for name in fields}
    if said.risk.level is not None:
        image["risk"] = said.risk.level
    image["violations"] = list(dict.fromkeys([fault.hazard for fault in said.violations]))
    whole = [thing.label for thing in said.findings if thing.box is None]
    if whole:
        image["whole"] = whole
    image["reviewed"] = True
    return image


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Frame by frame. A box without a score is `by`'s word, one with a score that of the machine `imported:FILE`; no box at all says nothing.

    Raises Malformed for a file that is no COCO, and for a category that is no label of the profile: then nothing is taken.
    """
    small_enough(path, MOST_BYTES)
    try:
        whole = msgspec.json.decode(path.read_bytes(), type=CocoFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"{path.name}: this is no COCO file ({str(error)[:200]}). Nothing was taken.") from error
    labels = _labels(path.name, whole, profile)
    boxes: dict[int, list[tuple[int, CocoBox]]] = {image.id: [] for image in whole.images}
    if len(boxes) != len(whole.images):
        raise Malformed(f"{path.name}: two images have the same id. Nothing was taken.")
    for number, box in enumerate(whole.annotations):
        if box.image_id not in boxes:
            raise Malformed(f"{path.name}, annotations[{number}]: there is no image {box.image_id}. Nothing was taken.")
        boxes[box.image_id].append((number, box))
    hearing = Hearing(profile, by)
    for number, image in enumerate(whole.images):
        place = f"{path.name}, images[{number}]"
        try:
            yield _incoming(path.name, place, image, boxes.pop(image.id), labels, hearing)
        except Malformed as error:
            yield Refused(place, error)


def _labels(name: str, whole: CocoFile, profile: Profile) -> dict[int, str]:
    used = {box.category_id for box in whole.annotations}
    known = {category.id: category.name for category in whole.categories}
    labels = {number: profile.key_of("label", known[number]) if number in known else None for number in used}
    strange = sorted(known.get(number, f"number {number}") for number, label in labels.items() if label is None)
    if strange:
        shown = ", ".join(each[:60] for each in strange[:8])
        raise Malformed(
            f"{name}: no label of the profile {profile.key}: {shown}. Rename these categories, or choose another profile. Nothing was taken."
        )
    return {number: label for number, label in labels.items() if label is not None}


def _incoming(
    name: str, place: str, image: CocoImage, boxes: list[tuple[int, CocoBox]], labels: dict[int, str], hearing: Hearing
) -> Incoming:
    heard, said = Heard(reviewed=image.reviewed), []
    size = (image.width, image.height)
    for number, box in boxes:
        where = f"{name}, annotations[{number}]"
        if box.iscrowd:
            raise Malformed(f"{where}: a crowd is no box. The frame was not taken.")
        x, y, width, height = box.bbox
        found = unit(where, (x, y, x + width, y + height), size, box.bbox)
        if box.score is None:
            heard.findings.append(Finding(labels[box.category_id], found, said_by="person"))
        else:
            said.append(Finding(labels[box.category_id], found, box.score))
    for label in image.whole:
        heard.findings.append(hearing.finding(place, label, None))
    strange = sorted(set(image.step) - set(FIELDS))
    if strange:
        raise Malformed(f'{place}: "{strange[0][:60]}" is no field of a step. The frame was not taken.')
    hearing.step(place, image.step, heard)
    heard.hazards += [hearing.hazard(place, word) for word in image.violations]
    if image.risk is not None:
        hearing.grade(place, image.risk, heard)
    told = [] if heard.empty else [hearing.told(heard, f"COCO: {name}"[:300])]
    return incoming(place, image.file_name, size, told=told, said=[machine(name, said)] if said else [])
