"""COCO's one JSON file of boxes (https://cocodataset.org/#format-data), pictures beside it: boxes of people, and with a score those of a machine.

Boxes are [x, y, width, height] in pixels of the upright frame, from its top left corner. Anything that COCO knows and we do not (masks, key
points, crowds) is refused and not half taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from annotations.bringing.incoming import Incoming, Refused, Said, Told
from core.errors import Malformed
from core.frames import shown_name
from core.profile import Profile
from core.schema import Assessment, Box, Correction, Finding, Risk, Step

MOST_BYTES = 64 * 2**20
"""Of a file; some 500,000 boxes."""

BESIDE_PIXELS = 1.0  # how far a box may reach out of its frame: rounding of other tools; it is cut there


class CocoCategory(msgspec.Struct):
    """A label."""

    id: int
    name: Annotated[str, Meta(max_length=300)]


class CocoImage(msgspec.Struct):
    """A frame."""

    id: int
    file_name: Annotated[str, Meta(min_length=1, max_length=1_000)]
    width: Annotated[int, Meta(ge=1, le=100_000)]
    height: Annotated[int, Meta(ge=1, le=100_000)]


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


def read(path: Path, profile: Profile, *, by: str) -> Iterator[Incoming | Refused]:
    """Frame by frame. A box without a score is `by`'s word, one with a score that of the machine `imported:FILE`; no box at all says nothing.

    Raises Malformed for a file that is no COCO, and for a category that is no label of the profile: then nothing is taken.
    """
    if path.stat().st_size > MOST_BYTES:
        raise Malformed(f"{path.name}: this file is larger than {MOST_BYTES // 2**20} MiB. Part it into several. Nothing was taken.")
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
    for number, image in enumerate(whole.images):
        place = f"{path.name}, images[{number}]"
        try:
            yield _incoming(path.name, place, image, boxes.pop(image.id), labels, by)
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


def _incoming(name: str, place: str, image: CocoImage, boxes: list[tuple[int, CocoBox]], labels: dict[int, str], by: str) -> Incoming:
    told: list[Finding] = []
    said: list[Finding] = []
    for number, box in boxes:
        where = f"{name}, annotations[{number}]"
        if box.iscrowd:
            raise Malformed(f"{where}: a crowd is no box. The frame was not taken.")
        unit = _unit(where, box.bbox, image)
        if box.score is None:
            told.append(Finding(labels[box.category_id], unit, said_by="person"))
        else:
            said.append(Finding(labels[box.category_id], unit, box.score))
    machine = Assessment("", f"imported:{name}"[:200], "coco", tuple(said), Step(), (), Risk(), (), 0.0)
    person = Correction("", by, 0, "reviewed", tuple(told), Step(), (), Risk(said_by="person"), note=f"COCO: {name}"[:300])
    return Incoming(
        place,
        image.file_name,
        shown_name(image.file_name),
        (image.width, image.height),
        said=(Said(machine, 1.0, None),) if said else (),  # it was never asked for the rest
        told=(Told(person, None),) if told else (),
    )


def _unit(where: str, bbox: tuple[float, float, float, float], image: CocoImage) -> Box:
    x, y, width, height = bbox
    corners = (x, y, x + width, y + height)
    sides = (image.width, image.height, image.width, image.height)
    if not all(-BESIDE_PIXELS <= corner <= side + BESIDE_PIXELS for corner, side in zip(corners, sides, strict=True)):
        raise Malformed(
            f"{where}: the box {list(bbox)} lies outside a frame of {image.width} x {image.height} pixels. The frame was not taken."
        )
    cut = [min(max(corner / side, 0.0), 1.0) for corner, side in zip(corners, sides, strict=True)]
    try:
        return Box(*cut)
    except ValueError as error:
        raise Malformed(f"{where}: the box {list(bbox)} has no area. The frame was not taken.") from error
