"""Pascal VOC: one XML a frame in `Annotations/`, boxes as xmin, ymin, xmax, ymax in pixels counted from 0, as CVAT and labelImg write them today.

(The first VOC counted from 1; a box is then one pixel off, within what is taken here for rounding.) What VOC has no place for stands in an element
`gembalens` of its own, which its readers step over. Segmentations and parts of objects are no boxes and refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from annotations.bringing.incoming import Incoming, Refused
from annotations.formats.heard import Heard, Hearing, incoming, unit
from annotations.formats.labelled import ALL, Frames, Labelled
from annotations.formats.trees import escape, parsed, text_of
from core.errors import Malformed
from core.profile import Profile
from core.schema import FIELDS

FILE = "Annotations"
CARRIES = ALL
ABOUT = "labelImg, torchvision, CVAT, Roboflow; they leave aside what is no box. Hazards by name, without their boxes"

_PLACES = ("", "JPEGImages", "images", "frames")
_OURS = "gembalens"


def write(frames: Frames, profile: Profile, folder: Path) -> tuple[Path, ...]:
    """A file a frame; none of them is named one by one."""
    place = folder / FILE
    place.mkdir(exist_ok=True)
    fields = profile.fields
    for each in frames(False):
        (place / f"{each.frame_id}.xml").write_bytes(_written(each, fields).encode())
    return ()


def _written(each: Labelled, fields: Sequence[str]) -> str:
    lines = ["<annotation>", f"  <folder>{Path(each.image).parent.as_posix()}</folder>", f"  <filename>{Path(each.image).name}</filename>"]
    lines.append(f"  <size><width>{each.width}</width><height>{each.height}</height><depth>3</depth></size>")
    lines.append("  <segmented>0</segmented>")
    lines.append(f"  <{_OURS}>")
    said = each.said
    lines += [f"    <{name}>{value}</{name}>" for name in fields if (value := getattr(said.step, name).value) is not None]
    if said.risk.level is not None:
        lines.append(f"    <risk>{said.risk.level}</risk>")
    lines += [f"    <violation>{hazard}</violation>" for hazard in dict.fromkeys(fault.hazard for fault in said.violations)]
    lines += [f"    <whole>{escape(thing.label)}</whole>" for thing in said.findings if thing.box is None]
    lines.append(f"  </{_OURS}>")
    for thing in said.findings:
        if thing.box is not None:
            x0, y0, x1, y1 = thing.box
            corners = zip(
                ("xmin", "ymin", "xmax", "ymax"), (x0 * each.width, y0 * each.height, x1 * each.width, y1 * each.height), strict=True
            )
            box = "".join(f"<{name}>{number:.2f}</{name}>" for name, number in corners)
            usual = "<pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>"
            lines.append(f"  <object><name>{escape(thing.label)}</name>{usual}<bndbox>{box}</bndbox></object>")
    return "\n".join([*lines, "</annotation>", ""])


def read(path: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """Frame by frame, by name; of a folder of such files or of one of them. A frame without any object says nothing, unless it says so itself."""
    files = [path] if path.is_file() else sorted(path.glob("*.xml"))
    root = path.parent.parent if path.is_file() and path.parent.name == FILE else path.parent
    hearing = Hearing(profile, by)
    for file in files:
        try:
            yield _incoming(file, root, hearing)
        except Malformed as error:
            yield Refused(file.name, error)


def _incoming(file: Path, root: Path, hearing: Hearing) -> Incoming:
    tree, place = parsed(file), file.name
    if tree.tag != "annotation":
        raise Malformed(f"{place}: this is no Pascal VOC. The frame was not taken.")
    name = text_of(tree, "filename") or f"{file.stem}.jpg"
    size = (_number(place, tree, "size/width"), _number(place, tree, "size/height"))
    heard = Heard()
    for number, each in enumerate(tree.iter("object"), start=1):
        where = f"{place}, object {number}"
        if each.find("part") is not None or each.find("polygon") is not None:
            raise Malformed(f"{where}: parts and polygons are no boxes. The frame was not taken.")
        corners = [_number(where, each, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        heard.findings.append(hearing.finding(where, text_of(each, "name") or "", unit(where, corners, size)))
    ours = tree.find(_OURS)
    if ours is not None:
        heard.reviewed = True
        hearing.step(place, {field: text_of(ours, field) for field in FIELDS}, heard)
        heard.findings += [hearing.finding(place, each.text or "", None) for each in ours.iter("whole")]
        heard.hazards += [hearing.hazard(place, each.text or "") for each in ours.iter("violation")]
        risk = text_of(ours, "risk")
        if risk is not None:
            hearing.grade(place, risk, heard)
    told = [] if heard.empty else [hearing.told(heard, f"Pascal VOC: {file.name}"[:300])]
    whole = (round(size[0]), round(size[1]))
    return incoming(place, _picture(root, text_of(tree, "folder") or "", name), whole, told=told)


def _picture(root: Path, folder: str, name: str) -> str:
    """Where the picture lies: where the file says, where VOC has them, or beside."""
    bare = Path(name.replace("\\", "/")).name
    for place in (folder, *_PLACES, FILE):
        found = f"{place}/{bare}" if place else bare
        if not Path(found).is_absolute() and ".." not in Path(found).parts and (root / found).is_file():
            return found
    return f"frames/{bare}"


def _number(place: str, tree: Element, path: str) -> float:
    text = text_of(tree, path)
    try:
        return float(text or "")
    except ValueError as error:
        raise Malformed(f"{place}: {path} is not a number. The frame was not taken.") from error
