"""The front door for pictures: checks them by content, names them by content. Never puts another picture in the place of one it cannot read.

Pixels come from `core.pixels`, bytes lie in `core.vault`; both are handed on here, so that a room needs to know one name. A server
hands strangers' bytes to `core.decoding.pool` instead of `admit`: the same look, in a process that may die over them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime
from pathlib import PureWindowsPath
from typing import Protocol

from core.decoding.looking import Seen, look
from core.pixels import FORMATS, Limits, preview, upright
from core.schema import Frame
from core.vault import Cover, Vault

__all__ = ["Admit", "Cover", "Limits", "Vault", "admit", "framed", "preview", "shown_name", "time_in_name", "upright"]


class Admit(Protocol):
    """How bytes become a frame: `admit` here, or `core.decoding.pool.Decoder.admit`."""

    def __call__(self, content: bytes, name: str, *, limits: Limits, source: str = "upload", now: datetime) -> Frame: ...


_MAX_NAME = 200  # characters that are kept of a sender's name
_TIME_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_. T]?(\d\d)[-_.:]?(\d\d)(?:[-_.:]?(\d\d))?(?!\d)")


def admit(content: bytes, name: str, *, limits: Limits, source: str = "upload", now: datetime) -> Frame:
    """The frame that these bytes are. Raises FrameRefused or FrameTooLarge; nothing is kept here (`core.vault` keeps).

    `now` is when it came in (UTC). The whole file is decoded once, so that a frame that was admitted can be shown.
    """
    shown = shown_name(name)
    return framed(look(content, shown, limits), content, shown, source=source, now=now)


def framed(seen: Seen, content: bytes, shown: str, *, source: str, now: datetime) -> Frame:
    """The frame of bytes that were looked at."""
    return Frame(
        id=hashlib.sha256(content).hexdigest(),
        width=seen.width,
        height=seen.height,
        name=shown,
        media_type=FORMATS[seen.kind],
        received_at=now,
        taken_at=seen.taken_at or time_in_name(shown),
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
