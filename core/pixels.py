"""From bytes to pixels: the one place that opens a picture. Never gives other pixels than those of the bytes it was handed.

What is taken: JPEG, PNG and WebP with one picture in them. How odd but legal ones become RGB (`upright`), always in the same way:
the EXIF orientation is baked in · transparency is laid over white · 16-bit grey keeps its upper 8 bits · CMYK and grey are converted
as Pillow does it · colour profiles are not applied. Animations and files of several pictures are refused: which one would be judged?
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import ExifTags, Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin

from core.errors import FrameRefused, FrameTooLarge

READERS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)
"""Imported here: Pillow would import the readers of all its formats at the first WebP."""

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

_OTHERS = {
    b"GIF8": "a GIF", b"%PDF": "a PDF", b"PK\x03\x04": "an archive or an office file", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"BM": "a BMP",
    b"8BPS": "a Photoshop file", b"%!PS": "PostScript", b"SIMPLE": "a FITS file", b"\0\0\1\0": "an icon", b"MZ": "a program", b"\x1f\x8b": "an archive",
}  # fmt: skip
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_GAIN_MAPS = (b"hdrgm:Version", b"urn:iso:std:iso:ts:21496", b"aux:hdrgainmap")
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    EOFError,
    struct.error,
    zlib.error,
)  # what Pillow's readers raise for a damaged file, as found by damaging files
SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is taken."""

    max_bytes: int = 25 * 2**20
    max_pixels: int = 50_000_000
    max_side: int = 16_384  # pixels


def upright(
    content: bytes, *, longest: int | None = None, at: tuple[int, int] | None = None, most_pixels: int | None = None
) -> Image.Image:
    """RGB pixels as a person would hold the frame, without any metadata; at most `longest` pixels at the longer side, never enlarged.

    `at`: at exactly this width and height, smaller than the frame. `most_pixels`: who asks will not look at more of them; a large JPEG is then decoded at a
    half, a quarter or an eighth of its sides, if these can be parted so without a rest (the ratio stays what it was) and at least as
    many are left. Raises FrameRefused for bytes that `admit` would refuse for other reasons than their size.
    """
    kind = sniff(content, "This frame")
    stored = opened(content, kind, "This frame", None)
    with read_to_its_end(kind, "This frame"):
        orientation = orientation_of(stored)
        if longest is not None:
            picture = _at_most(stored, longest)
        elif at is not None:
            target = at[::-1] if orientation in SIDEWAYS else at
            stored.draft(None, target)
            picture = _averaged(_rgb(stored), target)
        else:
            if most_pixels is not None:
                stored.draft(None, _fraction(stored.size, most_pixels))
            picture = _rgb(stored)
        return _bare(_turned(picture, orientation), stored)


def preview(content: bytes, longest: int, quality: int = 85) -> bytes:
    """A JPEG of the upright frame without metadata, at most `longest` pixels at its longer side."""
    out = io.BytesIO()
    upright(content, longest=longest).save(out, "JPEG", quality=quality)
    return out.getvalue()


def previews(content: bytes, sizes: Sequence[int]) -> tuple[bytes, ...]:
    """What `preview` gives, of several sizes from one decode, in their order. Raises FrameRefused."""
    kind = sniff(content, "This frame")
    stored = opened(content, kind, "This frame", None)
    with read_to_its_end(kind, "This frame"):
        return previews_of(stored, sizes)


def previews_of(stored: Image.Image, sizes: Sequence[int], quality: int = 85) -> tuple[bytes, ...]:
    """The same of an opened file. Each smaller one is made from the one before it, at the size that it would have on its own."""
    orientation = orientation_of(stored)
    whole = upright_size(stored)
    picture = _bare(_turned(_at_most(stored, max(sizes)), orientation), stored)
    made: dict[int, bytes] = {}
    for size in sorted(sizes, reverse=True):
        target = _within(whole, size) if max(whole) > size else whole
        if picture.size != target:
            picture = picture.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality)
        made[size] = out.getvalue()
    return tuple(made[size] for size in sizes)


def sniff(content: bytes, shown: str) -> str:
    """JPEG, PNG or WEBP by the first bytes; for the latter two also that nothing follows the picture."""
    if not content:
        raise FrameRefused(f"{shown}: the file is empty.")
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, end = "PNG", content.find(_PNG_END) + len(_PNG_END)
        if end < len(_PNG_END):
            raise FrameRefused(f"{shown}: this PNG is cut off.")
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        said = int.from_bytes(content[4:8], "little")
        kind, end = "WEBP", 8 + said + said % 2
    else:
        what = next((other for magic, other in _OTHERS.items() if content.startswith(magic)), "something else")
        raise FrameRefused(f"{shown}: this is {what}. Frames are JPEG, PNG or WebP.")
    if len(content) > end:
        raise FrameRefused(f"{shown}: there are {len(content) - end} more bytes behind the picture. Save it again and send that file.")
    return kind


