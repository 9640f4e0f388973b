"""A training set as a folder: all that may teach, or a frozen set in its parts. Whole or not there, and the same record gives the same bytes.

How a part is written stands in `annotations.parts`, what may teach in `annotations.teaching`. It trains nothing and splits nothing.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from annotations import rows, teaching
from annotations.folders import MANIFEST, whole
from annotations.formats import EXCHANGES, FORMATS, NAMES, PAIR_FORMATS, VERDICT_FORMATS, parquet
from annotations.freezing import frozen
from annotations.parts import Bench, Order, Part, counted
from annotations.store import Reader
from annotations.teaching import (
    ANOTHER_PROFILE,
    AT_ONCE,
    CANNOT_TELL,
    DISPUTED,
    IN_THE_BIN,
    INCOMPLETE,
    NOT_REVIEWED,
    REASONS,
    RETURNED,
    UNCONFIRMED,
    UNREADABLE,
    foreign_word,
    why_not,
)
from core.errors import ExportError
from core.frames import Vault
from core.geometry import FAMILIES
from core.profile import Profile
from core.schema import Reviewed

__all__ = [
    "ANOTHER_PROFILE",
    "CANNOT_TELL",
    "DISPUTED",
    "INCOMPLETE",
    "IN_THE_BIN",
    "MANIFEST",
    "NOT_REVIEWED",
    "REASONS",
    "RETURNED",
    "UNCONFIRMED",
    "UNREADABLE",
    "ExportReport",
    "export_dataset",
    "export_sft",
    "foreign_word",
    "reviewed",
    "why_not",
]

# LLaMA-Factory's own cap is 768 * 768 (hparams/model_args.py, ProcessorArguments): larger frames would be shrunk behind the boxes' back.
_CAP = "let frames of {0} pixels through unshrunk, or every box moves (LLaMA-Factory: image_max_pixels: {0}; ms-swift: MAX_PIXELS={0})"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written where, and how many frames were left out for each reason. Both together are all frames that came into question."""

    folder: Path
    files: tuple[str, ...]  # the formats' files and the manifests, relative to `folder`
    written: int  # frames
    left_out: dict[str, int]  # only reasons that occurred


@dataclass(frozen=True, slots=True)
class Way:
    """How an export goes on: whom it tells, and where it may be gone on with after a sudden end."""

    seen: Callable[[int], None] = lambda frames: None  # told of so many more frames; what it raises ends the export
    kept: Path | None = None  # the folder to write into, which stays when the export breaks off


USUALLY = Way()


def reviewed(reader: Reader, profile: Profile) -> Iterator[Reviewed]:
    """Frames that may teach, by id, each with the correction that says what is true of it."""
    ready = [each for each in teaching.everything(reader) if each.aside is None and each.correction is not None]
    for at in range(0, len(ready), AT_ONCE):
        some = ready[at : at + AT_ONCE]
        asked = orjson.dumps([each.correction for each in some]).decode()
        with reader.reading() as connection:
            told = {row["seq"]: row for row in connection.execute(_TOLD, (asked,))}
            seen = {row["id"]: rows.to_frame(row) for row in connection.execute(_SEEN, (asked,))}
        for each in some:
            if each.correction in told and each.frame_id in seen:  # not erased meanwhile
                correction = rows.to_correction(told[each.correction], each.frame_id)
                if why_not(correction, profile) is None:
                    yield Reviewed(seen[each.frame_id], correction)


_TOLD = "SELECT * FROM corrections WHERE seq IN (SELECT value FROM json_each(?))"
_SEEN = "SELECT f.* FROM corrections c JOIN frames f ON f.seq = c.frame WHERE c.seq IN (SELECT value FROM json_each(?))"


def export_sft(
    reader: Reader,
    vault: Vault,
    profile: Profile,
    out: Path,
    *,
    family: str = "qwen2.5-vl",
    formats: Sequence[str] | None = None,
    pictures: bool = True,
    way: Way = USUALLY,
) -> ExportReport:
    """Write the frames that may teach, for a model family, into the new folder `out` (an earlier export there is replaced).

    `pictures` False: labels only, of the formats of other tools. Raises ExportError for a family or format that is not there, and for a folder
    that holds something else.
    """
    bench = _bench(reader, vault, profile, family, usual(family) if formats is None else formats, pictures, way)
    out, before = out.absolute(), erasures(reader)
    with whole(out, way.kept) as folder:
        part = bench.write(teaching.everything(reader), folder, _told(bench))
    _still_there(reader, before, out, [part])
    return ExportReport(out, (*(path.name for path in part.files), MANIFEST), len(part.kept), counted(part.left_out))


