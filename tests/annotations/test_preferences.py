"""Every file of preference pairs goes round; chosen and rejected stay two in each; what a trainer would fill in is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from annotations.formats import dpo_lf, dpo_swift, dpo_trl, kto_trl, sft_swift_grounding
from annotations.formats.paired import TAGS
from core.errors import ExportError, Malformed
from core.geometry import FAMILIES
from core.profile import read
from core.prompts import build
from core.schema import Pair, Sample
from core.settings import ASSETS
from tests import makers

BENCH = read(ASSETS / "profiles" / "bench.toml")
QUESTION = 'Inspect this frame.\n工具: "hammer" | "none"\nAnswer in JSON.'
GOOD = '{"findings":[{"box":[1,2,30,20],"label":"hammer"},{"label":"bolt"}],"risk":"high"}'
BAD = '{"findings":[{"box":[1,2,9,20],"label":"hammer"},{"box":[0,0,4,5],"label":"bolt"}],"risk":"high"}'
FRAMES = (("a" * 64, 56, 28), ("b" * 64, 28, 84))
PAIRS = tuple(
    Pair(frame, f"frames/{frame}.jpg", width, height, QUESTION, GOOD, BAD, kinds, "eye:1")
    for (frame, width, height), kinds in zip(FRAMES, [("box moved", "box removed"), ("unparsed",)], strict=True)
)
SAMPLES = tuple(Sample(frame, f"frames/{frame}.jpg", width, height, QUESTION, BAD) for frame, width, height in FRAMES)
WAYS = {"dpo_lf": dpo_lf, "dpo_swift": dpo_swift, "dpo_trl": dpo_trl}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "frames").mkdir()
    for frame, width, height in FRAMES:
        (tmp_path / "frames" / f"{frame}.jpg").write_bytes(makers.jpeg(width, height))
    return tmp_path


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pairs", [PAIRS, PAIRS[1:], ()], ids=["two", "one", "none"])
def test_every_file_of_pairs_goes_round(folder: Path, way: str, pairs: tuple[Pair, ...]) -> None:
    made = WAYS[way].write(iter(pairs), folder)
    assert made[0] == folder / WAYS[way].FILE
    assert WAYS[way].read(folder) == pairs
    assert WAYS[way].VALID_FOR
    assert WAYS[way].NOT_FOR


@pytest.mark.parametrize("way", WAYS)
def test_the_numbers_of_both_answers_stand_in_the_file(folder: Path, way: str) -> None:
    """ms-swift 5934: both answers read `<bbox>`, so chosen was rejected."""
    content = WAYS[way].write(PAIRS, folder)[0].read_text("utf-8")
    assert "<bbox>" not in content
    assert content.count("[1,2,30,20]") == content.count("[1,2,9,20]") == len(PAIRS)


@pytest.mark.parametrize("way", ["dpo_lf", "dpo_swift"])
@pytest.mark.parametrize("tag", TAGS)
def test_a_tag_that_a_trainer_would_fill_is_refused(folder: Path, way: str, tag: str) -> None:
    with pytest.raises(ExportError, match=tag):
        WAYS[way].write([replace(PAIRS[0], rejected=f'{{"risk":"{tag}"}}')], folder)


def test_the_loader_finds_pairs_beside_samples(folder: Path) -> None:
    (folder / "dataset_info.json").write_bytes(orjson.dumps({"gembalens_sft": {"file_name": "sft.tag.jsonl"}}))
    dpo_lf.write(PAIRS, folder)
    info = orjson.loads((folder / "dataset_info.json").read_bytes())
    assert list(info) == ["gembalens_sft", "gembalens_dpo"]
    assert info["gembalens_dpo"]["ranking"] is True


@pytest.mark.parametrize(("way", "place"), [("dpo_lf", "entry 1"), ("dpo_swift", "line 1"), ("dpo_trl", "line 1")])
@pytest.mark.parametrize("fault", ["equal", "no answer", "no frame", "elsewhere"])
def test_a_broken_pair_is_refused_with_its_place(folder: Path, way: str, place: str, fault: str) -> None:
    path = WAYS[way].write(PAIRS[:1], folder)[0]
    content = path.read_text("utf-8")
    changed = {
        "equal": content.replace("[1,2,9,20]", "[1,2,30,20]").replace(r"},{\"box\":[0,0,4,5],\"label\"", r"},{\"label\""),
        "no answer": content.replace('"rejected', '"refused'),
        "no frame": content.replace("frames/a", "frames/c"),
        "elsewhere": content.replace("frames/a", "../frames/a"),
    }[fault]
    assert changed != content
    path.write_text(changed, "utf-8")
    with pytest.raises(Malformed, match=f"{path.name}, {place}: "):
        WAYS[way].read(folder)


@pytest.mark.parametrize("verdicts", [[(SAMPLES[0], True), (SAMPLES[1], False)], []], ids=["two", "none"])
def test_single_answers_go_round(folder: Path, verdicts: list[tuple[Sample, bool]]) -> None:
    assert kto_trl.write(iter(verdicts), folder) == (folder / "kto.trl.jsonl",)
    assert list(kto_trl.read(folder)) == verdicts


def prompted(family: str) -> tuple[Sample, ...]:
    prompt = build(BENCH, "brief" if family == "compact" else "full", FAMILIES[family]).text
    return tuple(replace(sample, prompt=prompt, answer=answer) for sample, answer in zip(SAMPLES, (GOOD, '{"findings":[]}'), strict=True))


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "paligemma"])
def test_boxes_stand_beside_the_text_and_come_back(folder: Path, family: str) -> None:
    samples = prompted(family)
    (path,) = sft_swift_grounding.write(iter(samples), folder)
    first, second = map(orjson.loads, path.read_bytes().splitlines())
    pixels = family == "qwen2.5-vl"
    assert first["messages"][1]["content"] == '{"findings":[{"box":<bbox>,"label":"hammer"},{"label":"bolt"}],"risk":"high"}'
    assert first["objects"]["bbox_type"] == ("real" if pixels else "norm1")
    assert first["objects"]["bbox"] == [[1, 2, 30, 20] if pixels else [0.001, 0.002, 0.03, 0.02]]
    assert second["objects"]["bbox"] == []
    assert sft_swift_grounding.read(folder) == samples


@pytest.mark.parametrize("family", FAMILIES)
def test_the_unit_is_that_of_the_prompt(family: str) -> None:
    (sample, _), fmt = prompted(family), FAMILIES[family]
    if family == "paligemma":
        with pytest.raises(ExportError, match="1024ths"):
            sft_swift_grounding.unit(sample.prompt)
    else:
        assert sft_swift_grounding.unit(sample.prompt) == ("real" if fmt.scale is None else "norm1")
        assert fmt.scale in (None, 1000)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"bbox":[[1,2,30,20]]', '"bbox":[]', "1 <bbox> and 0 boxes"),
        ("[1,2,30,20]", "[1,2,30]", "four numbers"),
        ('"objects"', '"things"', "its boxes"),
    ],
)
def test_boxes_that_do_not_fit_the_text_are_refused(folder: Path, old: str, new: str, why: str) -> None:
    (path,) = sft_swift_grounding.write(prompted("qwen2.5-vl"), folder)
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(Malformed, match=f"sft.swift_grounding.jsonl, line 1: .*{why}"):
        sft_swift_grounding.read(folder)


def test_a_text_that_holds_the_tag_of_boxes_is_refused(folder: Path) -> None:
    with pytest.raises(ExportError, match="<bbox>"):
        sft_swift_grounding.write([replace(SAMPLES[0], prompt="Where is <bbox>?")], folder)
