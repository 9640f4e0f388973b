"""The look through a set: an innocent one passes in every family, each of the twelve defects is found where it was planted, all at once, many lines quickly."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image

from annotations.datasets import export_dataset
from annotations.desk import Desk
from annotations.freezing.sets import Datasets
from annotations.store import FILE, Store
from core.errors import DatasetUnfit, Malformed
from core.frames import Vault
from core.geometry import FAMILIES, from_model
from core.preflight.checking import check, refuse
from core.preflight.defects import DEFECTS
from core.preflight.masks import IGNORED
from core.schema import Box, Sample
from tests.core.preflight.folders import BENCH, change_answer, change_line, change_manifest, images, keys, part, whole
from tests.makers import correction, encoded, jpeg, picture

LINE_2 = "train/sft.parts.jsonl, line 2"


@dataclass
class Letters:
    """Labels of a trainer whose tokens are characters; `begin`: from which of the answer's characters on it learns."""

    begin: int = 0

    def labels(self, sample: Sample) -> Sequence[int]:
        """The question is masked unless `begin` lies before the answer."""
        text = f"{sample.prompt}{sample.answer}<|im_end|>"
        first = len(sample.prompt) + (self.begin if sample.answer.find('"bolt"') > 0 and self.begin else 0)
        return [IGNORED] * first + [ord(letter) for letter in text[first:]]

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(map(chr, tokens))


def tags_of(line: dict[str, Any]) -> None:
    line["messages"][0]["content"].insert(0, {"type": "image"})


def renamed(about: dict[str, Any], frame_id: str, **more: object) -> None:
    about["frames"][frame_id] |= more


def doubled(train: Path) -> None:
    with (train / "sft.parts.jsonl").open("r+b") as file:
        lines = file.readlines()
        file.write(lines[1])


def leaked(train: Path) -> None:
    """The first frame of the test part, under another name in train."""
    theirs, ours = images(train.parent / "test")[0], images(train)[1]
    shutil.copy(theirs, ours)
    sha256 = next(iter(orjson.loads((train.parent / "test" / "manifest.json").read_bytes())["frames"].values()))["sha256"]
    change_manifest(train, lambda about: renamed(about, ours.stem, sha256=sha256))


def as_pixels(train: Path) -> None:
    """Boxes in pixels of frames of 2,000 pixels, in a family of thousandths."""
    for number in range(1, 5):
        change_answer(
            train,
            number,
            lambda said: (
                [f.update(box=[round(side * (2, 1.5)[n % 2]) for n, side in enumerate(f["box"])]) for f in said["findings"]] and None
            ),
        )


