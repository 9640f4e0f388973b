"""A frozen set as a folder: its parts, what was true when it was frozen, preferences of those corrections, the same bytes for good, read back part by part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from annotations import erasing, opinions
from annotations.bringing.importing import Importer
from annotations.datasets import export_dataset
from annotations.desk import Desk
from annotations.folders import MANIFEST
from annotations.formats import EXCHANGES, FORMATS, PAIR_FORMATS, VERDICT_FORMATS
from annotations.freezing.sets import Datasets
from annotations.store import FILE, Store
from core import sft
from core.errors import ExportError, NotFound
from core.frames import Vault
from core.profile import read
from core.schema import Risk
from core.settings import ASSETS
from tests import makers
from tests.makers import assessment, correction, jpeg

BENCH, CORRIDOR = (read(ASSETS / "profiles" / f"{name}.toml") for name in ("bench", "corridor"))
FRAMES = 24


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data" / FILE) as made:
        yield made


@pytest.fixture
def ids(store: Store, tmp_path: Path) -> list[str]:
    """Frames that a machine judged and a person corrected, frozen as "first"."""
    desk = Desk(store, Vault(tmp_path / "data"), BENCH, clock=lambda: makers.NOON)
    made = []
    for number in range(FRAMES):
        frame = desk.receive(jpeg(64 + number, 48, rects=[((1, 1, 3 + number, 9), "navy")]), f"{number}.jpg", by="lin")
        with store.writing() as connection:
            opinions.add_assessment(connection, assessment(frame), uncertainty=0.5, at=makers.NOON, by="lin")
        desk.correct(correction(frame))
        made.append(frame.id)
    Datasets(store, Vault(tmp_path / "data"), BENCH, clock=lambda: makers.NOON).freeze("first", by="boss")
    return made


def exported(store: Store, tmp_path: Path, out: str = "out", **more: Any) -> Path:
    return export_dataset(store, Vault(tmp_path / "data"), BENCH, "first", tmp_path / out, family="qwen3-vl", **more).folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def about(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
    return found


def test_every_part_is_a_training_set_of_its_own_with_preferences(store: Store, ids: list[str], tmp_path: Path) -> None:
    out = exported(store, tmp_path)
    whole = about(out)
    known = Datasets(store, Vault(tmp_path / "data"), BENCH).one("first")
    assert (whole["made_by"], whole["dataset"], whole["erased"]) == ("gembalens", {"name": "first", "digest": known.digest}, 0)
    assert whole["parts"] == {"train": 0, "validation": 0, "test": 0, **known.parts}
    assert sorted(whole["frames"]) == sorted(ids)
    seen: set[str] = set()
    for part, frames in known.parts.items():
        assert (out / part).is_dir() == (frames > 0)
        if not frames:
            continue
        told = about(out / part)
        assert (told["part"], told["counts"]["written"], len(told["frames"])) == (part, frames, frames)
        assert {frame: whole["frames"][frame]["part"] for frame in told["frames"]} == dict.fromkeys(told["frames"], part)
        for name, form in FORMATS.items():
            assert [each.frame_id for each in form.read(out / part)] == sorted(told["frames"]), name
        for name, pairs in PAIR_FORMATS.items():
            assert {each.frame_id for each in pairs.read(out / part)} == set(told["frames"]), name
        for verdicts in VERDICT_FORMATS.values():
            assert {each.frame_id for each, good in verdicts.read(out / part) if not good} == set(told["frames"])
        chosen = {each.frame_id: each.chosen for each in sft.pairs(out / part)}
        assert chosen == {each.frame_id: each.answer for each in sft.samples(out / part)}
        assert dict(sft.scenes(out / part)) == {frame: each["scene"] for frame, each in told["frames"].items()}
        seen |= set(told["frames"])
    assert seen == set(ids)


def test_what_is_said_after_the_freezing_changes_nothing(store: Store, ids: list[str], tmp_path: Path) -> None:
    before = files(exported(store, tmp_path, "before"))
    desk = Desk(store, Vault(tmp_path / "data"), BENCH, clock=lambda: makers.NOON)
    desk.correct(correction(ids[0], saw_revision=1, findings=(), risk=Risk("high", said_by="person")))
    desk.correct(correction(ids[1], saw_revision=1, verdict="cannot_tell"))
    desk.bin(ids[2], "blurred", by="boss")
    assert files(exported(store, tmp_path, "after")) == before


def test_an_erased_frame_is_missing_and_the_manifest_says_so(store: Store, ids: list[str], tmp_path: Path) -> None:
    data = tmp_path / "data"
    out = exported(store, tmp_path, "data/exports/first")
    done = erasing.erase_frames(store, Vault(data).remove, data, [ids[0]], by="boss", why="asked for", at=makers.NOON)
    assert done.exports == ("first",)
    assert not out.exists()
    again = about(exported(store, tmp_path))
    assert (again["erased"], len(again["frames"]), ids[0] in again["frames"]) == (1, FRAMES - 1, False)


@pytest.mark.parametrize("formats", [["sft_parts"], ["cvat"]], ids=str)
def test_all_parts_come_back(store: Store, ids: list[str], tmp_path: Path, formats: list[str]) -> None:
    out = exported(store, tmp_path, formats=formats)
    with Store(tmp_path / "second" / FILE) as second:
        done = Importer(second, Vault(tmp_path / "second"), BENCH, by="boss").bring_in(out)
    assert (done.new, done.corrections, done.refused) == (FRAMES, FRAMES, 0), done.reasons


def test_a_card_names_the_splits_for_hugging_face(store: Store, ids: list[str], tmp_path: Path) -> None:
    out = exported(store, tmp_path, formats=["parquet"])
    card = (out / "README.md").read_text("utf-8")
    for part, frames in about(out)["parts"].items():
        assert (f"path: {part}/{EXCHANGES['parquet'].file}" in card) == (frames > 0)


def test_what_cannot_be_exported_is_said(store: Store, ids: list[str], tmp_path: Path) -> None:
    vault = Vault(tmp_path / "data")
    with pytest.raises(NotFound):
        export_dataset(store, vault, BENCH, "second", tmp_path / "out")
    with pytest.raises(ExportError, match="in the words of the profile bench"):
        export_dataset(store, vault, CORRIDOR, "first", tmp_path / "out")
    with pytest.raises(ExportError, match='"gpt" cannot be exported'):
        export_dataset(store, vault, BENCH, "first", tmp_path / "out", family="gpt")
    assert not (tmp_path / "out").exists()
