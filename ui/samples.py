"""The sample frames that ship: which there are, and their bytes. Nothing that is not in the list can be asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFound
from core.settings import ASSETS

FOLDER = ASSETS / "samples"
ORIGIN = {
    "en": "“Tools segmentation 2”, Roboflow Universe, CC BY 4.0",
    "zh": "“Tools segmentation 2”，Roboflow Universe，CC BY 4.0 许可",
}


@dataclass(frozen=True, slots=True)
class SampleFrame:
    """A frame to try: the name of its file, and what people read."""

    name: str
    title: str
    origin: str


def samples(language: str, folder: Path = FOLDER) -> tuple[SampleFrame, ...]:
    """The samples in the order of the list."""
    listed = json.loads((folder / "samples.json").read_text("utf-8"))
    return tuple(SampleFrame(entry["name"], entry[language], ORIGIN[language]) for entry in listed)


def content(name: str, folder: Path = FOLDER) -> bytes:
    """The bytes of a sample. Raises NotFound for a name that is not in the list."""
    if name not in {sample.name for sample in samples("en", folder)}:
        raise NotFound("There is no sample frame of this name.")
    return (folder / name).read_bytes()