PLANTED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("missing", lambda train: images(train)[1].unlink(), LINE_2),
    "outside the folder": ("missing", lambda train: change_line(train, 2, lambda line: line.update(images=["../../a.jpg"])), LINE_2),
    "not in the manifest": ("missing", lambda train: change_manifest(train, lambda about: about["frames"].pop(images(train)[1].stem)), LINE_2),
    "no picture": ("unreadable", lambda train: images(train)[1].write_bytes(b"no picture"), LINE_2),
    "cut off": ("unreadable", lambda train: images(train)[1].write_bytes(images(train)[1].read_bytes()[:2000]), LINE_2),
    "another picture": ("unreadable", lambda train: images(train)[1].write_bytes(jpeg(640, 480, colour="red")), LINE_2),
    "more tags": ("tags", lambda train: change_line(train, 2, tags_of), LINE_2),
    "two frames": ("tags", lambda train: change_line(train, 2, lambda line: line["images"].append("frames/a.jpg")), LINE_2),
    "a tag in the text": ("tags", lambda train: change_line(train, 2, lambda line: line["messages"][0]["content"][1].update(text="<image>")), LINE_2),
    "a line is gone": ("tags", lambda train: (train / "sft.tag.jsonl").write_bytes(b""), "train/sft.tag.jsonl"),
    "no JSON": ("schema", lambda train: change_answer(train, 2, lambda said: '{"findings": ['), LINE_2),
    "another shape": ("schema", lambda train: change_line(train, 2, lambda line: {"text": "hello"}), LINE_2),
    "a key is gone": ("schema", lambda train: change_answer(train, 2, lambda said: said.pop("risk") and None), LINE_2),
    "a key too many": ("schema", lambda train: change_answer(train, 2, lambda said: said.update(comment="good")), LINE_2),
    "keys in another order": ("schema", lambda train: change_answer(train, 2, lambda said: said.update(findings=said.pop("findings"))), LINE_2),
    "a broken box": ("schema", lambda train: change_answer(train, 2, lambda said: said["findings"][0].update(box=[1, 2, 3])), LINE_2),
    "broken numbers": ("schema", lambda train: change_answer(train, 2, lambda said: said["findings"][0].update(box=[1.5, 2, 30, 40])), LINE_2),
    "findings are words": ("schema", lambda train: change_answer(train, 2, lambda said: said.update(findings=["hammer"])), LINE_2),
    "a violation twice": ("schema", lambda train: change_answer(train, 2, lambda said: said.update(violations=["tool_at_edge"] * 2)), LINE_2),
    "no answer": ("empty", lambda train: change_answer(train, 2, lambda said: "  "), LINE_2),
    "an answer of nothing": ("empty", lambda train: change_answer(train, 2, lambda said: "{}"), LINE_2),
    "nothing to learn": ("empty", lambda train: (train / "sft.parts.jsonl").write_bytes(b""), "train/sft.parts.jsonl"),
    "box outside": ("box", lambda train: change_answer(train, 2, lambda said: said["findings"][0].update(box=[10, 20, 1300, 400])), LINE_2),
    "box without size": ("box", lambda train: change_answer(train, 2, lambda said: said["findings"][0].update(box=[10, 20, 10, 400])), LINE_2),
    "box turned round": ("box", lambda train: change_answer(train, 2, lambda said: said["findings"][0].update(box=[90, 20, 10, 400])), LINE_2),
    "foreign label": ("label", lambda train: change_answer(train, 2, lambda said: said["findings"][0].update(label="e_bike")), LINE_2),
    "foreign tool": ("label", lambda train: change_answer(train, 2, lambda said: said.update(tool="spoon")), LINE_2),
    "foreign hazard": ("label", lambda train: change_answer(train, 2, lambda said: said.update(violations=["rain"])), LINE_2),
    "foreign risk": ("label", lambda train: change_answer(train, 2, lambda said: said.update(risk="extreme")), LINE_2),
    "another question": ("prompt", lambda train: change_line(train, 2, lambda line: line["messages"][0]["content"][1].update(text="What?")), LINE_2),
    "an older question": ("prompt", lambda train: change_manifest(train, lambda about: about.update(prompt_id="0")), "train/manifest.json"),
    "another profile": ("prompt", lambda train: change_manifest(train, lambda about: about.update(profile={"key": "x"})), "train/manifest.json"),
    "twice": ("duplicate", doubled, "train/sft.parts.jsonl, line 5"),
    "the same frame in two parts": ("leak", leaked, "test/sft.parts.jsonl, line 1"),
    "the same scene in two parts": (
        "leak",
        lambda train: change_manifest(train, lambda about: renamed(about, images(train)[1].stem, scene=6)),
        "test/sft.parts.jsonl, line 1",
    ),
    "another family": (
        "coordinates",
        lambda train: change_manifest(train, lambda about: about["coordinates"].update(scale=1024)),
        "train/manifest.json",
    ),
    "no family": ("coordinates", lambda train: change_manifest(train, lambda about: about.update(coordinates={})), "train/manifest.json"),
    "another size": (
        "coordinates",
        lambda train: change_manifest(train, lambda about: renamed(about, images(train)[1].stem, width=1920)),
        LINE_2,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def innocent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole(tmp_path_factory.mktemp("sets") / "innocent")


@pytest.fixture
def folder(innocent: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(innocent, tmp_path / "set"))


def test_an_innocent_set_passes(innocent: Path) -> None:
    assert check(innocent, BENCH, masking=Letters(), thorough=True, looks=True) == ()
    refuse(innocent, BENCH)
    for name in ("train", "test"):
        assert check(innocent / name, BENCH) == ()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(640, 480), (1999, 333)])
def test_a_set_of_any_family_passes(tmp_path: Path, family: str, size: tuple[int, int]) -> None:
    part(tmp_path / "set", range(12), family=family, size=size, findings=3)
    known = {path.stem: boxes_of(tmp_path / "set", number, family) for number, path in enumerate(images(tmp_path / "set"))}
    assert check(tmp_path / "set", BENCH, known=known) == ()


def boxes_of(folder: Path, number: int, family: str) -> list[tuple[str, Box]]:
    """What an answer says, in unit space."""
    line = orjson.loads((folder / "sft.parts.jsonl").read_bytes().splitlines()[number])
    listed = orjson.loads((folder / "manifest.json").read_bytes())["frames"][Path(line["images"][0]).stem]
    found = orjson.loads(line["messages"][1]["content"][0]["text"])["findings"]
    return [(each["label"], from_model(each["box"], FAMILIES[family], (listed["width"], listed["height"]))) for each in found]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found_in_its_line(folder: Path, name: str) -> None:
    key, plant, place = PLANTED[name]
    plant(folder / "train")
    found = check(folder, BENCH)
    assert keys(found).get(key) == place, found
    assert all(defect.words.endswith((".", ").")) for defect in found)
    with pytest.raises(DatasetUnfit, match="must not teach") as refused:
        refuse(folder, BENCH)
    assert refused.value.defects == tuple(defect.sentence for defect in found)


