"""Damaged files through the real processes: each is read or refused, nothing else ever happens, and it is counted."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, PngImagePlugin

from core.decoding.pool import Decoder
from core.decoding.worker import Allowance
from core.errors import FrameRefused
from core.frames import Limits
from core.vault import SIZES
from tests.hostile import mutated
from tests.makers import NOON, encoded, exif, picture

SEED = 20261121
ENDS = {"safely": "died", "too long": "hung", "memory": "swollen"}
"""What a process came to over a file, by a word of the sentence that says so."""
LONGEST = 10.0  # seconds for one file


def originals() -> list[bytes]:
    """Nine small files that between them use what the three formats have."""
    seen = picture(96, 64, rects=[((3, 3, 40, 40), "red"), ((50, 10, 90, 60), "blue")])
    tags = exif(6, "2024:05:06 07:08:09", Make="x" * 40).tobytes()
    words = PngImagePlugin.PngInfo()
    words.add_itxt("Comment", "x" * 50, zip=True)
    words.add_text("Title", "x" * 50, zip=True)
    return [
        encoded(seen, "JPEG", exif=tags, icc_profile=b"x" * 100),
        encoded(seen, "JPEG", progressive=True, quality=60),
        encoded(seen.convert("CMYK"), "JPEG"),
        encoded(seen, "PNG", exif=tags, pnginfo=words),
        encoded(seen.convert("P"), "PNG", transparency=3),
        encoded(Image.frombytes("I;16", (48, 32), bytes(range(256)) * 12), "PNG"),
        encoded(seen, "WEBP", exif=tags, quality=60),
        encoded(seen.convert("RGBA"), "WEBP", lossless=True),
        encoded(seen, "MPO", save_all=True, append_images=[seen]).replace(b"\xff\xd8", b"\xff\xd8\xff\xfe\x00\x10hdrgm:Version ", 1),
    ]


def classified(count: int, seed: int) -> Counter[str]:
    """What became of so many files. Fails at once when one becomes anything else than a frame or a sentence, or takes too long."""
    dice, whole = random.Random(seed), originals()
    files = [mutated(whole[number % len(whole)], dice) for number in range(count)]
    started = set[int]()
    with Decoder(Allowance(seconds=LONGEST), sizes=SIZES) as decoder, ThreadPoolExecutor(2) as hands:
        decoder.warm()

        def look(content: bytes) -> str:
            began = time.monotonic()
            try:
                frame = decoder.admit(content, "x.jpg", limits=Limits(), now=NOON)
            except FrameRefused as refused:
                end = next((end for word, end in ENDS.items() if word in str(refused)), "refused")
            else:
                assert frame.width * frame.height <= Limits().max_pixels
                end = "read"
            assert time.monotonic() - began < LONGEST + 5
            started.update(decoder.pids)
            return end

        outcomes = Counter(hands.map(look, files))
    outcomes["processes"] = len(started)
    return outcomes


@pytest.mark.parametrize(
    ("count", "seed"), [pytest.param(10_000, SEED, id="10000"), pytest.param(30_000, SEED + 1, id="30000", marks=pytest.mark.slow)]
)
def test_every_damaged_file_is_read_or_refused(count: int, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = classified(count, seed)
    with capsys.disabled():
        print(f"\nmutated images, seed {seed}: {count} tried, {dict(outcomes)}")
    assert sum(outcomes[end] for end in ("read", "refused", *ENDS.values())) == count
    assert not any(outcomes[end] for end in ENDS.values()), "none of them may even cost a process"
    assert min(outcomes["read"], outcomes["refused"]) > count // 20, "both ends are tried"
