"""What leaves a frame: pixels, upright, and not one tag; and that odd but legal files become the same pixels every time."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.decoding.pool import Decoder
from core.errors import FrameRefused
from core.frames import Limits, Vault, admit, preview, upright
from core.pixels import previews
from core.vault import SIZES
from tests.hostile import png_chunk
from tests.makers import NOON, encoded, jpeg, picture
from tests.tagged import KINDS, SECRET, SIZE, metadata_of, tagged

LIMITS = Limits()


@pytest.fixture(scope="module")
def decoder() -> Iterator[tuple[Decoder, dict[int, bytes]]]:
    """A decoder, and the previews of the last frame that it saw."""
    kept: dict[int, bytes] = {}
    with Decoder(sizes=SIZES, keep=lambda _, made: kept.update(made), processes=1) as decoder:
        yield decoder, kept


@pytest.mark.parametrize("kind", KINDS)
def test_no_copy_holds_a_tag_and_each_is_upright(kind: str, decoder: tuple[Decoder, dict[int, bytes]], tmp_path: Path) -> None:
    """Eight orientations; the previews of the decoder and of the vault, the picture in full, the pixels for the model."""
    tried = 0
    for orientation in range(1, 9):
        content = tagged(kind, orientation)
        assert SECRET.encode() in content, "it is there to be found"
        vault, (through, kept) = Vault(tmp_path), decoder
        frame = through.admit(content, "x", limits=LIMITS, now=NOON)
        assert (frame.width, frame.height) == SIZE
        model = upright(content)
        assert not model.info
        assert not dict(model.getexif())
        again = io.BytesIO()
        model.save(again, "JPEG", quality=95)
        vault.put(content)
        copies = [
            *kept.values(),
            *(vault.preview(frame.id, size).read_bytes() for size in SIZES),
            preview(content, 10_000, 92),
            again.getvalue(),
        ]
        for copy in copies:
            assert SECRET.encode() not in copy
            assert metadata_of(copy) == []
            with Image.open(io.BytesIO(copy)) as opened:
                assert not dict(opened.getexif())
                pixels = np.asarray(opened.convert("RGB")).astype(int)
            red = (pixels[..., 0] - pixels[..., 1]) > 80
            share = pixels.shape[1] / SIZE[0]
            rows, columns = np.flatnonzero(red.mean(1) > 0.2), np.flatnonzero(red.mean(0) > 0.2)
            assert abs(columns[-1] + 1 - 200 * share) <= 1, "a box lies within one pixel of where it was drawn"
            assert abs(rows[-1] + 1 - 100 * share) <= 1
            assert (rows[0], columns[0]) == (0, 0)
            tried += 1
    assert tried == 8 * 6


def test_a_tag_that_is_left_in_would_be_seen() -> None:
    for kind in KINDS:
        content = tagged(kind, 6)
        if content.startswith(b"\xff\xd8"):
            assert metadata_of(content), kind


def sixteen_bits() -> Image.Image:
    return Image.frombytes("I;16", (24, 16), struct.pack("<384H", *range(0, 65_280, 170)))


def with_profile() -> bytes:
    return encoded(picture(30, 20, colour="orange"), "JPEG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def sixteen_bit_colour() -> bytes:
    """Which Pillow cannot write."""
    rows = b"".join(b"\0" + struct.pack(">12H", *range(0, 60_000, 5_000)) for _ in range(4))
    head = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def interlaced() -> bytes:
    """Seven passes over 8 x 8 pixels, which Pillow cannot write either."""
    passes = ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4))
    rows = b"".join(
        b"\0" + bytes((40 * number + each) % 256 for each in range(3 * width))
        for number, (width, height) in enumerate(passes)
        for _ in range(height)
    )
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def shades(mode: str) -> Image.Image:
    return Image.linear_gradient("L").resize((40, 30)).convert(mode)


ODD: dict[str, Callable[[], bytes]] = {
    "CMYK": lambda: encoded(shades("CMYK"), "JPEG"),
    "CMYK as Adobe writes it": lambda: encoded(shades("CMYK"), "JPEG").replace(
        b"\xff\xd8", b"\xff\xd8\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\2", 1
    ),
    "16 bits of grey": lambda: encoded(sixteen_bits(), "PNG"),
    "16 bits of colour": sixteen_bit_colour,
    "a palette": lambda: encoded(shades("RGB").convert("P"), "PNG"),
    "a palette with a hole": lambda: encoded(shades("RGB").convert("P"), "PNG", transparency=3),
    "a colour that is clear": lambda: encoded(shades("RGB"), "PNG", transparency=(128, 128, 128)),
    "grey with clearness": lambda: encoded(shades("LA"), "PNG"),
    "grey": lambda: encoded(shades("L"), "JPEG"),
    "one bit": lambda: encoded(shades("1"), "PNG"),
    "two bits": lambda: encoded(shades("RGB").quantize(4), "PNG", bits=2),
    "interlaced": interlaced,
    "progressive": lambda: encoded(shades("RGB"), "JPEG", progressive=True),
    "4:1:1": lambda: encoded(shades("RGB"), "JPEG", subsampling="4:2:0"),
    "restart marks": lambda: encoded(shades("RGB"), "JPEG", restart_marker_blocks=1),
    "a colour profile": with_profile,
    "one pixel": lambda: encoded(picture(1, 1), "PNG"),
    "1 x 10,000": lambda: encoded(picture(1, 10_000), "PNG"),
    "10,000 x 1": lambda: encoded(picture(10_000, 1), "JPEG"),
    "lossy WebP": lambda: encoded(shades("RGBA"), "WEBP", quality=40),
    "lossless WebP": lambda: encoded(shades("RGBA"), "WEBP", lossless=True),
}
REFUSED = {"moving WebP": "WEBP", "moving PNG": "PNG", "two pictures": "MPO"}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_but_legal_file_is_the_same_pixels_three_times_and_in_another_process(
    kind: str, decoder: tuple[Decoder, dict[int, bytes]]
) -> None:
    content = ODD[kind]()
    pixels = [upright(content) for _ in range(3)]
    assert {each.mode for each in pixels} == {"RGB"}
    assert len({hashlib.sha256(each.tobytes()).hexdigest() for each in pixels}) == 1
    through, kept = decoder
    frame = through.admit(content, "x", limits=LIMITS, now=NOON)
    assert frame == admit(content, "x", limits=LIMITS, now=NOON)
    assert (frame.width, frame.height) == pixels[0].size
    first = dict(kept)
    through.admit(content, "x", limits=LIMITS, now=NOON)
    assert kept == first


@pytest.mark.parametrize("kind", REFUSED)
def test_what_could_be_several_frames_is_refused_with_the_reason(kind: str) -> None:
    out = io.BytesIO()
    picture().save(out, REFUSED[kind], save_all=True, append_images=[picture(colour="red")])
    for way in (lambda c: admit(c, "x", limits=LIMITS, now=NOON), upright):
        with pytest.raises(FrameRefused, match="several pictures"):
            way(out.getvalue())


def test_a_smaller_preview_made_from_a_larger_one_is_as_large_as_one_made_alone() -> None:
    for width, height in ((4000, 3000), (1601, 907), (907, 1601), (320, 321), (5, 3000), (1600, 1600), (33, 44)):
        content = jpeg(width, height)
        vault_sizes = [Image.open(io.BytesIO(made)).size for made in previews(content, SIZES)]
        assert vault_sizes == [upright(content, longest=size).size for size in SIZES]
