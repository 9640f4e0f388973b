"""Where frames lie on the disk, byte for byte, named by their content. Knows no names of senders, no rows and no meaning.

A frame is here whole or not at all, even if the power goes: written beside its place, flushed, moved, and the folder flushed.
The record's row comes after it, so a row never points at nothing. What is to be done from time to time is in `core.upkeep`.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from core import upkeep
from core.durable import flush, told, write
from core.errors import NotFound, StoreError
from core.pixels import previews
from core.upkeep import ID, Known, Scrubbed, Swept

SIZES = (320, 1600)
"""Longest sides of the previews, in pixels: for a list, for a screen."""

MOST_FLOOR = 256 * 2**20
"""Bytes that stay free for corrections on any disk of 4 GiB and more; of a smaller one it is a sixteenth."""

Cover = Callable[[bytes, int | None], bytes]
"""A JPEG of a frame with its faces covered, at most so many pixels long. Raises an error of ours; never gives the frame as it is."""

Space = Callable[[Path], tuple[int, int]]
"""The size of the disk that a folder is on, and what of it is free, in bytes."""


def space(folder: Path) -> tuple[int, int]:
    """As the system says it; free is what we may use, not what only root may."""
    said = shutil.disk_usage(folder)
    return said.total, said.free


class Vault:
    """A folder of frames and of their previews. Safe to use from many threads."""

    def __init__(self, folder: Path, *, floor_bytes: int | None = None, space: Space = space) -> None:
        """`floor_bytes` stay free whoever sends frames, so that what people say can still be written; None: a share of the disk."""
        self.frames = folder / "frames"
        self.quarantine = folder / "quarantine"
        self.previews = folder / "previews"
        self._floor_bytes, self._space = floor_bytes, space
        with told("make its folder"):
            for made in (self.frames, *(self.previews / str(size) for size in SIZES)):
                made.mkdir(parents=True, exist_ok=True)

    def put(self, content: bytes) -> str:
        """Keep these bytes; their SHA-256 in hex. The same bytes again are the same frame. Raises StoreError, also when the disk is nearly full."""
        frame_id = hashlib.sha256(content).hexdigest()
        place = self.place(frame_id)
        with told("keep this frame"):
            if _size(place) != len(content):  # another size: damaged, and here are the right bytes
                self._heed_floor(len(content))
                if not place.parent.exists():
                    place.parent.mkdir(exist_ok=True)
                    flush(self.frames)
                write(place, content)
                (self.quarantine / frame_id).unlink(missing_ok=True)  # what was damaged is whole again
            else:
                flush(place.parent)  # whoever put it there may have ended before its name was on the disk
        return frame_id

    def get(self, frame_id: str) -> bytes:
        """The bytes as they came. Raises NotFound, or StoreError when they are no longer what they were."""
        damaged = f"The frame {_checked(frame_id)[:12]} was damaged on the disk. Bring it back from a backup."
        try:
            content = self.place(frame_id).read_bytes()
        except FileNotFoundError as error:
            if (self.quarantine / frame_id).exists():
                raise StoreError(damaged) from error
            raise NotFound(f"There is no frame {frame_id[:12]} here.") from error
        except OSError as error:
            raise StoreError(f"The frame {frame_id[:12]} cannot be read: {error.strerror}.") from error
        if hashlib.sha256(content).hexdigest() != frame_id:
            raise StoreError(damaged)
        return content

    def preview(self, frame_id: str, size: int) -> Path:
        """A JPEG of the upright frame, at most `size` (one of SIZES) pixels long, without metadata. Raises NotFound, StoreError."""
        if size not in SIZES:
            raise NotFound(f"There are previews of {' and '.join(map(str, SIZES))} pixels only.")
        place = self._preview(frame_id, size)
        if not place.exists():
            made = dict(zip(SIZES, previews(self.get(frame_id), SIZES), strict=True))
            with told("keep a preview"):
                self._keep(frame_id, made)
        return place

    def covered(self, frame_id: str, size: int | None, cover: Cover) -> bytes:
        """The frame with its faces covered, `size` (one of SIZES) pixels long or, None, in full size; made once. Raises as `preview`, and as `cover`."""
        if size not in (*SIZES, None):
            raise NotFound(f"There are previews of {' and '.join(map(str, SIZES))} pixels only.")
        place = self._covered(frame_id, size)
        with suppress(FileNotFoundError):
            return place.read_bytes()
        made = cover(self.get(frame_id), size)
        with told("keep a preview"):
            place.parent.mkdir(exist_ok=True)
            write(place, made, durable=False)
        return made

    def keep_previews(self, frame_id: str, made: Mapping[int, bytes]) -> None:
        """Keep previews that somebody made already. Where there is no room they are left out: they can be made again."""
        with suppress(OSError, StoreError):
            self._heed_floor(sum(map(len, made.values())))
            self._keep(frame_id, made)

    def remove(self, frame_id: str) -> int:
        """Take a frame away for good: its bytes, its previews, what lies of it in quarantine; how many files that were. Raises StoreError.

        A frame that is not here is removed already. The record's rows are the record's business.
        """
        places = [self.place(frame_id), self.quarantine / frame_id, *(self._preview(frame_id, size) for size in SIZES)]
        places += [self._covered(frame_id, size) for size in (*SIZES, None)]
        removed = 0
        with told("remove this frame"):
            for place in places:
                with suppress(FileNotFoundError):
                    place.unlink()
                    removed += 1
                    flush(place.parent)
        return removed

    def ids(self) -> Iterator[str]:
        """The ids of all frames that are here. Nothing is read but the folders."""
        return upkeep.ids(self.frames)

    def sweep(self, known: Known | None = None, *, grace_seconds: float = 3600.0, now: Callable[[], float] = time.time) -> Swept:
        """Remove what sudden ends left: half written files, and, by a record that is asked with `known`, frames of no row and previews of no frame.

        Only for a start, while nobody writes. What is younger than the grace stays. When more than half of all frames (and more than a few) would go,
        it is likelier the wrong record than so many orphans: they all stay, and `spared` tells how many they are.
        """
        with told("sweep its folders"):
            return upkeep.sweep(self.frames, self.previews, known, grace_seconds, now())

    def scrub(self, *, rest_seconds: float = 0.0) -> Scrubbed:
        """Read every frame and hold it against its name; what is no longer what it was goes into quarantine, its previews stay. Beside a running server too.

        `rest_seconds` after each frame leave the disk to others. The same bytes received again, or a backup, bring a frame back.
        """
        with told("read its frames"):
            return upkeep.scrub(self.frames, self.quarantine, rest_seconds)

    def place(self, frame_id: str) -> Path:
        """The file of a frame, whether it is there or not. Raises NotFound for what is no id."""
        return self.frames / _checked(frame_id)[:2] / frame_id

    def _preview(self, frame_id: str, size: int) -> Path:
        return self.previews / str(size) / f"{_checked(frame_id)}.jpg"

    def _covered(self, frame_id: str, size: int | None) -> Path:
        return self.previews / f"covered-{size or 'whole'}" / f"{_checked(frame_id)}.jpg"

    def _keep(self, frame_id: str, made: Mapping[int, bytes]) -> None:
        for size, content in made.items():
            place = self._preview(frame_id, size)
            if not place.exists():
                write(place, content, durable=False)  # can be made again

    def _heed_floor(self, more: int) -> None:
        """Raises StoreError when so many more bytes would not leave what corrections need. Asked each time, so it ends by itself."""
        total, free = self._space(self.frames)
        floor = min(MOST_FLOOR, total // 16) if self._floor_bytes is None else self._floor_bytes
        if free - more < floor:
            raise StoreError(
                f"The disk is nearly full: {free / 2**20:.0f} MiB are free, and {floor / 2**20:.0f} MiB of them are kept for corrections. "
                "Nothing was kept. Make room and send the frame again; what was corrected meanwhile is saved."
            )


def _checked(frame_id: str) -> str:
    """An id and nothing else ever becomes a path."""
    if not ID.match(frame_id):
        raise NotFound("This is not the id of a frame.")
    return frame_id


def _size(place: Path) -> int | None:
    """Bytes; None: there is no such file."""
    try:
        return place.stat().st_size
    except FileNotFoundError:
        return None
