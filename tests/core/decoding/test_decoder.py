"""The decoder with real processes: what it gives, and that whatever becomes of a process becomes a sentence."""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PIL import Image

from core.decoding.pool import Decoder
from core.decoding.worker import Allowance
from core.errors import FrameRefused, FrameTooLarge, TooOften
from core.frames import Limits, admit
from core.pixels import previews
from core.settings import ROOT
from core.vault import SIZES, Vault
from tests.hostile import black_png, jpeg_that_says, slow_jpeg
from tests.makers import NOON, encoded, jpeg, picture

LIMITS = Limits()
_REST = [
    ("RGB", "PNG", {}),
    ("LA", "PNG", {}),
    ("P", "PNG", {"transparency": 1}),
    ("I;16", "PNG", {}),
    ("RGB", "JPEG", {"progressive": True}),
]
PHOTO = jpeg(1200, 900, exif_orientation=6, taken="2024:05:06 07:08:09")


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder(sizes=SIZES) as decoder:
        decoder.warm()
        yield decoder


def until(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def busy(decoder: Decoder, seconds: float = 0.02) -> int:
    """The process that is reading a picture now: the first that used so much processor time more."""
    watched = [psutil.Process(pid) for pid in decoder.pids]
    before = [sum(each.cpu_times()[:2]) for each in watched]
    found: list[int] = []

    def grown() -> bool:
        found[:] = [each.pid for each, was in zip(watched, before, strict=True) if sum(each.cpu_times()[:2]) > was + seconds]
        return bool(found)

    until(grown)
    return found[0]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PHOTO, id="JPEG"),
        pytest.param(encoded(picture(700, 300), "PNG"), id="PNG"),
        pytest.param(encoded(picture(5, 3), "WEBP"), id="small WebP"),
    ],
)
def test_the_frame_is_the_one_that_is_admitted_without_a_process(content: bytes, tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    with Decoder(sizes=SIZES, keep=vault.keep_previews) as decoder:
        decoder.warm()
        frame = decoder.admit(content, "../20231102145943.jpg", limits=LIMITS, source="api", now=NOON)
    assert frame == admit(content, "../20231102145943.jpg", limits=LIMITS, source="api", now=NOON)
    kept = {size: (tmp_path / "previews" / str(size) / f"{frame.id}.jpg").read_bytes() for size in SIZES}
    assert tuple(kept.values()) == previews(content, SIZES), "the previews that the vault would make"
    for size, made in kept.items():
        with Image.open(io.BytesIO(made)) as opened:
            assert max(opened.size) == min(size, max(frame.width, frame.height))


@pytest.mark.parametrize(
    ("content", "limits", "error"),
    [
        pytest.param(b"<html>", LIMITS, FrameRefused, id="no picture"),
        pytest.param(PHOTO[:2000], LIMITS, FrameRefused, id="cut"),
        pytest.param(PHOTO, Limits(max_bytes=1000), FrameTooLarge, id="bytes"),
        pytest.param(PHOTO, Limits(max_side=1000), FrameTooLarge, id="pixels"),
    ],
)
def test_a_refusal_is_the_same_sentence_with_and_without_a_process(
    decoder: Decoder, content: bytes, limits: Limits, error: type[FrameRefused]
) -> None:
    said = []
    for way in (admit, decoder.admit):
        with pytest.raises(FrameRefused) as refused:
            way(content, "a.jpg", limits=limits, now=NOON)
        said.append((type(refused.value), str(refused.value)))
    assert said[0] == said[1]
    assert said[0][0] is error


def test_a_limit_above_pillows_own_is_the_one_that_counts(decoder: Decoder) -> None:
    large = jpeg_that_says(16_000, 6_000)  # 96 megapixels; Pillow warns from 89 on
    assert decoder.admit(large, "x.jpg", limits=Limits(max_pixels=100_000_000), now=NOON).width == 16_000
    with pytest.raises(FrameTooLarge):
        decoder.admit(large, "x.png", limits=LIMITS, now=NOON)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_knows_no_key_of_ours_and_may_hardly_do_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMBALENS_KEY_TEST", "SECRET")
    with Decoder(Allowance(memory_bytes=2**30)) as decoder:
        decoder.warm()
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
        for pid in decoder.pids:
            assert b"GEMBALENS" not in Path(f"/proc/{pid}/environ").read_bytes()
    with Decoder(processes=1) as decoder:
        decoder.warm()
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
        limits = {line[:26].strip(): line[26:].split()[:2] for line in Path(f"/proc/{decoder.pids[0]}/limits").read_text().splitlines()}
        open_files = [str(each.readlink()) for each in Path(f"/proc/{decoder.pids[0]}/fd").iterdir()]
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max file size"] == ["0", "0"]
    assert limits["Max processes"] == ["0", "0"]
    assert limits["Max address space"] == [str(2**30)] * 2
    assert limits["Max open files"] == ["16", "16"]
    assert 0 < int(limits["Max cpu time"][0]) <= 12
    assert all(file == "/dev/null" or file.startswith("pipe:") for file in open_files), open_files


def test_a_process_that_is_killed_while_it_starts_is_started_again() -> None:
    with Decoder(processes=1) as decoder:
        decoder.warm()
        os.kill(decoder.pids[0], signal.SIGKILL)
        assert decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON).width == 900


