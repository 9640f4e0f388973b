"""Pictures that tell more than they show: every kind of metadata, each with the same secret in it, stored in each orientation. Holds no test."""

from __future__ import annotations

import struct

from PIL import ExifTags, Image, PngImagePlugin

from tests.makers import encoded, exif, picture

SECRET = "SECRETOFACAMERA"
KINDS = ("GPS", "serial", "owner", "thumbnail", "XMP", "IPTC", "PNG iTXt", "comment", "WebP")
SIZE = (480, 300)
"""Upright, in pixels. A red corner is at the top left."""

_BACK = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's number of the transposition that the orientation undoes


def tagged(kind: str, orientation: int) -> bytes:
    """A picture of SIZE with the secret in metadata of one of KINDS, turned as `orientation` (1..8) says."""
    seen = picture(*SIZE, rects=[((0, 0, 200, 100), "red")])
    back = _BACK[orientation]
    stored = seen if back is None else seen.transpose(Image.Transpose(back))
    tags = exif(orientation)
    match kind:
        case "GPS":
            place = tags.get_ifd(ExifTags.IFD.GPSInfo)
            place[ExifTags.GPS.GPSLatitude] = (48.0, 7.0, 30.5)
            place[ExifTags.GPS.GPSAreaInformation] = SECRET
        case "serial":
            tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.BodySerialNumber] = SECRET
        case "owner":
            tags[ExifTags.Base.Artist] = SECRET
            tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.CameraOwnerName] = SECRET
        case "thumbnail":
            return _behind_start(encoded(stored, "JPEG", quality=95), 0xE1, b"Exif\0\0" + _with_thumbnail(orientation))
        case "XMP":
            return encoded(stored, "JPEG", quality=95, exif=tags.tobytes(), xmp=f"<x:xmpmeta>{SECRET}</x:xmpmeta>".encode())
        case "IPTC":
            said = b"\x1c\x02\x50" + struct.pack(">H", len(SECRET)) + SECRET.encode()
            resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(said)) + said + b"\0" * (len(said) % 2)
            return _behind_start(encoded(stored, "JPEG", quality=95, exif=tags.tobytes()), 0xED, b"Photoshop 3.0\0" + resource)
        case "PNG iTXt":
            words = PngImagePlugin.PngInfo()
            words.add_itxt("Comment", SECRET)
            words.add_text("Author", SECRET)
            return encoded(stored, "PNG", exif=tags.tobytes(), pnginfo=words)
        case "comment":
            return encoded(stored, "JPEG", quality=95, exif=tags.tobytes(), comment=SECRET.encode(), icc_profile=SECRET.encode())
        case "WebP":
            tags[ExifTags.Base.Artist] = SECRET
            return encoded(stored, "WEBP", quality=95, exif=tags.tobytes(), xmp=SECRET.encode(), icc_profile=SECRET.encode())
    return encoded(stored, "JPEG", quality=95, exif=tags.tobytes())


def _behind_start(jpeg: bytes, marker: int, body: bytes) -> bytes:
    """The same JPEG with one more segment at its beginning."""
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def _with_thumbnail(orientation: int) -> bytes:
    """EXIF of two directories: the orientation, and a small JPEG that carries the secret itself (Exif 2.3, 4.6.2)."""
    small = encoded(picture(16, 10, colour="blue"), "JPEG", comment=SECRET.encode())
    first = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 26)
    second = struct.pack("<H", 2) + struct.pack("<HHII", 0x0201, 4, 1, 56) + struct.pack("<HHII", 0x0202, 4, 1, len(small)) + bytes(4)
    return b"II*\0\x08\0\0\0" + first + second + small


def metadata_of(jpeg: bytes) -> list[str]:
    """Names of all segments of a JPEG that could carry a word: every one but the tables, and a JFIF header of 14 bytes."""
    found, at = [], 2
    while jpeg[at : at + 2] != b"\xff\xda":
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        marker = jpeg[at + 1]
        plain = marker in (0xDB, 0xC4, 0xDD) or 0xC0 <= marker <= 0xC2
        if not plain and not (marker == 0xE0 and length == 16 and jpeg[at + 4 : at + 9] == b"JFIF\0"):
            found.append(f"{marker:02X}")
        at += 2 + length
    end = jpeg.index(b"\xff\xd9", at)
    return found + (["behind the end"] if end + 2 != len(jpeg) else [])
