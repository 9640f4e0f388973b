"""Further frames for the part of an exported set that teaches: made after the split, so that what judges stays as it was photographed. Whole or not at all.

A further frame lies beside its own in `frames/`, is in every file that teaches by example, and stands in the manifest with what was done to it.
Preferences and verdicts are not multiplied: nobody gave them of such a frame.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from PIL import Image

from annotations.folders import MANIFEST, flush_all
from annotations.formats import FORMATS
from core import answers, sft
from core.augmenting.changes import Shown
from core.augmenting.plan import Answer, Made, Plan, further
from core.durable import flush
from core.errors import ExportError
from core.geometry import FAMILIES, BoxFormat
from core.parsing import parse_reply
from core.profile import Profile
from core.schema import Risk, Sample

BEFORE = "before"
"""In the folder where a part is made anew: the part as it was."""

_QUALITY = 95  # of a further frame's JPEG


@dataclass(frozen=True, slots=True)
class Further:
    """What came of it."""

    frames: int  # that were there
    made: int  # further ones


def add_further(folder: Path, plan: Plan, profile: Profile, answer: Answer | None = None) -> Further:
    """Add further frames to the part `train` of an exported set. `answer`: of a frozen model, which must stay the same.

    Raises ExportError for a set that has none to add to, or has further frames already; Malformed for one that cannot be read. What a kill left
    between the old part and the new is put back first.
    """
    _put_back(folder / "train")
    _put_back(folder)
    part = sft.part(folder, "train")
    if part is None:
        raise ExportError(f"{folder.name} has no part that teaches (train), so there is nothing to make further frames of.")
    about = dict(sft.about(part))
    if "further" in about:
        raise ExportError(f"{folder.name} has further frames already. Export the set anew to have others.")
    family = FAMILIES[str(about["coordinates"]["family"])]
    aside = Path(tempfile.mkdtemp(prefix=f".{part.name}.partial-", dir=part.parent))
    try:
        fresh = aside / part.name
        shutil.copytree(part, fresh, copy_function=os.link, ignore=shutil.ignore_patterns(MANIFEST))
        known = list(sft.samples(part))
        made = list(_samples(known, fresh, plan, profile, family, about, answer))
        _rewrite(fresh, [*known, *made], about)
        about["further"] = {**asdict(plan), "made": len(made)}
        about["counts"] = {**about["counts"], "further": len(made)}
        (fresh / MANIFEST).write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        flush_all(fresh)
        part.replace(aside / BEFORE)
        fresh.replace(part)
        flush(part.parent)
    except BaseException:
        _put_back(part)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Further(len(known), len(made))


def _put_back(part: Path) -> None:
    """A part that was set aside and whose successor never took its place."""
    if part.exists():
        return
    for before in sorted(part.parent.glob(f".{part.name}.partial-*/{BEFORE}")):
        before.replace(part)
        flush(part.parent)
        shutil.rmtree(before.parent, ignore_errors=True)
        return


def _samples(
    known: list[Sample], folder: Path, plan: Plan, profile: Profile, family: BoxFormat, about: dict[str, Any], answer: Answer | None
) -> Iterator[Sample]:
    """Further frames of each sample, written; those of a frame only where its answer is understood whole."""
    frames = about["frames"]
    for number, sample in enumerate(known):
        said = parse_reply(sample.answer, profile, family, (sample.width, sample.height))
        if said.dropped or not said.whole:
            continue
        with Image.open(folder / sample.image) as picture:
            shown = Shown(np.asarray(picture.convert("RGB")), said.findings)
        for count, made in enumerate(further(shown, plan, profile, number, answer), start=1):
            frame_id = f"{sample.frame_id}.further{count}"
            image = f"frames/{frame_id}.jpg"
            content = _jpeg(made)
            (folder / image).write_bytes(content)
            height, width = made.shown.pixels.shape[:2]
            written = answers.write(
                made.shown.findings, said.step, said.violations, Risk(said.risk_level), profile, family, (width, height)
            )
            listed = {"image": image, "width": width, "height": height, "sha256": hashlib.sha256(content).hexdigest()}
            frames[frame_id] = {**frames[sample.frame_id], **listed, "of": sample.frame_id, "changes": list(made.changes)}
            yield Sample(frame_id, image, width, height, sample.prompt, written)


def _rewrite(folder: Path, samples: list[Sample], about: dict[str, Any]) -> None:
    """Every file that teaches by example, with the further frames in it."""
    for form in FORMATS.values():
        if not (folder / form.file).exists():
            continue
        (folder / form.file).unlink()  # a link to the file as it was
        for path in form.write(samples, folder):
            content = path.read_bytes()
            about["files"][path.name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _jpeg(made: Made) -> bytes:
    out = io.BytesIO()
    Image.fromarray(made.shown.pixels).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
