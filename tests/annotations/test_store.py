"""The record's file: durable settings on every connection, one writer, readers that cannot write, faults in words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from annotations import opinions
from annotations.store import RESTORING, Store
from core.errors import StoreError
from core.settings import ROOT
from tests import makers

OPEN_AND_SAY = """
import sys
from pathlib import Path
from annotations.store import RESTORING, Store
from core.errors import StoreError
try:
    Store(Path(sys.argv[1])).close()
except StoreError as error:
    print(error)
    sys.exit(3)
"""


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_writer_is_durable(tmp_path: Path) -> None:
    with Store(tmp_path / "record.sqlite3") as store, store.writing() as connection:
        said = {name: pragma(connection, name) for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "mmap_size")}
    assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000, "mmap_size": 0}


def test_every_reader_waits_and_can_change_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "record.sqlite3") as store:
        for reader in (store, Store.open_readonly(tmp_path / "record.sqlite3")):
            with reader.reading() as connection:
                assert (pragma(connection, "foreign_keys"), pragma(connection, "busy_timeout")) == (1, 5000)
            with pytest.raises(StoreError, match="cannot be written"), reader.reading() as connection:
                connection.execute("DELETE FROM tally_days")
            reader.close()


def test_a_second_writer_is_refused_in_the_same_process_and_in_another(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite3"
    with Store(path):
        with pytest.raises(StoreError, match="one record has one writer"):
            Store(path)
        other = subprocess.run([sys.executable, "-c", OPEN_AND_SAY, str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
        assert other.returncode == 3
        assert "one record has one writer" in other.stdout
    again = subprocess.run([sys.executable, "-c", OPEN_AND_SAY, str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def test_a_reader_in_another_process_needs_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite3"
    with Store(path) as store, store.writing() as connection:
        opinions.add_frame(connection, makers.frame(), by="lin")
    with Store.open_readonly(path) as reader, reader.reading() as connection:
        assert opinions.frame_of(connection, makers.frame().id).name == "bench.jpg"


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "record.sqlite3") as store:

        def break_off() -> None:
            with store.writing() as connection:
                opinions.add_frame(connection, makers.frame(), by="lin")
                raise RuntimeError("half-way")

        with pytest.raises(RuntimeError, match="half-way"):
            break_off()
        with store.reading() as connection:
            assert connection.execute("SELECT (SELECT count(*) FROM frames) + (SELECT count(*) FROM tally_days)").fetchone()[0] == 0


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    count = "SELECT count(*) FROM frames"
    with Store(tmp_path / "record.sqlite3") as store, store.reading() as reading:
        assert reading.execute(count).fetchone()[0] == 0
        with store.writing() as connection:
            opinions.add_frame(connection, makers.frame(), by="lin")
        assert reading.execute(count).fetchone()[0] == 0
        with store.reading() as later:
            assert later.execute(count).fetchone()[0] == 1


def test_readers_beside_a_writer_are_never_locked_out(tmp_path: Path) -> None:
    frames = [makers.frame(frame_id=f"{i:064x}") for i in range(200)]
    seen: list[int] = []
    faults: list[BaseException] = []
    done = threading.Event()

    def look(store: Store) -> None:
        try:
            while not done.is_set():
                with store.reading() as connection:
                    seen.append(connection.execute("SELECT count(*) FROM frames").fetchone()[0])
        except BaseException as error:  # noqa: BLE001 - told by the test
            faults.append(error)

    with Store(tmp_path / "record.sqlite3") as store:
        readers = [threading.Thread(target=look, args=(store,)) for _ in range(4)]
        for reader in readers:
            reader.start()
        for frame in frames:
            with store.writing() as connection:
                opinions.add_frame(connection, frame, by="lin")
        done.set()
        for reader in readers:
            reader.join()
    assert faults == []
    assert len(seen) > 4


def test_a_full_disk_is_a_sentence_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with Store(tmp_path / "record.sqlite3") as store:
        with store.writing() as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")  # a volume on which the file cannot grow
        told = makers.correction(note="x" * 100_000)

        def save() -> None:
            with store.writing() as connection:
                opinions.add_frame(connection, makers.frame(), by="lin")
                opinions.add_correction(connection, told, at=makers.NOON)

        with pytest.raises(StoreError, match="disk is full"):
            save()
        with store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM frames").fetchone()[0] == 0
        with store.writing() as connection:
            connection.execute("PRAGMA max_page_count = 1000000")
        save()
        with store.reading() as connection:
            assert len(opinions.corrections_of(connection, told.frame_id)) == 1


def test_a_foreign_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite3"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"\xff\xd8\xff" + bytes(5000)], ids=["text", "jpeg"])
def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.sqlite3"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="no record of ours"):
        Store(path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="Choose a data folder"):
        Store(tmp_path / "file" / "record.sqlite3")


def test_reading_before_there_is_a_record_says_what_to_do(tmp_path: Path) -> None:
    reader = Store.open_readonly(tmp_path / "record.sqlite3")
    with pytest.raises(StoreError, match="Start the inspector once"), reader.reading():
        pass
    Store(tmp_path / "record.sqlite3").close()
    with reader.reading() as connection:
        assert connection.execute("SELECT count(*) FROM frames").fetchone()[0] == 0
    reader.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "record.sqlite3")
    store.close()
    with pytest.raises(StoreError, match="was closed"), store.reading():
        pass
    with pytest.raises(StoreError, match="was closed"), store.writing():
        pass


def test_a_record_into_which_a_backup_was_being_brought_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / RESTORING).write_text("a backup")
    with pytest.raises(StoreError, match="Run the restore once more"):
        Store(tmp_path / "record.sqlite3")
    assert not (tmp_path / "record.sqlite3").exists()


def test_only_the_rooms_of_the_record_open_connections_and_only_in_their_known_ways() -> None:
    """Whoever connects by himself may forget what keeps the record whole. What is not `store.connect` writes a copy or works in memory."""
    rooms = [ROOT / "launch.py", *(file for room in ("annotations", "core", "ui") for file in sorted((ROOT / room).rglob("*.py")))]
    found = {
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in rooms
        for line in file.read_text("utf-8").splitlines()
        if "sqlite3.connect(" in line
    }
    assert {line for line in found if "uri=True" not in line} == {
        "annotations/migrations.py: copy = sqlite3.connect(target, isolation_level=None)",
        'annotations/erasing.py: alone = sqlite3.connect(":memory:", isolation_level=None)',
    }
    assert {line.split(":")[0] for line in found if "uri=True" in line} == {"annotations/store.py"}


def libraries(pid: int) -> set[str]:
    """The SQLite libraries that a process has loaded, by their files."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split()[-1] for line in maps if "sqlite3" in line.split()[-1].rpartition("/")[2] and "libsqlite3" in line}


