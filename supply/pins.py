"""A lock file, read and written: one version of each distribution, and the hashes of the files that may be installed as it. Asks no index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
WANTED = ROOT / "requirements.txt"
LOCK = ROOT / "requirements.lock"
CPU_LOCK = ROOT / "requirements-cpu.lock"
CUDA_LOCK = ROOT / "requirements-cuda.lock"
"""`LOCK` is all but torch; torch is in the two others, as the build for CPUs or as that for NVIDIA's GPUs with the libraries which that one wants."""

_LINE = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>.*?))?(?P<hashes>(?:\s+--hash=\S+)*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Unlocked(ValueError):
    """A line that does not say exactly what may be installed; names the file and the line."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One distribution."""

    name: str  # in small letters with hyphens
    version: str
    hashes: tuple[str, ...] = ()  # SHA-256 in hex; every file that may be installed as it, for any platform
    marker: str = ""  # where it is needed; empty: everywhere

    def is_needed_here(self) -> bool:
        """Whether this Python on this machine needs it."""
        return not self.marker or Marker(self.marker).evaluate()


def read(text: str, place: str, *, hashed: bool = True) -> tuple[Pin, ...]:
    """Every pin of a lock file, or with `hashed=False` of a requirements file. Raises Unlocked."""
    found: dict[str, Pin] = {}
    for number, line in _joined(text):
        match = _LINE.fullmatch(line)
        if not match:
            raise Unlocked(f"{place}, line {number}: {line[:60]!r} is not one exact version.")
        hashes = tuple(_HASH.findall(match["hashes"] or ""))
        if len(hashes) != (match["hashes"] or "").count("--hash") or (hashed and not hashes):
            raise Unlocked(f"{place}, line {number}: {match['name']} has no SHA-256 of what may be installed, or another kind of hash.")
        name = canonicalize_name(match["name"])
        try:
            pin = Pin(name, str(Version(match["version"])), hashes, str(Marker(match["marker"])) if match["marker"] else "")
        except (InvalidVersion, InvalidMarker) as error:
            raise Unlocked(f"{place}, line {number}: {error}.") from error
        if name in found:
            raise Unlocked(f"{place}, line {number}: {name} stands here twice.")
        found[name] = pin
    return tuple(found.values())


def read_file(path: Path, *, hashed: bool = True) -> tuple[Pin, ...]:
    """Every pin of a file. Raises Unlocked, also when there is none in it."""
    pins = read(path.read_text("utf-8"), path.name, hashed=hashed)
    if not pins:
        raise Unlocked(f"{path.name} pins nothing.")
    return pins


def read_files(*paths: Path) -> tuple[Pin, ...]:
    """Every pin of several locks, each once. Raises Unlocked, also when two do not agree on a version."""
    found: dict[str, Pin] = {}
    for path in paths:
        for pin in read_file(path):
            if found.setdefault(pin.name, pin).version != pin.version:
                raise Unlocked(f"{path.name}: {pin.name} {pin.version} stands elsewhere as {found[pin.name].version}.")
    return tuple(found.values())


def written(pins: Iterable[Pin], head: str) -> str:
    """A lock file of these pins, by name; `head` are the comment lines that it opens with."""
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    for pin in sorted(pins, key=lambda pin: pin.name):
        first = f"{pin.name}=={pin.version}" + (f" ; {pin.marker}" if pin.marker else "")
        lines.append(" \\\n".join([first, *(f"    --hash=sha256:{each}" for each in sorted(pin.hashes))]))
    return "\n".join(lines) + "\n"


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, the line), continued ones joined, without comments and empty ones."""
    kept, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        first = first if kept else number
        kept = f"{kept} {line.removesuffix(chr(92)).strip()}".strip()
        if kept and not line.endswith("\\"):
            yield first, kept
            kept = ""
    if kept:
        yield first, kept
