"""Exports in the background: one after another, the same bytes as at once, gone on with after a kill, cancelled, gone with an erased frame; and the archive."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from annotations import erasing
from annotations.archives import Archive
from annotations.datasets import export_sft
from annotations.desk import Desk
from annotations.exporting import Exports, Job, Wanted
from annotations.parts import LOG
from annotations.store import FILE, Store
from core.errors import Malformed, NotFound, OutOfTurn
from core.frames import Vault
from core.profile import read
from core.settings import ASSETS
from tests import makers
from tests.makers import correction, jpeg

PROFILE = read(ASSETS / "profiles" / "bench.toml")
WANTED = Wanted("qwen3-vl", ("sft_tag", "coco"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def desk(data: Path) -> Iterator[Desk]:
    with Store(data / FILE) as store:
        yield Desk(store, Vault(data), PROFILE, clock=lambda: makers.NOON)


def exports_of(desk: Desk, data: Path) -> Exports:
    return Exports(data / "exports", desk._store, Vault(data), PROFILE, clock=lambda: makers.NOON)


def fill(desk: Desk, frames: int, size: tuple[int, int] = (64, 48)) -> list[str]:
    ids = []
    for number in range(frames):
        frame = desk.receive(jpeg(*size, rects=[((1, 1, 3 + number % 50, 9 + number // 50), "navy")]), f"{number}.jpg", by="lin")
        desk.correct(correction(frame))
        ids.append(frame.id)
    return ids


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def finished(exports: Exports, wanted: Wanted = WANTED) -> Job:
    job = exports.start(wanted, by="boss")
    assert exports.wait(60)
    return exports.one(job.id)


def test_an_export_in_the_background_is_the_one_that_is_made_at_once(desk: Desk, data: Path, tmp_path: Path) -> None:
    fill(desk, 5)
    exports = exports_of(desk, data)
    job = finished(exports)
    assert (job.phase, job.frames, job.of, job.written, job.error) == ("done", 5, 5, 5, "")
    report = export_sft(desk._store, Vault(data), PROFILE, tmp_path / "once", family="qwen3-vl", formats=WANTED.formats)
    assert files(data / "exports" / job.id) == files(report.folder)
    assert job.files == report.files
    with desk._store.reading() as connection:
        noted = connection.execute("SELECT action, who, subject FROM audit WHERE action LIKE 'export%' ORDER BY seq").fetchall()
    assert [tuple(row) for row in noted] == [("export asked", "boss", job.id), ("exported", "boss", job.id)]


def test_several_are_written_one_after_another(desk: Desk, data: Path) -> None:
    fill(desk, 2)
    exports = exports_of(desk, data)
    jobs = [exports.start(WANTED, by="boss") for _ in range(3)]
    assert len({job.id for job in jobs}) == 3
    assert exports.wait(60)
    assert [job.phase for job in exports.every()] == ["done"] * 3
    assert [job.id for job in exports.every()] == [job.id for job in reversed(jobs)]


def test_what_cannot_be_had_is_said_before_anything_is_begun(desk: Desk, data: Path) -> None:
    exports = exports_of(desk, data)
    with pytest.raises(Malformed):
        exports.start(Wanted("gpt"), by="boss")
    with pytest.raises(Malformed):
        exports.start(Wanted(formats=("sft_tag",), pictures=False), by="boss")
    with pytest.raises(NotFound):
        exports.start(Wanted(dataset="never"), by="boss")
    for name in ("export-20260101-000000", "../../etc", "manifest"):
        with pytest.raises(NotFound):
            exports.one(name)
    assert exports.every() == []


KILLED = """
import os, signal, sys
from pathlib import Path
from annotations import parts
from annotations.exporting import Exports, Wanted
from annotations.store import FILE, Store
from core.frames import Vault
from core.profile import read
from core.settings import ASSETS

data, after = Path(sys.argv[1]), int(sys.argv[2])
plain, done = parts.encode, []

def encode(content, fmt):
    done.append(1)
    if len(done) > after:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(content, fmt)

parts.encode = encode  # the place where a power cut strikes
with Store(data / FILE) as store:
    exports = Exports(data / "exports", store, Vault(data), read(ASSETS / "profiles" / "bench.toml"))
    exports.start(Wanted("qwen3-vl", ("sft_tag", "coco")), by="boss")
    exports.wait(60)