def test_a_process_with_the_record_open_has_one_sqlite(tmp_path: Path) -> None:
    """Two libraries in one process would not see each other's locks: closing a file in the one lets go of those of the other."""
    hold = "import sys; from pathlib import Path; import annotations.desk, annotations.keeping.backup, annotations.reports; from annotations.store import Store; "
    hold += "store = Store(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read(); store.close()"
    command = [sys.executable, "-c", hold, str(tmp_path / "record.sqlite3")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        found = libraries(other.pid)
        other.communicate("")
    assert len(found) == 1, found


def test_an_old_engine_is_allowed_because_one_process_with_one_connection_writes(tmp_path: Path) -> None:
    """SQLite before 3.51.3 has a rare fault when several connections write or fold in the log; here exactly one can, whatever the version."""
    with Store(tmp_path / "record.sqlite3") as store, Store.open_readonly(tmp_path / "record.sqlite3") as other:
        for reader in (store, other):
            with reader.reading() as connection:
                for statement in ("CREATE TABLE x (y)", "INSERT INTO tally_days (day) VALUES ('x')", "PRAGMA user_version = 99"):
                    with pytest.raises(sqlite3.OperationalError, match="readonly"):
                        connection.execute(statement)
        with store.writing() as connection:
            connection.execute("INSERT INTO tally_days (day) VALUES ('y')")
        with (
            sqlite3.connect(f"{(tmp_path / 'record.sqlite3').as_uri()}?mode=ro", uri=True) as looking,
            pytest.raises(sqlite3.OperationalError),
        ):
            looking.execute("PRAGMA wal_checkpoint(PASSIVE)")  # nor fold in
        looking.close()
        with store.writing() as connection:
            assert connection.execute("PRAGMA wal_autocheckpoint").fetchone()[0] == 0
