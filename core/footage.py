"""Stills out of video files: at a rate, at cuts, without near-duplicates. Decodes once from front to end and never jumps.

A jump (`cv2.set(CAP_PROP_POS_FRAMES)`) decodes from the key frame before its place again, costs more than going on, and may land beside it.
A file is opened as a file only: no address, no list of other files (`core.settings` forbids FFmpeg every other protocol).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import FrameRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".ts", ".3gp")
ALIKE = 8.0  # grey levels of 255: a still is new when one of the 32 x 32 cells differs by so much from the still that was given last
CUT = 24.0  # grey levels of 255: the picture as a whole differs by so much, on the mean over the cells, from the one looked at before
_CELLS = (32, 32)
_LOOKS = 4  # for each still, this often at least: a cut that the encoder did not mark is found a quarter of the interval late at most
_LOST = 0.02  # share of the announced frames that may be missing before a file is called broken; some headers only estimate
_QUALITY = 95  # of a still's JPEG


@dataclass(frozen=True, slots=True)
class Still:
    """One picture of a video."""

    name: str  # clip.mp4#t=00:00:12.000, as the W3C's media fragments write a time
    seconds: float  # from the beginning of the video
    pixels: NDArray[np.uint8]  # height x width x blue, green, red; upright
    cut: bool  # it stands here because a new scene begins, not because of the rate

    def jpeg(self) -> bytes:
        """The still as a file; the same pixels give the same bytes."""
        import cv2

        written, content = cv2.imencode(".jpg", self.pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        if not written:
            raise FrameRefused(f"{self.name}: this still could not be written as JPEG.")
        return bytes(content)


class Footage:
    """The stills of a video file: one every `every` seconds, and one where a new scene begins; `alike` counts those left out.

    A new scene gives its first picture where the encoder marked it by a key frame before its turn, else one of its first (`_LOOKS`).

    A still that shows what the one before it showed is left out. "Shows the same" is meant strictly (`ALIKE` of any cell, not on the
    mean): a hand that comes into a corner is a small part of a picture and all that matters. Walk it once. Raises FrameRefused at the
    first still when the file is no video, and after the last one when the file breaks off before its end.
    """

    def __init__(self, file: Path, every: float = 1.0) -> None:
        self.file, self.every = file, every
        self.alike = 0
        self._before: NDArray[np.float32] | None = None  # the cells that were looked at last
        self._given: NDArray[np.float32] | None = None  # the cells of the still that was given last

    def __iter__(self) -> Iterator[Still]:
        due = look = 0.0
        with _opened(self.file) as capture:
            for seconds, marked in _walk(capture, self.file.name):
                on_time = seconds >= due
                if not (on_time or marked or seconds >= look):
                    continue
                read, pixels = capture.retrieve()
                if not read:
                    continue
                look = seconds + self.every / _LOOKS
                due += self.every * ((seconds - due) // self.every + 1) if on_time else 0.0
                still = self._still(pixels, seconds, on_time)
                if still is not None:
                    yield still

    def _still(self, pixels: NDArray[np.uint8], seconds: float, on_time: bool) -> Still | None:
        """The picture as a still, if it has to be one."""
        import numpy as np

        cells = _cells(pixels)
        cut = self._before is not None and float(np.abs(cells - self._before).mean()) >= CUT
        self._before = cells
        if not (on_time or cut):
            return None
        if self._given is not None and float(np.abs(cells - self._given).max()) < ALIKE:
            self.alike += on_time
            return None
        self._given = cells
        return Still(f"{self.file.name}#t={clock(seconds)}", seconds, pixels, cut and not on_time)


def clock(seconds: float) -> str:
    """A time as hours, minutes, seconds and thousandths.

    >>> clock(3661.5)
    '01:01:01.500'
    """
    thousandths = round(seconds * 1000)
    return f"{thousandths // 3_600_000:02}:{thousandths // 60_000 % 60:02}:{thousandths // 1000 % 60:02}.{thousandths % 1000:03}"


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    import cv2

    if not file.is_file():
        raise FrameRefused(f"{file}: there is no such file.")
    capture = cv2.VideoCapture(str(file.resolve()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise FrameRefused(f"{file.name}: this video cannot be read. Save it again as MP4, and see that it was copied to its end.")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # as the camera was held
        yield capture
    finally:
        capture.release()


def _walk(capture: Any, name: str) -> Iterator[tuple[float, bool]]:
    """Every frame's time in seconds, and whether the encoder began it anew before its turn, as it does where a scene changes.

    Decodes, and leaves the conversion to RGB, which is half of the work, to whoever wants to look.
    """
    import cv2

    announced, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS) or 25.0
    n, key, longest, last = 0, 0, 0, -1.0
    while capture.grab():
        said = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        last = said if said > last else last + 1 / rate  # some containers keep no times
        marked = n > 0 and int(capture.get(cv2.CAP_PROP_FRAME_TYPE)) == ord("I")
        yield last, marked and n - key < longest
        if marked:
            longest, key = max(longest, n - key), n
        n += 1
    if n == 0:
        raise FrameRefused(f"{name}: there is no picture in this video that can be read.")
    if announced - n > max(2.0, _LOST * announced):
        raise FrameRefused(f"{name}: this video breaks off at {clock(last)} of {clock(announced / rate)}. What comes before was read.")


def _cells(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture as 32 x 32 means of grey: noise goes, whatever has a size stays."""
    import cv2
    import numpy as np

    step = max(1, min(pixels.shape[:2]) // 180)  # every fourth pixel of 720 lines says as much, in a sixteenth of the time
    small = cv2.resize(np.ascontiguousarray(pixels[::step, ::step]), _CELLS, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
