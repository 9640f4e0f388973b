"""Label Studio's JSON: a task a frame with the annotations of people and the predictions of a machine, boxes in percent; and the labels as it sets them up.

Source: labelstud.io, "Label Studio JSON format of annotated tasks" and "Import pre-annotated data". Tasks name the frames as files of its local
storage; `label_studio.xml` goes into the project's labelling setup. Rotated boxes, polygons, brushes and key points are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from annotations.bringing.incoming import Incoming, Refused, Said, Told
from annotations.formats.heard import Heard, Hearing, incoming, machine, small_enough, unit
from annotations.formats.labelled import ALL, Frames, Labelled
from annotations.formats.trees import escape, quoteattr
from annotations.teaching import Opinion
from core.errors import Malformed
from core.profile import Profile
from core.schema import FIELDS, Finding

FILE = "label_studio.json"
SETUP = "label_studio.xml"
CARRIES = ALL
ABOUT = "Label Studio (import the tasks, paste the setup). Hazards by name, without their boxes"

MOST_BYTES = 256 * 2**20

LOCAL = "/data/local-files/?d="
"""Before the path of a file of Label Studio's local storage."""


def write(frames: Frames, profile: Profile, folder: Path) -> tuple[Path, ...]:
    """The tasks as one list, written as it goes, and the setup."""
    path, setup = folder / FILE, folder / SETUP
    with path.open("wb") as file:
        file.write(b"[")
        fields = profile.fields
        for number, each in enumerate(frames(True)):
            file.write((b",\n" if number else b"\n") + orjson.dumps(_task(each, fields)))
        file.write(b"\n]\n")
    setup.write_text(_setup(profile), "utf-8")
    return path, setup


def _task(each: Labelled, fields: Sequence[str]) -> dict[str, object]:
    task: dict[str, object] = {"data": {"image": f"{LOCAL}{each.image}"}, "annotations": [{"result": _result(each, each.said, fields)}]}
    if each.machine is not None:
        model, said = each.machine
        task["predictions"] = [{"model_version": model, "result": _result(each, said, fields, by_machine=True)}]
    return task