def export_dataset(
    reader: Reader,
    vault: Vault,
    profile: Profile,
    name: str,
    out: Path,
    *,
    family: str = "qwen2.5-vl",
    formats: Sequence[str] | None = None,
    pictures: bool = True,
    way: Way = USUALLY,
) -> ExportReport:
    """Write a frozen set: below `out` a folder for each part that is not empty, as `export_sft` writes one, and a manifest of the whole.

    Frames that were erased since it was frozen are missing in it, and the manifest says how many. Raises NotFound for a set, and ExportError for
    one in the words of another profile, a family or a format that is not there, and a folder that holds something else.
    """
    known = frozen.one(reader, name)
    if known.profile != profile.key:
        raise ExportError(
            f'The set "{name}" speaks in the words of the profile {known.profile}, and {profile.key} is in use. Start with that profile.'
        )
    bench = _bench(reader, vault, profile, family, usual(family, pairs=True) if formats is None else formats, pictures, way)
    out, before = out.absolute(), erasures(reader)
    listed = sorted(teaching.frozen(reader, name), key=lambda each: frozen.PARTS.index(each.part))
    identity = {"name": known.name, "digest": known.digest}
    parts: dict[str, Part] = {}
    with whole(out, way.kept) as folder:
        for part, some in groupby(listed, key=lambda each: each.part):
            (folder / part).mkdir(exist_ok=True)
            parts[part] = bench.write(some, folder / part, _told(bench, dataset=identity, part=part))
        about = _whole_set(bench, parts, identity, known.frames - len(listed))
        (folder / MANIFEST).write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        if "parquet" in bench.order.formats:
            card = parquet.carded({part: f"{part}/{parquet.FILE}" for part in parts}, profile.key)
            (folder / parquet.CARD).write_text(card, "utf-8")
    _still_there(reader, before, out, parts.values())
    files = (f"{part}/{path.name}" for part, made in parts.items() for path in [*made.files, Path(MANIFEST)])
    left_out = sum((made.left_out for made in parts.values()), Counter[str]())
    return ExportReport(out, (*files, MANIFEST), sum(len(made.kept) for made in parts.values()), counted(left_out))


def usual(family: str, *, pairs: bool = False) -> tuple[str, ...]:
    """The formats that are written when nobody asks for any: all that suit the family and are read by trainers; of a frozen set preferences too."""
    fmt = FAMILIES.get(family)
    samples = (name for name, form in FORMATS.items() if fmt is None or form.suits(fmt))
    return (*samples, *(PAIR_FORMATS if pairs else ()), *(VERDICT_FORMATS if pairs else ()))


def of_how_many(reader: Reader, name: str | None) -> int:
    """Frames that an export will look at, of a frozen set or of all; for whoever waits."""
    return len(teaching.everything(reader) if name is None else teaching.frozen(reader, name))


def check(family: str, formats: Sequence[str], *, pictures: bool) -> None:
    """Raises ExportError for what cannot be exported."""
    for name, known in [(family, tuple(FAMILIES)), *((name, NAMES) for name in formats)]:
        if name not in known:
            raise ExportError(f'"{name}" cannot be exported. There are: {", ".join(known)}.')
    trainers = [name for name in formats if name not in EXCHANGES]
    if not pictures and trainers:
        raise ExportError(f'"{trainers[0]}" speaks of pictures made for a model family, so it cannot be exported without them.')


def _bench(reader: Reader, vault: Vault, profile: Profile, family: str, formats: Sequence[str], pictures: bool, way: Way) -> Bench:
    asked = tuple(dict.fromkeys(formats))
    check(family, asked, pictures=pictures)
    return Bench(reader, vault, profile, Order(family, asked, pictures, way.kept is not None, way.seen))


def _told(bench: Bench, **more: object) -> dict[str, Any]:
    """What a manifest says of the set, whichever frames are in it."""
    fmt, prompt = bench.fmt, bench.prompt
    unit = "pixels of the frame file" if fmt.scale is None else f"{fmt.scale:g}ths of the frame's width and height"
    return {
        "made_by": "gembalens",
        **more,
        "profile": {"key": bench.profile.key, "version": bench.profile.version},
        "schema_id": prompt.schema_id,
        "prompt_id": prompt.id,
        "coordinates": {
            "family": bench.order.family,
            "order": fmt.order,
            "unit": unit,
            "scale": fmt.scale,
            "step": fmt.step,
            "precision": "every number is a multiple of `step` in this unit, so a side is at most half a step beside what a person drew",
            "max_pixels": fmt.max_pixels if fmt.resized else None,
            "trainers_must": _CAP.format(fmt.max_pixels) if fmt.resized else None,
        },
    }


def _whole_set(bench: Bench, parts: Mapping[str, Part], identity: Mapping[str, str], erased: int) -> dict[str, Any]:
    """The manifest above the parts. It names every frame, by which an erasure finds it."""
    sizes = {name: len(parts[name].kept) if name in parts else 0 for name in frozen.PARTS}
    frames = {each.frame_id: {"part": name} for name, part in parts.items() for each in part.kept}
    return {**_told(bench, dataset=identity), "parts": sizes, "erased": erased, "frames": dict(sorted(frames.items()))}


def _still_there(reader: Reader, before: int, out: Path, parts: Iterable[Part]) -> None:
    """An erasure that began meanwhile may have looked for exports before this one stood: then it goes, as it would have. Raises ExportError."""
    if erasures(reader) == before:
        return
    frames = orjson.dumps([each.numbers[0] for part in parts for each in part.kept]).decode()
    with reader.reading() as connection:
        (gone,) = connection.execute("SELECT count(*) FROM json_each(?) WHERE value NOT IN (SELECT seq FROM frames)", (frames,)).fetchone()
    if gone:
        shutil.rmtree(out, ignore_errors=True)
        raise ExportError("A frame was erased while it was being exported. Nothing was written; export again.")


def erasures(reader: Reader) -> int:
    """How many there ever were."""
    with reader.reading() as connection:
        number: int = connection.execute("SELECT coalesce(max(seq), 0) FROM erasures").fetchone()[0]
    return number
