"""A training set as a folder: which frames are in it and why others are not, the frames themselves, the files, the manifest. Whole or not there.

The same record gives the same bytes: nothing here looks at a clock, a die or a directory listing. It trains nothing and splits nothing.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

from annotations import opinions, rows
from annotations.formats import FORMATS
from annotations.store import Reader
from core import answers, prompts
from core.errors import ExportError, FrameRefused, NotFound, StoreError
from core.frames import Vault, upright
from core.geometry import FAMILIES, BoxFormat, Size, smart_resize
from core.profile import Profile
from core.schema import FIELDS, Correction, Frame, Reviewed, Sample

NOT_REVIEWED, CANNOT_TELL, UNCONFIRMED, INCOMPLETE, UNREADABLE = "not reviewed", "cannot tell", "unconfirmed", "incomplete", "unreadable"
ANOTHER_PROFILE = "another profile"
IN_THE_BIN, RETURNED, DISPUTED = "in the bin", "returned", "disputed"
REASONS = (IN_THE_BIN, NOT_REVIEWED, RETURNED, DISPUTED, CANNOT_TELL, ANOTHER_PROFILE, UNCONFIRMED, INCOMPLETE, UNREADABLE)
"""Why a frame is left out: it was put away; nobody corrected it; a reviewer sent it back; two opinions differ and nobody decided; who corrected
it could not tell; it was judged in the words of another profile; a box or field nobody looked at; a field nobody filled; a file that is missing
or damaged (never another picture in its place)."""

MANIFEST = "manifest.json"
# LLaMA-Factory's own cap is 768 * 768 (hparams/model_args.py, ProcessorArguments): larger frames would be shrunk behind the boxes' back.
_CAP = "let frames of {0} pixels through unshrunk, or every box moves (LLaMA-Factory: image_max_pixels: {0}; ms-swift: MAX_PIXELS={0})"
_QUALITY = 95  # of the exported JPEG


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written where, and how many frames were left out for each reason. Both together are all frames of the record."""

    folder: Path
    files: tuple[str, ...]  # the formats' files and the manifest, relative to `folder`
    written: int  # frames
    left_out: dict[str, int]  # only reasons that occurred


@dataclass(slots=True)
class _Set:
    """What was gathered so far."""

    samples: list[Sample] = field(default_factory=list)
    frames: dict[str, dict[str, Any]] = field(default_factory=dict)  # by frame id: file, size, hash, revision
    left_out: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)


def reviewed(reader: Reader, profile: Profile) -> Iterator[Reviewed]:
    """Frames that may teach, by id, each with the correction that says what is true of it."""
    for frame, told, aside in _latest(reader):
        if told is not None and aside is None and why_not(told, profile) is None:
            yield Reviewed(frame, told)


def why_not(told: Correction, profile: Profile) -> str | None:
    """The reason for which a frame with this latest correction may not teach; None: it may. No findings at all is a full answer."""
    if told.verdict != "reviewed":
        return CANNOT_TELL
    if foreign_word(told, profile) is not None:
        return ANOTHER_PROFILE
    values = [told.step[name] for name in profile.fields]
    unanswered = told.risk.level is None and not any(f.label in profile.not_applicable for f in told.findings)
    if unanswered or any(value.value is None for value in values):
        return INCOMPLETE
    said_by = [*(f.said_by for f in told.findings), *(v.said_by for v in values), *(v.said_by for v in told.violations), told.risk.said_by]
    if "model" in said_by:
        return UNCONFIRMED
    return None


def foreign_word(told: Correction, profile: Profile) -> tuple[str, str] | None:
    """The first word of a correction that is no key of the profile, after what it would have to be: label, tool ... hazard, risk."""
    hazards = {hazard.key for hazard in profile.hazards}
    said = [("label", f.label, _keys(profile, "label")) for f in told.findings]
    said += [(name, value, _keys(profile, name)) for name in FIELDS if (value := told.step[name].value) is not None]
    said += [("hazard", v.hazard, hazards) for v in told.violations]
    said += [("risk", level, set(profile.levels)) for level in (told.risk.level, *(v.risk for v in told.violations)) if level is not None]
    return next(((what, key) for what, key, known in said if key not in known), None)


def _keys(profile: Profile, name: str) -> set[str]:
    return {term.key for term in profile.terms(name)}


