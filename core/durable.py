"""A file that is there whole or not at all, even if the power goes: written beside its place, flushed, moved, and the folder flushed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StoreError

HALF = ".half"
"""How the name of a file ends that is still being written, or never was written to its end."""


def write(place: Path, content: bytes, *, durable: bool = True) -> None:
    """All of it or nothing. Not durable: it may be gone after the power was, never be half there."""
    handle, half = tempfile.mkstemp(dir=place.parent, suffix=HALF)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(half).replace(place)
    except BaseException:
        Path(half).unlink(missing_ok=True)
        raise
    if durable:
        flush(place.parent)


def flush(folder: Path) -> None:
    """What was moved into or out of a folder is on the disk when this returns."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def told(what: str) -> Iterator[None]:
    """The system's refusal as a sentence."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The vault could not {what}: {error.strerror or error}.") from error
