"""A training set: only what a person stands behind, all else counted by reason, boxes true to the pixel, the same bytes each time, whole or not there."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image

from annotations import datasets
from annotations.desk import Desk
from annotations.formats import FORMATS
from annotations.store import Store
from core.errors import ExportError
from core.frames import Vault
from core.geometry import FAMILIES, from_model, smart_resize
from core.parsing import parse_reply
from core.profile import read
from core.prompts import build
from core.schema import Box, Correction, Finding, Frame, Risk, Step, Value, Violation
from core.settings import ASSETS
from tests import makers
from tests.makers import correction, jpeg
from ui.texts import LANGUAGES, Texts

BENCH = read(ASSETS / "profiles" / "bench.toml")
CORRIDOR = read(ASSETS / "profiles" / "corridor.toml")
DONE = correction().step
NOTHING: dict[str, Any] = {"findings": (), "violations": (), "risk": Risk("none", said_by="person")}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Store(tmp_path / "data" / "record.sqlite3") as store:
        yield Desk(store, Vault(tmp_path / "data"), BENCH, clock=lambda: makers.NOON)


def taken(desk: Desk, number: int = 0, *, width: int = 64, height: int = 48, orientation: int | None = None) -> Frame:
    content = jpeg(width, height, rects=[((1, 1, 3 + number % 50, 9), "navy")], exif_orientation=orientation)
    return desk.receive(content, f"{number}.jpg", by="lin")


def manifest(folder: Path) -> dict[str, object]:
    found: dict[str, object] = orjson.loads((folder / "manifest.json").read_bytes())
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (correction(), None),
        (correction(**NOTHING), None),
        (correction(verdict="cannot_tell"), datasets.CANNOT_TELL),
        (correction(findings=(Finding("hammer", Box(0.1, 0.1, 0.2, 0.2)),)), datasets.UNCONFIRMED),
        (correction(step=Step(DONE.tool, DONE.part, DONE.action, Value("work"))), datasets.UNCONFIRMED),
        (correction(violations=(Violation("tool_at_edge", "low"),)), datasets.UNCONFIRMED),
        (correction(risk=Risk("low")), datasets.UNCONFIRMED),
        (correction(step=Step(DONE.tool, DONE.part, DONE.action, Value(None, said_by="person"))), datasets.INCOMPLETE),
        (correction(step=Step(DONE.tool, DONE.part, DONE.action)), datasets.INCOMPLETE),
        (correction(risk=Risk(None, said_by="person")), datasets.INCOMPLETE),
        (correction(findings=(Finding("e_bike", Box(0, 0, 1, 1), said_by="person"),)), datasets.ANOTHER_PROFILE),
        (correction(step=replace(DONE, action=Value("cook", said_by="person"))), datasets.ANOTHER_PROFILE),
        (correction(violations=(Violation("blocked_way", "low", said_by="person"),)), datasets.ANOTHER_PROFILE),
        (correction(risk=Risk("extreme", said_by="person")), datasets.ANOTHER_PROFILE),
        (correction(verdict="cannot_tell", findings=(Finding("e_bike", said_by="person"),)), datasets.CANNOT_TELL),
    ],
    ids=[
        "full",
        "nothing here",
        "cannot tell",
        "box",
        "field",
        "violation",
        "risk",
        "emptied field",
        "empty field",
        "no level",
        "foreign label",
        "foreign action",
        "foreign hazard",
        "foreign level",
        "cannot tell a foreign label",
    ],
)
def test_only_what_a_person_stands_behind_may_teach(told: Correction, reason: str | None) -> None:
    assert datasets.why_not(told, BENCH) == reason


def test_a_frame_of_which_the_profile_does_not_speak_may_teach_that() -> None:
    label = CORRIDOR.not_applicable[0]
    told = correction(findings=(Finding(label, said_by="person"),), step=Step(), violations=(), risk=Risk(None, said_by="person"))
    assert datasets.why_not(told, CORRIDOR) is None


@pytest.mark.parametrize(
    "more", [{}, {"findings": (), "violations": (), "risk": Risk("none", said_by="person")}], ids=["with boxes", "nothing but a step"]
)
def test_what_was_judged_for_one_profile_teaches_no_other(desk: Desk, tmp_path: Path, more: dict[str, Any]) -> None:
    desk.correct(correction(taken(desk), **more))
    assert desk.export_sft(tmp_path / "bench").written == 1
    desk.profile = CORRIDOR
    report = desk.export_sft(tmp_path / "corridor")
    assert (report.written, report.left_out) == (0, {"another profile": 1})
    assert list(desk.reviewed()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_words(language: str) -> None:
    told = Texts(language).starting("dashboard.data.reason.")
    assert {key.removeprefix("dashboard.data.reason.").replace("_", " ") for key in told} == set(datasets.REASONS)


def test_every_frame_is_written_or_counted_with_its_reason(desk: Desk, tmp_path: Path) -> None:
    frames = [taken(desk, number) for number in range(9)]
    told = {
        1: correction(frames[1]),
        2: correction(frames[2], **NOTHING),
        3: correction(frames[3], verdict="cannot_tell"),
        4: correction(frames[4], risk=Risk("low")),
        5: correction(frames[5], step=Step()),
        6: correction(frames[6]),
        7: correction(frames[7]),
        8: correction(frames[8]),
    }
    for each in told.values():
        desk.correct(each)
    desk.correct(correction(frames[8], saw_revision=1, verdict="cannot_tell"))  # the latest word counts
    place = tmp_path / "data" / "frames"
    (place / frames[6].id[:2] / frames[6].id).unlink()
    (place / frames[7].id[:2] / frames[7].id).write_bytes(b"\xff\xd8\xff damaged")
    report = desk.export_sft(tmp_path / "out")
    assert report.written == 2
    assert report.left_out == {"not reviewed": 1, "cannot tell": 2, "unconfirmed": 1, "incomplete": 1, "unreadable": 2}
    assert report.written + sum(report.left_out.values()) == len(frames)
    about = manifest(report.folder)
    assert about["counts"] == {"frames": 9, "written": 2, "left_out": report.left_out}
    assert about["unreadable"] == sorted([frames[6].id, frames[7].id])
    for name in FORMATS:
        assert [sample.frame_id for sample in FORMATS[name].read(report.folder)] == sorted([frames[1].id, frames[2].id])


def test_a_reviewed_nothing_here_is_exported_as_such(desk: Desk, tmp_path: Path) -> None:
    frame = taken(desk)
    none = Value("none", said_by="person")
    desk.correct(correction(frame, **NOTHING, step=Step(none, none, none, Value("idle", said_by="person"))))
    report = desk.export_sft(tmp_path / "out")
    (sample,) = FORMATS["sft_tag"].read(report.folder)
    assert orjson.loads(sample.answer) == {
        "findings": [],
        "tool": "none",
        "part": "none",
        "action": "none",
        "phase": "idle",
        "violations": [],
        "risk": "none",
    }


SIZES = [(640, 480), (480, 640), (1280, 720), (1999, 133), (97, 771), (31, 29), (1920, 1080), (4000, 3000)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_box_comes_back_from_an_export_within_a_pixel_of_its_image_or_half_a_step_of_its_grid(
    desk: Desk, tmp_path: Path, family: str
) -> None:
    dice = random.Random(11)
    boxes: dict[str, list[Box]] = {}
    for number, (width, height) in enumerate(SIZES):
        frame = taken(desk, number, width=width, height=height, orientation=dice.choice((None, 3, 6, 8)))
        boxes[frame.id] = [some_box(dice) for _ in range(12)]
        found = tuple(Finding("hammer", box, said_by="person") for box in boxes[frame.id])
        desk.correct(correction(frame, findings=found))
    report = desk.export_sft(tmp_path / "out", family=family)
    fmt, tried = FAMILIES[family], 0
    for sample in FORMATS["sft_parts"].read(report.folder):
        back = parse_reply(sample.answer, BENCH, fmt, (sample.width, sample.height))
        assert back.dropped == ()
        assert len(back.findings) == 12
        before = sorted(boxes[sample.frame_id], key=lambda box: box.xyxy)
        for box, finding in zip(before, back.findings, strict=True):
            assert finding.box is not None
            for side, (was, now) in enumerate(zip(box.xyxy, finding.box.xyxy, strict=True)):
                pixels = (sample.width, sample.height)[side % 2]
                assert abs(was - now) <= (fmt.step / 2 / fmt.scale if fmt.scale else 1 / pixels) + 1e-9
                tried += 1
    assert tried == len(SIZES) * 12 * 4


def some_box(dice: random.Random) -> Box:
    x0, y0 = dice.uniform(0, 0.8), dice.uniform(0, 0.8)
    return Box(x0, y0, x0 + dice.uniform(0.1, 1 - x0), y0 + dice.uniform(0.1, 1 - y0))


def test_frames_for_a_pixel_family_have_its_size_and_its_boxes_are_pixels_of_the_file(desk: Desk, tmp_path: Path) -> None:
    frame = taken(desk, width=1920, height=1080)
    box = Box(0.25, 0.5, 0.75, 1.0)
    desk.correct(correction(frame, findings=(Finding("hammer", box, said_by="person"),)))
    report = desk.export_sft(tmp_path / "out", family="qwen2.5-vl")
    (sample,) = FORMATS["sft_qwen"].read(report.folder)
    size = smart_resize((1920, 1080))
    assert (sample.width, sample.height) == size == smart_resize(size)
    width, height = size
    written = orjson.loads(sample.answer)["findings"][0]["box"]
    assert written == [round(width / 4), round(height / 2), round(width * 3 / 4), height]
    assert from_model(written, FAMILIES["qwen2.5-vl"], size).xyxy == pytest.approx(box.xyxy, abs=1 / min(size))


@pytest.mark.parametrize("family", ["qwen2.5-vl", "qwen3-vl"])
def test_frames_leave_upright_and_without_metadata(desk: Desk, tmp_path: Path, family: str) -> None:
    picture = makers.picture(120, 60, rects=[((0, 0, 60, 60), "red")])
    tags = makers.exif(6, "2023:11:02 14:59:43", Make="SECRETCAM", Artist="SECRETNAME")
    frame = desk.receive(makers.encoded(picture, exif=tags.tobytes(), comment=b"SECRETNOTE", quality=95), "a.jpg", by="lin")
    desk.correct(correction(frame))
    report = desk.export_sft(tmp_path / "out", family=family)
    (sample,) = FORMATS["sft_tag"].read(report.folder)
    content = (report.folder / sample.image).read_bytes()
    assert b"SECRET" not in content
    with Image.open(io.BytesIO(content)) as leaving:
        assert len(leaving.getexif()) == 0
        assert leaving.width < leaving.height  # orientation 6 stands it up: red is above
        red, grey = leaving.getpixel((leaving.width // 2, 5)), leaving.getpixel((leaving.width // 2, leaving.height - 5))
    assert isinstance(red, tuple)
    assert isinstance(grey, tuple)
    assert (red[0] > 200, red[2] < 60, grey[2] > 150) == (True, True, True)


def test_the_same_record_gives_the_same_bytes(desk: Desk, tmp_path: Path) -> None:
    for number in range(7):
        frame = taken(desk, number, width=64 + number, height=48)
        if number % 3:
            desk.correct(correction(frame))
    first, second = desk.export_sft(tmp_path / "first"), desk.export_sft(tmp_path / "second")
    assert (first.files, first.written, first.left_out) == (second.files, second.written, second.left_out)
    once, again = files(first.folder), files(second.folder)
    assert once == again
    assert len(once) == len(FORMATS) + 2 + 4  # with the loader's file, the manifest; four frames
    assert files(desk.export_sft(tmp_path / "first").folder) == once


def test_the_manifest_tells_what_a_trainer_must_know_and_every_hash_is_true(desk: Desk, tmp_path: Path) -> None:
    frame = taken(desk, width=640, height=480)
    desk.correct(correction(frame))
    desk.correct(correction(frame, saw_revision=1))
    report = desk.export_sft(tmp_path / "out", family="qwen2.5-vl")
    about = orjson.loads((report.folder / "manifest.json").read_bytes())
    prompt = build(BENCH, "full", FAMILIES["qwen2.5-vl"])
    assert (about["schema_id"], about["prompt_id"]) == (prompt.schema_id, prompt.id)
    assert about["profile"] == {"key": "bench", "version": BENCH.version}
    spoken = {"family": "qwen2.5-vl", "order": "xyxy", "unit": "pixels of the frame file", "scale": None, "max_pixels": 1003520}
    assert spoken.items() <= about["coordinates"].items()
    assert about["coordinates"]["step"] == 1
    assert "half a step" in about["coordinates"]["precision"]
    assert "image_max_pixels: 1003520" in about["coordinates"]["trainers_must"]
    assert about["frames"][frame.id]["revision"] == 2
    assert set(about["valid_for"]) == {form.file for form in FORMATS.values()}
    assert set(report.files) == {*about["files"], "manifest.json"}
    hashes = {name: entry["sha256"] for name, entry in about["files"].items()} | {f["image"]: f["sha256"] for f in about["frames"].values()}
    assert hashes == {name: sha256(content).hexdigest() for name, content in files(report.folder).items() if name != "manifest.json"}


def test_the_prompt_that_teaches_is_the_prompt_that_is_asked(desk: Desk, tmp_path: Path) -> None:
    desk.correct(correction(taken(desk)))
    for family, style in (("compact", "brief"), ("qwen3-vl", "full")):
        report = desk.export_sft(tmp_path / family, family=family, formats=["sft_tag"])
        (sample,) = FORMATS["sft_tag"].read(report.folder)
        assert sample.prompt == build(BENCH, style, FAMILIES[family]).text


def test_only_the_formats_that_were_asked_for_are_written(desk: Desk, tmp_path: Path) -> None:
    desk.correct(correction(taken(desk)))
    report = desk.export_sft(tmp_path / "out", formats=["sft_parts"])
    assert report.files == ("sft.parts.jsonl", "manifest.json")
    assert {name for name in files(report.folder) if "/" not in name} == set(report.files)


def test_a_record_without_reviews_gives_an_empty_set_that_says_why(desk: Desk, tmp_path: Path) -> None:
    taken(desk)
    report = desk.export_sft(tmp_path / "out")
    assert (report.written, report.left_out) == (0, {"not reviewed": 1})
    assert [FORMATS[name].read(report.folder) for name in FORMATS] == [()] * len(FORMATS)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [({"family": "gpt"}, '"gpt" cannot be exported'), ({"formats": ["powerpoint"]}, '"powerpoint" cannot be exported')],
)
def test_what_cannot_be_written_is_said_with_what_can(desk: Desk, tmp_path: Path, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ExportError, match=sentence):
        desk.export_sft(tmp_path / "out", **more)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_else_is_never_replaced(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="holds something"):
        desk.export_sft(out)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_and_an_earlier_export_are_replaced(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    desk.correct(correction(taken(desk, 1)))
    assert desk.export_sft(out).written == 1
    desk.correct(correction(taken(desk, 2)))
    assert desk.export_sft(out).written == 2
    assert len(list((out / "frames").iterdir())) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}  # nothing half done lies about


def test_an_export_that_breaks_off_leaves_nothing_and_what_was_there_stays(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    desk.correct(correction(taken(desk, 1)))
    before = files(desk.export_sft(out).folder)
    desk.profile = replace(BENCH, names={**BENCH.names, "en": "bench <image>"})  # found out when the frames are written already
    desk.correct(correction(taken(desk, 2)))
    with pytest.raises(ExportError, match="second frame"):
        desk.export_sft(out)
    assert files(out) == before
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}


def test_a_place_that_cannot_be_written_is_a_sentence(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match="could not be written"):
        desk.export_sft(tmp_path / "file" / "out")