"""


def test_an_export_goes_on_after_a_kill_and_encodes_no_picture_twice(desk: Desk, data: Path, tmp_path: Path) -> None:
    fill(desk, 8)
    desk._store.close()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(data), "5"], check=False, capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    (partial,) = (data / "exports").glob(".*.partial-job")
    assert len((partial / LOG).read_bytes().splitlines()) == 5
    ready = {path: path.stat().st_mtime_ns for path in (partial / "frames").iterdir()}
    damaged, *whole = sorted(ready)
    damaged.write_bytes(b"half a picture")
    (partial / "frames" / "stray.jpg").write_bytes(b"of a frame that is not in it")
    with Store(data / FILE) as store:
        exports = Exports(data / "exports", store, Vault(data), PROFILE)
        (before,) = exports.every()
        assert (before.phase, before.written) == ("writing", 0)
        exports.resume()
        assert exports.wait(60)
        job = exports.one(before.id)
        assert (job.phase, job.written) == ("done", 8)
        out = data / "exports" / job.id
        assert all((out / "frames" / path.name).stat().st_mtime_ns == ready[path] for path in whole)
        once = export_sft(store, Vault(data), PROFILE, tmp_path / "once", family="qwen3-vl", formats=WANTED.formats)
        assert files(out) == files(once.folder)
    assert list((data / "exports").glob(".*")) == []


def test_a_close_leaves_it_open_and_the_next_start_goes_on(desk: Desk, data: Path) -> None:
    fill(desk, 30, (640, 480))
    exports = exports_of(desk, data)
    job = exports.start(WANTED, by="boss")
    exports.close()
    again = exports_of(desk, data)
    assert again.one(job.id).phase in ("waiting", "writing", "done")
    again.resume()
    assert again.wait(60)
    assert again.one(job.id).phase == "done"


def test_one_that_is_cancelled_leaves_nothing(desk: Desk, data: Path) -> None:
    fill(desk, 40, (640, 480))
    exports = exports_of(desk, data)
    first, second = exports.start(WANTED, by="boss"), exports.start(WANTED, by="boss")
    assert exports.cancel(second.id).phase == "cancelled"
    exports.cancel(first.id)
    assert exports.wait(60)
    assert [job.phase for job in exports.every()] == ["cancelled", "cancelled"]
    assert sorted(path.name for path in (data / "exports").iterdir()) == sorted(f"{job.id}.job.json" for job in (first, second))
    with pytest.raises(OutOfTurn):
        exports.cancel(first.id)
    with pytest.raises(OutOfTurn):
        exports.archive(first.id)


def test_an_erasure_takes_finished_and_half_made_exports_with_its_frame(desk: Desk, data: Path) -> None:
    gone, *others = fill(desk, 3)
    exports = exports_of(desk, data)
    job = finished(exports)
    half = data / "exports" / ".export-x.partial-job" / "train" / "frames"
    half.mkdir(parents=True)
    (half / f"{gone}.jpg").write_bytes(b"x")
    done = erasing.erase_frames(desk._store, Vault(data).remove, data, [gone], by="boss", why="asked for", at=makers.NOON)
    assert done.exports == (job.id,)
    assert exports.one(job.id).phase == "removed"
    with pytest.raises(OutOfTurn, match="erased"):
        exports.archive(job.id)
    assert not [path for path in (data / "exports").rglob("*") if path.is_file() and gone.encode() in path.read_bytes()]
    assert not [path for path in (data / "exports").rglob("*") if gone in path.name]
    assert finished(exports).written == len(others)


def test_what_an_erasure_breaks_off_is_written_anew_without_its_frame(desk: Desk, data: Path) -> None:
    gone, *others = fill(desk, 60, (640, 480))
    exports = exports_of(desk, data)
    job = exports.start(WANTED, by="boss")
    while not list((data / "exports").glob(".*.partial-job/frames/*.jpg")):
        time.sleep(0.005)
    erasing.erase_frames(desk._store, Vault(data).remove, data, [gone], by="boss", why="asked for", at=makers.NOON)
    assert exports.wait(60)
    assert (exports.one(job.id).phase, exports.one(job.id).written) == ("done", len(others))
    assert not (data / "exports" / job.id / "frames" / f"{gone}.jpg").exists()


def test_the_archive_holds_the_folder_and_any_part_of_it_is_that_part(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "train" / "帧").mkdir(parents=True)
    (folder / "manifest.json").write_bytes(orjson.dumps({"made_by": "gembalens"}))
    (folder / "train" / "帧" / "a.jpg").write_bytes(os.urandom(5000))
    (folder / "train" / "empty.txt").write_bytes(b"")
    archive = Archive(folder)
    whole = b"".join(archive.stream())
    assert len(whole) == archive.size
    assert whole == b"".join(Archive(folder).stream())
    with zipfile.ZipFile(io.BytesIO(whole)) as read_back:
        assert read_back.testzip() is None
        assert {name: read_back.read(name) for name in read_back.namelist()} == {
            f"set/{name}": content for name, content in files(folder).items()
        }
    for start in range(0, archive.size, 211):
        for end in (start + 1, start + 500, archive.size):
            assert b"".join(Archive(folder).stream(start, min(end, archive.size))) == whole[start:end]


@pytest.mark.slow
def test_an_archive_of_more_files_than_the_old_form_counts_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(66_000):
        os.close(os.open(folder / f"{number}.txt", os.O_WRONLY | os.O_CREAT))
    archive = Archive(folder)
    whole = b"".join(archive.stream())
    assert len(whole) == archive.size
    with zipfile.ZipFile(io.BytesIO(whole)) as read_back:
        assert len(read_back.namelist()) == 66_000
