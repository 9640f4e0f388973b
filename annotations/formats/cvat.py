"""CVAT for images 1.1: one XML of all frames, boxes as xtl, ytl, xbr, ybr in pixels; a tag `frame` whose attributes say what is true of the whole frame.

Source: docs.cvat.ai, "CVAT XML annotation format". Tracks (videos), polygons, lines, points, masks and turned boxes are no boxes of ours and refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from annotations.bringing.incoming import Incoming, Refused
from annotations.formats.heard import Heard, Hearing, incoming, unit
from annotations.formats.labelled import ALL, Frames, Labelled
from annotations.formats.trees import escape, parsed, quoteattr
from core.errors import Malformed
from core.profile import Profile
from core.schema import FIELDS

FILE = "annotations.xml"
CARRIES = ALL
ABOUT = "CVAT (format CVAT for images 1.1). Hazards by name, without their boxes"

TAG = "frame"
_NONE = "__undefined__"


def write(frames: Frames, profile: Profile, folder: Path) -> tuple[Path, ...]:
    """One file, written frame by frame."""
    path = folder / FILE
    with path.open("wb") as file:
        file.write(_head(profile).encode())
        fields = profile.fields
        for number, each in enumerate(frames(False)):
            file.write(_image(number, each, fields).encode())
        file.write(b"</annotations>\n")
    return (path,)


def _head(profile: Profile) -> str:
    lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "  <version>1.1</version>", "  <meta><task><labels>"]
    lines += [f"    <label><name>{escape(term.key)}</name><type>any</type><attributes></attributes></label>" for term in profile.labels]
    choices = {name: [term.key for term in profile.terms(name)] for name in profile.fields} | {"risk": list(profile.levels)}
    lines.append(f"    <label><name>{TAG}</name><type>tag</type><attributes>")
    for name, keys in choices.items():
        values = "\n".join([_NONE, *keys])
        lines.append(
            f"      <attribute><name>{name}</name><mutable>False</mutable><input_type>select</input_type>"
            f"<default_value>{_NONE}</default_value><values>{escape(values)}</values></attribute>"
        )
    for hazard in profile.hazards:
        lines.append(
            f"      <attribute><name>violation:{hazard.key}</name><mutable>False</mutable><input_type>checkbox</input_type>"
            "<default_value>false</default_value><values>false</values></attribute>"
        )
    return "\n".join([*lines, "    </attributes></label>", "  </labels></task></meta>", ""])


def _image(number: int, each: Labelled, fields: Sequence[str]) -> str:
    said = each.said
    lines = [f'  <image id="{number}" name={quoteattr(each.image)} width="{each.width}" height="{each.height}">']
    values = {name: getattr(said.step, name).value for name in fields} | {"risk": said.risk.level}
    values |= {f"violation:{fault.hazard}": "true" for fault in said.violations}
    shown = "".join(f'<attribute name="{name}">{_NONE if value is None else value}</attribute>' for name, value in values.items())
    lines.append(f'    <tag label="{TAG}" source="manual">{shown}</tag>')
    for thing in said.findings:
        label = quoteattr(thing.label)
        if thing.box is None:
            lines.append(f'    <tag label={label} source="manual"></tag>')
            continue
        x0, y0, x1, y1 = thing.box
        corners = (f'{name}="{number:.2f}"' for name, number in zip(
            ("xtl", "ytl", "xbr", "ybr"), (x0 * each.width, y0 * each.height, x1 * each.width, y1 * each.height), strict=True
        ))  # fmt: skip
        lines.append(f'    <box label={label} source="manual" occluded="0" {" ".join(corners)} z_order="0"></box>')
    return "\n".join([*lines, "  </image>", ""])


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Frame by frame. One with neither box nor tag says nothing. Raises Malformed for what is no such file, and for one of a video."""
    tree = parsed(path)
    if tree.tag != "annotations" or tree.find("track") is not None:
        raise Malformed(f"{path.name}: this is no file of CVAT for images (tracks of a video are not taken). Nothing was taken.")
    hearing = Hearing(profile, by)
    for number, image in enumerate(tree.iter("image")):
        place = f"{path.name}, image {number + 1}"
        try:
            yield _incoming(place, path.name, image, hearing)
        except Malformed as error:
            yield Refused(place, error)


def _incoming(place: str, file: str, image: Element, hearing: Hearing) -> Incoming:
    size = (_number(place, image, "width"), _number(place, image, "height"))
    heard = Heard()
    for number, shape in enumerate(image, start=1):
        where, label = f"{place}, shape {number}", shape.get("label", "")
        if shape.tag == "tag" and label == TAG and hearing.profile.key_of("label", TAG) is None:
            _whole_frame(where, shape, hearing, heard)
        elif shape.tag == "tag":
            heard.findings.append(hearing.finding(where, label, None))
        elif shape.tag == "box" and float(shape.get("rotation", "0") or 0) == 0:
            corners = [_number(where, shape, name) for name in ("xtl", "ytl", "xbr", "ybr")]
            heard.findings.append(hearing.finding(where, label, unit(where, corners, size)))
        else:
            raise Malformed(f"{where}: {shape.tag[:60]} is no upright box and no tag. The frame was not taken.")
    told = [] if heard.empty else [hearing.told(heard, f"CVAT: {file}"[:300])]
    name = image.get("name") or ""
    return incoming(place, name, (round(size[0]), round(size[1])), told=told)


def _whole_frame(place: str, tag: Element, hearing: Hearing, heard: Heard) -> None:
    heard.reviewed = True
    for each in tag.iter("attribute"):
        name, value = each.get("name", ""), (each.text or "").strip()
        if name in FIELDS:
            hearing.step(place, {name: None if value == _NONE else value}, heard)
        elif name == "risk":
            if value not in ("", _NONE):
                hearing.grade(place, value, heard)
        elif name.startswith("violation:"):
            if value == "true":
                heard.hazards.append(hearing.hazard(place, name.removeprefix("violation:")))
        else:
            raise Malformed(f'{place}: the attribute "{name[:60]}" stands for nothing here. The frame was not taken.')


def _number(place: str, element: Element, name: str) -> float:
    try:
        return float(element.get(name) or "")
    except ValueError as error:
        raise Malformed(f"{place}: {name} is not a number. The frame was not taken.") from error