def export_sft(
    reader: Reader, vault: Vault, profile: Profile, out: Path, *, family: str = "qwen2.5-vl", formats: Sequence[str] | None = None
) -> ExportReport:
    """Write the frames that may teach, for a model family, into the new folder `out` (an earlier export there is replaced).

    Raises ExportError for a family or format that is not there, and for a folder that holds something else.
    """
    out = out.absolute()
    asked = tuple(FORMATS) if formats is None else tuple(dict.fromkeys(formats))
    for name, known in [(family, FAMILIES), *((name, FORMATS) for name in asked)]:
        if name not in known:
            raise ExportError(f'"{name}" cannot be exported. There are: {", ".join(known)}.')
    _refuse_foreign(out)
    fmt = FAMILIES[family]
    prompt = prompts.build(profile, "brief" if family == "compact" else "full", fmt)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
        try:
            (partial / "frames").mkdir()
            gathered = _gather(reader, vault, profile, partial, fmt, prompt.text)
            made = [path for name in asked for path in FORMATS[name].write(gathered.samples, partial)]
            about = _about(profile, prompt, family, gathered, asked)
            about["files"] = {path.name: _hash(path) for path in made}
            (partial / MANIFEST).write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            _settle(partial, out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise ExportError(f"The training set could not be written to {out}: {error.strerror or error}. Nothing was left behind.") from error
    files = (*(path.name for path in made), MANIFEST)
    return ExportReport(out, files, len(gathered.samples), _counted(gathered))


def _latest(reader: Reader) -> Iterator[tuple[Frame, Correction | None, str | None]]:
    """Every frame by id with its latest correction and why it stands aside, as of one moment, without holding that moment while a caller works."""
    with reader.reading() as connection:
        found = connection.execute(
            "SELECT f.id, s.correction, s.state, s.binned FROM frames f CROSS JOIN frame_states s ON s.frame = f.seq ORDER BY f.id"
        ).fetchall()
    for frame_id, number, state, binned in found:
        aside = IN_THE_BIN if binned else {"returned": RETURNED, "disputed": DISPUTED}.get(state)
        with reader.reading() as connection:  # rows never change: what was the latest is still there
            frame = opinions.frame_of(connection, frame_id)
            row = connection.execute("SELECT * FROM corrections WHERE seq = ?", (number,)).fetchone() if number is not None else None
        yield frame, None if row is None else rows.to_correction(row, frame_id), aside


def _gather(reader: Reader, vault: Vault, profile: Profile, folder: Path, fmt: BoxFormat, prompt: str) -> _Set:
    """Write the frames that may teach and make their samples; count the others."""
    gathered = _Set()
    for frame, told, aside in _latest(reader):
        reason = aside or (NOT_REVIEWED if told is None else why_not(told, profile))
        if told is None or reason is not None:
            gathered.left_out[reason or NOT_REVIEWED] += 1
            continue
        image = f"frames/{frame.id}.jpg"
        try:
            content, size = _encode(vault.get(frame.id), fmt)
        except (FrameRefused, NotFound, StoreError):
            gathered.left_out[UNREADABLE] += 1
            gathered.unreadable.append(frame.id)
            continue
        (folder / image).write_bytes(content)
        answer = answers.write(told.findings, told.step, told.violations, told.risk, profile, fmt, size)
        gathered.samples.append(Sample(frame.id, image, *size, prompt, answer))
        sha256 = hashlib.sha256(content).hexdigest()
        gathered.frames[frame.id] = {"image": image, "width": size[0], "height": size[1], "sha256": sha256, "revision": told.revision}
    return gathered


def _encode(content: bytes, fmt: BoxFormat) -> tuple[bytes, Size]:
    """The upright frame as JPEG without metadata, and its size. For a family that writes pixels it has the very size at which its
    processor would look at it, so that each trainer's own resize changes nothing. Raises FrameRefused."""
    picture = upright(content)
    if fmt.resized:
        try:
            size = smart_resize(picture.size, fmt.factor, fmt.min_pixels, fmt.max_pixels)
        except ValueError as error:
            raise FrameRefused(f"This model family takes no such frame: {error}.") from error
        picture = picture.resize(size, Image.Resampling.BICUBIC)  # the processors' own filter
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=_QUALITY)
    return encoded.getvalue(), picture.size


def _about(profile: Profile, prompt: prompts.Prompt, family: str, gathered: _Set, asked: Sequence[str]) -> dict[str, Any]:
    """The manifest, but for the files."""
    fmt = FAMILIES[family]
    unit = "pixels of the frame file" if fmt.scale is None else f"{fmt.scale:g}ths of the frame's width and height"
    return {
        "made_by": "gembalens",
        "profile": {"key": profile.key, "version": profile.version},
        "schema_id": prompt.schema_id,
        "prompt_id": prompt.id,
        "coordinates": {
            "family": family,
            "order": fmt.order,
            "unit": unit,
            "scale": fmt.scale,
            "step": fmt.step,
            "precision": "every number is a multiple of `step` in this unit, so a side is at most half a step beside what a person drew",
            "max_pixels": fmt.max_pixels if fmt.resized else None,
            "trainers_must": _CAP.format(fmt.max_pixels) if fmt.resized else None,
        },
        "counts": {
            "frames": len(gathered.samples) + gathered.left_out.total(),
            "written": len(gathered.samples),
            "left_out": _counted(gathered),
        },
        "unreadable": gathered.unreadable,
        "valid_for": {FORMATS[name].file: list(FORMATS[name].valid_for) for name in asked},
        "not_for": {FORMATS[name].file: list(FORMATS[name].not_for) for name in asked},
        "frames": gathered.frames,
    }


def _counted(gathered: _Set) -> dict[str, int]:
    return {reason: gathered.left_out[reason] for reason in REASONS if gathered.left_out[reason]}


def _hash(path: Path) -> Mapping[str, Any]:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def _refuse_foreign(out: Path) -> None:
    """Only a folder that we made, or an empty one, may be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        ours = orjson.loads((out / MANIFEST).read_bytes()).get("made_by") == "gembalens"
    except (OSError, orjson.JSONDecodeError, AttributeError):
        ours = False
    if not ours:
        raise ExportError(f"{out} holds something that is no training set of ours. Choose a new folder; nothing was written.")


def _settle(partial: Path, out: Path) -> None:
    """Flush everything, then let the folder appear under its name at once."""
    partial.chmod(0o755)  # mkdtemp's are private
    for path in (*partial.rglob("*"), partial):
        _flush(path)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent)) if out.exists() else None
    if aside is not None:
        out.replace(aside)
    try:
        partial.replace(out)
    except OSError:
        if aside is not None:
            aside.replace(out)
        raise
    _flush(out.parent)
    if aside is not None:
        shutil.rmtree(aside)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
