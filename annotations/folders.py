"""A folder that is written beside its place and appears there whole or not at all; only a folder of ours is ever replaced. It knows not what is in it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from core.errors import ExportError

MANIFEST = "manifest.json"
MANY = 200  # files, from which on the whole disk is flushed at once instead of each


@contextmanager
def whole(out: Path, kept: Path | None = None) -> Iterator[Path]:
    """The folder to write into; when the block ends it stands at `out`. An earlier export there is replaced, anything else refused.

    `kept` None: what was written is removed when the block fails. A path: it stays there, and whoever comes again goes on with it.
    Raises ExportError.
    """
    refuse_foreign(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if kept is None:
            partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
        else:
            partial = kept
            partial.mkdir(exist_ok=True)
        try:
            yield partial
            _settle(partial, out)
        except BaseException:
            if kept is None:
                shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise ExportError(f"The training set could not be written to {out}: {error.strerror or error}. Nothing was left behind.") from error


def refuse_foreign(out: Path) -> None:
    """Only a folder that we made, or an empty one, may be replaced. Raises ExportError."""
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
    flush_all(partial)
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


def flush_all(folder: Path) -> None:
    """Every file and folder below it is on the disk when this returns."""
    paths = [folder]
    for place, folders, files in os.walk(folder):
        paths += [Path(place, name) for name in [*folders, *files][: MANY + 1]]
        if len(paths) > MANY:
            os.sync()
            return
    for path in paths:
        _flush(path)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
