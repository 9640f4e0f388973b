"""What lies of frames and people in a data folder beside the record and the vault: exported sets, half-made ones, archives, what trainings and
evaluations kept.

It takes away what holds an erased frame, and tells the names. What cannot be read counts as holding it.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from annotations.datasets import MANIFEST
from annotations.rows import clean
from core import durable

EXPORTS, TRAININGS, EVALUATIONS = "exports", "trainings", "evaluations"
"""In the data folder."""

_HALF = (".*.partial-*", ".*.old-*", ".*.half*")  # what was broken off half-way has no manifest that could tell
_KEPT = ("*.json", "*.jsonl", "*.md", ".*.jsonl.*")  # the last: answers on their way, `.before.jsonl.partial`
_NEVER_WHOLE = "*.half"  # what `core.durable` did not come to write to its end
_LOG, _JOB = "training.log", "job.json"
_BY = ("trainings/*/job.json", "trainings/*/adapter/gembalens.json", "adapters/*/gembalens.json")
"""What may say under "by" who asked for it."""

_CHUNK = 2**20
_ID = re.compile(rb"[0-9a-f]{64}")


def remove(data: Path, ids: set[str]) -> list[str]:
    """Remove what holds one of these frames; the names of the exports that went."""
    for kept in (TRAININGS, EVALUATIONS):  # before the sets go: they tell which trainings saw the frame
        forget_answers(data / kept, ids)
    folder = data / EXPORTS
    found = exports_with(folder, ids)
    for each in (*found, *(half for pattern in _HALF for half in folder.glob(pattern))):
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)
    return [each.name for each in found]


def exports_with(folder: Path, ids: set[str]) -> list[Path]:
    """Exports below a folder that hold one of these frames: sets by their manifests and those of their parts, archives by the manifests in them, other
    files by what they say."""
    if not folder.is_dir():
        return []
    return [each for each in sorted(folder.iterdir()) if not each.name.startswith(".") and _holds(each, ids)]


def forget_answers(folder: Path, ids: set[str]) -> None:
    """Take what was said of these frames out of what trainings and evaluations keep: answers, also half a file of them, figures of single frames.

    The log of a training that saw one of them goes whole: it may repeat the model's words in lines that name no frame.
    """
    for place in folder.glob("*/"):
        speaking = [file for pattern in _KEPT for file in place.glob(pattern) if file.is_file() and _tells(file, ids)]
        log = place / _LOG
        if log.is_file() and (speaking or _tells(log, ids) or _learned(place, ids)):
            log.unlink()
        for file in speaking:
            _forget(file, ids)
        for half in place.glob(_NEVER_WHOLE):
            if _tells(half, ids):
                half.unlink(missing_ok=True)


def forget_person(data: Path, name: str, pseudonym: str) -> None:
    """Put a pseudonym where trainings and adapters say who asked for them. Their fingerprints are of other files."""
    for file in (each for pattern in _BY for each in data.glob(pattern)):
        try:
            said = orjson.loads(file.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue
        if isinstance(said, dict) and isinstance(said.get("by"), str) and clean(said["by"]) == name:
            mode = file.stat().st_mode
            durable.write(file, orjson.dumps({**said, "by": pseudonym}, option=orjson.OPT_INDENT_2))
            file.chmod(mode)


def _forget(file: Path, ids: set[str]) -> None:
    """A file without what it says of them. Lines that a kill cut off go too: nobody can tell of whom they are."""
    if file.suffix != ".json":
        lines = file.read_bytes().splitlines(keepends=True)
        durable.write(file, b"".join(line for line in lines if line.endswith(b"\n") and not _named(line, ids)))
        return
    try:
        durable.write(file, orjson.dumps(_without(orjson.loads(file.read_bytes()), ids), option=orjson.OPT_INDENT_2))
    except orjson.JSONDecodeError:
        file.unlink()


def _tells(file: Path, ids: set[str]) -> bool:
    """Whether a file names one of them, or ends in half a line of answers, which may have been about to."""
    try:
        with file.open("rb") as opened:
            return _speaks_of(opened, ids) or (file.match(".*.jsonl.*") and _cut_off(opened))
    except FileNotFoundError:  # a training moved it to its place meanwhile
        return False


def _cut_off(file: IO[bytes]) -> bool:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    return size > 0 and file.read() != b"\n"


def _learned(training: Path, ids: set[str]) -> bool:
    """Whether the set of a training holds one of them; one that is gone or cannot be told does not."""
    try:
        data = Path(orjson.loads((training / _JOB).read_bytes())["data"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return False
    return data.is_dir() and _holds(data, ids)


def _holds(export: Path, ids: set[str]) -> bool:
    try:
        if export.is_dir():
            manifests = [
                each
                for each in (export / MANIFEST, *sorted(export.glob(f"*/{MANIFEST}")), *export.glob(f".*/*/{MANIFEST}"))
                if each.is_file()
            ]
            return bool(manifests) and _hold((each.read_bytes() for each in manifests), ids)
        if export.suffix == ".zip":
            with zipfile.ZipFile(export) as archive:
                manifests_in = [name for name in archive.namelist() if name.rsplit("/", 1)[-1] == MANIFEST]
                return not manifests_in or _hold((archive.read(name) for name in manifests_in), ids)
        with export.open("rb") as opened:
            return _speaks_of(opened, ids)
    except (
        OSError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ):  # the last two: an archive that is locked, or packed in an unknown way
        return True  # what cannot be looked into may hold it


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
