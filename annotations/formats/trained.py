"""A training set of ours, read back as frames with what people said of them: the answers that teach were people's words. It holds no machine's word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from annotations.bringing.incoming import Incoming, Refused, Told
from annotations.formats import FORMATS
from core.errors import Malformed
from core.geometry import FAMILIES, BoxFormat
from core.parsing import parse_reply
from core.profile import Profile
from core.schema import FIELDS, Correction, Risk, Sample, Step

MANIFEST = "manifest.json"
MOST_BYTES = 256 * 2**20
"""Of a file of samples: each repeats the prompt."""


def read(folder: Path, profile: Profile, *, by: str) -> Iterator[Incoming | Refused]:
    """Frame by frame; the file itself names nobody, so each word is `by`'s. The frames are those of the training set: JPEGs that were written for it.

    Raises Malformed for a folder that is no training set of ours, or one in the words of another profile.
    """
    family = family_of(folder, profile)
    found = next((each for each in FORMATS.values() if (folder / each.file).is_file()), None)
    if found is None:
        raise Malformed(f"{folder.name} holds none of {', '.join(each.file for each in FORMATS.values())}. Nothing was taken.")
    if (folder / found.file).stat().st_size > MOST_BYTES:
        raise Malformed(f"{found.file} is larger than {MOST_BYTES // 2**20} MiB. Part it into several. Nothing was taken.")
    for number, sample in enumerate(found.read(folder), start=1):
        place = f"{found.file}, sample {number}"
        try:
            yield Incoming(
                place,
                sample.image,
                Path(sample.image).name,
                (sample.width, sample.height),
                told=(_told(place, sample, profile, family, by),),
            )
        except Malformed as error:
            yield Refused(place, error)


def family_of(folder: Path, profile: Profile) -> BoxFormat:
    """How boxes are written in a training set. Raises Malformed for one in the words of another profile, or of a family that nobody knows."""
    try:
        about: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
        key, family = about["profile"]["key"], about["coordinates"]["family"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Malformed(f"{folder.name}/{MANIFEST}: this is no manifest of a training set of ours. Nothing was taken.") from error
    if key != profile.key:
        raise Malformed(
            f"{folder.name} speaks in the words of the profile {str(key)[:60]}, and {profile.key} is in use here. Start with that profile. Nothing was taken."
        )
    if family not in FAMILIES:
        raise Malformed(f"{folder.name}/{MANIFEST}: nobody knows the model family {str(family)[:60]}. Nothing was taken.")
    return FAMILIES[family]


def _told(place: str, sample: Sample, profile: Profile, family: BoxFormat, by: str) -> Told:
    said = parse_reply(sample.answer, profile, family, (sample.width, sample.height))
    if said.dropped or not said.whole:
        why = said.dropped[0].why if said.dropped else "something that is asked for is missing"
        raise Malformed(f"{place}: the answer is not understood whole ({why}). The frame was not taken.")
    correction = Correction(
        "",
        by,
        0,
        "reviewed",
        tuple(replace(each, confidence=None, said_by="person") for each in said.findings),
        Step(*(replace(said.step[name], confidence=None, said_by="person") for name in FIELDS)),
        tuple(replace(each, confidence=None, said_by="person") for each in said.violations),
        Risk(said.risk_level, said_by="person"),
    )
    return Told(correction, None)
