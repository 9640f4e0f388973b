"""What lies of frames in a data folder beside the record and the vault: exported sets, half-made ones, archives, answers kept by trainings.

It takes away what holds an erased frame, and tells the names. What cannot be read counts as holding it.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from annotations.datasets import MANIFEST
from core import durable

EXPORTS, TRAININGS = "exports", "trainings"
"""In the data folder."""

_HALF = (".*.partial-*", ".*.old-*", ".*.half*")  # what was broken off half-way has no manifest that could tell
_CHUNK = 2**20
_ID = re.compile(rb"[0-9a-f]{64}")


def remove(data: Path, ids: set[str]) -> list[str]:
    """Remove what holds one of these frames; the names of the exports that went."""
    folder = data / EXPORTS
    found = exports_with(folder, ids)
    for each in (*found, *(half for pattern in _HALF for half in folder.glob(pattern))):
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)
    forget_answers(data / TRAININGS, ids)
    return [each.name for each in found]


def exports_with(folder: Path, ids: set[str]) -> list[Path]:
    """Exports below a folder that hold one of these frames: sets by their manifests and those of their parts, archives by the manifests in them, other
    files by what they say."""
    if not folder.is_dir():
        return []
    return [each for each in sorted(folder.iterdir()) if not each.name.startswith(".") and _holds(each, ids)]


def forget_answers(folder: Path, ids: set[str]) -> None:
    """Take what was said of these frames out of what trainings keep beside their adapters: predictions, figures of single frames."""
    for file in (*folder.glob("*/*.jsonl"), *folder.glob("*/*.json")):
        with file.open("rb") as opened:
            if not _speaks_of(opened, ids):
                continue
        if file.suffix == ".jsonl":
            kept = [line for line in file.read_bytes().splitlines(keepends=True) if not _named(line, ids)]
            durable.write(file, b"".join(kept))
            continue
        try:
            durable.write(file, orjson.dumps(_without(orjson.loads(file.read_bytes()), ids), option=orjson.OPT_INDENT_2))
        except orjson.JSONDecodeError:
            file.unlink()


def _holds(export: Path, ids: set[str]) -> bool:
    try:
        if export.is_dir():
            manifests = [each for each in (export / MANIFEST, *sorted(export.glob(f"*/{MANIFEST}"))) if each.is_file()]
            return bool(manifests) and _hold((each.read_bytes() for each in manifests), ids)
        if export.suffix == ".zip":
            with zipfile.ZipFile(export) as archive:
                manifests_in = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == MANIFEST]
                return not manifests_in or _hold((archive.read(name) for name in manifests_in), ids)
        with export.open("rb") as opened:
            return _speaks_of(opened, ids)
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return True


def _hold(manifests: Iterable[bytes], ids: set[str]) -> bool:
    """A set with parts names its frames in the manifests of the parts."""
    for content in manifests:
        try:
            told = orjson.loads(content)
            if "frames" not in told and "parts" in told:
                continue
            if not ids.isdisjoint(told["frames"]):
                return True
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return True
    return False


def _speaks_of(file: IO[bytes], ids: set[str]) -> bool:
    return any(each.decode() in ids for each in _words(file))


def _words(file: IO[bytes]) -> Iterator[bytes]:
    """What looks like the id of a frame, over the borders of what is read at a time."""
    rest = b""
    while chunk := file.read(_CHUNK):
        whole = rest + chunk
        yield from _ID.findall(whole)
        rest = whole[-63:]


def _named(content: bytes, ids: set[str]) -> bool:
    return any(each.decode() in ids for each in _ID.findall(content))


def _without(value: Any, ids: set[str]) -> Any:
    """A JSON value without the entries that name one of them."""

    def names_one(word: object) -> bool:
        return isinstance(word, str) and _named(word.encode(), ids)

    if isinstance(value, dict):
        return {
            key: _without(each, ids)
            for key, each in value.items()
            if not names_one(key)
            and not names_one(each)
            and not (isinstance(each, dict) and any(names_one(word) for word in each.values()))
        }
    if isinstance(value, list):
        kept = [each for each in value if not names_one(each)]
        return [_without(each, ids) for each in kept if not (isinstance(each, dict) and any(names_one(word) for word in each.values()))]
    return value
