"""The disposable process: looks at one file after another that strangers sent, until its line is closed. Opens no file, no network and no record.

Started by `core.decoding.worker` as `python -m core.decoding.child SECONDS MEMORY PICTURES`. Whatever happens in here ends here.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO

from PIL import Image, _imaging

from core.decoding import wire
from core.decoding.looking import Seen, look
from core.errors import FrameRefused

if sys.platform != "win32":  # which has no such limits; there the clock of the parent is what there is
    import resource

OPEN_FILES = 16
KEPT_BLOCKS = 4
"""Of 16 MiB each, kept from picture to picture: a fifth of the time of a photograph is otherwise spent on fresh pages."""


def main(words: list[str]) -> None:
    """Limits first, then the line."""
    cpu_seconds, memory_bytes, pictures = int(words[0]), int(words[1]), int(words[2])
    answers = _answers_alone()
    sys.excepthook = _telling(answers)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the line
    warnings.simplefilter("ignore")  # what Pillow finds odd in metadata is told to nobody
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    _imaging.set_blocks_max(KEPT_BLOCKS)
    _limit(cpu_seconds * pictures + 60, memory_bytes)
    wire.send(answers, wire.READY)
    for _ in range(pictures):
        try:
            asked = wire.question_of(wire.receive(sys.stdin.buffer, sys.maxsize))
        except EOFError:
            return
        _allow(cpu_seconds)
        Image.MAX_IMAGE_PIXELS = max(_PILLOWS_OWN, asked.limits.max_pixels)
        wire.send(answers, *wire.answer_parts(_seen(asked)))


_PILLOWS_OWN = Image.MAX_IMAGE_PIXELS or 0


def _seen(asked: wire.Question) -> Seen | FrameRefused:
    try:
        return look(asked.content, asked.shown, asked.limits, asked.sizes)
    except FrameRefused as refused:
        return refused
    except MemoryError:
        return FrameRefused(
            f"{asked.shown}: reading it takes more memory than a frame is given. Save it smaller, or as JPEG, and send that file."
        )


def _answers_alone() -> BinaryIO:
    """Where answers go; whatever else is printed goes nowhere."""
    line = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return line


def _limit(cpu_seconds: int, memory_bytes: int) -> None:
    """For good: no core dump, hardly a file, not a byte written to one, no further process, so much memory and time in all."""
    if sys.platform == "win32":
        return
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
    ):
        _, hard = resource.getrlimit(what)
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (wanted, wanted))


def _allow(cpu_seconds: int) -> None:
    """So much time for the next picture; after it the system ends this process."""
    if sys.platform == "win32":
        return
    spent = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(math.ceil(spent.ru_utime + spent.ru_stime) + cpu_seconds, hard), hard))


def _telling(answers: BinaryIO) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """What nobody foresaw is told to the parent as the last word of this process."""

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        wire.send(answers, *wire.bug_parts("".join(traceback.format_exception(kind, error, where))))

    return tell


if __name__ == "__main__":
    main(sys.argv[1:])
