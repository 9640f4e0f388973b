"""Where frames lie on the disk, byte for byte, named by their content. Knows no names of senders, no rows and no meaning.

A frame is here whole or not at all, even if the power goes: written beside its place, flushed, moved, and the folder flushed.
The record's row comes after it, so a row never points at nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import NotFound, StoreError
from core.pixels import preview

SIZES = (320, 1600)
"""Longest sides of the previews, in pixels: for a list, for a screen."""

_ID = re.compile(r"[0-9a-f]{64}\Z")
_HALF = ".half"


class Vault:
    """A folder of frames and of their previews. Safe to use from many threads."""

    def __init__(self, folder: Path) -> None:
        self._frames = folder / "frames"
        self._previews = folder / "previews"
        with _told("make its folder"):
            for made in (self._frames, *(self._previews / str(size) for size in SIZES)):
                made.mkdir(parents=True, exist_ok=True)

    def put(self, content: bytes) -> str:
        """Keep these bytes; their SHA-256 in hex. The same bytes again are the same frame. Raises StoreError."""
        frame_id = hashlib.sha256(content).hexdigest()
        place = self._place(frame_id)
        if not place.exists():
            with _told("keep this frame"):
                if not place.parent.exists():
                    place.parent.mkdir(exist_ok=True)
                    _flush(self._frames)
                _write(place, content, durable=True)
        return frame_id

    def get(self, frame_id: str) -> bytes:
        """The bytes as they came. Raises NotFound, or StoreError when they are no longer what they were."""
        try:
            content = self._place(frame_id).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"There is no frame {frame_id[:12]} here.") from error
        except OSError as error:
            raise StoreError(f"The frame {frame_id[:12]} cannot be read: {error.strerror}.") from error
        if hashlib.sha256(content).hexdigest() != frame_id:
            raise StoreError(f"The frame {frame_id[:12]} was damaged on the disk. Bring it back from a backup.")
        return content

    def preview(self, frame_id: str, size: int) -> Path:
        """A JPEG of the upright frame, at most `size` (one of SIZES) pixels long, without metadata. Raises NotFound, StoreError."""
        if size not in SIZES:
            raise NotFound(f"There are previews of {' and '.join(map(str, SIZES))} pixels only.")
        place = self._previews / str(size) / f"{_checked(frame_id)}.jpg"
        if not place.exists():
            made = preview(self.get(frame_id), size)
            with _told("keep a preview"):
                _write(place, made, durable=False)  # can be made again
        return place

    def sweep(self) -> int:
        """Remove what a sudden end left half written; how many. Only for a start, while nobody writes."""
        halves = [*self._frames.glob(f"*/*{_HALF}"), *self._previews.glob(f"*/*{_HALF}")]
        for half in halves:
            half.unlink(missing_ok=True)
        return len(halves)

    def _place(self, frame_id: str) -> Path:
        return self._frames / _checked(frame_id)[:2] / frame_id


def _checked(frame_id: str) -> str:
    """An id and nothing else ever becomes a path."""
    if not _ID.match(frame_id):
        raise NotFound("This is not the id of a frame.")
    return frame_id


def _write(place: Path, content: bytes, *, durable: bool) -> None:
    """All of it or nothing."""
    handle, half = tempfile.mkstemp(dir=place.parent, suffix=_HALF)
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
        _flush(place.parent)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """The system's refusal as a sentence."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"The vault could not {what}: {error.strerror or error}.") from error
