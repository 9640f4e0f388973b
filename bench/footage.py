"""A still a second out of a video, cuts and doubles seen to: ours beside a decoder that does nothing else, and beside jumping from still to still."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from bench.measure import Row, in_turns, median
from core.footage import Footage

RATE, SECONDS, SIZE = 25, 20, (1280, 720)
CUTS = (7.3, 13.6)  # seconds


def film(file: Path) -> Path:
    """Three scenes with a camera's grain, in which something moves."""
    dice = np.random.default_rng(0)
    grain = dice.normal(0, 6, (4, SIZE[1], SIZE[0], 3))
    grounds = [cv2.resize(dice.integers(60, 200, (9, 16, 3), dtype=np.uint8), SIZE, interpolation=cv2.INTER_CUBIC) for _ in range(3)]
    out = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), RATE, SIZE)
    for n in range(RATE * SECONDS):
        picture = grounds[sum(n >= cut * RATE for cut in CUTS)] + grain[n % 4]
        x = n * 5 % (SIZE[0] - 200)
        picture[300:460, x : x + 160] = (30, 40, 210)
        out.write(np.clip(picture, 0, 255).astype(np.uint8))
    out.release()
    return file


def measure(work: Path, runs: int) -> list[Row]:
    """CPU seconds of this process, a film of 20 s at 1280 x 720."""
    file = film(work / "film.mp4")

    def decoder() -> int:
        capture, n = cv2.VideoCapture(str(file)), 0
        while capture.grab():
            n += 1
        return n

    def ours() -> int:
        return sum(1 for _ in Footage(file))

    def written() -> int:
        return sum(len(still.jpeg()) for still in Footage(file))

    def jumping() -> int:
        capture, n = cv2.VideoCapture(str(file)), 0
        for second in range(SECONDS):
            capture.set(cv2.CAP_PROP_POS_FRAMES, second * RATE)
            n += capture.read()[0]
        return n

    assert decoder() == RATE * SECONDS
    assert ours() == SECONDS + len(CUTS)
    taken = in_turns({"decoder": decoder, "ours": ours, "written": written, "jumping": jumping}, runs)
    cpu = {name: 1000 * median([seconds for _, seconds in times]) for name, times in taken.items()}
    return [
        Row("video, a still a second, CPU", cpu["ours"], cpu["decoder"], "decoding alone", "ms", runs, goal=1.15),
        Row("the same, by jumping", cpu["ours"], cpu["jumping"], "cv2.set, without looking for cuts", "ms", runs),
        Row("the same, stills written as JPEG", cpu["written"], cpu["decoder"], "decoding alone", "ms", runs),
    ]
