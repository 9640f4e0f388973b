"""A volume that is full, or read-only: a sentence, nothing acknowledged is lost, and work goes on without a new start as soon as there is room."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from annotations import migrations
from annotations.keeping.backup import back_up
from annotations.keeping.manifest import HALF
from annotations.keeping.restoring import restore
from annotations.store import FILE, Store, connect
from core.errors import AppError, ExportError, StoreError
from core.schema import Frame
from tests import makers
from tests.annotations.clients import desk_of
from tests.annotations.keeping import broken_folder
from tests.annotations.older import older
from tests.annotations.volumes import Volume, volume
from tests.serving import free_port, launched

SIZES = (3, 8, 16, 64)  # MiB; an empty record and its log take almost one
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEFORE = 3  # frames that are there when the volume fills
NOTE = "loose bolt on the left plate " * 6


class Worked:
    """A desk on a volume, and everything that was acknowledged."""

    def __init__(self, place: Volume) -> None:
        self.place, self.data = place, place.folder / "data"
        self.store, self.desk = desk_of(self.data)
        self.frames: list[str] = []
        self.notes: list[str] = []
        for _ in range(BEFORE):
            self.upload()
            self.annotate()

    def upload(self) -> None:
        """A frame of some 8 KB comes in."""
        number = len(self.frames)
        frame = self.desk.receive(makers.jpeg(30 + number, 20) + number.to_bytes(4, "big") * 2000, f"{number}.jpg", by="lin")
        self.frames.append(frame.id)

    def annotate(self) -> None:
        """A person corrects the last frame, with a long note."""
        note = f"{len(self.notes)} {NOTE}"
        seen = self.desk.sheet(self.frames[-1]).revision
        self.desk.correct(makers.correction(self.frames[-1], saw_revision=seen, note=note))
        self.notes.append(note)

    def readable(self) -> None:
        """Everything that was acknowledged can be read now."""
        for frame in self.frames:
            assert self.desk.picture(frame)
        with self.store.reading() as connection:
            kept = [row["note"] for row in connection.execute("SELECT note FROM corrections ORDER BY seq")]
        assert kept == self.notes

    def until_refused(self, act: Callable[[], object], most: int = 400) -> AppError:
        """The refusal that comes when there is no more room."""
        for _ in range(most):
            try:
                act()
            except (StoreError, ExportError) as error:
                return error
        raise AssertionError("nothing was refused")


@contextmanager
def worked(folder: Path, mib: int) -> Iterator[Worked]:
    with volume(folder / "volume", mib) as place:
        there = Worked(place)
        try:
            yield there
        finally:
            place.free()
            there.store.close()


def uploading(there: Worked) -> AppError:
    there.place.fill(leave=300_000)
    return there.until_refused(there.upload)


def annotating(there: Worked) -> AppError:
    there.place.fill(leave=300_000)
    return there.until_refused(there.annotate)


def folding_in(there: Worked) -> AppError:
    """What waits in the log is more than there is room for in the record."""
    for _ in range(8):
        there.annotate()
    there.place.fill()
    return there.until_refused(there.store.fold_in, 1)


def exporting(there: Worked) -> AppError:
    there.place.fill(leave=8_192)
    error = there.until_refused(lambda: there.desk.export_sft(there.place.folder / "set"), 1)
    assert not (there.place.folder / "set").exists()
    assert not list(there.place.folder.glob(".set*"))
    return error


def backing_up(there: Worked) -> AppError:
    there.place.fill(leave=65_536)
    error = there.until_refused(lambda: back_up(there.data, there.place.folder / "backups", link=False), 1)
    assert not [each for each in (there.place.folder / "backups").glob("*") if not each.name.endswith(HALF)]
    return error


AGAIN: dict[Callable[[Worked], AppError], Callable[[Worked], object]] = {
    uploading: lambda there: there.upload(),
    annotating: lambda there: there.annotate(),
    folding_in: lambda there: there.store.fold_in(),
    exporting: lambda there: there.desk.export_sft(there.place.folder / "set"),
    backing_up: lambda there: back_up(there.data, there.place.folder / "backups", link=False),
}


@pytest.mark.parametrize("mib", SIZES)
@pytest.mark.parametrize("fill", AGAIN, ids=lambda fill: fill.__name__)
def test_a_full_volume_is_a_sentence_and_work_goes_on_when_there_is_room(
    tmp_path: Path, fill: Callable[[Worked], AppError], mib: int
) -> None:
    with worked(tmp_path, mib) as there:
        error = fill(there)
        print(f"{there.place.kind}, {mib} MiB, {fill.__name__}: {len(there.frames)} frames, {len(there.notes)} corrections; {error}")
        assert type(error) in (StoreError, ExportError)
        assert str(error).rstrip().endswith(".")
        assert "full" in str(error) or "No space left" in str(error) or "File too large" in str(error) or there.place.kind != "tmpfs"
        there.readable()
        there.place.free()
        assert there.store.failed is None
        AGAIN[fill](there)  # the same desk, no new start
        there.upload()
        there.annotate()
        there.readable()
        assert len(there.frames) + len(there.notes) > 2 * BEFORE + 2 or fill not in (uploading, annotating)
        there.store.close()
        assert broken_folder(there.data) == []


@pytest.mark.parametrize("leave", [0, 4096, 20_000, 100_000, 200_000])
def test_a_step_of_the_shape_that_finds_no_room_leaves_the_old_shape(tmp_path: Path, leave: int) -> None:
    with volume(tmp_path / "volume", 8) as place:
        record = place.folder / FILE
        older(record, 300, shape=3)
        place.fill(leave)
        with pytest.raises(StoreError, match=r"full|room|File too large|cannot be kept"):
            Store(record).close()
        place.free()  # not even the index of the log finds room before
        with closing(sqlite3.connect(record)) as connection:
            assert migrations.version(connection) == 3
            assert connection.execute("SELECT count(*) FROM frames").fetchone()[0] == 300
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        Store(record).close()
        with closing(connect(f"{record.as_uri()}?mode=ro")) as connection:
            assert migrations.version(connection) == max(migrations.STEPS)
            assert connection.execute("SELECT count(*) FROM audit").fetchone()[0] >= 300


def test_a_restore_that_finds_no_room_says_so_and_can_be_run_again(tmp_path: Path) -> None:
    store, desk = desk_of(tmp_path / "data")
    frames: list[Frame] = [
        desk.receive(makers.jpeg(30, 20) + number.to_bytes(4, "big") * 20_000, "a.jpg", by="lin") for number in range(20)
    ]
    store.close()
    backup = back_up(tmp_path / "data", tmp_path / "backups")
    with volume(tmp_path / "volume", 8) as place:
        place.fill(leave=60_000)
        with pytest.raises(StoreError, match="brought back"):
            restore(backup.folder, place.folder / "data", by="lin", now=NOON, link=False)
        place.free()
        assert restore(backup.folder, place.folder / "data", by="lin", now=NOON, link=False).frames == len(frames)
        assert broken_folder(place.folder / "data") == []


VERBS = [("run", "--no-browser", "--port", "{port}"), ("backup",), ("check",), ("export", "sft", "{tmp}/out")]


def test_on_a_read_only_volume_every_command_says_so_and_fails(tmp_path: Path) -> None:
    with volume(tmp_path / "volume", 8) as place:
        data = place.folder / "data"
        store, desk = desk_of(data)
        desk.correct(makers.correction(desk.receive(makers.jpeg(), "a.jpg", by="lin")))
        store.close()
        if not place.read_only():  # no right to mount: a folder without the right to write is the same to anybody but root
            for each in (data, *data.rglob("*")):
                each.chmod(0o555 if each.is_dir() else 0o444)
        for verb in VERBS:
            said = launched(*(word.format(tmp=tmp_path, port=free_port()) for word in verb), "--data", data)
            assert said.returncode == 1, (verb, said)
            assert "Traceback" not in said.stderr, verb
            assert len(said.stderr.strip().splitlines()) == 1, (verb, said.stderr)
            print(verb[0], "->", said.stderr.strip())
        if place.kind == "tmpfs":
            place.writable()
        else:
            for each in (data, *data.rglob("*")):
                each.chmod(0o755 if each.is_dir() else 0o644)
        assert broken_folder(data) == []