def test_every_kind_of_defect_is_planted() -> None:
    assert {key for key, _, _ in PLANTED.values()} | {"mask"} == set(DEFECTS)


@pytest.mark.parametrize("name", [name for name, (key, _, place) in PLANTED.items() if place == LINE_2 and key not in ("leak", "missing")])
def test_one_defect_is_told_once(folder: Path, name: str) -> None:
    PLANTED[name][1](folder / "train")
    assert len([defect for defect in check(folder, BENCH) if defect.key == PLANTED[name][0]]) == 1


@pytest.mark.parametrize("file", ["sft.tag.jsonl", "sft.qwen.json"])
def test_the_other_files_are_looked_through_too(folder: Path, file: str) -> None:
    place = folder / "train" / file
    lines = place.read_bytes().splitlines(keepends=True)
    at = 2 if file == "sft.qwen.json" else 1
    lines[at] = lines[at].replace(b"<image>", b"<image><image>").replace(b"bolt", b"nail")
    place.write_bytes(b"".join(lines))
    found = check(folder, BENCH)
    assert {defect.key for defect in found} >= {"tags", "label"}
    assert {defect.place for defect in found} == {f"train/{file}, line {at + 1}"}


def test_a_list_in_one_line_is_looked_through_too(folder: Path) -> None:
    place = folder / "train" / "sft.qwen.json"
    entries = orjson.loads(place.read_bytes())
    place.write_bytes(orjson.dumps(entries))
    assert check(folder, BENCH) == ()
    entries[1]["image"] = "frames/none.jpg"
    place.write_bytes(orjson.dumps(entries, option=orjson.OPT_INDENT_2))
    assert keys(check(folder, BENCH))["missing"] == "train/sft.qwen.json, entry 2"
    place.write_bytes(b"{}\n")
    assert keys(check(folder, BENCH))["schema"] == "train/sft.qwen.json, line 1"


def test_a_mask_that_covers_the_question_is_found(folder: Path) -> None:
    (found, *_) = check(folder, BENCH, masking=Letters(begin=-40))
    assert (found.key, found.place) == ("mask", "train/sft.parts.jsonl, line 1")
    assert "before the answer" in found.words
    assert {defect.key for defect in check(folder, BENCH, masking=Letters(begin=5))} == {"mask"}


def test_pixels_in_a_family_of_thousandths_are_one_defect(tmp_path: Path) -> None:
    part(tmp_path / "train", range(4), size=(2000, 1500))
    as_pixels(tmp_path / "train")
    (found,) = check(tmp_path / "train", BENCH)
    assert found.key == "coordinates"
    assert "they seem to be in pixels of the frame file, and 1000ths of the frame are declared" in found.words


def test_pixels_of_small_frames_are_told_by_what_they_never_pass(tmp_path: Path) -> None:
    """Every number is a good thousandth, and together they are pixels of frames of 640 x 480."""
    part(tmp_path / "train", range(20), findings=3)

    def to_pixels(said: dict[str, Any]) -> None:
        for each in said["findings"]:
            each["box"] = [round(side * (0.64, 0.48)[n % 2]) for n, side in enumerate(each["box"])]

    assert check(tmp_path / "train", BENCH) == ()
    for number in range(1, 21):
        change_answer(tmp_path / "train", number, to_pixels)
    (found,) = check(tmp_path / "train", BENCH)
    assert (found.key, found.place) == ("coordinates", "train/sft.parts.jsonl".removeprefix("train/"))


def test_thousandths_in_a_family_of_pixels_are_told(tmp_path: Path) -> None:
    part(tmp_path / "train", range(6), family="qwen2.5-vl", findings=3)

    def to_thousandths(said: dict[str, Any], true: Sequence[tuple[str, Box]]) -> None:
        for each, (_, box) in zip(said["findings"], true, strict=True):
            each["box"] = [round(side * 1000) for side in box.xyxy]

    for number in range(6):
        change_answer(tmp_path / "train", number + 1, partial(to_thousandths, true=boxes_of(tmp_path / "train", number, "qwen2.5-vl")))
    (found,) = check(tmp_path / "train", BENCH)
    assert found.key == "coordinates"
    assert "thousandths" in found.words


