"""Every file of a training set goes round; each has the shape that its trainers read; a broken one is refused with its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from annotations.formats import FORMATS
from core.errors import ExportError, Malformed
from core.schema import Sample
from tests import makers

QUESTION = 'Inspect this frame.\n工具: "hammer" | "none"\nAnswer in JSON.'
SAMPLES = (
    Sample("a" * 64, f"frames/{'a' * 64}.jpg", 56, 28, QUESTION, '{"findings":[{"box":[1,2,30,20],"label":"hammer"}],"risk":"high"}'),
    Sample("b" * 64, f"frames/{'b' * 64}.jpg", 28, 84, QUESTION, '{"findings":[],"violations":[],"risk":"none"}'),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "frames").mkdir()
    for sample in SAMPLES:
        (tmp_path / sample.image).write_bytes(makers.jpeg(sample.width, sample.height))
    return tmp_path


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("samples", [SAMPLES, SAMPLES[1:], ()], ids=["two", "a reviewed nothing here", "none"])
def test_every_format_goes_round(folder: Path, name: str, samples: tuple[Sample, ...]) -> None:
    made = FORMATS[name].write(samples, folder)
    assert made[0] == folder / FORMATS[name].file
    assert FORMATS[name].read(folder) == samples


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_who_may_read_it(name: str) -> None:
    assert FORMATS[name].valid_for
    assert FORMATS[name].not_for


def test_the_tag_stands_in_the_text_and_the_loader_knows_the_columns(folder: Path) -> None:
    FORMATS["sft_tag"].write(SAMPLES, folder)
    first = orjson.loads((folder / "sft.tag.jsonl").read_bytes().splitlines()[0])
    assert first == {
        "messages": [{"role": "user", "content": f"<image>{QUESTION}"}, {"role": "assistant", "content": SAMPLES[0].answer}],
        "images": [SAMPLES[0].image],
    }
    info = orjson.loads((folder / "dataset_info.json").read_bytes())["gembalens_sft"]
    assert (info["file_name"], info["formatting"]) == ("sft.tag.jsonl", "sharegpt")
    assert info["columns"] == {"messages": "messages", "images": "images"}


def test_parts_hold_the_frame_as_a_part_and_no_tag(folder: Path) -> None:
    FORMATS["sft_parts"].write(SAMPLES, folder)
    content = (folder / "sft.parts.jsonl").read_bytes()
    assert b"<image>" not in content
    assert orjson.loads(content.splitlines()[1]) == {
        "messages": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]},
            {"role": "assistant", "content": [{"type": "text", "text": SAMPLES[1].answer}]},
        ],
        "images": [SAMPLES[1].image],
    }


def test_the_qwen_file_is_one_list_of_conversations(folder: Path) -> None:
    FORMATS["sft_qwen"].write(SAMPLES, folder)
    assert orjson.loads((folder / "sft.qwen.json").read_bytes()) == [
        {
            "image": sample.image,
            "conversations": [{"from": "human", "value": f"<image>\n{QUESTION}"}, {"from": "gpt", "value": sample.answer}],
        }
        for sample in SAMPLES
    ]


@pytest.mark.parametrize("name", ["sft_tag", "sft_qwen"])
@pytest.mark.parametrize(
    "sample", [replace(SAMPLES[0], prompt="see <image>"), replace(SAMPLES[0], answer="<image>")], ids=["prompt", "answer"]
)
def test_a_text_that_brings_its_own_tag_is_refused(folder: Path, name: str, sample: Sample) -> None:
    with pytest.raises(ExportError, match="second frame"):
        FORMATS[name].write([sample], folder)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"frames/b", b"frames/c", "missing or no picture"),
        (b'"frames/bb', b'"../frames/bb', "outside the folder"),
        (b'"frames/bb', b'"/frames/bb', "outside the folder"),
        (b'"user"', b'"system"', "not one question"),
        (b'"human"', b'"system"', "not one question"),
        (b"<image>", b"", "must begin with one <image>"),
        (b"<image>", b"<image><image>", "must begin with one <image>"),
        (b"]", b"", "no JSON"),
    ],
    ids=["missing frame", "climbs out", "absolute", "role", "speaker", "no tag", "two tags", "cut"],
)
def test_a_broken_file_is_refused_with_its_place(folder: Path, name: str, old: bytes, new: bytes, reason: str) -> None:
    path = FORMATS[name].write(SAMPLES, folder)[0]
    content = path.read_bytes()
    if old not in content:
        assert old in (b'"user"', b'"human"', b"<image>")  # words of the other formats
        return
    path.write_bytes(content.replace(old, new))
    with pytest.raises(Malformed, match=reason) as refused:
        FORMATS[name].read(folder)
    assert path.name in str(refused.value)
