"""One look at the whole of a file: is it a frame, how large, when taken, and its previews, all from one decode. Keeps nothing, starts nothing.

The same code runs in the disposable process (`core.decoding.child`) and, where there is none, in the process that asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags, Image

from core.errors import FrameTooLarge
from core.pixels import BROKEN, FORMATS, Limits, opened, orientation_of, previews_of, read_to_its_end, sniff, upright_size


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look told. Raises ValueError for what no look can have told: it may come from a process that strangers' bytes have been in."""

    kind: str  # JPEG, PNG, WEBP
    width: int  # pixels, upright
    height: int  # pixels, upright
    taken_at: datetime | None = None  # from EXIF; local time of the camera
    previews: tuple[bytes, ...] = ()  # JPEGs, in the order of the sizes that were asked for

    def __post_init__(self) -> None:
        if self.kind not in FORMATS or not (0 < self.width < 2**16 and 0 < self.height < 2**16):
            raise ValueError(f"no frame is a {self.kind[:20]!r} of {self.width} x {self.height} pixels")
        if not all(each.startswith(b"\xff\xd8\xff") and each.endswith(b"\xff\xd9") for each in self.previews):
            raise ValueError("a preview is no JPEG")


def check(content: bytes, shown: str, limits: Limits) -> str:
    """What can be refused without any decoder: by the number of bytes, and by the first of them. JPEG, PNG or WEBP."""
    if len(content) > limits.max_bytes:
        raise FrameTooLarge(f"{shown}: {len(content) / 2**20:.1f} MiB is more than the {limits.max_bytes / 2**20:g} MiB that are taken.")
    return sniff(content, shown)


def look(content: bytes, shown: str, limits: Limits, sizes: Sequence[int] = ()) -> Seen:
    """Read a file to its end. `shown` is what it is called in the sentence of FrameRefused or FrameTooLarge; `sizes`: of the previews."""
    kind = check(content, shown, limits)
    picture = opened(content, kind, shown, limits)
    with read_to_its_end(kind, shown):
        orientation_of(picture)  # a PNG may carry its EXIF behind the pixels, and is read for it
        exif = picture.getexif() if "exif" in picture.info else None
        width, height = upright_size(picture)
        if sizes:
            made = previews_of(picture, sizes)
        else:
            made = ()
            if kind == "JPEG":
                picture.draft(None, (1, 1))  # reads every byte all the same, but leaves out most of the arithmetic
            picture.load()
    return Seen(kind, width, height, _time_in(exif), made)


def _time_in(exif: Image.Exif | None) -> datetime | None:
    if exif is None:
        return None
    try:
        said = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
        return datetime.strptime(str(said).strip("\0 "), "%Y:%m:%d %H:%M:%S") if said else None  # noqa: DTZ007
    except BROKEN:
        return None
