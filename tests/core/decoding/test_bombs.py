"""Files that are small to send and large to open: refused by their header, before a pixel is decoded, in no time and in no memory."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.decoding.looking import look
from core.decoding.pool import Decoder
from core.errors import FrameRefused, FrameTooLarge
from core.frames import Limits, upright
from core.settings import ROOT
from core.vault import SIZES
from tests.corpus import RARE
from tests.hostile import black_png, jpeg_that_says, png_chunk, png_that_says, webp_that_says
from tests.makers import NOON, encoded, jpeg, picture

LIMITS = Limits()
QUICK = 0.05  # seconds; the best of three, because others use this machine too

BOMBS: dict[str, bytes] = {
    "81 megapixels": black_png(9_000, 9_000),
    "169 megapixels in 481 KiB": black_png(13_000, 13_000),
    "400 megapixels": png_that_says(20_000, 20_000),
    "one side": png_that_says(1, 60_000),
    "the other side": png_that_says(60_000, 1),
    "2 to the 29": png_that_says(2**29, 2**29),
    "the largest JPEG": jpeg_that_says(65_500, 65_500),
    "the largest WebP": webp_that_says(2**14, 2**14),
    "a pixel too many": jpeg_that_says(16_385, 1),
}

SWELLING = {
    "a gigabyte of words": png_that_says(8, 8, *(png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**20 - 1), 9)) for _ in range(1000))),
    "one long word": png_that_says(8, 8, png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100 * 2**20), 9))),
    "a colour profile": png_that_says(8, 8, png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(100 * 2**20), 9))),
    "too many rows": png_that_says(8, 8, png_chunk(b"IDAT", zlib.compress(bytes(100 * 2**20), 9))),
}
"""Small pictures with something behind the header that unpacks to a hundred times its size."""


def quickest(call: Callable[[], object], times: int = 3) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


def peak_mib(pid: int) -> float:
    """The most resident memory that a process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def refused(decoder: Decoder, content: bytes, error: type[FrameRefused]) -> None:
    with pytest.raises(error, match=r"^x\.png: .+\.$"):
        decoder.admit(content, "x.png", limits=LIMITS, now=NOON)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_bombs_are_refused_in_no_time_and_no_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(BOMBS["169 megapixels in 481 KiB"]) < 600 * 2**10
    with Decoder(sizes=SIZES, processes=1) as decoder:
        decoder.warm()
        decoder.admit(jpeg(), "a.jpg", limits=LIMITS, now=NOON)
        ours, before, theirs = psutil.Process(), psutil.Process().memory_info().rss, peak_mib(decoder.pids[0])
        slowest = max(quickest(lambda bomb=bomb: refused(decoder, bomb, FrameTooLarge)) for bomb in BOMBS.values())  # type: ignore[misc]
        grown, swollen = (ours.memory_info().rss - before) / 2**20, peak_mib(decoder.pids[0]) - theirs
    with capsys.disabled():
        print(f"\nbombs: {len(BOMBS)} refused, slowest {1000 * slowest:.1f} ms, ours +{grown:.1f} MiB, the process +{swollen:.1f} MiB")
    assert slowest < QUICK
    assert grown < 10
    assert swollen < 10


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("content", SWELLING.values(), ids=SWELLING)
def test_what_swells_behind_the_header_stays_in_the_process_and_in_bounds(content: bytes) -> None:
    with Decoder(sizes=SIZES, processes=1) as decoder:
        decoder.warm()
        decoder.admit(jpeg(), "a.jpg", limits=LIMITS, now=NOON)
        (pid,), theirs = decoder.pids, peak_mib(decoder.pids[0])
        with suppress(FrameRefused):  # or read: what stands behind the last row is not looked at
            decoder.admit(content, "x.png", limits=LIMITS, now=NOON)
        assert decoder.pids == (pid,)
        assert peak_mib(pid) - theirs < 150  # Pillow keeps up to 64 MiB of words


def test_formats_that_are_not_taken_are_refused_before_any_decoder(capsys: pytest.CaptureFixture[str]) -> None:
    """By the very function that decodes, and by the one that gives pixels."""
    before, slowest = psutil.Process().memory_info().rss, 0.0
    for kind, content in RARE.items():
        for way in (lambda c: look(c, "x.png", LIMITS, SIZES), upright):

            def call(content: bytes = content, way: Callable[[bytes], object] = way) -> None:
                with pytest.raises(FrameRefused, match="Frames are JPEG, PNG or WebP"):
                    way(content)

            slowest = max(slowest, quickest(call))
        assert slowest < QUICK, kind
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    with capsys.disabled():
        print(f"\nrare formats: {len(RARE)} refused twice, slowest {1000 * slowest:.2f} ms, +{grown:.1f} MiB")
    assert len(RARE) >= 20
    assert grown < 20


def test_the_readers_of_other_formats_are_not_even_imported() -> None:
    """But for the three that Pillow imports whatever it is asked; they are not asked either."""
    program = (
        "import sys; from core.decoding.looking import look; from core.pixels import Limits\n"
        "look(sys.stdin.buffer.read(), 'x', Limits(), (320,))\n"
        "print(*(name for name in sys.modules if name.startswith('PIL.') and name.endswith('Plugin')))"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, input=encoded(picture(), "WEBP"), capture_output=True, check=True)
    imported = {name.removeprefix("PIL.").removesuffix("ImagePlugin") for name in said.stdout.decode().split()}
    assert imported <= {"Jpeg", "Mpo", "Png", "Tiff", "WebP"} | {"Bmp", "Gif", "Ppm"}
