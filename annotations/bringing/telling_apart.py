"""What lies in a folder or a file that somebody wants to bring in, told by its marks, and the reader for it. It reads no further than it must.

First what is ours (`records.jsonl`, a training set with its manifest), then files by the names under which we write them, then the only file of a
kind. Where nothing or too much is found nothing is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from annotations.bringing import old_rows
from annotations.bringing.incoming import Incoming, Refused
from annotations.formats import EXCHANGES, FORMATS, coco, cvat, label_studio, parquet, records, sheet, tab, trained, voc, yolo
from annotations.formats.trees import parsed
from core.errors import Malformed
from core.profile import Profile

Flow = Iterable[Incoming | Refused]
_HEAD = 65_536  # bytes that are looked at to tell JSON files apart
_KINDS = ("*.json", "*.jsonl", "*.xml", "*.parquet", "*.csv")


def opened(source: Path, profile: Profile, by: str) -> tuple[Path, Flow]:
    """The folder in which the pictures lie, and what the file says frame by frame. Raises Malformed."""
    if source.is_file():
        return _root(source), _file(source, profile, by)
    if (source / records.FILE).is_file():
        return source, records.read(source / records.FILE)
    if (source / trained.MANIFEST).is_file():
        return source, _ours(source, profile, by)
    for exchange in EXCHANGES.values():
        if (source / exchange.file).exists():
            return source, exchange.read(source / exchange.file, profile, by)
    if (source / yolo.CLASSES).is_file() and (source / yolo.LABELS).is_dir():
        return source, yolo.read(source / yolo.CLASSES, profile, by)
    found = [path for kind in _KINDS for path in sorted(source.glob(kind))] if source.is_dir() else []
    if found and all(path.suffix == ".xml" for path in found) and parsed(found[0]).tag == "annotation":
        return source, _each(found, profile, by)
    of_kind = [path for path in found if path.suffix == found[0].suffix]
    if len(of_kind) != 1:
        raise Malformed(
            f"{source.name} holds no {records.FILE}, no training set of ours and not exactly one COCO file (*.json), nor one of another kind that is "
            f"known: {', '.join(EXCHANGES)}, chat rows. Name the file. Nothing was taken."
        )
    return source, _file(of_kind[0], profile, by)


def _file(path: Path, profile: Profile, by: str) -> Flow:
    """The reader for a file, by its ending and its first bytes."""
    match path.suffix.lower():
        case ".jsonl":
            rows = path.name != records.FILE and old_rows.is_row(_first_line(path))
            return old_rows.read(path, profile, by) if rows else records.read(path)
        case ".xml":
            reader = voc.read if parsed(path).tag == "annotation" else cvat.read
            return reader(path, profile, by)
        case ".parquet":
            return parquet.read(path, profile, by)
        case ".csv":
            return sheet.read(path, profile, by)
        case ".yaml" | ".yml":
            return yolo.read(path, profile, by)
        case ".txt" | ".tsv":
            return (yolo.read if path.name == yolo.CLASSES else tab.read)(path, profile, by)
        case _:
            return _json(path, profile, by)


def _json(path: Path, profile: Profile, by: str) -> Flow:
    """COCO is one object; a list holds tasks of Label Studio or chat rows."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.lstrip().startswith(b"[") or head.lstrip().startswith(b"[[["):
        return coco.read(path, profile, by)
    if b'"conversations"' in head or b'"messages"' in head:
        return old_rows.read(path, profile, by)
    return label_studio.read(path, profile, by)


def _ours(folder: Path, profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    """A training set of ours: its parts one after another, each by the first file that holds most."""
    try:
        about: Any = orjson.loads((folder / trained.MANIFEST).read_bytes())
    except orjson.JSONDecodeError as error:
        raise Malformed(f"{folder.name}/{trained.MANIFEST}: this is no JSON ({error}). Nothing was taken.") from error
    parts = about.get("parts") if isinstance(about, dict) else None
    if isinstance(parts, dict):
        for part in parts:
            inside = folder / Path(part).name
            if (inside / trained.MANIFEST).is_file():
                for each in _ours(inside, profile, by):
                    yield replace(each, file=f"{inside.name}/{each.file}") if isinstance(each, Incoming) else each
        return
    samples = any((folder / form.file).is_file() for form in FORMATS.values())
    exchange = next((each for each in EXCHANGES.values() if (folder / each.file).exists()), None)
    if samples or exchange is None:
        yield from trained.read(folder, profile, by=by)
    else:
        trained.family_of(folder, profile)  # refuses another profile
        yield from exchange.read(folder / exchange.file, profile, by)


def _each(files: list[Path], profile: Profile, by: str) -> Iterator[Incoming | Refused]:
    for path in files:
        yield from voc.read(path, profile, by)


def _root(path: Path) -> Path:
    """Where a file's pictures lie: beside it, or for Pascal VOC beside its folder."""
    return path.parent.parent if path.suffix == ".xml" and path.parent.name == voc.FILE else path.parent


def _first_line(path: Path) -> Any:
    with path.open("rb") as file:
        line = next((line for line in iter(lambda: file.readline(records.MOST_LINE), b"") if line.strip()), b"")
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
