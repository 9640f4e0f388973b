"""Files that mean no good, and files that are damaged: made here, byte by byte. Holds no test and no state."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

from PIL import Image


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with its right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_says(width: int, height: int, *before: bytes) -> bytes:
    """A PNG whose header announces a size; behind it stand the chunks `before` and nearly no pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (png_chunk(b"IHDR", head), *before, png_chunk(b"IDAT", zlib.compress(bytes(100))), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def jpeg_that_says(width: int, height: int) -> bytes:
    """A JPEG whose header announces a size, up to 65,535 a side; the pixels are those of another."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "JPEG")
    whole = bytearray(out.getvalue())
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(whole)


def webp_that_says(width: int, height: int) -> bytes:
    """A lossless WebP whose header announces a size, up to 16,384 a side; the pixels are those of another."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "WEBP", lossless=True)
    whole = bytearray(out.getvalue())
    at = whole.index(b"VP8L") + 9  # behind the length and the signature
    rest = int.from_bytes(whole[at : at + 4], "little") >> 28
    whole[at : at + 4] = (rest << 28 | height - 1 << 14 | width - 1).to_bytes(4, "little")
    return bytes(whole)


def black_png(width: int, height: int) -> bytes:
    """A whole PNG that is a thousandth of its pixels: every row is there. Made without packing them all: the same block again and again."""
    length = height * (3 * width + 1)

    def block(size: int) -> bytes:
        packer = zlib.compressobj(9, wbits=-15)
        return packer.compress(bytes(size)) + packer.flush(zlib.Z_FULL_FLUSH)

    whole, rest = divmod(length, 2**20)
    checksum = (length % 65521) << 16 | 1  # Adler-32 of so many zeros
    packed = b"\x78\xda" + block(2**20) * whole + block(rest) + b"\x03\0" + checksum.to_bytes(4, "big")
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def slow_jpeg(width: int, height: int, scans: int) -> bytes:
    """A legal looking progressive JPEG that says the same scan again and again: some bytes each, and the decoder walks over all blocks every time."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(out, "JPEG", progressive=True, quality=50)
    whole = out.getvalue()
    last = whole.rindex(b"\xff\xda")
    start = whole.rindex(b"\xff\xc4", 0, last)  # with the table that the scan is written in
    again = whole[start:-2]
    return whole[:-2] + again * scans + whole[-2:]


def mutated(content: bytes, dice: random.Random) -> bytes:
    """The same file with up to six faults: bits turned, ends cut, pieces lost, doubled, moved, or overwritten with noise or with extreme numbers."""
    broken = bytearray(content)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(broken))
        size = dice.choice((1, 2, 4, 8, 64, 512))
        match dice.randrange(8):
            case 0 | 1:
                broken[at] ^= 1 << dice.randrange(8)
            case 2:
                del broken[at : at + size]
            case 3:
                broken[at:at] = dice.randbytes(size)
            case 4:
                piece = broken[at : at + size]
                del broken[at : at + size]
                to = dice.randrange(len(broken) + 1)
                broken[to:to] = piece
            case 5:
                broken[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0"))
            case 6:
                broken[at:at] = broken[at : at + size]
            case _ if dice.random() < 0.3:
                del broken[at:]
        if not broken:
            return b"\xff"
    return bytes(broken)


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of a JPEG's segments up to its first scan."""
    at = 2
    while jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield jpeg[at + 1], jpeg[at + 4 : at + 2 + length]
        at += 2 + length
