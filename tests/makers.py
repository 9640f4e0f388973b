"""Makes frames and words for tests: real bytes, no files. Holds no fixture and no state."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from PIL import ExifTags, Image, ImageDraw

from core.schema import Assessment, Box, Correction, Finding, Frame, Reply, Risk, Step, Value, Violation

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)

Rect = tuple[tuple[int, int, int, int], str]
"""Left, top, right, bottom in pixels, and a colour."""


def picture(width: int = 64, height: int = 48, *, colour: str = "lightgrey", rects: Sequence[Rect] = ()) -> Image.Image:
    """An RGB picture with filled rectangles."""
    made = Image.new("RGB", (width, height), colour)
    draw = ImageDraw.Draw(made)
    for (x0, y0, x1, y1), fill in rects:
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=fill)
    return made


def exif(orientation: int | None = None, taken: str | None = None, **tags: str) -> Image.Exif:
    """EXIF with an orientation 1..8, a time "YYYY:MM:DD HH:MM:SS" and tags by name (`Make="X"`)."""
    made = Image.Exif()
    if orientation is not None:
        made[ExifTags.Base.Orientation] = orientation
    if taken is not None:
        made[ExifTags.Base.DateTime] = taken
    for name, value in tags.items():
        made[ExifTags.Base[name]] = value
    return made


def encoded(made: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The bytes of a picture as a file of a kind."""
    out = io.BytesIO()
    made.save(out, kind, **options)
    return out.getvalue()


def jpeg(
    width: int = 64,
    height: int = 48,
    *,
    colour: str = "lightgrey",
    rects: Sequence[Rect] = (),
    exif_orientation: int | None = None,
    taken: str | None = None,
    quality: int = 95,
) -> bytes:
    """A JPEG. `width`, `height` and `rects` are those of the stored pixels, before `exif_orientation` turns them."""
    made = picture(width, height, colour=colour, rects=rects)
    return encoded(made, "JPEG", quality=quality, subsampling=0, exif=exif(exif_orientation, taken).tobytes())


def frame(content: bytes | None = None, *, frame_id: str | None = None, width: int = 64, height: int = 48, **more: Any) -> Frame:
    """A frame, of these bytes or of made-up ones."""
    made_id = frame_id or sha256(content or f"{width} x {height} {more}".encode()).hexdigest()
    more = {"name": "bench.jpg", "media_type": "image/jpeg", "received_at": NOON, **more}
    return Frame(id=made_id, width=width, height=height, **more)


HAMMER = Finding("hammer", Box(0.1, 0.2, 0.5, 0.6), 0.9)
BOLT = Finding("bolt", Box(0.4, 0.5, 0.6, 0.7), 0.8)
HAND = Finding("hand", Box(0.05, 0.1, 0.3, 0.5), 0.7)
STRIKING = Step(Value("hammer", 0.9), Value("bolt", 0.8), Value("strike", 0.95), Value("work", 0.85))


def assessment(frame_id: str | Frame | None = None, **more: Any) -> Assessment:
    """What a machine said: a hammer strikes a bolt, low risk; any field may be given another value."""
    known = frame_id.id if isinstance(frame_id, Frame) else frame_id or frame().id
    return Assessment(**{
        "frame_id": known,
        "model": "scripted:0",
        "prompt_id": "prompt",
        "findings": (HAND, HAMMER, BOLT),
        "step": STRIKING,
        "violations": (Violation("tool_at_edge", "low", HAMMER.box, 0.6),),
        "risk": Risk("low", {"none": 0.2, "low": 0.8}, ("model", "rule:tool_at_edge")),
        "dropped": (),
        "seconds": 0.5,
        "reply": Reply("{}", "scripted:0", "prompt", 0.5),
        **more,
    })  # fmt: skip


def correction(frame_id: str | Frame | None = None, **more: Any) -> Correction:
    """What a person said: the hammer was moved, all else confirmed; any field may be given another value."""
    known = frame_id.id if isinstance(frame_id, Frame) else frame_id or frame().id
    fields = {name: Value(STRIKING[name].value, STRIKING[name].confidence, "confirmed") for name in ("tool", "part", "action", "phase")}
    return Correction(**{
        "frame_id": known,
        "author": "lin",
        "saw_revision": 0,
        "verdict": "reviewed",
        "findings": (
            Finding("hammer", Box(0.12, 0.22, 0.52, 0.62), said_by="person"),
            Finding("bolt", BOLT.box, BOLT.confidence, "confirmed"),
        ),
        "step": Step(**fields),
        "violations": (Violation("tool_at_edge", "low", said_by="confirmed"),),
        "risk": Risk("low", said_by="confirmed"),
        "active_seconds": 12.5,
        "saw_model": "scripted:0",
        **more,
    })  # fmt: skip
