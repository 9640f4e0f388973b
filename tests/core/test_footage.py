"""Stills out of videos: which moments, which way up, and what is said of a file that is no video or not a whole one."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import FrameRefused
from core.footage import Footage, Still
from core.frames import Limits, admit
from tests.makers import NOON

Paint = Callable[[NDArray[np.uint8], int], None]
RATE = 25
WIDE, HIGH = 320, 180
SCENES = np.random.default_rng(7).integers(0, 255, (4, 9, 16, 3), dtype=np.uint8)


def video(file: Path, frames: int, paint: Paint, fourcc: str = "mp4v") -> Path:
    """A video of plain grey, on which `paint` draws."""
    out = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*fourcc), RATE, (WIDE, HIGH))
    assert out.isOpened()
    for n in range(frames):
        picture = np.full((HIGH, WIDE, 3), 120, np.uint8)
        paint(picture, n)
        out.write(picture)
    out.release()
    return file


def moving(picture: NDArray[np.uint8], n: int) -> None:
    """A square that goes on by a pixel a frame."""
    picture[40:80, n % 250 : n % 250 + 40] = (20, 20, 230)


def resting(picture: NDArray[np.uint8], n: int) -> None:
    """Nothing happens, under a camera's noise."""
    picture[:] = np.clip(picture + np.random.default_rng(n).normal(0, 5, picture.shape), 0, 255)


def scenes(*starts: int) -> Paint:
    """Another scene from each of these frames on."""

    def paint(picture: NDArray[np.uint8], n: int) -> None:
        at = sum(n >= start for start in starts)
        picture[:] = cv2.resize(SCENES[at], (WIDE, HIGH), interpolation=cv2.INTER_NEAREST)

    return paint


def seen(file: Path, every: float = 1.0) -> list[Still]:
    return list(Footage(file, every))


def times(stills: list[Still]) -> list[float]:
    return [round(still.seconds, 3) for still in stills]