def test_a_process_that_never_starts_is_no_fault_of_the_picture() -> None:
    with Decoder(Allowance(start_seconds=0.001), processes=1) as decoder, pytest.raises(TooOften, match="cannot be read at this moment"):
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)


def test_a_process_that_is_killed_between_two_pictures_is_replaced(decoder: Decoder) -> None:
    for _ in range(3):
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
        for pid in decoder.pids:
            os.kill(pid, signal.SIGKILL)
    assert decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON).width == 900


def test_a_process_that_is_killed_over_a_picture_is_replaced_and_the_picture_read_again() -> None:
    large = black_png(7_000, 7_000)
    with Decoder(sizes=SIZES, processes=1) as decoder, ThreadPoolExecutor(1) as hand:
        decoder.warm()
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
        asked = hand.submit(decoder.admit, large, "large.png", limits=LIMITS, now=NOON)
        victim = busy(decoder)
        os.kill(victim, signal.SIGKILL)
        assert asked.result(30).width == 7_000
        assert victim not in decoder.pids


def test_a_picture_over_which_every_process_dies_is_refused_and_the_next_is_read() -> None:
    slow = slow_jpeg(7_000, 7_000, 20_000)
    with Decoder(processes=1) as decoder, ThreadPoolExecutor(1) as hand:
        decoder.warm()
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
        asked = hand.submit(decoder.admit, slow, "evil.jpg", limits=LIMITS, now=NOON)
        killed: set[int] = set()
        for _ in range(2):
            until(lambda: not killed & set(decoder.pids) and len(decoder.pids) == 1)
            killed.add(victim := busy(decoder, 0.35))  # its start takes less
            os.kill(victim, signal.SIGKILL)
        with pytest.raises(FrameRefused, match=r"^evil\.jpg: it cannot be read safely\. .+\.$"):
            asked.result(10)
        assert len(killed) == 2
        assert decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON).width == 900


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
@pytest.mark.parametrize("large", [False, True], ids=["over a small picture", "while a large one is sent"])
def test_a_process_that_stands_still_is_killed_in_time_and_the_picture_refused(large: bool) -> None:
    content = PHOTO + bytes(8 * 2**20 if large else 0)
    with Decoder(Allowance(seconds=1.0), processes=1) as decoder:
        decoder.warm()
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
        (victim,) = decoder.pids
        os.kill(victim, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(FrameRefused, match=r"^a\.jpg: reading it takes too long\. .+\.$"):
            decoder.admit(content, "a.jpg", limits=LIMITS, now=NOON)
        assert time.monotonic() - began < 5
        assert not psutil.pid_exists(victim)
        assert decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON).width == 900


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of processor time")
def test_a_picture_that_is_made_to_take_hours_is_ended_by_its_share_of_processor_time() -> None:
    """49 megapixels in 2 MB, with 20,000 scans: minutes for whoever decodes it to its end."""
    with Decoder(Allowance(cpu_seconds=1, seconds=60), processes=1) as decoder:
        decoder.warm()
        began = time.monotonic()
        with pytest.raises(FrameRefused, match="takes too long"):
            decoder.admit(slow_jpeg(7_000, 7_000, 20_000), "x.jpg", limits=LIMITS, now=NOON)
        assert time.monotonic() - began < 50, "sooner than the clock would have ended it"
        assert decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON).width == 900


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of memory")
def test_a_picture_that_wants_more_memory_than_there_is_is_refused_with_that_reason() -> None:
    with Decoder(Allowance(memory_bytes=160 * 2**20), sizes=SIZES, processes=1) as decoder:
        decoder.warm()
        with pytest.raises(FrameRefused, match="more memory than a frame is given"):
            decoder.admit(black_png(7_000, 7_000), "x.png", limits=LIMITS, now=NOON)
        assert decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON).width == 900


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGBA", "PNG", {"compress_level": 1}),
        ("CMYK", "JPEG", {}),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in _REST),
    ],
    ids=str,
)
def test_the_largest_legal_picture_of_every_kind_has_memory_enough(mode: str, kind: str, options: dict[str, object]) -> None:
    stored = Image.new(mode, (7_071, 7_071))
    if mode == "P":
        stored.putpalette([255, 0, 0, 0, 255, 0])
    content = encoded(stored, kind, **options)
    with Decoder(Allowance.for_pixels(LIMITS.max_pixels), sizes=SIZES, processes=1) as decoder:
        decoder.warm()
        assert decoder.admit(content, "x", limits=LIMITS, now=NOON).width == 7_071


