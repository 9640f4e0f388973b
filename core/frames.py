"""The front door for pictures: checks them by content, names them by content. Never puts another picture in the place of one it cannot read.

Pixels come from `core.pixels`, bytes lie in `core.vault`; both are handed on here, so that a room needs to know one name.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime
from pathlib import PureWindowsPath

from PIL import ExifTags, Image

from core.errors import FrameRefused, FrameTooLarge
from core.pixels import BROKEN, FORMATS, SIDEWAYS, Limits, opened, orientation_of, preview, sniff, upright
from core.schema import Frame
from core.vault import Vault

__all__ = ["Limits", "Vault", "admit", "preview", "shown_name", "time_in_name", "upright"]

_MAX_NAME = 200  # characters that are kept of a sender's name
_TIME_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_. T]?(\d\d)[-_.:]?(\d\d)(?:[-_.:]?(\d\d))?(?!\d)")


def admit(content: bytes, name: str, *, limits: Limits, source: str = "upload", now: datetime) -> Frame:
    """The frame that these bytes are. Raises FrameRefused or FrameTooLarge; nothing is kept here (`core.vault` keeps).

    `now` is when it came in (UTC). The whole file is decoded once, so that a frame that was admitted can be shown.
    """
    shown = shown_name(name)
    if len(content) > limits.max_bytes:
        raise FrameTooLarge(f"{shown}: {len(content) / 2**20:.1f} MiB is more than the {limits.max_bytes / 2**20:g} MiB that are taken.")
    kind = sniff(content, shown)
    picture = opened(content, kind, shown, limits)
    try:
        orientation, exif = orientation_of(picture), picture.getexif() if "exif" in picture.info else None
        width, height = reversed(picture.size) if orientation in SIDEWAYS else picture.size
        if kind == "JPEG":
            picture.draft(None, (1, 1))  # reads every byte all the same, but leaves out most of the arithmetic
        picture.load()
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise FrameRefused(f"{shown}: this {kind} is damaged and cannot be read to its end.") from error
    return Frame(
        id=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
        name=shown,
        media_type=FORMATS[kind],
        received_at=now,
        taken_at=_time_in_exif(exif) or time_in_name(shown),
        source=source,
    )


def shown_name(name: str) -> str:
    """A sender's name as it may be shown: its last part, no characters that cannot be seen or that turn the writing round, not too long.

    >>> shown_name("C:\\\\fakepath\\\\bench.jpg")
    'bench.jpg'
    """
    last = PureWindowsPath(name.replace("\0", "")).name  # takes / and \ alike
    seen = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C")
    return seen.strip()[:_MAX_NAME] or "unnamed"


def time_in_name(name: str) -> datetime | None:
    """The time that cameras and the older tools write into a name, local and without a zone.

    >>> time_in_name("20231102145943.jpg").isoformat(), time_in_name("202311021459_step2_frame_7.jpg").isoformat()
    ('2023-11-02T14:59:43', '2023-11-02T14:59:00')
    """
    found = _TIME_IN_NAME.search(name)
    if found is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None


def _time_in_exif(exif: Image.Exif | None) -> datetime | None:
    if exif is None:
        return None
    try:
        said = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
        return datetime.strptime(str(said).strip("\0 "), "%Y:%m:%d %H:%M:%S") if said else None  # noqa: DTZ007
    except BROKEN:
        return None