def _result(each: Labelled, said: Opinion, fields: Sequence[str], *, by_machine: bool = False) -> list[dict[str, object]]:
    whole = {"to_name": "image", "original_width": each.width, "original_height": each.height, "image_rotation": 0}
    salt = "m" if by_machine else "p"
    made: list[dict[str, object]] = []
    for number, thing in enumerate(said.findings):
        if thing.box is None:
            continue
        x0, y0, x1, y1 = (100 * corner for corner in thing.box)
        value = {"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0, "rotation": 0, "rectanglelabels": [thing.label]}
        name = hashlib.sha256(f"{each.frame_id} {salt} {number}".encode()).hexdigest()[:10]
        scored = {"score": thing.confidence} if by_machine and thing.confidence is not None else {}
        made.append({"id": name, "type": "rectanglelabels", "from_name": "label", **whole, "value": value, **scored})
    chosen = {name: [value] for name in fields if (value := getattr(said.step, name).value) is not None}
    if said.risk.level is not None:
        chosen["risk"] = [said.risk.level]
    chosen["violations"] = list(dict.fromkeys(fault.hazard for fault in said.violations))
    chosen["whole"] = [thing.label for thing in said.findings if thing.box is None]
    for name, values in chosen.items():
        if values:
            key = hashlib.sha256(f"{each.frame_id} {salt} {name}".encode()).hexdigest()[:10]
            made.append({"id": key, "type": "choices", "from_name": name, "to_name": "image", "value": {"choices": values}})
    return made


def _setup(profile: Profile) -> str:
    """The labelling setup: boxes, a choice for each field and the risk, several for hazards and labels of the whole frame."""
    choices = {name: ("single", [term.key for term in profile.terms(name)]) for name in profile.fields}
    choices["risk"] = ("single", list(profile.levels))
    choices["violations"] = ("multiple", [hazard.key for hazard in profile.hazards])
    choices["whole"] = ("multiple", [term.key for term in profile.labels])
    lines = ["<View>", '  <Image name="image" value="$image"/>', '  <RectangleLabels name="label" toName="image">']
    lines += [f"    <Label value={quoteattr(term.key)} hint={quoteattr(term.names['en'])}/>" for term in profile.labels]
    lines.append("  </RectangleLabels>")
    for name, (kind, keys) in choices.items():
        if keys:
            lines.append(f'  <Header value="{escape(name)}"/>')
            lines.append(f'  <Choices name="{name}" toName="image" choice="{kind}" showInline="true">')
            lines += [f"    <Choice value={quoteattr(key)}/>" for key in keys]
            lines.append("  </Choices>")
    return "\n".join([*lines, "</View>", ""])


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Task by task: the last annotation is `by`'s word, predictions are a machine's. An annotation that was cancelled says nothing."""
    small_enough(path, MOST_BYTES)
    try:
        tasks = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Malformed(f"{path.name}: this is no JSON ({error}). Nothing was taken.") from error
    if not isinstance(tasks, list):
        raise Malformed(f"{path.name}: Label Studio's JSON is a list of tasks. Nothing was taken.")
    hearing = Hearing(profile, by)
    for number, task in enumerate(tasks):
        place = f"{path.name}, task {number + 1}"
        try:
            yield _incoming(place, task, hearing)
        except Malformed as error:
            yield Refused(place, error)


def _incoming(place: str, task: Any, hearing: Hearing) -> Incoming:
    match task:
        case {"data": dict(data)}:
            file = _file(place, data)
        case _:
            raise Malformed(f"{place}: a task has data with a picture. The frame was not taken.")
    sizes: set[tuple[int, int]] = set()
    told: list[Told] = []
    for number, each in enumerate(_listed(place, task, "annotations"), start=1):
        if not each.get("was_cancelled"):
            where = f"{place}, annotation {number}"
            heard = _heard(where, each.get("result"), hearing, sizes)
            heard.reviewed = True  # whoever submits a task without a box says that there is none
            told.append(hearing.told(heard, "Label Studio"))
    said: list[Said] = []
    for number, each in enumerate(_listed(place, task, "predictions"), start=1):
        heard = _heard(f"{place}, prediction {number}", each.get("result"), hearing, sizes)
        boxes = [Finding(found.label, found.box, found.confidence) for found in heard.findings]
        model = each.get("model_version")
        said.append(machine(file, boxes, heard.level, model=model[:200] if isinstance(model, str) and model else None))
    if len(sizes) > 1:
        raise Malformed(f"{place}: its boxes speak of frames of different sizes. The frame was not taken.")
    return incoming(place, file, next(iter(sizes), None), told=told[-1:], said=said)


def _listed(place: str, task: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = task.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Malformed(f"{place}: {name} is a list. The frame was not taken.")
    return found


def _file(place: str, data: Mapping[str, Any]) -> str:
    """The path of the picture: what stands behind `?d=` of a local file, or the path as it is."""
    word = data.get("image") or next((each for each in data.values() if isinstance(each, str)), None)
    if not isinstance(word, str) or not word:
        raise Malformed(f"{place}: the task names no picture. The frame was not taken.")
    parts = urlsplit(word)
    if parts.scheme in ("http", "https", "s3", "gs"):
        raise Malformed(
            f"{place}: the picture {word[:80]} lies elsewhere. Put it into the folder and name it by its path. The frame was not taken."
        )
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path).removeprefix("/data/upload/").lstrip("/")


def _heard(place: str, result: Any, hearing: Hearing, sizes: set[tuple[int, int]]) -> Heard:
    heard = Heard()
    if not isinstance(result, list):
        raise Malformed(f"{place}: there is no result. The frame was not taken.")
    for number, each in enumerate(result, start=1):
        where = f"{place}, result {number}"
        match each:
            case {"type": "rectanglelabels", "value": {"rectanglelabels": [str(label)]} as value}:
                size = each.get("original_width"), each.get("original_height")
                if isinstance(size[0], int) and isinstance(size[1], int):
                    sizes.add((size[0], size[1]))
                found = hearing.finding(where, label, unit(where, _corners(where, value, each), (100.0, 100.0)))
                score = each.get("score")
                heard.findings.append(
                    Finding(found.label, found.box, score if isinstance(score, float) and 0 <= score <= 1 else None, "person")
                )
            case {"type": "choices", "from_name": str(name), "value": {"choices": [*chosen]}} if all(isinstance(c, str) for c in chosen):
                _chosen(where, name, [str(c) for c in chosen], hearing, heard)
            case _:
                kind = each.get("type") if isinstance(each, dict) else each
                raise Malformed(f"{where}: {str(kind)[:60]} is no box with one label and no choice. The frame was not taken.")
    return heard


def _chosen(place: str, name: str, chosen: list[str], hearing: Hearing, heard: Heard) -> None:
    if name == "whole":
        heard.findings += [hearing.finding(place, word, None) for word in chosen]
    elif name == "violations":
        heard.hazards += [hearing.hazard(place, word) for word in chosen]
    elif len(chosen) == 1 and name == "risk":
        hearing.grade(place, chosen[0], heard)
    elif len(chosen) == 1 and name in FIELDS:
        hearing.step(place, {name: chosen[0]}, heard)
    else:
        raise Malformed(f'{place}: the choice "{name[:60]}" stands for nothing here. The frame was not taken.')


def _corners(place: str, value: Mapping[str, Any], each: Mapping[str, Any]) -> tuple[float, float, float, float]:
    numbers = [value.get(name) for name in ("x", "y", "width", "height")]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise Malformed(f"{place}: a box has x, y, width and height in percent. The frame was not taken.")
    if value.get("rotation") or each.get("image_rotation"):
        raise Malformed(f"{place}: a turned box is none that we know. The frame was not taken.")
    x, y, width, height = (float(number) for number in numbers if number is not None)
    return x, y, x + width, y + height
