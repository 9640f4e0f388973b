"""Further frames of an exported set: only of what teaches, in every file, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from annotations.augmented import add_further
from annotations.datasets import export_dataset
from annotations.desk import Desk
from annotations.formats import FORMATS
from annotations.freezing.sets import Datasets
from annotations.store import FILE, Store
from core import sft
from core.augmenting.plan import Plan
from core.errors import ExportError
from core.frames import Vault
from core.geometry import FAMILIES
from core.parsing import parse_reply
from tests.annotations.desks import BENCH
from tests.makers import correction, jpeg

PLAN = Plan(("brightness", "mirror"), times=2, seed=3)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A frozen set of twelve frames, exported."""
    folder = tmp_path_factory.mktemp("plant")
    with Store(folder / FILE) as store:
        vault = Vault(folder)
        desk = Desk(store, vault, BENCH)
        for n in range(12):
            desk.correct(correction(desk.receive(jpeg(160 + 8 * n, 120), f"{n}.jpg", by="cam").id))
        Datasets(store, vault, BENCH).freeze("first", by="lead", shares={"train": 0.5, "test": 0.5})
        export_dataset(store, vault, BENCH, "first", folder / "set", family="compact")
        yield folder / "set"


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    shutil.copytree(exported, tmp_path / "set")
    return tmp_path / "set"


def test_further_frames_stand_in_every_file_with_boxes_that_went_along(folder: Path) -> None:
    test_before = (folder / "test" / "manifest.json").read_bytes()
    done = add_further(folder, PLAN, BENCH)
    assert done.frames == len([each for each in FORMATS["sft_parts"].read(folder / "train") if ".further" not in each.frame_id])
    assert done.made > 0
    assert (folder / "test" / "manifest.json").read_bytes() == test_before
    about = sft.about(folder / "train")
    for name in ("sft_tag", "sft_parts", "sft_qwen"):
        assert len(FORMATS[name].read(folder / "train")) == done.frames + done.made
        assert about["files"][FORMATS[name].file]["bytes"] == (folder / "train" / FORMATS[name].file).stat().st_size
    scenes = sft.scenes(folder / "train")
    for sample in sft.samples(folder / "train"):
        assert (folder / "train" / sample.image).is_file()
        said = parse_reply(sample.answer, BENCH, FAMILIES["compact"], (sample.width, sample.height))
        assert said.whole
        if ".further" in sample.frame_id:
            assert scenes[sample.frame_id] == scenes[sample.frame_id.partition(".")[0]]
            assert about["frames"][sample.frame_id]["changes"]


def test_the_same_plan_gives_the_same_bytes(folder: Path, exported: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(exported, again)
    for each in (folder, again):
        add_further(each, PLAN, BENCH)
    first, second = ({path.relative_to(each): path.read_bytes() for path in each.rglob("*") if path.is_file()} for each in (folder, again))
    assert first == second


def test_it_is_done_once_and_what_fails_leaves_all_as_it_was(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def fails(shown: object) -> object:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_further(folder, PLAN, BENCH, fails)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    add_further(folder, PLAN, BENCH)
    with pytest.raises(ExportError, match="already"):
        add_further(folder, PLAN, BENCH)
    assert orjson.loads((folder / "train" / "manifest.json").read_bytes())["further"]["times"] == 2


def test_a_set_without_a_part_that_teaches_is_refused(folder: Path) -> None:
    shutil.rmtree(folder / "train")
    with pytest.raises(ExportError, match="no part that teaches"):
        add_further(folder, PLAN, BENCH)


def killed_between(folder: Path, end: Callable[[], None]) -> None:
    """Make further frames; the end comes when the old part is set aside and the new one is not in its place."""
    move = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if target == folder / "train" and self.parent != folder and self.name == "train":
            end()
        return move(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        add_further(folder, PLAN, BENCH)


def test_a_kill_between_the_old_part_and_the_new_loses_neither(folder: Path) -> None:
    content = (folder / "train" / "manifest.json").read_bytes()
    child = os.fork()
    if child == 0:
        try:
            killed_between(folder, lambda: os._exit(9))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not (folder / "train").exists()
    assert next(folder.glob(".train.partial-*/before/manifest.json")).read_bytes() == content
    assert add_further(folder, PLAN, BENCH).made > 0
    assert list(folder.glob(".*")) == []


def test_what_fails_between_the_old_part_and_the_new_puts_the_old_one_back(folder: Path) -> None:
    content = (folder / "train" / "manifest.json").read_bytes()

    def end() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        killed_between(folder, end)
    assert (folder / "train" / "manifest.json").read_bytes() == content
    assert list(folder.glob(".*")) == []
