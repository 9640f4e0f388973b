"""`launch.py backup`, `restore` and `check`, as a person types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import launch
from annotations.keeping.manifest import HALF
from annotations.learning import promotions
from annotations.store import FILE
from core.backends import catalogue
from core.errors import AppError
from core.evaluation import percents
from core.settings import load
from tests import makers
from tests.annotations.clients import desk_of
from tests.serving import launched


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with three corrected frames."""
    store, desk = desk_of(tmp_path / "data")
    for number in range(3):
        desk.correct(makers.correction(desk.receive(makers.jpeg(40 + number, 30), f"{number}.jpg", by="lin")))
    store.close()
    return tmp_path / "data"


def test_a_backup_is_made_and_brought_back_and_checked_by_three_commands(data: Path, tmp_path: Path) -> None:
    one = launched("backup", tmp_path / "backups", "--data", data)
    assert (one.returncode, one.stderr) == (0, "")
    assert "3 frames" in one.stdout
    folder = next((tmp_path / "backups").iterdir())
    two = launched("restore", folder, "--data", tmp_path / "new")
    assert (two.returncode, two.stderr) == (0, "")
    assert "Everything was checked" in two.stdout
    three = launched("check", "--data", tmp_path / "new")
    assert (three.returncode, three.stderr) == (0, "")
    assert "Everything is what was written." in three.stdout
    again = launched("restore", folder, "--data", tmp_path / "new")
    assert (again.returncode, again.stdout) == (1, "")
    assert "is not empty" in again.stderr


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, and what stands on the two outputs; in this process, so that the frameworks' settings of the test run stay."""
    asked = launch.parser().parse_args([str(word) for word in words])
    settings = load(vars(asked), {}, None)
    try:
        code = asked.verb(asked, settings)
    except AppError as error:
        return 1, capsys.readouterr().out, str(error)
    out = capsys.readouterr()
    return code, out.out, out.err


def test_without_a_place_backups_lie_in_the_data_folder_and_that_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "backup", "--data", data)
    assert code == 0
    assert len(list((data / "backups").glob("gembalens-*"))) == 1
    assert "Copy it to another machine or disk" in out


@pytest.mark.parametrize(("language", "words"), [("en", "Not what was written (2):"), ("zh", "与写入时不一致（2 处）：")])
def test_a_check_names_what_is_wrong_and_ends_with_1(data: Path, capsys: pytest.CaptureFixture[str], language: str, words: str) -> None:
    frames = sorted((data / "frames").glob("*/*"))
    frames[0].write_bytes(b"something else")
    frames[1].unlink()
    code, out, _ = said(capsys, "check", "--data", data, "--language", language)
    assert code == 1
    assert words in out
    assert frames[0].name[:12] in out
    assert frames[1].name[:12] in out
    assert (data / "quarantine" / frames[0].name).exists()


def test_as_json_each_says_everything(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup = json.loads(said(capsys, "backup", tmp_path / "backups", "--data", data, "--json")[1])
    assert (backup["counts"]["corrections"], backup["left_out"], backup["pruned"]) == (3, {}, [])
    back = json.loads(said(capsys, "restore", backup["folder"], "--data", tmp_path / "new", "--json")[1])
    assert (back["frames"], back["left_out"]) == (3, {})
    found = json.loads(said(capsys, "check", "--data", tmp_path / "new", "--json")[1])
    assert (found["sound"], found["faults"], found["frames"]) == (True, [], 3)


def test_what_could_not_be_backed_up_is_named_and_ends_with_1(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = sorted((data / "frames").glob("*/*"))[0]
    gone.unlink()
    code, out, _ = said(capsys, "backup", tmp_path / "backups", "--data", data)
    assert code == 1
    assert f"The frame {gone.name[:12]} is not in the data folder any more" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("backup", "{tmp}/backups", "--data", "{tmp}/nothing"), "There is no record at"),
        (("check", "--data", "{tmp}/nothing"), "There is no record at"),
        (("restore", "{tmp}/nothing", "--data", "{tmp}/new"), "is no whole backup"),
    ],
    ids=["backup", "check", "restore"],
)
def test_where_there_is_nothing_it_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = said(capsys, *(word.format(tmp=tmp_path) for word in words))
    assert (code, out) == (1, "")
    assert sentence in err
    assert not re.search("Traceback|Error", err)


def test_old_ones_are_removed_when_asked_and_half_ones_always(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "backups"
    for _ in range(9):
        said(capsys, "backup", to, "--data", data, "--keep-days", "1")
    manifests = sorted(to.glob("*/manifest.json"))
    for place in manifests[:4]:
        place.write_text(place.read_text().replace('"expires": "20', '"expires": "19'))
    (to / f"gembalens-20200101-000000{HALF}").mkdir()
    code, out, _ = said(capsys, "backup", to, "--data", data, "--prune")
    assert code == 0
    assert out.count("Removed, because its days were over") == 3  # the newest seven stay
    assert len(list(to.iterdir())) == 7


def test_what_matters_beside_the_record_is_named_as_those_who_write_it_name_it() -> None:
    assert launch.BESIDE == (catalogue.FILE, percents.FOLDER, promotions.FOLDER)
    assert FILE not in launch.BESIDE
