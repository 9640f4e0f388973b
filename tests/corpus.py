"""Files that are no frames and say they are, under the names that people and worse send. Real bytes of their kinds; holds no test."""

from __future__ import annotations

import gzip
import io
import zipfile

from tests.hostile import png_chunk
from tests.makers import encoded, jpeg, picture

SCRIPT = b"<script>alert(document.domain)</script>"


def several(kind: str) -> bytes:
    """A file of two pictures."""
    out = io.BytesIO()
    picture().save(out, kind, save_all=True, append_images=[picture(colour="red")])
    return out.getvalue()


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


def fits_bomb() -> bytes:
    """What made Pillow's FITS reader unpack gigabytes: a header that says 40,000 x 40,000, and gzip of zeros behind it."""
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2"]
    cards += ["NAXIS1  =                40000", "NAXIS2  =                40000", "ZCMPTYPE= 'GZIP_1  '", "END"]
    return "".join(card.ljust(80) for card in cards).encode().ljust(2880, b" ") + gzip.compress(bytes(8 * 2**20))


RARE: dict[str, bytes] = {
    "AVIF": encoded(picture(), "AVIF"),
    "BLP": b"BLP2" + bytes(200),
    "BMP": encoded(picture(), "BMP"),
    "CUR": b"\0\0\2\0\1\0" + bytes(60),
    "DDS": encoded(picture(), "DDS"),
    "EPS": encoded(picture(), "EPS"),
    "FITS with a gzip bomb": fits_bomb(),
    "FLI": bytes(4) + b"\x11\xaf" + bytes(140),
    "GIF": encoded(picture().convert("P"), "GIF"),
    "ICNS": encoded(picture(64, 64), "ICNS"),
    "ICO": encoded(picture(), "ICO"),
    "IM": encoded(picture(), "IM"),
    "JPEG 2000": encoded(picture(), "JPEG2000"),
    "PCX": encoded(picture(), "PCX"),
    "PDF": encoded(picture(), "PDF"),
    "PPM": encoded(picture(), "PPM"),
    "PSD": b"8BPS\0\1" + bytes(60),
    "QOI": encoded(picture(), "QOI"),
    "SGI": encoded(picture(), "SGI"),
    "SPIDER": encoded(picture().convert("F"), "SPIDER"),
    "SUN": b"\x59\xa6\x6a\x95" + bytes(60),
    "TGA": encoded(picture(), "TGA"),
    "TIFF": encoded(picture(), "TIFF"),
    "WMF": b"\xd7\xcd\xc6\x9a" + bytes(60),
    "XBM": encoded(picture().convert("1"), "XBM"),
    "XPM": b'/* XPM */\nstatic char *x[] = {"1 1 1 1", "a c #000000", "a"};',
}
"""Formats that Pillow knows and we do not take."""

OTHERS: dict[str, tuple[str, bytes]] = {
    "empty": ("empty.png", b""),
    "html": ("photo.png", b"<!doctype html>" + SCRIPT),
    "html, by its name": ("x.html", b"<!doctype html>" + SCRIPT),
    "html under two endings": ("x.png.html", b"<html>" + SCRIPT),
    "svg": ("x.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    "xml": ("x.png", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>'),
    "JavaScript": ("x.js", b"alert(1)"),
    "a GIF that is JavaScript": ("x.png", b"GIF89a/*" + bytes(40) + b"*/=1;alert(1)"),
    "a shell script": ("-rf", b"#!/bin/sh\nrm -rf /\n"),
    "Python": ("x.py", b"import os; os.system('id')"),
    "a program": ("a.exe:$s.png", b"MZ" + bytes(120) + b"PE\0\0"),
    "a Linux program": ("photo.PNG", b"\x7fELF\2\1\1" + bytes(60)),
    "a zip": ("frames.zip", archive(a=jpeg())),
    "an office file": ("x.docx", archive(**{"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<x/>"})),
    "gzip": ("x.png", gzip.compress(jpeg())),
    "a pickle": ("x.png", b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94."),
    "SQLite": ("record.sqlite3", b"SQLite format 3\0" + bytes(100)),
    "a PNG with a page behind it": ("x.png", encoded(picture(), "PNG") + b"<html>" + SCRIPT),
    "a WebP with an archive behind it": ("x.webp", encoded(picture(), "WEBP") + archive(a=b"x")),
    "two pictures, MPO": ("x.mpo", several("MPO")),
    "a moving WebP": ("x.webp", several("WEBP")),
    "a moving PNG": ("x.png", several("PNG")),
    "half a JPEG": ("photo", jpeg(400, 300)[:1500]),
    "half a PNG": ("CON", encoded(picture(), "PNG")[:-20]),
    "half a WebP": ("photo.jpeg", encoded(picture(400, 300), "WEBP")[:120]),
    "the first bytes of a JPEG": ("x.jpg", b"\xff\xd8\xff\xe0"),
    "the first bytes of a PNG": ("x.jpg", b"\x89PNG\r\n\x1a\n"),
    "a PNG of chunks alone": ("x.png", b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", bytes(13)) + png_chunk(b"IEND", b"")),
    "a JPEG that is text": ("x.jpg", b"\xff\xd8\xff" + SCRIPT * 20),
    "a RIFF that is sound": ("x.webp", b"RIFF\x24\0\0\0WAVEfmt " + bytes(40)),
}

NO_FRAMES: dict[str, tuple[str, bytes]] = {**OTHERS, **{kind: (f"{kind}.png", content) for kind, content in RARE.items()}}
"""(name of the sender, bytes), by what it is."""