def opened(content: bytes, kind: str, shown: str, limits: Limits | None) -> Image.Image:
    """The header alone. Raises FrameTooLarge and FrameRefused before a pixel is decoded."""
    if limits and kind == "WEBP":
        _heed(webp_size(content), shown, limits)  # Pillow makes room for the whole canvas before it tells its size
    try:
        picture = Image.open(io.BytesIO(content), formats=tuple(FORMATS))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FrameTooLarge(f"{shown}: the header announces more pixels than are taken.") from error
    except BROKEN as error:
        raise FrameRefused(f"{shown}: this starts like a {kind}, but its header cannot be read.") from error
    if limits:
        _heed(picture.size, shown, limits)
    several = picture.format == "MPO" and not any(mark in content for mark in _GAIN_MAPS)  # a gain map belongs to its picture
    if getattr(picture, "is_animated", False) and (picture.format != "MPO" or several):
        raise FrameRefused(f"{shown}: there are several pictures in this file. Save the one that is meant.")
    return picture


def _heed(size: tuple[int, int], shown: str, limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels or max(size) > limits.max_side:
        raise FrameTooLarge(
            f"{shown}: {width} x {height} pixels; at most {limits.max_pixels / 1e6:g} megapixels and {limits.max_side} pixels a side are taken."
        )


def webp_size(content: bytes) -> tuple[int, int]:
    """Width and height that a WebP announces (RFC 9649, 2.5 to 2.7); (0, 0) when it announces none."""
    match content[12:16]:
        case b"VP8X":
            width, height = 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
        case b"VP8L":
            said = int.from_bytes(content[21:25], "little")
            width, height = 1 + (said & 0x3FFF), 1 + (said >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = int.from_bytes(content[26:28], "little") & 0x3FFF, int.from_bytes(content[28:30], "little") & 0x3FFF
        case _:
            return 0, 0
    return width, height


def orientation_of(picture: Image.Image) -> int:
    """1..8; 1 when none is said or what is said means nothing."""
    try:
        said = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except BROKEN:
        return 1
    return said if isinstance(said, int) and 1 <= said <= 8 else 1


def upright_size(stored: Image.Image) -> tuple[int, int]:
    """Width and height as a person would hold it; asked before anything is decoded, because a draft changes the size."""
    width, height = stored.size
    return (height, width) if orientation_of(stored) in SIDEWAYS else (width, height)


@contextmanager
def read_to_its_end(kind: str, shown: str) -> Iterator[None]:
    """What a reader raises for a damaged file, as the sentence that says so."""
    try:
        yield
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise FrameRefused(f"{shown}: this {kind} is damaged and cannot be read to its end.") from error


def _at_most(stored: Image.Image, longest: int) -> Image.Image:
    """RGB, not turned yet, with at most so many pixels at the longer side."""
    if max(stored.size) <= longest:
        return _rgb(stored)
    target = _within(stored.size, longest)
    stored.draft(None, target)  # means nothing to other files than JPEG
    # half of LANCZOS, and nobody sees the difference
    picture = _rgb(stored)
    return picture if picture.size == target else picture.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _bare(picture: Image.Image, stored: Image.Image) -> Image.Image:
    """Pixels alone: a JPEG comment would otherwise be written on by `save`."""
    if picture is stored:
        picture = stored.copy()  # lets go of the file
    picture.info = {}
    return picture


def _within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    share = longest / max(size)
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _averaged(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Shrunk by areas: half the time of the bicubic filter of the models' own processors, and .05 of a grey step further from a whole decode."""
    import cv2
    import numpy as np

    return Image.fromarray(cv2.resize(np.asarray(picture), size, interpolation=cv2.INTER_AREA))


def _fraction(size: tuple[int, int], most_pixels: int) -> tuple[int, int]:
    """The smallest size of the same ratio that the decoder can give and that has as many pixels."""
    width, height = size
    for part in (8, 4, 2):
        if width % part == height % part == 0 and width * height >= most_pixels * part * part:
            return width // part, height // part
    return size


def _rgb(picture: Image.Image) -> Image.Image:
    """Any mode that the three formats have -> RGB, decoded (the rules are in the head of this file); what is RGB stays the picture that it is."""
    if picture.mode.startswith("I"):
        picture.load()
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture.load()
        clear = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        white = Image.new("RGB", clear.size, (255, 255, 255))
        white.paste(clear, mask=clear)  # the pixels of alpha_composite, with half of its memory
        return white
    picture.load()
    return picture if picture.mode == "RGB" else picture.convert("RGB")
