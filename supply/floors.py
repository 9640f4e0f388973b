"""The oldest versions that may be used (floors.toml), and what lies below them. Reads no network; it is what holds while no advisory can be had."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.version import InvalidVersion, Version

FILE = Path(__file__).with_name("floors.toml")
KINDS = ("distributions", "libraries", "documented")


def floors(kind: str, file: Path = FILE) -> dict[str, str]:
    """Name -> the oldest version of it that may be used."""
    read = tomllib.loads(file.read_text("utf-8"))[kind]
    return {str(name): str(least) for name, least in read.items()}


def installed(name: str) -> str | None:
    """The version of a distribution in this environment. None: it is not there, or does not say."""
    try:
        found: str | None = version(name)
    except PackageNotFoundError:
        return None
    return found


def faults(least: Mapping[str, str], found: Mapping[str, str | None]) -> Iterator[str]:
    """A sentence for each that is too old or cannot be read. What has no floor is not asked about."""
    for name, floor in least.items():
        said = found.get(name)
        try:
            if said is None:
                yield f"{name}: no version can be read; {floor} or newer is needed."
            elif Version(said) < Version(floor):
                yield f"{name} {said} is older than {floor}."
        except InvalidVersion:
            yield f"{name}: {said!r} is no version; {floor} or newer is needed."
