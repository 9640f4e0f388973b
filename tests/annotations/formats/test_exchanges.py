"""Files of other tools: every format goes round, "nothing here" and labels of the whole frame too; what is not understood is refused whole, with its place."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from annotations import datasets
from annotations.bringing.importing import Imported, Importer
from annotations.datasets import export_sft
from annotations.desk import Desk
from annotations.formats import EXCHANGES, NAMES
from annotations.formats.labelled import BOXES, RISK, STEP, VIOLATIONS, WHOLE
from annotations.store import Store
from core.errors import ExportError, Malformed
from core.evaluation.run import read_truth
from core.frames import Vault
from core.profile import Profile, read
from core.schema import Box, Correction, Finding, Reviewed, Risk, Step, Value, Violation
from core.settings import ASSETS
from tests import makers
from tests.makers import assessment, correction, jpeg

BENCH = read(ASSETS / "profiles" / "bench.toml")
CORRIDOR = read(ASSETS / "profiles" / "corridor.toml")
Place = tuple[Store, Vault, Desk]
Opener = Callable[[str, Profile], Place]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    stores: list[Store] = []

    def open_one(name: str, profile: Profile) -> Place:
        store = Store(tmp_path / name / "record.sqlite3")
        stores.append(store)
        vault = Vault(tmp_path / name)
        return store, vault, Desk(store, vault, profile, clock=lambda: makers.NOON)

    yield open_one
    for each in stores:
        each.close()


def person(value: str) -> Value:
    return Value(value, said_by="person")


STEP_OF = Step(person("hammer"), person("bolt"), person("strike"), person("work"))
IDLE = Step(person("none"), person("none"), person("none"), person("idle"))


def bench_words() -> list[dict[str, Any]]:
    dice = random.Random(3)
    boxes = [
        Box(x, y, x + dice.uniform(0.02, 0.3), y + dice.uniform(0.02, 0.3))
        for x, y in ((dice.random() * 0.6, dice.random() * 0.6) for _ in range(9))
    ]
    many = tuple(Finding(label, box, said_by="person") for label, box in zip(["hammer", "bolt", "hand"] * 3, boxes, strict=True))
    return [
        {"findings": many, "step": STEP_OF, "violations": (Violation("tool_at_edge", "low", said_by="person"),), "risk": Risk("low", said_by="person")},
        {"findings": (), "step": IDLE, "violations": (), "risk": Risk("none", said_by="person")},
        {"findings": (Finding("plate", said_by="person"), Finding("hammer", Box(0, 0, 1, 1), said_by="person")), "step": IDLE, "violations": (),
         "risk": Risk("high", said_by="person")},
    ]  # fmt: skip


def corridor_words() -> list[dict[str, Any]]:
    def said(label: str, box: Box | None, hazard: str | None, level: str | None) -> dict[str, Any]:
        violations = () if hazard is None else (Violation(hazard, level, said_by="person"),)
        return {
            "findings": (Finding(label, box, said_by="person"),),
            "step": Step(),
            "violations": violations,
            "risk": Risk(level, said_by="person"),
        }

    return [
        said("e_bike", Box(0.1, 0.1, 0.6, 0.9), "e_bike_inside", "high"),
        said("carton", Box(0.3, 0.3, 0.35, 0.4), "few_things", "low"),
        said("not_corridor", None, None, None),
        {"findings": (), "step": Step(), "violations": (), "risk": Risk("none", said_by="person")},
    ]


WORDS = {"bench": (BENCH, bench_words), "corridor": (CORRIDOR, corridor_words)}


def filled(place: Place, words: list[dict[str, Any]], size: tuple[int, int] = (320, 180)) -> None:
    desk = place[2]
    for number, said in enumerate(words):
        frame = desk.receive(jpeg(*size, rects=[((1, 1, 3 + number, 9), "navy")]), f"{number}.jpg", by="lin")
        desk.correct(correction(frame, saw_model=None, **said))


def brought(place: Place, source: Path, profile: Profile) -> Imported:
    return Importer(place[0], place[1], profile, by="boss").bring_in(source)


def truths(place: Place) -> list[Correction]:
    """The latest correction of each frame, by when it came in."""
    with place[0].reading() as connection:
        ids = [row["id"] for row in connection.execute("SELECT id FROM frames ORDER BY seq")]
    sheets = [place[2].sheet(each) for each in ids]
    return [sheet.correction for sheet in sheets if sheet.correction is not None]


def seen(told: Correction, carries: frozenset[str]) -> dict[str, Any]:
    """What a format that carries this must bring back."""
    kept: dict[str, Any] = {}
    if BOXES in carries:
        kept["boxes"] = sorted((each.label, each.box.xyxy) for each in told.findings if each.box is not None)
    if WHOLE in carries:
        kept["whole"] = sorted(each.label for each in told.findings if each.box is None)
    if STEP in carries:
        kept["step"] = [told.step[name].value for name in ("tool", "part", "action", "phase")]
    if VIOLATIONS in carries:
        kept["violations"] = sorted(each.hazard for each in told.violations)
    if RISK in carries:
        kept["risk"] = told.risk.level
    return kept


def by_words(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(told, key=lambda each: str([each.get("risk"), [label for label, _ in each.get("boxes", [])], each.get("step")]))


@pytest.mark.parametrize("pictures", [True, False], ids=["with pictures", "labels only"])
@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("name", [name for name in EXCHANGES if name != "tab"])
def test_every_format_goes_round(opened: Opener, tmp_path: Path, name: str, words: str, pictures: bool) -> None:
    profile, make = WORDS[words]
    said, carries = make(), EXCHANGES[name].carries
    first = opened("first", profile)
    filled(first, said)
    report = export_sft(first[0], first[1], profile, tmp_path / "out", family="qwen3-vl", formats=[name], pictures=pictures)
    assert (report.written, report.left_out) == (len(said), {})
    second = opened("second", profile)
    if not pictures:
        for path in (tmp_path / "first" / "frames").rglob("*"):
            if path.is_file():
                second[1].put(path.read_bytes())
    done = brought(second, report.folder, profile)
    assert (done.new, done.corrections, done.refused) == (len(said), len(said), 0), done.reasons
    before = by_words([seen(each, carries) for each in truths(first)])
    after = by_words([seen(each, carries) for each in truths(second)])
    boxes = [[each.pop("boxes", []) for each in told] for told in (before, after)]
    assert before == after
    for was, now in zip(*boxes, strict=True):
        assert [label for label, _ in was] == [label for label, _ in now]
        for (_, corners), (_, again) in zip(was, now, strict=True):
            assert again == pytest.approx(corners, abs=0.002)
            assert [c * s for c, s in zip(again, (320, 180) * 2, strict=True)] == pytest.approx(
                [c * s for c, s in zip(corners, (320, 180) * 2, strict=True)], abs=1
            )


def test_levels_of_risk_go_out_as_the_competition_wants_them_and_come_back_as_proposals(opened: Opener, tmp_path: Path) -> None:
    first, second = opened("first", CORRIDOR), opened("second", CORRIDOR)
    filled(first, corridor_words())
    out = export_sft(first[0], first[1], CORRIDOR, tmp_path / "out", family="qwen3-vl", formats=["tab"]).folder
    lines = dict(line.split("\t") for line in (out / "labels.txt").read_text("utf-8").splitlines())
    assert sorted(lines.values()) == sorted(["高风险", "低风险", "非楼道", "无风险"])
    assert all((out / "frames" / name).is_file() for name in lines)
    done = brought(second, out, CORRIDOR)
    assert (done.new, done.assessments, done.corrections, done.refused) == (4, 4, 0, 0), done.reasons
    with second[0].reading() as connection:
        levels = [row[0] for row in connection.execute("SELECT risk_level FROM assessments ORDER BY risk_level")]
    assert levels == [None, "high", "low", "none"], "not a corridor has no level"
    assert list(datasets.reviewed(second[0], CORRIDOR)) == [], "a level alone teaches nobody what is seen"


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("high", "high"),
        ("中风险", "medium"),
        ("无风险", "none"),
        ("Low Risk", "low"),
        ("非高风险", None),
        ("not high", None),
        ("", None),
        ("楼道", None),
    ],
)
def test_a_level_is_its_whole_word(opened: Opener, tmp_path: Path, word: str, level: str | None) -> None:
    place = opened("data", CORRIDOR)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jpg").write_bytes(jpeg())
    (tmp_path / "set" / "labels.txt").write_text(f"a.jpg\t{word}\n", "utf-8")
    done = brought(place, tmp_path / "set", CORRIDOR)
    if level is None:
        assert (done.new, done.refused) == (0, 1)
        assert "labels.txt, line 1" in done.reasons[0]
    else:
        with place[0].reading() as connection:
            assert connection.execute("SELECT risk_level FROM assessments").fetchone()[0] == level


@pytest.mark.parametrize("name", NAMES)
def test_the_same_record_gives_the_same_bytes_in_every_format(opened: Opener, tmp_path: Path, name: str) -> None:
    place = opened("data", BENCH)
    filled(place, bench_words())
    made = []
    for out in ("one", "two"):
        folder = export_sft(place[0], place[1], BENCH, tmp_path / out, family="qwen3-vl", formats=[name]).folder
        made.append({path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()})
    assert made[0] == made[1]
    assert len(made[0]) > 4, "a file, the manifest, three frames"


def test_coco_is_read_by_our_own_evaluation_and_by_its_own_tools(opened: Opener, tmp_path: Path) -> None:
    from pycocotools.coco import COCO  # type: ignore[import-untyped]

    place = opened("data", BENCH)
    filled(place, bench_words())
    out = export_sft(place[0], place[1], BENCH, tmp_path / "out", family="qwen3-vl", formats=["coco"]).folder
    labels, found = read_truth(out / "annotations.coco.json", None, BENCH)
    assert (len(found), set(labels)) == (3, {term.key for term in BENCH.labels})
    told = next(each for each in found if len(each.findings) == 9)
    assert told.fields == {"tool": "hammer", "part": "bolt", "action": "strike", "phase": "work", "risk": "low"}
    assert told.violations == frozenset({"tool_at_edge"})
    assert len(COCO(str(out / "annotations.coco.json")).getAnnIds()) == 10


def test_a_hugging_face_folder_loads_with_pictures_and_labels(opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets as hugging_face

    place = opened("data", BENCH)
    filled(place, bench_words())
    out = export_sft(place[0], place[1], BENCH, tmp_path / "out", family="qwen3-vl", formats=["parquet"]).folder
    loaded = hugging_face.load_dataset(str(out), cache_dir=str(tmp_path / "cache"), split="train")
    assert len(loaded) == 3
    row = next(each for each in loaded if len(each["findings"]) == 9)
    assert row["image"].size == (320, 180) == (row["width"], row["height"])
    assert (row["risk"], row["violations"], row["tool"]) == ("low", ["tool_at_edge"], "hammer")
    assert len(row["findings"][0]["box"]) == 4


def test_tasks_of_label_studio_carry_the_machines_words_as_predictions(opened: Opener, tmp_path: Path) -> None:
    store, vault, desk = opened("data", BENCH)
    frame = desk.receive(jpeg(320, 180), "a.jpg", by="lin")
    with store.writing() as connection:
        from annotations import opinions

        opinions.add_assessment(connection, assessment(frame), uncertainty=0.5, at=makers.NOON, by="lin")
    desk.correct(correction(frame))
    out = export_sft(store, vault, BENCH, tmp_path / "out", family="qwen3-vl", formats=["label_studio"]).folder
    (task,) = json.loads((out / "label_studio.json").read_text("utf-8"))
    (prediction,) = task["predictions"]
    assert prediction["model_version"] == "scripted:0"
    boxes = [each for each in prediction["result"] if each["type"] == "rectanglelabels"]
    assert [(each["value"]["rectanglelabels"], each["score"]) for each in boxes] == [(["hand"], 0.7), (["hammer"], 0.9), (["bolt"], 0.8)]
    assert boxes[1]["value"]["x"] == pytest.approx(10)
    assert task["data"]["image"] == f"/data/local-files/?d=frames/{frame.id}.jpg"
    second = opened("second", BENCH)
    assert (brought(second, out, BENCH).assessments, len(truths(second))) == (1, 1)


def test_yolo_has_its_classes_and_names_its_pictures(opened: Opener, tmp_path: Path) -> None:
    place = opened("data", BENCH)
    filled(place, bench_words())
    out = export_sft(place[0], place[1], BENCH, tmp_path / "out", family="qwen3-vl", formats=["yolo"]).folder
    assert (out / "classes.txt").read_text("utf-8").split() == [term.key for term in BENCH.labels]
    assert sorted(path.stem for path in (out / "labels").iterdir()) == sorted(path.stem for path in (out / "images").iterdir())
    texts = sorted((path.read_text("utf-8") for path in (out / "labels").iterdir()), key=len)
    assert texts[0] == "", "a reviewed frame in which nothing is"
    assert texts[1].split()[1:] == ["0.500000", "0.500000", "1.000000", "1.000000"]


def test_labels_without_pictures_are_no_training_set(opened: Opener, tmp_path: Path) -> None:
    place = opened("data", BENCH)
    with pytest.raises(ExportError, match="without them"):
        export_sft(place[0], place[1], BENCH, tmp_path / "out", formats=["sft_tag"], pictures=False)


def vault_of(place: Place) -> list[Reviewed]:
    return list(datasets.reviewed(place[0], BENCH))


def test_what_comes_back_whole_may_teach_again(opened: Opener, tmp_path: Path) -> None:
    first, second = opened("first", BENCH), opened("second", BENCH)
    filled(first, bench_words())
    out = export_sft(first[0], first[1], BENCH, tmp_path / "out", family="qwen3-vl", formats=["cvat"]).folder
    brought(second, out, BENCH)
    assert len(vault_of(second)) == 3


VOC = "<annotation><filename>a.jpg</filename><size><width>64</width><height>48</height></size>{}</annotation>"
OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>1</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object>"
CVAT = '<annotations><version>1.1</version><image id="0" name="a.jpg" width="64" height="48">{}</image></annotations>'
LS = '[{{"data": {{"image": "a.jpg"}}, "annotations": [{{"result": [{}]}}]}}]'
RECT = '{{"type": "rectanglelabels", "original_width": 64, "original_height": 48, "value": {{"x": {}, "y": 1, "width": 20, "height": 20, {}"rectanglelabels": ["{}"]}}}}'
CSV_HEAD = "filename,width,height,label,xmin,ymin,xmax,ymax\n"
WRONG: dict[str, tuple[str, str, str]] = {
    "voc: outside": ("Annotations/a.xml", VOC.format(OBJECT.format("hammer", -9)), "outside a frame"),
    "voc: no label": ("Annotations/a.xml", VOC.format(OBJECT.format("dragon", 1)), '"dragon" is no label'),
    "voc: no number": ("Annotations/a.xml", VOC.format(OBJECT.format("hammer", "x")), "is not a number"),
    "voc: an entity": ("Annotations/a.xml", '<!DOCTYPE a [<!ENTITY b "c">]>' + VOC.format("&b;"), "document type"),
    "cvat: a polygon": ("annotations.xml", CVAT.format('<polygon label="hammer" points="1,1;2,2"/>'), "no upright box"),
    "cvat: turned": (
        "annotations.xml",
        CVAT.format('<box label="hammer" rotation="30" xtl="1" ytl="1" xbr="9" ybr="9"/>'),
        "no upright box",
    ),
    "cvat: a field": (
        "annotations.xml",
        CVAT.format('<tag label="frame"><attribute name="mood">good</attribute></tag>'),
        '"mood" stands for nothing',
    ),
    "label studio: turned": ("label_studio.json", LS.format(RECT.format(1, '"rotation": 5, ', "hammer")), "turned box"),
    "label studio: outside": ("label_studio.json", LS.format(RECT.format(90, "", "hammer")), "outside"),
    "label studio: a brush": ("label_studio.json", LS.format('{"type": "brushlabels", "value": {}}'), "brushlabels"),
    "yolo: a polygon": ("labels/a.txt", "0 0.1 0.1 0.2 0.2 0.3 0.3 0.4 0.4\n", "labels/a.txt, line 1: 8 numbers"),
    "yolo: pixels": ("labels/a.txt", "0 10 10 20 20\n", "not in shares"),
    "yolo: no such class": ("labels/a.txt", "7 0.5 0.5 0.1 0.1\n", "no class 7"),
    "csv: half a box": ("frames.csv", CSV_HEAD + "a.jpg,64,48,hammer,1,1,,\n", "is not a number"),
    "csv: two sizes": ("frames.csv", CSV_HEAD + "a.jpg,64,48,hammer,1,1,9,9\na.jpg,65,48,hammer,1,1,9,9\n", "something else"),
    "csv: another size": ("frames.csv", CSV_HEAD + "a.jpg,640,480,hammer,1,1,9,9\n", "and not 640 x 480"),
    "tab: no tab": ("labels.txt", "a.jpg high\n", "a file name, a tab and a label"),
    "tab: elsewhere": ("labels.txt", "../secret.jpg\thigh\n", "not in the folder"),
}


@pytest.mark.parametrize(("file", "content", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_not_understood_is_refused_whole_with_its_place(
    opened: Opener, tmp_path: Path, file: str, content: str, reason: str
) -> None:
    place, folder = opened("data", BENCH), tmp_path / "set"
    (folder / file).parent.mkdir(parents=True)
    (folder / file).write_text(content, "utf-8")
    (folder / "a.jpg").write_bytes(jpeg())
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    if file.startswith("labels/"):
        (folder / "classes.txt").write_text("hammer\n")
    done = brought(place, folder, BENCH)
    assert (done.new, done.refused) == (0, 1)
    assert reason in done.reasons[0]
    assert Path(file).name in done.reasons[0]


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("annotations.xml", b"<annotations><track/></annotations>", "tracks of a video"),
        ("annotations.xml", b"<a", "no XML"),
        ("label_studio.json", b"{}", "a list of tasks"),
        ("label_studio.json", b"[[" * 5000, "no JSON"),
        ("frames.csv", b"a,b\n1,2\n", "there is no column filename"),
        ("frames.parquet", b"PAR1 nothing", "no Parquet"),
        ("data.yaml", b"nc: 3\n", "no list of names"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_before_anything_is_taken(
    opened: Opener, tmp_path: Path, file: str, content: bytes, reason: str
) -> None:
    place, folder = opened("data", BENCH), tmp_path / "set"
    folder.mkdir()
    (folder / file).write_bytes(content)
    with pytest.raises(Malformed, match=reason):
        brought(place, folder, BENCH)


def test_a_manifest_of_other_tools_files_names_every_frame(opened: Opener, tmp_path: Path) -> None:
    place = opened("data", BENCH)
    filled(place, bench_words())
    out = export_sft(place[0], place[1], BENCH, tmp_path / "out", family="qwen3-vl", formats=["yolo", "coco"]).folder
    about = orjson.loads((out / "manifest.json").read_bytes())
    assert len(about["frames"]) == 3
    assert {"annotations.coco.json", "data.yaml"} <= set(about["for_others"]) == {EXCHANGES[name].file for name in ("coco", "yolo")}
    assert all(isinstance(each["scene"], int) for each in about["frames"].values())
