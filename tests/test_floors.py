"""Versions are floors that these tests read: what is installed, what is locked, what our pages tell people to run, and the SQLite of this Python."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from annotations.engine import SOUND, is_sound, version
from annotations.store import FILE, Store
from core.errors import StoreError
from supply.floors import faults, floors, installed
from supply.pins import CPU_LOCK, CUDA_LOCK, LOCK, read_file
from tests.serving import ROOT

PROMISED = {
    "gradio": "6.20",
    "streamlit": "1.54",
    "starlette": "0.49.1",
    "pillow": "12.2",
    "torch": "2.10",
    "transformers": "4.56",
}
"""What may never be taken out of the file, nor lowered in it."""


def test_the_file_holds_at_least_what_was_promised() -> None:
    held = floors("distributions")
    assert list(faults(PROMISED, held)) == []
    assert list(faults({"sqlite": "3.51.3", "vllm": "0.30"}, {**floors("libraries"), **floors("documented")})) == []


def test_nothing_that_is_installed_is_below_its_floor() -> None:
    least = floors("distributions")
    found = {name: installed(name) for name in least}
    print(f"{len(found)} floors: {found}")
    assert len(found) >= len(PROMISED)
    assert list(faults(least, found)) == []


@pytest.mark.parametrize("torch", [CPU_LOCK, CUDA_LOCK], ids=["for CPUs", "for GPUs"])
def test_nothing_that_is_locked_is_below_its_floor(torch: Path) -> None:
    locked = {pin.name: pin.version for pin in (*read_file(LOCK), *read_file(torch))}
    assert list(faults(floors("distributions"), locked)) == []


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        ({"pillow": "12.1.9"}, "pillow 12.1.9 is older than 12.2"),
        ({"pillow": "9.0.0"}, "older than"),
        ({"pillow": "12.2.0rc1"}, "older than"),
        ({"pillow": "the newest"}, "is no version"),
        ({"pillow": ""}, "is no version"),
        ({"pillow": None}, "no version can be read"),
        ({}, "no version can be read"),
    ],
    ids=["a little older", "much older", "before it was out", "words", "nothing", "not there", "never asked"],
)
def test_what_is_older_or_cannot_be_read_is_red(found: dict[str, str | None], seen: str) -> None:
    (fault,) = faults({"pillow": "12.2"}, found)
    assert seen in fault


@pytest.mark.parametrize("found", ["12.2", "12.2.0", "12.10", "13.0", "12.2+local"])
def test_what_is_as_new_or_newer_is_not(found: str) -> None:
    assert list(faults({"pillow": "12.2"}, {"pillow": found})) == []


def test_a_distribution_that_is_not_there_has_no_version() -> None:
    assert installed("gembalens-has-no-such-part") is None


def test_the_sqlite_here_is_sound_or_has_one_writing_connection(tmp_path: Path) -> None:
    """SQLite before its floor can damage a file that several connections write. Which of the two holds is said, and both are looked at."""
    (least,) = floors("libraries").values()
    assert tuple(map(int, least.split("."))) == SOUND
    sound = not list(faults({"sqlite": least}, {"sqlite": version()}))
    assert sound == is_sound()
    writers, readers = descriptors(tmp_path)
    print(
        f"SQLite {version()}: {'at its floor' if sound else f'below {least}'}; connections that can write: {writers}, that only read: {readers}"
    )
    assert sound or writers == 1
    assert writers == 1, "one record has one writer, whatever the version"


def descriptors(folder: Path) -> tuple[int, int]:
    """(how many descriptors of this process can write to the record's file, how many only read) while many threads do both."""
    with Store(folder / FILE) as store:
        with pytest.raises(StoreError):
            Store(folder / FILE)
        meet = threading.Barrier(9)
        done = threading.Event()

        def work(number: int) -> None:
            with store.reading() as reads:
                reads.execute("select count(*) from sqlite_master").fetchone()
                if number % 2:
                    with store.writing() as writes:
                        writes.execute("select count(*) from sqlite_master").fetchone()
                meet.wait(20)
                done.wait(20)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        meet.wait(20)
        try:
            return opened(folder / FILE)
        finally:
            done.set()
            for thread in threads:
                thread.join(20)


def opened(path: Path) -> tuple[int, int]:
    """(for writing, for reading only) as the kernel tells it."""
    assert sys.platform.startswith("linux"), "this can only be seen where the kernel shows open files under /proc"
    ways = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            if link.readlink() == path.resolve():
                flags = next(
                    line.split()[1]
                    for line in Path(f"/proc/self/fdinfo/{link.name}").read_text("ascii").splitlines()
                    if line[:5] == "flags"
                )
                ways.append(int(flags, 8) & os.O_ACCMODE)
        except FileNotFoundError:
            continue  # the descriptor by which we looked
    return sum(way != os.O_RDONLY for way in ways), ways.count(os.O_RDONLY)


def test_a_second_writer_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "twice"
    path.touch()
    with path.open("r+"), path.open("r+"), path.open():
        assert opened(path) == (2, 1)


def test_the_readme_and_pages_name_no_older_server() -> None:
    page = (ROOT / "deploy" / "vllm.md").read_text("utf-8")
    assert f"vLLM {floors('documented')['vllm']}" in page
