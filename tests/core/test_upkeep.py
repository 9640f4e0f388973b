"""What a vault does for itself: orphans are swept and what has a row never is, damage is found, a full disk is told, removal is complete."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import NotFound, StoreError
from core.upkeep import FEW
from core.vault import MOST_FLOOR, SIZES, Vault, space
from tests.makers import jpeg

MIB, GIB = 2**20, 2**30
NOW, GRACE = 1_000_000_000.0, 3600.0


def planted(folder: Path, frame_id: str, age: float) -> Path:
    """A frame that lies there since so many seconds; its bytes do not matter."""
    place = folder / "frames" / frame_id[:2] / frame_id
    place.parent.mkdir(exist_ok=True)
    place.touch()
    os.utime(place, (NOW - age, NOW - age))
    return place


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder where making a file costs little, if this machine has one."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as made:
        yield Path(made)


def test_of_5000_vaults_no_frame_with_a_row_is_ever_swept(in_memory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Random records and random folders, drawn so that both sides of each border are met; the wrong record among them."""
    dice, vault, counted = random.Random(4), Vault(in_memory), Counter[str]()
    names = [f"{number % 2:02x}{hashlib.sha256(bytes([number])).hexdigest()[2:]}" for number in range(30)]
    for case in range(5_000):
        here = dice.sample(names, dice.choice((0, 1, 2, 3, 5, 8, 30)))
        share, ages = dice.choice((0.0, 0.2, 0.9, 1.0)), dice.choice(((0.0, GRACE - 1), (GRACE, GRACE * 100), (GRACE - 1, GRACE)))
        known = {name for name in names if dice.random() < share}
        places = {name: planted(in_memory, name, dice.choice(ages)) for name in here}
        shown = dice.sample(names, 3)
        for name in shown:
            (in_memory / "previews" / "320" / f"{name}.jpg").touch()
        old = {name for name, place in places.items() if NOW - place.stat().st_mtime >= GRACE}
        wanted = old - known
        swept = vault.sweep(known.__contains__, grace_seconds=GRACE, now=lambda: NOW)
        left = {name for name, place in places.items() if place.exists()}
        assert known & set(here) <= left, f"case {case}: a frame of the record is gone"
        assert set(here) - old <= left, f"case {case}: a young frame is gone"
        if len(wanted) > max(FEW, len(here) // 2):
            assert (left, swept.orphans, swept.spared) == (set(here), 0, len(wanted)), f"case {case}: the wrong record swept"
        else:
            assert (left, swept.orphans, swept.spared) == (set(here) - wanted, len(wanted), 0), f"case {case}"
            kept = {name for name in shown if (in_memory / "previews" / "320" / f"{name}.jpg").exists()}
            assert kept == {name for name in shown if name in left or name in known}, f"case {case}: previews"
        counted.update({"swept": swept.orphans, "spared": swept.spared, "kept": len(left)})
        for place in [*places.values(), *(in_memory / "previews" / "320").iterdir()]:
            place.unlink(missing_ok=True)
    with capsys.disabled():
        print(f"\nsweeps: 5000 tried, frames {dict(counted)}")
    assert min(counted.values()) > 1_000, "every end is met"


def test_a_frame_that_gets_its_row_while_orphans_are_gathered_stays(tmp_path: Path) -> None:
    vault, frame_id = Vault(tmp_path), "a" * 64
    place = planted(tmp_path, frame_id, GRACE * 2)
    said: Iterator[bool] = iter([False, True, True])
    vault.sweep(lambda _: next(said), grace_seconds=GRACE, now=lambda: NOW)
    assert place.exists()


def test_a_record_that_knows_nothing_of_the_frames_is_told_and_sweeps_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    vault = Vault(tmp_path)
    places = [planted(tmp_path, hashlib.sha256(bytes([number])).hexdigest(), GRACE * 2) for number in range(FEW + 1)]
    with caplog.at_level(logging.ERROR):
        assert vault.sweep(lambda _: False, grace_seconds=GRACE, now=lambda: NOW).spared == FEW + 1
    assert all(place.exists() for place in places)
    assert "Is it the record of these frames?" in caplog.text


def test_damage_is_found_set_apart_and_told_and_all_else_is_served(tmp_path: Path) -> None:
    """50 of 200 frames with one bit turned, cut, grown or empty."""
    vault, dice = Vault(tmp_path), random.Random(9)
    contents = {vault.put(content): content for content in (dice.randbytes(dice.randint(50, 4000)) for _ in range(200))}
    broken = sorted(dice.sample(sorted(contents), 50))
    for number, frame_id in enumerate(broken):
        turned = bytearray(whole := contents[frame_id])
        turned[dice.randrange(len(turned))] ^= 1 << dice.randrange(8)
        vault.place(frame_id).write_bytes((bytes(turned), whole[:-1], whole + b"\0", b"")[number % 4])
    found = vault.scrub()
    assert (found.frames, list(found.damaged)) == (200, broken)
    assert sorted(path.name for path in (tmp_path / "quarantine").iterdir()) == broken
    for frame_id, content in contents.items():
        if frame_id in broken:
            with pytest.raises(StoreError, match=r"damaged on the disk\. Bring it back"):
                vault.get(frame_id)
        else:
            assert vault.get(frame_id) == content
    assert vault.scrub().damaged == (), "what is set apart is found once"
    assert vault.get(vault.put(contents[broken[0]])) == contents[broken[0]], "the right bytes bring a frame back"
    assert not (tmp_path / "quarantine" / broken[0]).exists()


def test_a_damaged_frame_keeps_its_previews(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    frame_id = vault.put(jpeg())
    made = vault.preview(frame_id, 320).read_bytes()
    vault.place(frame_id).write_bytes(b"x")
    vault.scrub()
    assert vault.sweep(lambda each: each == frame_id).previews == 0
    assert vault.preview(frame_id, 320).read_bytes() == made


def test_a_scrub_reads_more_than_100_mb_a_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vault, block = Vault(tmp_path), os.urandom(MIB)
    for number in range(50):
        content = number.to_bytes(2, "big") + block * 4
        vault.place(name := hashlib.sha256(content).hexdigest()).parent.mkdir(exist_ok=True)
        vault.place(name).write_bytes(content)
    speeds = [(found := vault.scrub()).bytes / 1e6 / found.seconds for _ in range(3)]
    with capsys.disabled():
        print(f"\nscrub: {found.frames} frames, {max(speeds):.0f} MB a second")
    assert (found.frames, found.damaged) == (50, ())
    assert max(speeds) > 100


def test_a_frame_that_is_removed_leaves_nothing_of_it_anywhere(tmp_path: Path) -> None:
    vault, content = Vault(tmp_path), jpeg(400, 300)
    frame_id, other = vault.put(content), vault.put(jpeg(40, 30))
    for size in SIZES:
        vault.preview(frame_id, size)
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "quarantine" / frame_id).write_bytes(content[:-1])
    assert vault.remove(frame_id) == 4
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [other]
    with pytest.raises(NotFound):
        vault.get(frame_id)
    assert vault.remove(frame_id) == 0, "what is removed is removed"
    assert list(vault.ids()) == [other]


@pytest.mark.parametrize("frame_id", ["", "..", "../../record.sqlite3", "A" * 64])
def test_nothing_but_a_frame_can_be_removed(tmp_path: Path, frame_id: str) -> None:
    (tmp_path / "record.sqlite3").write_text("x")
    with pytest.raises(NotFound):
        Vault(tmp_path / "data").remove(frame_id)
    assert (tmp_path / "record.sqlite3").exists()


@pytest.mark.parametrize(
    ("total", "free", "taken"),
    [
        pytest.param(100 * GIB, 257 * MIB, True, id="a large disk, just enough"),
        pytest.param(100 * GIB, 255 * MIB, False, id="a large disk, not enough"),
        pytest.param(GIB, 65 * MIB, True, id="a small disk keeps a sixteenth"),
        pytest.param(GIB, 63 * MIB, False, id="a small disk, not enough"),
        pytest.param(16 * MIB, 2 * MIB, True, id="a tiny disk is of use too"),
        pytest.param(16 * MIB, MIB, False, id="a tiny disk, not enough"),
    ],
)
def test_a_share_of_every_disk_is_kept_for_corrections(tmp_path: Path, total: int, free: int, taken: bool) -> None:
    vault, content = Vault(tmp_path, space=lambda _: (total, free)), jpeg()
    if taken:
        vault.put(content)
    else:
        with pytest.raises(StoreError, match=r"^The disk is nearly full: \d+ MiB are free, and \d+ MiB of them are kept for corrections"):
            vault.put(content)
        vault.keep_previews("a" * 64, {320: b"x"})
        assert not [path for path in tmp_path.rglob("*") if path.is_file()], "nothing was kept"


def test_what_is_kept_free_can_be_chosen_and_what_is_here_already_is_no_new_frame(tmp_path: Path) -> None:
    free = [10 * MIB]
    vault, content = Vault(tmp_path, floor_bytes=5 * MIB, space=lambda _: (GIB, free[0])), jpeg()
    frame_id = vault.put(content)
    free[0] = 4 * MIB
    assert vault.put(content) == frame_id
    with pytest.raises(StoreError, match="5 MiB of them"):
        vault.put(jpeg(10, 10))
    free[0] = 6 * MIB
    assert vault.put(jpeg(10, 10)), "it ends by itself"


def test_the_system_is_asked_how_large_its_disk_is(tmp_path: Path) -> None:
    total, free = space(tmp_path)
    assert 0 < free <= total
    assert MOST_FLOOR == 256 * MIB


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk")
def test_on_a_small_disk_that_fills_up_there_is_room_for_corrections_until_somebody_makes_more(tmp_path: Path) -> None:
    """A real volume of 64 MiB: frames until they are refused, then other writes, then room, then frames again."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(tmp_path)], capture_output=True, check=False).returncode:
        pytest.skip("may not mount here")
    try:
        vault = Vault(tmp_path)
        taken: list[str] = []
        frames = (number.to_bytes(2, "big") + bytes(MIB) for number in range(100))
        with pytest.raises(StoreError, match="nearly full"):
            taken.extend(map(vault.put, frames))
        assert 50 < len(taken) < 64
        assert space(tmp_path)[1] >= 4 * MIB
        (tmp_path / "record").write_bytes(bytes(3 * MIB))
        (tmp_path / "record").unlink()
        assert not list(tmp_path.rglob("*.half"))
        for frame_id in taken[:3]:
            vault.remove(frame_id)
        assert vault.put(b"again" + bytes(MIB)) in vault.ids()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
