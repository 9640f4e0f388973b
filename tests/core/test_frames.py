"""The front door: what is taken, what is refused and in which words, and that pixels are the sender's own."""

from __future__ import annotations

import io
import random
import struct
import zlib
from datetime import datetime

import pytest
from PIL import Image, PngImagePlugin

from core.errors import FrameRefused, FrameTooLarge
from core.frames import Limits, admit, preview, shown_name, time_in_name, upright
from tests.makers import NOON, encoded, exif, jpeg, picture

LIMITS = Limits()


def png_that_says(width: int, height: int) -> bytes:
    """A PNG whose header announces a size; there is nearly nothing behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def animated(kind: str) -> bytes:
    out = io.BytesIO()
    picture().save(out, kind, save_all=True, append_images=[picture(colour="red")])
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        pytest.param(jpeg(), "image/jpeg", id="JPEG"),
        pytest.param(encoded(picture(), "PNG"), "image/png", id="PNG"),
        pytest.param(encoded(picture(), "WEBP"), "image/webp", id="WebP"),
        pytest.param(encoded(picture(), "JPEG", progressive=True), "image/jpeg", id="progressive JPEG"),
        pytest.param(encoded(picture(1, 1), "PNG"), "image/png", id="one pixel"),
        pytest.param(encoded(picture(3, 5), "WEBP", lossless=True), "image/webp", id="odd WebP, with a padding byte"),
    ],
)
def test_a_picture_is_admitted_for_what_its_bytes_are(content: bytes, media_type: str) -> None:
    frame = admit(content, "letter.html", limits=LIMITS, now=NOON)
    assert (frame.media_type, frame.name, frame.received_at) == (media_type, "letter.html", NOON)
    assert frame == admit(content, "letter.html", limits=LIMITS, now=NOON)


NO_FRAMES = {
    "nothing": b"",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "script": b"#!/bin/sh\nrm -rf /",
    "pdf": b"%PDF-1.7 ...",
    "zip": b"PK\x03\x04" + bytes(40),
    "exe": b"MZ" + bytes(80),
    "gif": encoded(picture().convert("P"), "GIF"),
    "bmp": encoded(picture(), "BMP"),
    "tiff": encoded(picture(), "TIFF"),
    "ico": encoded(picture(), "ICO"),
    "eps": encoded(picture(), "EPS"),
    "psd": b"8BPS\0\1" + bytes(40),
    "fits": b"SIMPLE  =                    T" + bytes(2880),
    "ppm": encoded(picture(), "PPM"),
    "tga": encoded(picture(), "TGA"),
    "avif": b"\0\0\0\x20ftypavif" + bytes(40),
    "two pictures": animated("MPO"),
    "moving WebP": animated("WEBP"),
    "moving PNG": animated("PNG"),
    "PNG and HTML": encoded(picture(), "PNG") + b"<html><script>alert(1)</script>",
    "WebP and ZIP": encoded(picture(), "WEBP") + b"PK\x03\x04",
    "half a JPEG": jpeg(400, 300)[:1500],
    "half a PNG": encoded(picture(), "PNG")[:-20],
    "half a WebP": encoded(picture(400, 300), "WEBP")[:120],
    "a JPEG's first bytes": b"\xff\xd8\xff\xe0",
    "a PNG's first bytes": b"\x89PNG\r\n\x1a\n",
    "a PNG without rows": png_that_says(64, 64),
    "a WebP's first bytes": b"RIFF\x04\0\0\0WEBP",
}


@pytest.mark.parametrize("content", NO_FRAMES.values(), ids=NO_FRAMES.keys())
def test_other_bytes_are_refused_with_their_name_and_a_sentence(content: bytes) -> None:
    with pytest.raises(FrameRefused, match=r"^photo\.png: .{10,}\.$"):
        admit(content, "photo.png", limits=LIMITS, now=NOON)
    with pytest.raises(FrameRefused):
        upright(content)


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        pytest.param(png_that_says(9_000, 9_000), LIMITS, id="81 megapixels"),
        pytest.param(png_that_says(20_000, 20_000), LIMITS, id="400 megapixels"),
        pytest.param(png_that_says(1, 60_000), LIMITS, id="one side"),
        pytest.param(png_that_says(2**29, 2**29), LIMITS, id="2 to the 29"),
        pytest.param(jpeg(65, 10), Limits(max_side=64), id="a pixel too many"),
        pytest.param(jpeg(), Limits(max_bytes=100), id="bytes"),
    ],
)
def test_too_large_is_said_before_a_pixel_is_decoded(content: bytes, limits: Limits) -> None:
    with pytest.raises(FrameTooLarge, match=r"^photo\.png: .+\.$"):
        admit(content, "photo.png", limits=limits, now=NOON)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_shows_the_same_corner_at_the_place_where_a_person_sees_it(orientation: int) -> None:
    """A red corner, stored as every orientation stores it, is at the top left of the upright frame."""
    seen = picture(40, 24, rects=[((0, 0, 16, 8), "red")])
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # the transposition that undoes the turn
    stored = seen if back is None else seen.transpose(Image.Transpose(back))
    content = encoded(stored, "JPEG", quality=95, subsampling=0, exif=exif(orientation).tobytes())
    frame = admit(content, "x.jpg", limits=LIMITS, now=NOON)
    assert (frame.width, frame.height) == (40, 24)
    for made in (upright(content), upright(content, longest=20)):
        assert made.mode == "RGB"
        assert made.width == made.height * 40 // 24
        red = made.getpixel((made.width // 10, made.height // 10))
        grey = made.getpixel((made.width * 3 // 4, made.height * 3 // 4))
        assert isinstance(red, tuple)
        assert isinstance(grey, tuple)
        assert red[0] > 200 > 80 > red[1]
        assert min(grey) > 190


@pytest.mark.parametrize("said", [0, 9, 60_000])
def test_an_orientation_that_means_nothing_turns_nothing(said: int) -> None:
    frame = admit(jpeg(40, 24, exif_orientation=said), "x.jpg", limits=LIMITS, now=NOON)
    assert (frame.width, frame.height) == (40, 24)


def sixteen_bit_grey() -> bytes:
    return encoded(Image.frombytes("I;16", (4, 4), struct.pack("<16H", *[0x8040] * 16)), "PNG")


def palette_with_a_hole() -> bytes:
    made = Image.new("P", (4, 4), 1)
    made.putpalette([255, 0, 0, 0, 0, 255])
    return encoded(made, "PNG", transparency=1)


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        pytest.param(sixteen_bit_grey(), (128, 128, 128), id="16 bits keep the upper eight"),
        pytest.param(palette_with_a_hole(), (255, 255, 255), id="a hole in a palette is white"),
        pytest.param(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), "PNG"), (255, 255, 255), id="a clear pixel is white"),
        pytest.param(
            encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 255)), "WEBP", lossless=True), (255, 0, 0), id="an opaque one is itself"
        ),
        pytest.param(encoded(Image.new("LA", (4, 4), (0, 128)), "PNG"), (127, 127, 127), id="half clear black is grey"),
        pytest.param(encoded(Image.new("1", (4, 4), 1), "PNG"), (255, 255, 255), id="one bit"),
        pytest.param(encoded(Image.new("L", (16, 16), 90), "JPEG"), (90, 90, 90), id="grey JPEG"),
        pytest.param(encoded(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG"), (255, 255, 255), id="no ink is white"),
    ],
)
def test_odd_but_legal_pictures_become_the_documented_rgb(content: bytes, colour: tuple[int, int, int]) -> None:
    admit(content, "x", limits=LIMITS, now=NOON)
    assert upright(content).getpixel((1, 1)) == colour
    assert upright(content).tobytes() == upright(content).tobytes()


def test_a_phone_picture_with_a_gain_map_is_one_picture() -> None:
    content = animated("MPO").replace(b"\xff\xd8", b"\xff\xd8\xff\xfe\x00\x10hdrgm:Version ", 1)
    assert admit(content, "phone.jpg", limits=LIMITS, now=NOON).media_type == "image/jpeg"
    assert upright(content).size == (64, 48)


def test_a_smaller_copy_keeps_the_ratio_and_is_never_larger_than_the_frame() -> None:
    content = jpeg(400, 300)
    assert upright(content, longest=100).size == (100, 75)
    assert upright(content, longest=401).size == (400, 300)
    assert upright(encoded(picture(1000, 2), "PNG"), longest=100).size == (100, 1)


def test_a_preview_carries_nothing_but_pixels() -> None:
    tags = exif(6, "2024:05:06 07:08:09", Make="SECRETCAMERA", Artist="SECRETPERSON")
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Comment", "SECRETPERSON")
    for content in (
        encoded(picture(), "JPEG", exif=tags.tobytes(), comment=b"SECRETPERSON", icc_profile=b"SECRETPERSON"),
        encoded(picture(), "PNG", pnginfo=text, exif=tags.tobytes()),
    ):
        assert b"SECRET" in content
        made = preview(content, 320)
        assert b"SECRET" not in made
        assert not dict(Image.open(io.BytesIO(made)).getexif())


@pytest.mark.parametrize(
    ("content", "name", "taken"),
    [
        pytest.param(
            jpeg(taken="2024:05:06 07:08:09"),
            "20231102145943.jpg",
            datetime.fromisoformat("2024-05-06T07:08:09"),
            id="EXIF before the name",
        ),
        pytest.param(jpeg(), "20231102145943.jpg", datetime.fromisoformat("2023-11-02T14:59:43"), id="the name"),
        pytest.param(
            jpeg(taken="0000:00:00 00:00:00"),
            "202311021459_step2_frame_7.jpg",
            datetime.fromisoformat("2023-11-02T14:59:00"),
            id="a clock not set",
        ),
        pytest.param(jpeg(), "IMG_20231102_145943.jpg", datetime.fromisoformat("2023-11-02T14:59:43"), id="a phone's name"),
        pytest.param(jpeg(), "bench.jpg", None, id="nobody says"),
    ],
)
def test_when_a_frame_was_taken(content: bytes, name: str, taken: datetime | None) -> None:
    assert admit(content, name, limits=LIMITS, now=NOON).taken_at == taken


@pytest.mark.parametrize("name", ["20231399145943.jpg", "20240230120000", "1699999999999999", "x"])
def test_a_number_that_is_no_time_is_no_time(name: str) -> None:
    assert time_in_name(name) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\a.jpg", "a.jpg"),
        ("a\0b.jpg", "ab.jpg"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("line\nbreak.jpg", "linebreak.jpg"),
        ("", "unnamed"),
        ("/", "unnamed"),
        ("工位一.jpg", "工位一.jpg"),
        ("<img src=x>.jpg", "<img src=x>.jpg"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_senders_name_is_shown_as_a_name(name: str, shown: str) -> None:
    assert shown_name(name) == shown


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow says what it found odd in metadata
def test_damaged_files_are_read_or_refused_and_never_anything_else() -> None:
    """600 files with bits turned, ends cut and pieces moved; 200 of each kind."""
    dice = random.Random(7)
    tags = exif(6, "2024:05:06 07:08:09", Make="x").tobytes()
    whole = [encoded(picture(48, 32, rects=[((3, 3, 20, 20), "red")]), kind, exif=tags) for kind in ("JPEG", "PNG", "WEBP")]
    outcomes = {"read": 0, "refused": 0}
    for content in whole * 200:
        broken = bytearray(content)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(broken))
            match dice.randrange(3):
                case 0:
                    broken[at] ^= 1 << dice.randrange(8)
                case 1:
                    del broken[at : at + dice.randrange(1, 9)]
                case _:
                    broken[at:at] = dice.randbytes(4)
        try:
            frame = admit(bytes(broken), "x", limits=LIMITS, now=NOON)
        except FrameRefused:
            outcomes["refused"] += 1
        else:
            assert upright(bytes(broken)).size == (frame.width, frame.height), "what was admitted can be shown"
            outcomes["read"] += 1
    assert sum(outcomes.values()) == 600
    assert min(outcomes.values()) > 50
