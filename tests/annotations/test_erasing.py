"""Erasure: what goes is gone from every byte of the data folder, what stays is still proved, and nothing else can ever leave."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from annotations import audit, erasing, opinions
from annotations.desk import Desk
from annotations.entering import people
from annotations.steps import learning
from annotations.steps.erasing import GROWING
from annotations.store import FILE, Store
from core.errors import Forbidden, Malformed, NotFound
from core.frames import Vault
from core.profile import read
from core.schema import Frame
from core.settings import ASSETS
from tests import makers
from tests.annotations import keeping

SECRET = "Zhang Wei at the press"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / FILE) as opened:
        yield opened


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


def filled(store: Store, vault: Vault, n: int = 4) -> list[Frame]:
    """Frames with an assessment, and corrections of two revisions by two people; the second frame's note names somebody."""
    desk = Desk(store, vault, read(ASSETS / "profiles" / "bench.toml"), clock=lambda: makers.NOON)
    frames = [desk.receive(makers.jpeg(64 + i, 48), f"{SECRET} {i}.jpg" if i == 1 else f"{i}.jpg", by="lin") for i in range(n)]
    with store.writing() as connection:
        for frame in frames:
            opinions.add_assessment(connection, makers.assessment(frame), uncertainty=0.5, at=makers.NOON, by="lin")
    for i, frame in enumerate(frames):
        desk.correct(makers.correction(frame, author="lin", note=SECRET if i == 1 else ""))
        desk.correct(makers.correction(frame, author="wang", saw_revision=1))
    for frame in frames:
        desk.preview(frame.id, 320)
    return frames


def everywhere(folder: Path, needle: bytes) -> list[str]:
    return [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and needle in file.read_bytes()]


def test_an_erased_frame_is_in_no_byte_of_the_data_folder(store: Store, vault: Vault, tmp_path: Path) -> None:
    frames = filled(store, vault)
    gone, content = frames[1], vault.get(frames[1].id)
    (tmp_path / "exports" / "a").mkdir(parents=True)
    (tmp_path / "exports" / "a" / "manifest.json").write_bytes(orjson.dumps({"frames": {gone.id: {}}}))
    (tmp_path / "exports" / "a" / "train.jsonl").write_text(SECRET)
    (tmp_path / "exports" / "b").mkdir()
    (tmp_path / "exports" / "b" / "manifest.json").write_bytes(orjson.dumps({"frames": {frames[0].id: {}}}))
    (tmp_path / f"{FILE}.before-step-9").write_text(SECRET)
    assert everywhere(tmp_path, SECRET.encode())  # the search can find

    done = erasing.erase_frames(store, vault.remove, tmp_path, [gone.id], by="boss", why="request 7", at=makers.NOON)

    assert (done.frames, done.exports) == (1, ("a",))
    assert done.entries == 4  # received, assessed, corrected twice
    for needle in (SECRET.encode(), gone.id.encode(), content):
        assert everywhere(tmp_path, needle) == []
    with store.reading() as connection, pytest.raises(NotFound):
        opinions.frame_of(connection, gone.id)
    assert vault.get(frames[0].id)
    assert (tmp_path / "exports" / "b").is_dir()


def test_what_stays_is_still_proved(store: Store, vault: Vault, tmp_path: Path) -> None:
    frames = filled(store, vault)
    erasing.erase_frames(store, vault.remove, tmp_path, [frames[1].id, frames[3].id], by="boss", why="request 7", at=makers.NOON)
    with store.reading() as connection:
        assert list(audit.faults(connection)) == []
        last = audit.entries(connection, limit=1)[0]
    assert (last.action, last.who, last.after) == ("erased", "boss", {"frames": 2, "entries": 8, "why": "request 7"})
    store.close()
    assert keeping.broken(tmp_path / FILE) == []  # tallies, replay and states among it


def test_an_emptied_entry_of_which_no_erasure_tells_is_found(store: Store, vault: Vault) -> None:
    filled(store, vault)
    with store.writing() as connection:
        connection.execute("DROP TRIGGER audit_no_rewrite")
        connection.execute("UPDATE audit SET who = NULL, salt = NULL WHERE seq = 3")
        assert list(audit.faults(connection)) == ["1 entries of the audit are empty, and erasures tell of 0."]


def test_a_persons_name_goes_and_the_work_stays(store: Store, vault: Vault, tmp_path: Path) -> None:
    frames = filled(store, vault)
    done = erasing.erase_person(store, "lin", by="boss", why="left the plant", at=makers.NOON)
    with store.reading() as connection:
        authors = [[told.author for told in opinions.corrections_of(connection, frame.id)] for frame in frames]
        assert list(audit.faults(connection)) == []
    assert done.pseudonym == "erased-1"
    assert authors == [["erased-1", "wang"]] * 4
    for table, person in erasing.NAMED.items():
        with store.reading() as connection:
            assert connection.execute(f"SELECT count(*) FROM {table} WHERE {person} = 'lin'").fetchone()[0] == 0, table
    with pytest.raises(NotFound, match="Nobody of this name"):
        erasing.erase_person(store, "lin", by="boss", why="again", at=makers.NOON)
    store.close()
    assert keeping.broken(tmp_path / FILE) == []


