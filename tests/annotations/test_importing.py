"""Importing: a record comes back as it was, both ways of writing agree, nobody is overwritten, and what cannot be taken is refused whole with its place."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from annotations import opinions
from annotations.bringing.importing import Imported, Importer
from annotations.datasets import export_sft
from annotations.formats import records
from annotations.store import FILE, Store
from core.errors import Malformed
from core.frames import Limits, Vault, admit
from core.profile import read
from core.schema import Finding, Reply, Risk, Step, Value
from core.settings import ASSETS
from tests.annotations.keeping import broken_folder
from tests.makers import BOLT, NOON, assessment, correction, jpeg

PROFILE = read(ASSETS / "profiles" / "bench.toml")


@dataclass(frozen=True)
class Place:
    """A data folder with its record and its vault."""

    data: Path
    store: Store
    vault: Vault

    def bring_in(self, source: Path, **more: Any) -> Imported:
        return Importer(self.store, self.vault, PROFILE, "boss", clock=lambda: NOON + timedelta(days=1), **more).bring_in(source)

    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in records.lines(self.store)]


@pytest.fixture
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Place]:
    def opened(name: str) -> Place:
        data = tmp_path / name
        store = Store(data / FILE)
        request.addfinalizer(store.close)
        return Place(data, store, Vault(data))

    return opened


def fill(place: Place, frames: int = 4) -> None:
    """Frames of every kind: untouched, assessed by two machines, corrected once and three times, one nobody could tell."""
    with place.store.writing() as connection:
        for number in range(frames):
            content = jpeg(64 + number, 48)
            frame = admit(content, f"锤子 {number}.jpg", limits=Limits(), source="upload", now=NOON + timedelta(hours=number * 7))
            place.vault.put(content)
            opinions.add_frame(connection, frame, by="lin")
            if number % 4 == 0:
                continue
            said = assessment(
                frame, reply=Reply("{}", "scripted:0", "prompt", 0.5, others=("{} ",), host="gpu:1"), missed={"findings": 0.25}
            )
            opinions.add_assessment(connection, said, uncertainty=0.5, at=NOON, by="lin")
            silent = assessment(frame, model="second", reply=None, risk=Risk(None), findings=())
            opinions.add_assessment(connection, silent, uncertainty=0.75, at=NOON + timedelta(days=number))
            for seen in range((0, 1, 3)[number % 3]):
                told = correction(frame, saw_revision=seen, author=f"person {seen}", note="=1+1 锤子" if seen else "")
                told = replace(told, verdict="cannot_tell") if seen == 1 else told
                opinions.add_correction(connection, told, at=NOON + timedelta(days=seen))


def folder_of(place: Place, folder: Path) -> Path:
    """The record as a folder that can be imported."""
    (folder / "frames").mkdir(parents=True)
    with (folder / records.FILE).open("wb") as file:
        file.writelines(records.lines(place.store))
    for line in place.lines():
        (folder / line["file"]).write_bytes(place.vault.get(line["frame"]["id"]))
    return folder


def test_a_record_comes_back_whole_and_sound(opened: Callable[[str], Place], tmp_path: Path) -> None:
    first, second = opened("first"), opened("second")
    fill(first, 12)
    done = second.bring_in(folder_of(first, tmp_path / "folder"))
    assert second.lines() == first.lines()
    written = [len(line["assessments"]) for line in first.lines()], [len(line["corrections"]) for line in first.lines()]
    assert (done.new, done.known, done.refused, done.assessments, done.corrections) == (12, 0, 0, sum(written[0]), sum(written[1]))
    second.store.close()
    assert broken_folder(second.data) == []


def test_frames_that_come_together_are_written_as_the_verbs_write_them_one_by_one(opened: Callable[[str], Place], tmp_path: Path) -> None:
    """The same folder into an empty record, and into one that knows the pictures already."""
    first, together, one_by_one = opened("first"), opened("together"), opened("one by one")
    fill(first, 8)
    folder = folder_of(first, tmp_path / "folder")
    with one_by_one.store.writing() as connection:
        for line in first.lines():
            content = one_by_one.vault.put((folder / line["file"]).read_bytes())
            frame = admit(
                one_by_one.vault.get(content), line["frame"]["name"], limits=Limits(), source="import", now=NOON + timedelta(days=1)
            )
            opinions.add_frame(connection, frame, by="boss")
    assert together.bring_in(folder).new == one_by_one.bring_in(folder).known == 8
    for table in ("frame_states", "tally_days", "tally_states", "tally_pairs", "assessments", "corrections", "replies", "texts"):
        asked = f"SELECT * FROM {table} ORDER BY 1, 2, 3"
        with together.store.reading() as a, one_by_one.store.reading() as b:
            both = [[tuple(row) for row in connection.execute(asked)] for connection in (a, b)]
        if table == "tally_states":
            both = [[row for row in rows if row[2]] for rows in both]  # the verbs leave a state that nobody is in any more
        if table == "texts":
            both = [sorted(row[1:] for row in rows) for rows in both]  # in another order
        assert both[0] == both[1], table
        assert both[0]


def test_an_import_overwrites_nobody_and_can_be_done_again(opened: Callable[[str], Place], tmp_path: Path) -> None:
    first, second = opened("first"), opened("second")
    fill(first)
    folder = folder_of(first, tmp_path / "folder")
    second.bring_in(folder)
    before = second.lines()
    again = second.bring_in(folder)
    assert second.lines() == before
    assert (again.new, again.known, again.assessments, again.corrections) == (0, 4, 0, 0)
    assert set(again.left_out) == {"a machine had said it already", "corrected here already"}
    second.store.close()
    assert broken_folder(second.data) == []


def line_of(place: Place, number: int = 1) -> dict[str, Any]:
    return place.lines()[number]


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another format": (lambda line: line.update(format="gembalens.record/9"), "format"),
    "no frame": (lambda line: line.pop("frame"), "frame"),
    "an id that is none": (lambda line: line["frame"].update(id="../../x"), "id"),
    "an id of other bytes": (lambda line: line["frame"].update(id="0" * 64), "is not the picture"),
    "another size": (lambda line: line["frame"].update(width=10), "another size"),
    "a size that is a word": (lambda line: line["frame"].update(width="10"), "Expected `int`"),
    "a box outside": (lambda line: line["corrections"][0]["said"]["findings"][0].update(box=[0, 0, 2, 1]), "not a box inside"),
    "a box of three": (lambda line: line["corrections"][0]["said"]["findings"][0].update(box=[0, 0, 1]), "array"),
    "a confidence of 7": (lambda line: line["assessments"][0]["said"]["findings"][0].update(confidence=7), "confidence"),
    "a label of nowhere": (lambda line: line["corrections"][0]["said"]["findings"][0].update(label="dragon"), '"dragon" is no label'),
    "a tool of nowhere": (lambda line: line["corrections"][0]["said"]["step"]["tool"].update(value="wand"), '"wand" is no tool'),
    "a hazard of nowhere": (lambda line: line["corrections"][0]["said"]["violations"][0].update(hazard="curse"), "no hazard"),
    "a level of nowhere": (lambda line: line["corrections"][0]["said"]["risk"].update(level="extreme"), "no risk level"),
    "a verdict of nowhere": (lambda line: line["corrections"][0].update(verdict="fine"), "verdict"),
    "no author": (lambda line: line["corrections"][0].update(author=""), "author"),
    "a time without a zone": (lambda line: line["corrections"][0].update(at="2026-01-01T00:00:00"), "no zone"),
    "a time that is none": (lambda line: line["assessments"][0].update(at="soon"), "isoformat"),
    "negative seconds": (lambda line: line["corrections"][0].update(active_seconds=-1), "active_seconds"),
    "an uncertainty of 2": (lambda line: line["assessments"][0].update(uncertainty=2), "uncertainty"),
    "a picture above the folder": (lambda line: line.update(file="../secret.jpg"), "not in the folder"),
    "a picture by its whole path": (lambda line: line.update(file="/etc/hostname"), "not in the folder"),
    "a picture behind a link": (lambda line: line.update(file="frames/link.jpg"), "not in the folder"),
    "a picture with no name": (lambda line: line.update(file="frames/\0.jpg"), "not in the folder"),
    "a folder for a picture": (lambda line: line.update(file="frames"), "not in the folder"),
    "a missing picture": (lambda line: line.update(file="frames/none.jpg"), "not in the folder"),
    "a text for a picture": (lambda line: line.update(file="records.jsonl"), "is not the picture"),
}


@pytest.mark.parametrize(("spoil", "reason"), WRONG.values(), ids=WRONG)
def test_a_line_that_cannot_be_taken_is_refused_whole_and_the_others_go_on(
    opened: Callable[[str], Place], tmp_path: Path, spoil: Callable[[dict[str, Any]], object], reason: str
) -> None:
    first, second = opened("first"), opened("second")
    fill(first)
    folder = folder_of(first, tmp_path / "folder")
    (tmp_path / "secret.jpg").write_bytes(jpeg(99, 99))
    (folder / "frames" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    lines = first.lines()
    spoil(lines[2])
    (folder / records.FILE).write_bytes(b"\n".join(orjson.dumps(line) for line in lines))
    done = second.bring_in(folder)
    assert (done.new, done.refused) == (3, 1)
    assert done.reasons[0].startswith("records.jsonl, line 3: ")
    assert reason in done.reasons[0]
    assert second.lines() == [line for number, line in enumerate(first.lines()) if number != 2]
    second.store.close()
    assert broken_folder(second.data) == []


HOSTILE: dict[str, bytes] = {
    "10,000 deep": b'{"format": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "10,000 objects deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "NaN": b'{"format": NaN}',
    "UTF-16": '{"format": "gembalens.record/1"}'.encode("utf-16"),
    "Latin-1": '{"format": "\u00fc"}'.encode("latin-1"),
    "a byte order mark": b'\xef\xbb\xbf{"format": "gembalens.record/1"}',
    "half a line": b'{"format": "gembalens.rec',
    "a pickle": b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix",
    "a page": b"<!DOCTYPE html><script>alert(1)</script>",
    "YAML that runs": b"!!python/object/apply:os.system ['true']",
    "a number without an end": b"1" * 100_000,
    "nothing but zeros": b"\0" * 100_000,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", [records.FILE, "coco.json"])
def test_what_is_no_file_of_ours_is_refused_quickly_with_file_and_reason(
    opened: Callable[[str], Place], tmp_path: Path, content: bytes, name: str
) -> None:
    place, folder = opened("data"), tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_bytes(content)
    began = time.process_time()
    if name == records.FILE:
        done = place.bring_in(folder)
        assert (done.new, done.refused) == (0, content.count(b"\n") + 1)
        assert done.reasons[0].startswith("records.jsonl, line 1: ")
    else:
        with pytest.raises(Malformed, match=r"^coco\.json: this is no COCO file"):
            place.bring_in(folder)
    assert time.process_time() - began < 2
    assert place.lines() == []


@pytest.mark.parametrize(("name", "said"), [(records.FILE, "longer than 4 MiB"), ("coco.json", "larger than 64 MiB")])
def test_a_line_of_a_hundred_megabytes_is_refused_without_being_read(
    opened: Callable[[str], Place], tmp_path: Path, name: str, said: str
) -> None:
    place, folder = opened("data"), tmp_path / "folder"
    folder.mkdir()
    with (folder / name).open("wb") as file:
        os.truncate(file.fileno(), 100 * 2**20)
    began = time.process_time()
    with pytest.raises(Malformed, match=said):
        place.bring_in(folder)
    assert time.process_time() - began < 2


def coco(**more: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}, {"id": 2, "file_name": "b.jpg", "width": 64, "height": 48}],
        "categories": [{"id": 7, "name": "Hammer"}, {"id": 8, "name": "螺栓"}],
        "annotations": [
            {"image_id": 1, "category_id": 7, "bbox": [10, 5, 20, 10], "area": 200, "segmentation": []},
            {"image_id": 1, "category_id": 8, "bbox": [50, 25, 50.5, 25], "score": 0.75},
        ],
        **more,
    }


def coco_folder(folder: Path, said: dict[str, Any], **pictures: bytes) -> Path:
    folder.mkdir()
    for name, content in {"a": jpeg(100, 50), "b": jpeg(64, 48), **pictures}.items():
        (folder / f"{name}.jpg").write_bytes(content)
    (folder / "instances.json").write_text(json.dumps(said), "utf-8")
    return folder


def test_coco_boxes_are_peoples_and_those_with_a_score_a_machines(opened: Callable[[str], Place], tmp_path: Path) -> None:
    place = opened("data")
    done = place.bring_in(coco_folder(tmp_path / "coco", coco()))
    assert (done.new, done.assessments, done.corrections, done.refused) == (2, 1, 1, 0)
    first, second = place.lines()
    told, said = first["corrections"][0], first["assessments"][0]
    assert (told["author"], told["verdict"], told["note"]) == ("boss", "reviewed", "COCO: instances.json")
    assert [(f["label"], f["box"], f["said_by"]) for f in told["said"]["findings"]] == [("hammer", [0.1, 0.1, 0.3, 0.3], "person")]
    assert [(f["label"], f["box"], f["confidence"]) for f in said["said"]["findings"]] == [("bolt", [0.5, 0.5, 1.0, 1.0], 0.75)]
    assert (said["model"], said["reply"]) == ("imported:instances.json", None)
    assert (second["assessments"], second["corrections"]) == ([], []), "no box says nothing; it is not a frame with nothing in it"
    place.store.close()
    assert broken_folder(place.data) == []


COCO_WRONG: dict[str, tuple[dict[str, Any], dict[str, bytes], str]] = {
    "a box outside": (
        {"annotations": [{"image_id": 1, "category_id": 7, "bbox": [90, 5, 20, 10]}]},
        {},
        "annotations[0]: the box [90.0, 5.0, 20.0, 10.0] lies outside",
    ),
    "a box without area": ({"annotations": [{"image_id": 1, "category_id": 7, "bbox": [9, 5, 0, 10]}]}, {}, "has no area"),
    "a crowd": ({"annotations": [{"image_id": 1, "category_id": 7, "bbox": [9, 5, 1, 10], "iscrowd": 1}]}, {}, "a crowd"),
    "another size": ({}, {"a": jpeg(50, 100)}, "has 50 x 100 pixels and not 100 x 50"),
    "a frame that lies on its side": ({}, {"a": jpeg(100, 50, exif_orientation=6)}, "has 50 x 100 pixels and not 100 x 50"),
    "a damaged picture": ({}, {"a": jpeg(100, 50)[:500]}, "a.jpg"),
    "no picture": ({}, {"a": b"<svg/>"}, "Frames are JPEG, PNG or WebP"),
}


@pytest.mark.parametrize(("more", "pictures", "reason"), COCO_WRONG.values(), ids=COCO_WRONG)
def test_a_coco_frame_that_cannot_be_taken_is_refused_whole(
    opened: Callable[[str], Place], tmp_path: Path, more: dict[str, Any], pictures: dict[str, bytes], reason: str
) -> None:
    place = opened("data")
    done = place.bring_in(coco_folder(tmp_path / "coco", coco(**more), **pictures))
    assert (done.new, done.refused) == (1, 1)
    assert reason in done.reasons[0]
    assert "instances.json" in done.reasons[0]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"categories": [{"id": 7, "name": "cat"}, {"id": 8, "name": "bolt"}]}, "no label of the profile bench: cat"),
        ({"categories": []}, "number 7, number 8"),
        ({"annotations": [{"image_id": 9, "category_id": 7, "bbox": [1, 1, 1, 1]}]}, r"annotations\[0\]: there is no image 9"),
        ({"images": [{"id": 1, "file_name": "a.jpg", "width": 1, "height": 1}] * 2}, "the same id"),
        ({"images": {}}, "Expected `array`"),
    ],
    ids=["a label of nowhere", "no categories", "no such image", "two of one id", "no list"],
)
def test_a_coco_file_that_makes_no_sense_is_refused_before_anything_is_taken(
    opened: Callable[[str], Place], tmp_path: Path, more: dict[str, Any], reason: str
) -> None:
    place = opened("data")
    with pytest.raises(Malformed, match=reason):
        place.bring_in(coco_folder(tmp_path / "coco", coco(**more)))
    assert place.lines() == []


@pytest.mark.parametrize("formats", [["sft_tag"], ["sft_parts"], ["sft_qwen"]], ids=str)
@pytest.mark.parametrize("family", ["compact", "qwen2.5-vl"])
def test_a_training_set_of_ours_comes_back_as_what_people_said(
    opened: Callable[[str], Place], tmp_path: Path, formats: list[str], family: str
) -> None:
    first, second = opened("first"), opened("second")
    content = jpeg(560, 420)
    frame = admit(content, "bench.jpg", limits=Limits(), now=NOON)
    first.vault.put(content)
    step = Step(*(Value(value, None, "person") for value in ("hammer", "bolt", "strike", "work")))
    with first.store.writing() as connection:
        opinions.add_frame(connection, frame, by="lin")
        told = correction(frame, findings=(Finding("bolt", BOLT.box, said_by="person"),), step=step, violations=())
        opinions.add_correction(connection, told, at=NOON)
    export_sft(first.store, first.vault, PROFILE, tmp_path / "set", family=family, formats=formats)
    done = second.bring_in(tmp_path / "set")
    assert (done.new, done.corrections, done.refused) == (1, 1, 0), done.reasons
    said = second.lines()[0]["corrections"][0]["said"]
    assert [f["label"] for f in said["findings"]] == ["bolt"]
    assert BOLT.box is not None
    assert said["findings"][0]["box"] == pytest.approx(list(BOLT.box.xyxy), abs=0.003)
    assert {name: value["value"] for name, value in said["step"].items()} == dict(
        zip(("tool", "part", "action", "phase"), ("hammer", "bolt", "strike", "work"), strict=True)
    )
    assert said["risk"]["level"] == "low"


def test_a_folder_with_nothing_of_the_kind_says_what_is_looked_for(opened: Callable[[str], Place], tmp_path: Path) -> None:
    for folder in (tmp_path / "empty", tmp_path / "nowhere"):
        if folder.name == "empty":
            folder.mkdir()
        with pytest.raises(Malformed, match=r"holds no records\.jsonl, no training set of ours and not exactly one COCO file"):
            opened(f"data of {folder.name}").bring_in(folder)


def test_an_import_stands_in_the_audit_with_who_brought_it(opened: Callable[[str], Place], tmp_path: Path) -> None:
    place = opened("data")
    place.bring_in(coco_folder(tmp_path / "coco", coco()))
    with place.store.reading() as connection:
        row = connection.execute("SELECT who, subject, after FROM audit WHERE action = 'imported'").fetchone()
    assert (row["who"], row["subject"], orjson.loads(row["after"])["new"]) == ("boss", "coco", 2)
