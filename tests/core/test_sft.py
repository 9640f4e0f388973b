"""The treaty: what a part folder holds comes back line by line, and what is no line of it is refused with its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core import sft
from core.errors import Malformed
from tests import training_sets


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return training_sets.exported(tmp_path / "set", train=3, test=1) / "train"


def test_samples_pairs_and_verdicts_come_back_as_they_were_written(part: Path) -> None:
    samples, pairs, verdicts = list(sft.samples(part)), list(sft.pairs(part)), list(sft.verdicts(part))
    assert [each.frame_id for each in samples] == [each.frame_id for each in pairs] == list(sft.about(part)["frames"])
    assert {(each.width, each.height) for each in samples} == {(160, 120)}
    assert [each.chosen for each in pairs] == [each.answer for each in samples]
    assert [good for _, good in verdicts] == [True, False] * 3
    assert [each.answer for each, good in verdicts if not good] == [each.rejected for each in pairs]


def test_each_frame_has_a_scene_and_none_is_said_twice(part: Path) -> None:
    manifest = json.loads((part / sft.MANIFEST).read_text("utf-8"))
    frames = list(manifest["frames"].values())
    frames[0]["scene"], frames[1]["scene"] = 7, 7
    del frames[2]["scene"]
    (part / sft.MANIFEST).write_text(json.dumps(manifest), "utf-8")
    scenes = list(sft.scenes(part).values())
    assert scenes[:2] == [7, 7]
    assert scenes[2] not in (7, None)


def test_parts_are_found_and_a_set_without_parts_teaches(part: Path) -> None:
    whole = part.parent
    assert (sft.part(whole, "train"), sft.part(whole, "validation"), sft.part(whole, "test")) == (part, None, whole / "test")
    assert sft.part(part, "train") == part
    assert sft.part(part, "test") is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no JSON"),
        ("[]", "not one question"),
        ('{"messages": [], "images": ["frames/x.jpg"]}', "not one question"),
        (
            '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "images": ["frames/x.jpg"]}',
            "missing or no",
        ),
        ('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "images": ["../x.jpg"]}', "outside"),
    ],
    ids=["cut off", "a list", "no turns", "no frame", "elsewhere"],
)
def test_what_is_no_sample_is_refused_with_its_place(line: str, says: str, part: Path) -> None:
    file = part / sft.SAMPLES
    file.write_text(file.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(Malformed, match=rf"sft\.parts\.jsonl, line 4: .*{says}"):
        list(sft.samples(part))


def test_a_question_that_shows_no_frame_or_two_is_refused(part: Path) -> None:
    file = part / sft.SAMPLES
    first = json.loads(file.read_text("utf-8").splitlines()[0])
    for shown in ([], [{"type": "image"}] * 2):
        first["messages"][0]["content"] = [*shown, {"type": "text", "text": "What is seen?"}]
        file.write_text(json.dumps(first) + "\n", "utf-8")
        with pytest.raises(Malformed, match="one frame and one text"):
            list(sft.samples(part))


def test_a_folder_of_somebody_else_is_refused(part: Path) -> None:
    (part / sft.MANIFEST).write_text('{"made_by": "somebody"}', "utf-8")
    with pytest.raises(Malformed, match="no manifest of a training set of ours"):
        sft.about(part)
    shutil.rmtree(part)
    with pytest.raises(Malformed, match="There is no manifest"):
        sft.about(part)
