"""YOLO's text files: a line a box, `class x y width height` in shares of the frame from its middle, one file a frame; `data.yaml` and `classes.txt`.

An empty file says that somebody looked and nothing is there; a picture without a file says nothing. Source: Ultralytics, "Object Detection Datasets
Overview". Trainers look for `labels/` beside `images/`, so `images/` stands beside `frames/` with the same files (a second name, no second copy).
A sixth number is a machine's confidence. More numbers are a polygon, which is no box, and refused.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from annotations.bringing.incoming import Incoming, Refused
from annotations.formats.heard import Heard, Hearing, incoming, machine, small_enough
from annotations.formats.labelled import BOXES, Frames
from core.errors import Malformed
from core.profile import Profile
from core.schema import Box, Finding

FILE = "data.yaml"
CLASSES, LABELS, IMAGES = "classes.txt", "labels", "images"
CARRIES = frozenset({BOXES})
ABOUT = "Ultralytics and other YOLO trainers. Boxes only"

MOST_BYTES = 2**20
"""Of one frame's file."""

SLACK = 0.002  # how far shares may reach out of a frame: rounding of other tools

_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".PNG")
_NAMES = re.compile(r"^names:[ \t]*(\[.*?\]|(?:\r?\n[ \t]*(?:-|\d+:)[^\n]*)+)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^[ \t]*(?:-|(\d+):)[ \t]*(.+?)[ \t]*$", re.MULTILINE)


def write(frames: Frames, profile: Profile, folder: Path) -> tuple[Path, ...]:
    """The files of the classes; those of the frames stand in `labels/` and are not named one by one."""
    labels, images = folder / LABELS, folder / IMAGES
    labels.mkdir(exist_ok=True)
    pictures = (folder / "frames").is_dir()
    if pictures:
        images.mkdir(exist_ok=True)
    numbers = {term.key: number for number, term in enumerate(profile.labels)}
    there = os.open(labels, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for each in frames(False):
            lines = []
            for thing in each.said.findings:
                if thing.box is not None:
                    x0, y0, x1, y1 = thing.box
                    lines.append(f"{numbers[thing.label]} {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}\n")
            file = os.open(f"{each.frame_id}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=there)
            os.write(file, "".join(lines).encode())
            os.close(file)
            if pictures:
                picture = folder / each.image
                _second_name(picture, images / picture.name)
    finally:
        os.close(there)
    keys = list(numbers)
    (folder / CLASSES).write_text("".join(f"{key}\n" for key in keys), "utf-8")
    (folder / FILE).write_text(f"path: .\ntrain: {IMAGES}\nval: {IMAGES}\nnc: {len(keys)}\nnames: {json.dumps(keys)}\n", "utf-8")
    return folder / CLASSES, folder / FILE


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Frame by frame, those of `labels/` beside `data.yaml` or `classes.txt`. Raises Malformed for a class that is no label of the profile and is used."""
    folder, hearing = path.parent, Hearing(profile, by)
    names = _classes(path)
    for file in sorted((folder / LABELS).rglob("*.txt")):
        place = file.relative_to(folder).as_posix()
        try:
            yield _incoming(place, file, folder, names, hearing)
        except Malformed as error:
            yield Refused(place, error)


def _incoming(place: str, file: Path, folder: Path, names: list[str], hearing: Hearing) -> Incoming:
    small_enough(file, MOST_BYTES)
    heard, said = Heard(), []
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{place}: this file cannot be read ({error}). The frame was not taken.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{place}, line {number}"
        label, box, confidence = _thing(where, line.split(), names)
        finding = hearing.finding(where, label, box)
        if confidence is None:
            heard.findings.append(finding)
        else:
            said.append(Finding(finding.label, box, confidence))
    heard.reviewed = not said
    told = [] if heard.empty else [hearing.told(heard, "YOLO")]
    return incoming(place, _picture(place, file, folder), None, told=told, said=[machine(file.parent.name, said)] if said else [])


def _thing(where: str, words: list[str], names: list[str]) -> tuple[str, Box, float | None]:
    try:
        number, shares = int(words[0]), [float(word) for word in words[1:]]
    except ValueError as error:
        raise Malformed(f"{where}: a class and its box are numbers. The frame was not taken.") from error
    if len(shares) not in (4, 5):
        raise Malformed(
            f"{where}: {len(shares)} numbers after the class are no box (four, and perhaps a confidence). The frame was not taken."
        )
    if not 0 <= number < len(names):
        raise Malformed(f"{where}: there is no class {number}. The frame was not taken.")
    x, y, width, height, *more = shares
    corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if not all(-SLACK <= corner <= 1 + SLACK for corner in corners) or not all(0 <= each <= 1 for each in more):
        raise Malformed(f"{where}: the box lies outside the frame, or is not in shares of it. The frame was not taken.")
    try:
        return names[number], Box(*(min(max(corner, 0.0), 1.0) for corner in corners)), (more[0] if more else None)
    except ValueError as error:
        raise Malformed(f"{where}: the box has no area. The frame was not taken.") from error


def _picture(place: str, file: Path, folder: Path) -> str:
    """The picture of a file of labels: of its name, beside it in `images/` or `frames/`."""
    inside = file.relative_to(folder / LABELS).with_suffix("")
    for parent in (IMAGES, "frames", "."):
        for ending in _ENDINGS:
            found = folder / parent / f"{inside}{ending}"
            if found.is_file():
                return found.relative_to(folder).as_posix()
    return f"frames/{inside.name}.jpg"  # perhaps the vault has it; if not it is refused with this name


def _classes(path: Path) -> list[str]:
    """Names by number, out of `classes.txt` or the few lines of `data.yaml` that tell them."""
    small_enough(path, MOST_BYTES)
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{path.name}: this file cannot be read ({error}). Nothing was taken.") from error
    if path.suffix == ".txt":
        return [line.strip() for line in text.splitlines() if line.strip()]
    found = _NAMES.search(text)
    if found is None:
        raise Malformed(f"{path.name}: there is no list of names in it. Nothing was taken.")
    if found[1].startswith("["):
        return [_bare(word) for word in found[1][1:-1].split(",") if word.strip()]
    entries = [(number, _bare(word)) for number, word in _ENTRY.findall(found[1])]
    if any(number and int(number) != place for place, (number, _) in enumerate(entries)):
        raise Malformed(f"{path.name}: the names do not stand in the order of their numbers. Nothing was taken.")
    return [word for _, word in entries]


def _bare(word: str) -> str:
    """A name without what YAML puts around it."""
    stripped = word.strip()
    return stripped[1:-1] if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "'\"" else stripped


def _second_name(picture: Path, place: Path) -> None:
    place.unlink(missing_ok=True)
    try:
        place.hardlink_to(picture)
    except OSError:  # a disk without such names
        place.write_bytes(picture.read_bytes())
