"""How a picture goes to the disposable process and what was seen of it comes back: lengths, a line of JSON, bytes. Trusts nothing that it reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from struct import Struct
from typing import IO

from core.decoding.looking import Seen
from core.errors import FrameRefused, FrameTooLarge
from core.pixels import Limits

READY = b"ready"
_LENGTH = Struct(">I")
_MOST_PARTS = 8
_MOST_PART = 64 * 2**20  # bytes of a word, a preview: larger is no answer of ours
_MOST_SENTENCE = 400  # characters
_ERRORS = {"FrameRefused": FrameRefused, "FrameTooLarge": FrameTooLarge}


class Garbled(Exception):
    """These bytes are no message of ours."""


class Bug(Exception):
    """The process met what is no sentence of ours; its traceback."""


@dataclass(frozen=True, slots=True)
class Question:
    """A file to be looked at."""

    content: bytes
    shown: str
    limits: Limits
    sizes: tuple[int, ...]


def send(to: IO[bytes], *parts: bytes) -> None:
    """Parts with their lengths before them."""
    to.write(b"".join((_LENGTH.pack(len(parts)), *(_LENGTH.pack(len(part)) for part in parts))))
    for part in parts:
        to.write(part)
    to.flush()


def receive(source: IO[bytes], most: int = _MOST_PART) -> list[bytes]:
    """The parts that `send` sent. Raises EOFError when the line was closed, Garbled for anything else than a message."""
    (count,) = _LENGTH.unpack(_read(source, _LENGTH.size))
    if not 0 < count <= _MOST_PARTS:
        raise Garbled(f"{count} parts")
    lengths = [_LENGTH.unpack(_read(source, _LENGTH.size))[0] for _ in range(count)]
    if sum(lengths) > most:
        raise Garbled(f"{sum(lengths)} bytes")
    return [_read(source, length) for length in lengths]


def _read(source: IO[bytes], length: int) -> bytes:
    read = source.read(length)
    if len(read) < length:
        raise EOFError
    return read


def question_parts(asked: Question) -> tuple[bytes, bytes]:
    """A question as it is sent."""
    about = {"shown": asked.shown, "limits": asdict(asked.limits), "sizes": asked.sizes}
    return json.dumps(about).encode(), asked.content


def question_of(parts: Sequence[bytes]) -> Question:
    """A question as it was sent."""
    said, content = parts
    about = json.loads(said)
    return Question(content, about["shown"], Limits(**about["limits"]), tuple(about["sizes"]))


def answer_parts(answer: Seen | FrameRefused) -> tuple[bytes, ...]:
    """An answer as it is sent."""
    if isinstance(answer, FrameRefused):
        return (json.dumps({"refused": type(answer).__name__, "sentence": str(answer)}).encode(),)
    taken = answer.taken_at.isoformat() if answer.taken_at else None
    about = {"kind": answer.kind, "width": answer.width, "height": answer.height, "taken_at": taken}
    return json.dumps(about).encode(), *answer.previews


def bug_parts(traceback: str) -> tuple[bytes, ...]:
    """The last word of a process that met a bug."""
    return (json.dumps({"bug": traceback[-8000:]}).encode(),)


def answer_of(parts: Sequence[bytes], previews: int) -> Seen | FrameRefused:
    """An answer with so many previews, or none that can be believed: Garbled. Raises Bug."""
    try:
        about = json.loads(parts[0])
        if "bug" in about:
            raise Bug(str(about["bug"]))
        if "refused" in about:
            return _ERRORS[about["refused"]](str(about["sentence"])[:_MOST_SENTENCE])
        taken = datetime.fromisoformat(about["taken_at"]) if about["taken_at"] is not None else None
        if len(parts) != 1 + previews or (taken is not None and taken.tzinfo is not None):
            raise Garbled("another answer than was asked for")
        return Seen(str(about["kind"]), int(about["width"]), int(about["height"]), taken, tuple(parts[1:]))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise Garbled(repr(error)[:200]) from error