@dataclass(frozen=True, slots=True)
class Strange(Limits):
    """A word that the other process does not know."""

    nobody_knows: int = 0


def test_what_nobody_foresaw_is_told_to_the_log_with_its_traceback_and_costs_one_picture(caplog: pytest.LogCaptureFixture) -> None:
    with Decoder(processes=1) as decoder, caplog.at_level(logging.ERROR):
        decoder.warm()
        with pytest.raises(FrameRefused, match="cannot be read safely"):
            decoder.admit(PHOTO, "a.jpg", limits=Strange(), now=NOON)
        assert "Traceback" in caplog.text
        assert "nobody_knows" in caplog.text
        assert decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON).width == 900


def test_a_process_lives_for_so_many_pictures_and_no_longer() -> None:
    with Decoder(Allowance(pictures=3), processes=1) as decoder:
        decoder.warm()
        seen = []
        for _ in range(9):
            seen.append(decoder.pids[0])
            decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
    assert [seen.count(pid) for pid in dict.fromkeys(seen)] == [3, 3, 3]


def test_many_hands_at_once_each_get_their_own_frame(decoder: Decoder) -> None:
    contents = [jpeg(100 + number, 80) for number in range(40)]
    with ThreadPoolExecutor(8) as hands:
        frames = list(hands.map(lambda content: decoder.admit(content, "a.jpg", limits=LIMITS, now=NOON), contents))
    assert [frame.width for frame in frames] == [100 + number for number in range(40)]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_beyond_those_who_may_wait_one_is_sent_away_at_once() -> None:
    with Decoder(Allowance(seconds=1.5), processes=1, most_waiting=2) as decoder, ThreadPoolExecutor(3) as hands:
        decoder.warm()
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
        os.kill(decoder.pids[0], signal.SIGSTOP)
        inside = [hands.submit(decoder.admit, PHOTO, "a.jpg", limits=LIMITS, now=NOON) for _ in range(3)]
        until(lambda: decoder.waiting == 2)
        began = time.monotonic()
        with pytest.raises(TooOften, match="try again soon"):
            decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
        assert time.monotonic() - began < 0.5
        ends = [each.exception(20) for each in inside]
    assert [type(end) for end in ends].count(type(None)) == 2, "those who waited were read by the next process"
    assert [type(end) for end in ends].count(FrameRefused) == 1


def test_no_process_outlives_the_decoder_and_nobody_comes_in_after(decoder: Decoder) -> None:
    processes = [psutil.Process(pid) for pid in decoder.pids]
    assert len(processes) == 2
    decoder.close()
    assert not any(each.is_running() for each in processes)
    with pytest.raises(TooOften):
        decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)


def test_who_closes_waits_for_a_picture_but_not_for_a_hung_one() -> None:
    decoder = Decoder(processes=1)
    decoder.warm()
    decoder.admit(PHOTO, "a.jpg", limits=LIMITS, now=NOON)
    with ThreadPoolExecutor(1) as hand:
        asked = hand.submit(decoder.admit, slow_jpeg(7_000, 7_000, 20_000), "a.jpg", limits=LIMITS, now=NOON)
        busy(decoder)
        began = time.monotonic()
        decoder.close(0.5)
        assert time.monotonic() - began < 3
        assert isinstance(asked.exception(5), TooOften)
    decoder.close()


def test_the_processes_end_when_their_parent_is_killed() -> None:
    """A parent that is killed closes nothing, so the end of its line has to be enough."""
    code = "from core.decoding.pool import Decoder; decoder = Decoder(); decoder.warm(); print(*decoder.pids, flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(children) == 2
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_nothing_starts_before_the_first_picture_and_one_is_enough_for_one_at_a_time() -> None:
    with Decoder(sizes=SIZES) as decoder:
        assert decoder.pids == ()
        for _ in range(2):
            decoder.admit(PHOTO, "first.jpg", limits=LIMITS, now=NOON)
        assert len(decoder.pids) == 1