@pytest.mark.parametrize(
    ("name", "fourcc"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mov", "mp4v"), ("a.mkv", "mp4v"), ("a.webm", "VP80")], ids=str
)
def test_a_video_is_a_still_every_second_whose_name_says_when(tmp_path: Path, name: str, fourcc: str) -> None:
    stills = seen(video(tmp_path / name, 80, moving, fourcc))
    assert times(stills) == [0, 1, 2, 3]
    assert [still.name for still in stills] == [f"{name}#t=00:00:0{second}.000" for second in range(4)]
    frame = admit(stills[2].jpeg(), stills[2].name, limits=Limits(), now=NOON)
    assert (frame.width, frame.height, frame.name) == (WIDE, HIGH, f"{name}#t=00:00:02.000")
    red = stills[2].pixels[60, 70]  # the square stands at 50 by then
    assert red[2] > 180 > 90 > red[0]


def test_the_rate_is_what_was_asked_for(tmp_path: Path) -> None:
    file = video(tmp_path / "a.mp4", 80, moving)
    assert times(seen(file, 0.4)) == pytest.approx([0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8], abs=0.041)
    assert times(seen(file, 10)) == [0]


def test_the_same_video_gives_the_same_bytes(tmp_path: Path) -> None:
    file = video(tmp_path / "a.mp4", 30, moving)
    assert [still.jpeg() for still in seen(file)] == [still.jpeg() for still in seen(file)]


def test_what_shows_the_same_is_left_out_and_counted(tmp_path: Path) -> None:
    footage = Footage(video(tmp_path / "a.mp4", 130, resting))
    assert times(list(footage)) == [0]
    assert footage.alike == 5


def test_a_hand_in_a_corner_is_not_the_same(tmp_path: Path) -> None:
    def corner(picture: NDArray[np.uint8], n: int) -> None:
        resting(picture, n)
        if n >= 60:
            picture[-16:, -20:] = (90, 120, 200)

    assert times(seen(video(tmp_path / "a.mp4", 130, corner))) == [0, 3]


def test_a_cut_between_two_stills_adds_the_first_picture_of_the_scene(tmp_path: Path) -> None:
    def grainy(picture: NDArray[np.uint8], n: int) -> None:  # so that the encoder marks the cut with a key frame
        scenes(40)(picture, n)
        if n < 40:
            picture[:] = np.random.default_rng(1).integers(0, 80, picture.shape)

    stills = seen(video(tmp_path / "a.mp4", 110, grainy))
    assert [(round(still.seconds, 2), still.cut) for still in stills] == [(0, False), (1.6, True)]
    assert stills[1].pixels.max() > 200


@pytest.mark.parametrize("fourcc", ["MJPG", "mp4v"])
def test_a_cut_that_the_encoder_does_not_mark_is_found_at_the_next_look(tmp_path: Path, fourcc: str) -> None:
    stills = seen(video(tmp_path / "a.avi", 110, scenes(32, 82), fourcc))
    assert [still.cut for still in stills] == [False, True, True]
    assert 1.28 <= stills[1].seconds <= 1.28 + 0.29
    assert 3.28 <= stills[2].seconds <= 3.28 + 0.29


@pytest.mark.parametrize(
    ("degrees", "matrix"), [(90, (0, 1, -1, 0)), (180, (-1, 0, 0, -1)), (270, (0, -1, 1, 0))], ids=["90", "180", "270"]
)
def test_a_telephone_that_was_turned_gives_upright_stills(tmp_path: Path, degrees: int, matrix: tuple[int, ...]) -> None:
    def corner(picture: NDArray[np.uint8], n: int) -> None:
        picture[:60, :60] = (255, 40, 40)

    file = video(tmp_path / "a.mp4", 10, corner)
    content = bytearray(file.read_bytes())
    at = content.index(b"tkhd") + 4 + 40  # version 0: the matrix stands behind 40 bytes (ISO/IEC 14496-12, 8.3.2)
    a, b, c, d = (value * 65536 for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    file.write_bytes(bytes(content))
    pixels = seen(file)[0].pixels
    turned = {90: (WIDE, HIGH), 180: (HIGH, WIDE), 270: (WIDE, HIGH)}[degrees]
    assert pixels.shape[:2] == turned
    blue = {90: pixels[20, -20], 180: pixels[-20, -20], 270: pixels[-20, 20]}[degrees]
    assert blue[0] > 200 > 100 > blue[2]


def test_a_video_that_breaks_off_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    whole = video(tmp_path / "a.avi", 100, moving, "MJPG").read_bytes()
    (tmp_path / "a.avi").write_bytes(whole[: len(whole) * 6 // 10])
    walk = iter(Footage(tmp_path / "a.avi"))
    read = [next(walk) for _ in range(3)]
    with pytest.raises(FrameRefused, match=r"a\.avi: this video breaks off at 00:00:0[12]\.\d+ of 00:00:04\.000"):
        next(walk)
    assert times(read) == [0, 1, 2]


def _cut_off(file: Path) -> None:
    content = video(file, 50, moving).read_bytes()
    file.write_bytes(content[: len(content) // 2])  # the index of an MP4 stands at its end


@pytest.mark.parametrize(
    "make",
    [lambda file: None, lambda file: file.mkdir(), lambda file: file.write_bytes(b""), lambda file: file.write_bytes(b"no video" * 99), _cut_off],
    ids=["missing", "a folder", "empty", "no video", "cut off before its index"],
)  # fmt: skip
def test_what_is_no_video_is_one_sentence(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "a.mp4")
    with pytest.raises(FrameRefused, match=r"a\.mp4: "):
        seen(tmp_path / "a.mp4")


def test_a_list_of_addresses_is_not_followed(tmp_path: Path) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        door.settimeout(0.3)
        (tmp_path / "a.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{door.getsockname()[1]}/a.ts\n")
        with pytest.raises(FrameRefused):
            seen(tmp_path / "a.mp4")
        with pytest.raises(TimeoutError):
            door.accept()