def test_a_persons_name_goes_from_the_files_even_after_a_sudden_end(store: Store, vault: Vault, tmp_path: Path) -> None:
    filled(store, vault)
    job = tmp_path / "trainings" / "run-1" / "job.json"
    job.parent.mkdir(parents=True)
    job.write_bytes(orjson.dumps({"by": "lin"}))

    def dies(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            erasing.erase_person(store, "lin", by="boss", why="left the plant", at=makers.NOON)
    assert orjson.loads(job.read_bytes())["by"] == "lin"
    erasing.finish(store, vault.remove, tmp_path)
    assert orjson.loads(job.read_bytes())["by"] == "erased-1"
    assert everywhere(tmp_path, b'"lin"') == []


def test_files_that_a_sudden_end_left_are_removed_at_the_next_start(store: Store, vault: Vault, tmp_path: Path) -> None:
    frames = filled(store, vault)

    def dies(frame_id: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erasing.erase_frames(store, dies, tmp_path, [frames[0].id], by="boss", why="request 7", at=makers.NOON)
    assert vault.get(frames[0].id)
    erasing.finish(store, vault.remove, tmp_path)
    with pytest.raises(NotFound):
        vault.get(frames[0].id)
    assert erasing.finish(store, vault.remove, tmp_path) == ()


def test_an_erasure_needs_its_reason_and_frames_that_are_there(store: Store, vault: Vault, tmp_path: Path) -> None:
    frames = filled(store, vault)
    with pytest.raises(Malformed, match="reason"):
        erasing.erase_frames(store, vault.remove, tmp_path, [frames[0].id], by="boss", why=" ", at=makers.NOON)
    with pytest.raises(NotFound):
        erasing.erase_frames(store, vault.remove, tmp_path, [frames[0].id, "0" * 64], by="boss", why="x", at=makers.NOON)
    with store.reading() as connection:
        assert opinions.frame_of(connection, frames[0].id) == frames[0]
        assert connection.execute("SELECT count(*) FROM erasing").fetchone()[0] == 0


@pytest.mark.parametrize("table", GROWING)
def test_without_an_erasure_no_row_leaves(table: str, store: Store, vault: Vault) -> None:
    frame, person = GROWING[table]
    filled(store, vault, 1)
    with store.writing() as connection:
        rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {person or frame} = 1"):
        if rows:
            with pytest.raises(sqlite3.IntegrityError, match="only grow"), store.writing() as connection:
                connection.execute(statement)
    with store.reading() as connection:
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == rows


def test_every_table_that_only_grows_has_its_way_out(store: Store) -> None:
    with store.reading() as connection:
        guarded = {
            row[0].removesuffix("_no_delete") for row in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%_no_delete'")
        }
    assert guarded == {*GROWING, *learning.OF_FRAMES, *learning.OF_PEOPLE, "audit"}


def test_the_last_admin_is_not_erased_and_a_made_up_name_is_nobodys(store: Store) -> None:
    with store.writing() as connection:
        people.add(connection, "ada", "admin", by="ada", at=makers.NOON)
        people.add(connection, "lin", "annotator", by="ada", at=makers.NOON)
    with pytest.raises(Forbidden, match="last admin"):
        erasing.erase_person(store, "ada", by="ada", why="left", at=makers.NOON)
    assert erasing.erase_person(store, "lin", by="ada", why="left", at=makers.NOON).pseudonym == "erased-1"
    with pytest.raises(Malformed, match="erased-"):
        people.known_as("erased-1")
    with store.reading() as connection:
        assert [row["name"] for row in connection.execute("SELECT name FROM people")] == ["ada"]


class Losing(Vault):
    """One whose first frame is removed right after it was looked for, as when an erasure comes in between."""

    lost = False

    def put(self, content: bytes) -> str:
        frame_id = super().put(content)
        if not self.lost:
            self.lost = True
            self.remove(frame_id)
        return frame_id


def test_a_frame_that_comes_in_anew_while_it_is_erased_keeps_its_bytes(store: Store, vault: Vault, tmp_path: Path) -> None:
    (frame,) = filled(store, vault, 1)
    content = vault.get(frame.id)
    erasing.erase_frames(store, vault.remove, tmp_path, [frame.id], by="boss", why="request 7", at=makers.NOON)
    desk = Desk(store, Losing(tmp_path), read(ASSETS / "profiles" / "bench.toml"), clock=lambda: makers.NOON)
    assert vault.get(desk.receive(content, "again.jpg", by="lin").id) == content


def test_what_was_broken_off_while_it_was_exported_goes_too(store: Store, vault: Vault, tmp_path: Path) -> None:
    (frame,) = filled(store, vault, 1)
    half = tmp_path / "exports" / ".sft-1.partial-x" / "frames"
    half.mkdir(parents=True)
    (half / f"{frame.id}.jpg").write_bytes(b"x")
    erasing.erase_frames(store, vault.remove, tmp_path, [frame.id], by="boss", why="request 7", at=makers.NOON)
    assert list((tmp_path / "exports").iterdir()) == []
