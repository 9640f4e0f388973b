"""A backup made while people work holds everything that was acknowledged before its moment, is whole or says that it is not, and comes back."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from annotations import audit, migrations
from annotations.keeping import manifest
from annotations.keeping.backup import back_up, sweep
from annotations.keeping.manifest import HALF, MANIFEST, Backup, known, prune
from annotations.keeping.restoring import restore, verify
from annotations.store import FILE, RESTORING, Store, connect
from core.errors import StoreError
from tests import makers
from tests.annotations.clients import desk_of
from tests.annotations.crew import Crew
from tests.annotations.keeping import broken_folder, head
from tests.annotations.nursery import Nursery

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BESIDE = ("models.json", "calibration")
FRAMES = 12


@pytest.fixture(scope="module")
def once_filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("filled") / "data"
    store, desk = desk_of(data)
    for number in range(FRAMES):
        frame = desk.receive(makers.jpeg(40 + number, 30), f"{number}.jpg", by="lin")
        desk.correct(makers.correction(frame))
    store.close()
    (data / "models.json").write_text('{"models": []}')
    (data / "calibration").mkdir()
    (data / "calibration" / "ab.json").write_text("{}")
    (data / "temporary").mkdir()
    (data / "temporary" / "none of our business").write_text("x")
    return data


@pytest.fixture
def data(once_filled: Path, tmp_path: Path) -> Path:
    """A data folder of its own for each test."""
    shutil.copytree(once_filled, tmp_path / "data")
    return tmp_path / "data"


def made(data: Path, to: Path, at: datetime = NOW, **more: bool) -> Backup:
    return back_up(data, to, beside=BESIDE, clock=lambda: at, **more)


def content(folder: Path) -> dict[str, bytes]:
    """Every file but what SQLite keeps beside a record that is open."""
    files = (each for each in folder.rglob("*") if each.is_file() and not each.name.endswith(("-wal", "-shm", ".lock")))
    return {str(each.relative_to(folder)): each.read_bytes() for each in files}


def rows_of(record: Path) -> list[str]:
    with closing(connect(f"{record.as_uri()}?mode=ro")) as connection:
        return [line for line in connection.iterdump() if 'INTO "steps"' not in line]


@pytest.mark.parametrize("link", [True, False], ids=["linked", "copied"])
def test_what_was_backed_up_comes_back_and_works(data: Path, tmp_path: Path, link: bool) -> None:
    backup = made(data, tmp_path / "backups", link=link)
    assert backup.folder.name == "gembalens-20261121-120000"
    assert (backup.counts["frames"], backup.counts["corrections"], backup.counts["frame_files"]) == (FRAMES, FRAMES, FRAMES)
    assert backup.audit == head(data / FILE)
    assert set(backup.files) == {FILE, "models.json", "calibration/ab.json"}
    frame = next((backup.folder / "frames").glob("*/*"))
    assert frame.stat().st_nlink == (2 if link else 1)
    before = rows_of(data / FILE)
    back = restore(backup.folder, tmp_path / "new", by="lin", now=NOW, link=link)
    assert (back.frames, back.schema) == (FRAMES, max(migrations.STEPS))
    assert [line for line in rows_of(tmp_path / "new" / FILE) if "'restored'" not in line] == before
    assert broken_folder(tmp_path / "new") == []
    assert (tmp_path / "new" / "calibration" / "ab.json").read_text() == "{}"
    store, desk = desk_of(tmp_path / "new")
    for card in desk.walk():
        assert desk.picture(card.frame_id)
        desk.correct(makers.correction(card.frame_id, saw_revision=1, note="after"))
    store.close()


def test_a_backup_takes_nothing_of_the_data_folder_away_and_leaves_only_a_line(data: Path, tmp_path: Path) -> None:
    before = content(data)
    backup = made(data, tmp_path / "backups")
    after = content(data)
    line = known(data)[-1]
    del after[manifest.LIST]
    assert after == before
    assert (line["folder"], line["stated"], line["seq"]) == (str(backup.folder), NOW.isoformat(), backup.audit[0])
    assert manifest.age_seconds(data, NOW + timedelta(minutes=5)) == 300
    assert manifest.age_seconds(tmp_path, NOW) is None


def test_the_audit_hears_of_each_backup_once_from_the_next_that_writes(data: Path, tmp_path: Path) -> None:
    for _ in range(2):
        made(data, tmp_path / "backups")
    for expected in (2, 0):
        with Store(data / FILE) as store, store.writing() as connection:
            assert manifest.note_new(connection, data) == expected
    with Store(data / FILE) as store, store.reading() as connection:
        told = audit.entries(connection, limit=2)
    assert [entry.subject for entry in told] == ["gembalens-20261121-120000-2", "gembalens-20261121-120000"]
    assert told[0].after == {key: known(data)[1][key] for key in ("stated", "expires", "seq", "chain", "frames")}
    assert broken_folder(data) == []


def test_a_backup_during_work_holds_all_that_was_acknowledged_before_its_moment(tmp_path: Path) -> None:
    data, backups = tmp_path / "data", []
    with Crew(data, tmp_path / "tells", clients=4) as crew:
        crew.start()
        crew.ready()

        def acknowledged() -> set[str]:
            return {line[5:] for line in crew.tell.read_text("utf-8").split("\n")[:-1] if line.startswith("done ")}

        began, first = time.monotonic(), len(acknowledged())
        for _ in range(5):
            time.sleep(0.4)
            seen: list[set[str]] = []

            def clock(seen: list[set[str]] = seen) -> datetime:
                seen.append(acknowledged())
                return datetime.now(UTC)

            backups.append((back_up(data, tmp_path / "backups", clock=clock), seen[-1]))  # the moment that the manifest states
        rate = (len(acknowledged()) - first) / (time.monotonic() - began)
        crew.stop()
        everything = set(crew.ledger.done)
        assert crew.ledger.failed == {}
    counted = []
    for number, (backup, before) in enumerate(backups):
        new = tmp_path / f"new{number}"
        restore(backup.folder, new, by="lin", now=NOW)
        with closing(connect(f"{(new / FILE).as_uri()}?mode=ro")) as connection:
            kept = {row["key"] for row in connection.execute("SELECT key FROM written_once")}
        assert before <= kept <= everything, f"{len(before - kept)} acknowledged before {backup.stated} are not in it"
        assert broken_folder(new) == []
        assert head(new / FILE)[0] == backup.audit[0] + 1  # and the line of the restore
        counted.append((len(before), len(kept)))
    print(f"{rate:.0f} writes/s; acknowledged before the moment, in the backup: {counted}")
    assert rate >= 50
    assert len({kept for _, kept in counted}) == len(counted)


def fill_and_back_up_for_ever(told: dict[str, str]) -> None:
    """A child: one backup after the other, with copies so that there is something to break off."""
    while True:
        back_up(Path(told["data"]), Path(told["to"]), link=False, beside=BESIDE)


@pytest.mark.parametrize("kills", [6, pytest.param(30, marks=pytest.mark.slow)], ids=["daily", "long"])
def test_a_backup_that_is_killed_is_whole_or_says_that_it_is_not(data: Path, tmp_path: Path, kills: int) -> None:
    dice, to = random.Random(3), tmp_path / "backups"
    whole = half = 0
    with Nursery("tests.annotations.test_backup") as nursery:
        for _ in range(kills):
            pid = nursery.start("fill_and_back_up_for_ever", {"data": str(data), "to": str(to)})
            time.sleep(dice.uniform(0.002, 0.25))
            assert nursery.killed(pid)
            for folder in to.glob("*"):
                if folder.name.endswith(HALF):
                    half += 1
                    with pytest.raises(StoreError, match="no whole backup"):
                        verify(folder)
                else:
                    whole += 1
                    verify(folder)
            sweep(to)
            assert not list(to.glob(f"*{HALF}"))
            for folder in to.glob("*"):
                shutil.rmtree(folder)
    print(f"{kills} kills: {half} left a half that says so and was swept, {whole} backups before them were whole")
    assert half >= kills // 3
    last = back_up(data, to)
    restore(last.folder, tmp_path / "new", by="lin", now=NOW)
    assert broken_folder(tmp_path / "new") == []


def test_a_half_backup_that_is_being_made_is_not_swept(data: Path, tmp_path: Path) -> None:
    to = tmp_path / "backups"

    def meanwhile() -> datetime:
        back_up(data, to)  # another one begins and ends; it sweeps before it begins
        return NOW

    first = back_up(data, to, clock=meanwhile)
    assert len(manifest.found(to)) == 2
    verify(first.folder)


def test_two_backups_of_one_second_have_two_folders(data: Path, tmp_path: Path) -> None:
    folders = [made(data, tmp_path / "backups").folder.name for _ in range(3)]
    assert folders == ["gembalens-20261121-120000", "gembalens-20261121-120000-2", "gembalens-20261121-120000-3"]


def flip(place: Path) -> None:
    """Another byte in the middle."""
    raw = bytearray(place.read_bytes())
    raw[len(raw) // 2] ^= 0x55
    place.unlink()  # it may be a link
    place.write_bytes(bytes(raw))


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "record changed": (lambda folder: flip(folder / FILE), "record.sqlite3 is not what was written"),
    "record gone": (lambda folder: (folder / FILE).unlink(), "record.sqlite3 is missing"),
    "frame changed": (lambda folder: flip(next((folder / "frames").glob("*/*"))), "is damaged"),
    "frame gone": (lambda folder: next((folder / "frames").glob("*/*")).unlink(), "is missing"),
    "settings changed": (lambda folder: (folder / "models.json").write_text("{}"), "models.json is not what was written"),
    "manifest gone": (lambda folder: (folder / MANIFEST).unlink(), "broken off half-way"),
    "manifest cut": (lambda folder: (folder / MANIFEST).write_text((folder / MANIFEST).read_text()[:100]), "damaged or none of ours"),
    "manifest of another": (lambda folder: (folder / MANIFEST).write_text("{}"), "damaged or none of ours"),
    "newer": (
        lambda folder: (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace('"format": 1', '"format": 2')),
        "newer GembaLens",
    ),
    "newer shape": (
        lambda folder: (folder / MANIFEST).write_text(
            (folder / MANIFEST).read_text().replace(f'"schema": {max(migrations.STEPS)}', f'"schema": {max(migrations.STEPS) + 1}')
        ),
        "newer GembaLens",
    ),
    "reaches outside": (
        lambda folder: (folder / MANIFEST).write_text((folder / MANIFEST).read_text().replace('"models.json"', '"../../models.json"')),
        "a file outside itself",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_backup_is_refused_before_anything_is_written(data: Path, tmp_path: Path, harm: str) -> None:
    backup = made(data, tmp_path / "backups", link=False)
    do, told = HARMS[harm]
    do(backup.folder)
    with pytest.raises(StoreError, match=told):
        restore(backup.folder, tmp_path / "new", by="lin", now=NOW)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("there", [FILE, "holiday.txt", "frames"])
def test_a_folder_that_holds_something_is_never_restored_into(data: Path, tmp_path: Path, there: str) -> None:
    backup = made(data, tmp_path / "backups")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / there).write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        restore(backup.folder, tmp_path / "new", by="lin", now=NOW)
    assert content(tmp_path / "new") == {there: b"mine"}


def test_a_restore_that_broke_off_is_no_empty_record_and_is_done_anew(data: Path, tmp_path: Path) -> None:
    backup = made(data, tmp_path / "backups")
    new = tmp_path / "new"
    (new / "frames" / "ab").mkdir(parents=True)
    (new / "frames" / "ab" / "half").write_text("half")
    (new / RESTORING).write_text(str(backup.folder))
    with pytest.raises(StoreError, match="Run the restore once more"):
        Store(new / FILE)
    restore(backup.folder, new, by="lin", now=NOW)
    assert broken_folder(new) == []
    assert not (new / RESTORING).exists()


def restore_one(told: dict[str, str]) -> None:
    """A child."""
    restore(Path(told["backup"]), Path(told["data"]), by="lin", now=NOW, link=False)


def test_a_restore_that_is_killed_is_whole_or_can_be_run_again(data: Path, tmp_path: Path) -> None:
    backup = made(data, tmp_path / "backups")
    broken_off, takes = 0, 0.0
    with Nursery("tests.annotations.test_backup") as nursery:
        for turn in range(10):
            new = tmp_path / f"new{turn}"
            pid = nursery.start("restore_one", {"backup": str(backup.folder), "data": str(new)})
            began = time.monotonic()
            if turn < 2:  # how long it takes when nobody breaks it off and everything is loaded
                assert nursery.ended() == 0
                takes = time.monotonic() - began
                continue
            time.sleep((turn - 2) / 8 * takes)
            nursery.killed(pid)
            if not (new / FILE).exists() or (new / RESTORING).exists():
                broken_off += 1
                restore(backup.folder, new, by="lin", now=NOW)
            assert broken_folder(new) == []
    print(f"8 kills: {broken_off} broke off and were run again")
    assert broken_off >= 1


def test_what_the_data_folder_lost_is_named_and_the_rest_is_backed_up(data: Path, tmp_path: Path) -> None:
    frames = sorted((data / "frames").glob("*/*"))
    frames[0].unlink()
    flip(frames[1])
    backup = made(data, tmp_path / "backups")
    assert backup.left_out == {frames[0].name: "missing", frames[1].name: "damaged"}
    assert backup.counts["frame_files"] == FRAMES - 2
    assert restore(backup.folder, tmp_path / "new", by="lin", now=NOW).frames == FRAMES - 2


def test_old_backups_go_when_their_days_are_over_but_never_the_newest(data: Path, tmp_path: Path) -> None:
    to = tmp_path / "backups"
    for days in (0, 10, 20, 30):
        back_up(data, to, clock=lambda days=days: NOW + timedelta(days=days), keep_days=15)  # type: ignore[misc]
    kept_for_ever = back_up(data, to, clock=lambda: NOW, keep_days=None)
    assert [each.folder.name for each in manifest.found(to)][:2] == ["gembalens-20261121-120000", kept_for_ever.folder.name]
    assert prune(to, now=NOW + timedelta(days=14), keep=1) == []
    gone = prune(to, now=NOW + timedelta(days=400), keep=2)
    assert [each.name for each in gone] == ["gembalens-20261121-120000", "gembalens-20261201-120000"]
    assert len(prune(to, now=NOW + timedelta(days=400), keep=0)) == 1  # the newest stays, and the one that is kept for ever
    assert len(manifest.found(to)) == 2


def test_where_there_is_no_record_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no record"):
        back_up(tmp_path / "nothing", tmp_path / "backups")
    assert not (tmp_path / "nothing").exists()
    assert not list(tmp_path.glob("backups/*"))


def test_a_place_that_cannot_be_written_is_a_sentence(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="could not be written"):
        back_up(data, tmp_path / "file" / "backups")
    backup = made(data, tmp_path / "backups")
    with pytest.raises(StoreError, match="not empty"):
        restore(backup.folder, tmp_path / "file", by="lin", now=NOW)


def test_nothing_copies_the_live_file() -> None:
    """Only SQLite's own backup may read the record's bytes: no line of ours names the record to something that copies files."""
    root = Path(manifest.__file__).parents[2]
    sources = [root / "launch.py", *(each for room in ("annotations", "core", "ui") for each in (root / room).rglob("*.py"))]
    sources = [each for each in sources if each.parent.name != "compact"]  # writes models, from a folder of its own
    copying = ("copyfile", "copy2", "copytree", "shutil.copy", "sendfile", "os.link")
    found = {
        f"{each.relative_to(root)}: {line.strip()}"
        for each in sources
        for line in each.read_text("utf-8").splitlines()
        if any(word in line for word in copying)
    }
    assert found == {
        "annotations/keeping/backup.py: os.link(source, target)",
        # folders of exports and adapters, which never hold a record
        "annotations/augmented.py: shutil.copytree(part, fresh, copy_function=os.link, ignore=shutil.ignore_patterns(MANIFEST))",
        "annotations/learning/registering.py: shutil.copyfile(own / file, half / file)",
    }


def test_a_backup_of_another_shape_is_brought_up_to_date(data: Path, tmp_path: Path) -> None:
    """What an older program backed up: the record of an earlier shape, and a manifest that says so."""
    older = tmp_path / "older"
    older.mkdir()
    connection = sqlite3.connect(older / FILE, isolation_level=None)
    migrations.migrate(connection, older / FILE, {number: step for number, step in migrations.STEPS.items() if number <= 3})
    connection.close()
    backup = made(data, tmp_path / "backups", link=False)
    (backup.folder / FILE).unlink()
    shutil.copy(older / FILE, backup.folder / FILE)
    shutil.rmtree(backup.folder / "frames")
    from annotations.keeping.backup import _hash

    old = replace(backup, schema=3, files={FILE: _hash(backup.folder / FILE)}, frames=manifest.digest_of([]))
    manifest.settle(old)
    back = restore(backup.folder, tmp_path / "new", by="lin", now=NOW)
    assert (back.frames, back.schema) == (0, max(migrations.STEPS))
    assert broken_folder(tmp_path / "new") == []