def test_a_frame_that_a_trainer_would_resize_is_told(tmp_path: Path) -> None:
    part(tmp_path / "train", range(3), family="qwen2.5-vl")
    path = images(tmp_path / "train")[1]
    content = encoded(picture(641, 479))
    path.write_bytes(content)
    change_manifest(tmp_path / "train", lambda about: about["frames"][path.stem].pop("sha256"))
    found = [defect for defect in check(tmp_path / "train", BENCH) if defect.key == "coordinates"]
    assert [defect.place for defect in found] == ["sft.parts.jsonl, line 2"] * 2
    assert "the manifest says" in found[0].words
    assert "as 644 x 476" in found[1].words


def test_boxes_that_lie_beside_known_ones_are_told(tmp_path: Path) -> None:
    """Good thousandths, y before x: only who knows the boxes can tell."""
    part(tmp_path / "train", range(12), findings=3)
    known = {path.stem: boxes_of(tmp_path / "train", number, "qwen3-vl") for number, path in enumerate(images(tmp_path / "train"))}
    for number in range(1, 13):
        change_answer(
            tmp_path / "train",
            number,
            lambda said: [f.update(box=[f["box"][n] for n in (1, 0, 3, 2)]) for f in said["findings"]] and None,
        )
    assert check(tmp_path / "train", BENCH) == ()
    (found,) = check(tmp_path / "train", BENCH, known=known)
    assert found.key == "coordinates"
    assert "y before x" in found.words


def test_a_frame_that_is_broken_in_the_middle_is_found_by_a_thorough_look(folder: Path) -> None:
    path = images(folder / "train")[1]
    content = bytearray(path.read_bytes())
    content[400:1400] = bytes(1000)
    path.write_bytes(content)
    change_manifest(folder / "train", lambda about: renamed(about, path.stem, sha256=hashlib.sha256(content).hexdigest()))
    assert keys(check(folder, BENCH, thorough=True))["unreadable"] == LINE_2


def test_near_duplicates_in_two_parts_are_found_by_their_looks(folder: Path) -> None:
    theirs, ours = images(folder / "test")[0], images(folder / "train")[1]
    with Image.open(io.BytesIO(theirs.read_bytes())) as picture:
        ours.write_bytes(encoded(picture.convert("RGB"), quality=60))
    change_manifest(folder / "train", lambda about: about["frames"][ours.stem].pop("sha256"))
    assert check(folder, BENCH) == ()
    (found,) = check(folder, BENCH, looks=True)
    assert (found.key, found.place) == ("leak", "test/sft.parts.jsonl, line 1")


def test_all_defects_are_told_at_once(folder: Path) -> None:
    for name in ("no picture", "no answer", "box outside", "foreign tool", "another profile"):
        plant = PLANTED[name][1]
        plant(folder / ("train" if name != "no answer" else "validation"))
    found = check(folder, BENCH)
    assert {defect.key for defect in found} == {"unreadable", "empty", "box", "label", "prompt"}
    with pytest.raises(DatasetUnfit, match=r"has 6 defects|has 5 defects"):
        refuse(folder, BENCH)


@pytest.mark.parametrize("content", [None, b"[]", b"{", b'{"made_by": "somebody"}'])
def test_a_folder_that_is_no_set_of_ours_is_said(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(Malformed):
        check(tmp_path, BENCH)


def test_a_part_without_a_manifest_is_a_defect(folder: Path) -> None:
    (folder / "test" / "manifest.json").unlink()
    (found,) = check(folder, BENCH)
    assert (found.key, found.place) == ("schema", "test/manifest.json")


@pytest.mark.parametrize("family", ["qwen2.5-vl", "qwen3-vl", "compact"])
def test_what_the_desk_exports_passes(tmp_path: Path, family: str) -> None:
    with Store(tmp_path / FILE) as store:
        desk = Desk(store, Vault(tmp_path), BENCH)
        for number in range(6):
            content = jpeg(320 + 40 * number, 240, rects=[((9 * number, 9, 90 + 9 * number, 60), "navy")])
            desk.correct(correction(desk.receive(content, f"{number}.jpg", by="lin")))
        desk.export_sft(tmp_path / "set", family=family)
        Datasets(store, Vault(tmp_path), BENCH).freeze("frozen", by="lead")
        export_dataset(store, Vault(tmp_path), BENCH, "frozen", tmp_path / "frozen", family=family)
    assert check(tmp_path / "set", BENCH, thorough=True) == ()
    assert sorted(path.name for path in (tmp_path / "frozen").iterdir() if path.is_dir()) == ["test", "train", "validation"]
    assert check(tmp_path / "frozen", BENCH, thorough=True) == ()
