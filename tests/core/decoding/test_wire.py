"""What comes from a process that strangers' bytes have been in: believed when it can be true, and else never."""

from __future__ import annotations

import io
import json
import random
import struct
from datetime import datetime

import pytest

from core.decoding import wire
from core.decoding.looking import Seen
from core.errors import FrameRefused, FrameTooLarge
from core.pixels import Limits
from tests.makers import jpeg

SEEN = Seen("JPEG", 40, 30, datetime.fromisoformat("2024-05-06T07:08:09"), (jpeg(4, 3), jpeg(40, 30)))


def sent(*parts: bytes) -> io.BytesIO:
    line = io.BytesIO()
    wire.send(line, *parts)
    return io.BytesIO(line.getvalue())


def test_a_question_arrives_as_it_was_asked() -> None:
    asked = wire.Question(b"\xff\xd8" * 1000, "工位一 \u202e.jpg", Limits(5, 6, 7), (320, 1600))
    assert wire.question_of(wire.receive(sent(*wire.question_parts(asked)))) == asked


@pytest.mark.parametrize(
    "answer", [SEEN, Seen("PNG", 1, 1), FrameRefused("No."), FrameTooLarge("Too large.")], ids=["all", "least", "no", "large"]
)
def test_an_answer_arrives_as_it_was_given(answer: Seen | FrameRefused) -> None:
    previews = len(answer.previews) if isinstance(answer, Seen) else 2
    got = wire.answer_of(wire.receive(sent(*wire.answer_parts(answer))), previews)
    assert type(got) is type(answer)
    assert got == answer or str(got) == str(answer)


def about(**changes: object) -> bytes:
    return json.dumps({"kind": "JPEG", "width": 40, "height": 30, "taken_at": None, **changes}).encode()


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([b""], id="nothing"),
        pytest.param([b"\xff\xfe"], id="no text"),
        pytest.param([b"[]"], id="no object"),
        pytest.param([b"[" * 100_000], id="deep"),
        pytest.param([b"{}"], id="empty"),
        pytest.param([about(kind="SVG")], id="another kind"),
        pytest.param([about(width=0)], id="no width"),
        pytest.param([about(width=-5)], id="less than none"),
        pytest.param([about(height=10**9)], id="too high"),
        pytest.param([about(width="wide")], id="a word for a number"),
        pytest.param([about(taken_at="yesterday")], id="no time"),
        pytest.param([about(taken_at="2024-05-06T07:08:09Z")], id="a time with a zone"),
        pytest.param([about(), jpeg()], id="a preview that nobody wanted"),
        pytest.param([b'{"refused": "SystemExit", "sentence": "x"}'], id="another error"),
        pytest.param([b'{"refused": "FrameRefused"}'], id="no sentence"),
    ],
)
def test_an_answer_that_cannot_be_true_is_none(parts: list[bytes]) -> None:
    with pytest.raises(wire.Garbled):
        wire.answer_of(parts, 0)


@pytest.mark.parametrize("preview", [b"", b"<svg/>", jpeg()[:-2], jpeg() + b"<script>"], ids=["empty", "svg", "cut", "with a page"])
def test_a_preview_that_is_no_jpeg_is_not_kept(preview: bytes) -> None:
    assert isinstance(wire.answer_of([about(), jpeg()], 1), Seen)
    with pytest.raises(wire.Garbled):
        wire.answer_of([about(), preview], 1)


def test_a_sentence_has_an_end_and_a_bug_keeps_its_traceback() -> None:
    told = wire.answer_of([json.dumps({"refused": "FrameRefused", "sentence": "x" * 10_000}).encode()], 0)
    assert len(str(told)) == 400
    with pytest.raises(wire.Bug, match="Traceback"):
        wire.answer_of(wire.bug_parts("Traceback: here"), 0)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        pytest.param(b"", EOFError, id="closed"),
        pytest.param(struct.pack(">I", 1) + b"\0\0", EOFError, id="cut in a length"),
        pytest.param(struct.pack(">II", 1, 10) + b"x", EOFError, id="cut in a part"),
        pytest.param(struct.pack(">I", 0), wire.Garbled, id="no parts"),
        pytest.param(struct.pack(">I", 2**32 - 1), wire.Garbled, id="four thousand million parts"),
        pytest.param(struct.pack(">II", 1, 2**32 - 1), wire.Garbled, id="a part of four gigabytes"),
        pytest.param(struct.pack(">III", 2, 40 * 2**20, 40 * 2**20), wire.Garbled, id="two that are too large together"),
    ],
)
def test_a_line_that_says_too_much_or_too_little_is_not_read_on(line: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        wire.receive(io.BytesIO(line))


def test_of_5000_answers_with_faults_none_is_anything_but_an_answer_or_none() -> None:
    dice, whole = random.Random(3), sent(*wire.answer_parts(SEEN)).getvalue()
    ends = {"read": 0, "none": 0}
    for _ in range(5_000):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            broken[dice.randrange(150) if dice.random() < 0.7 else dice.randrange(len(broken))] = dice.randrange(256)
        try:
            got = wire.answer_of(wire.receive(io.BytesIO(bytes(broken))), 2)
        except (wire.Garbled, EOFError):
            ends["none"] += 1
        else:
            assert isinstance(got, Seen)
            ends["read"] += 1
    assert min(ends.values()) > 100
