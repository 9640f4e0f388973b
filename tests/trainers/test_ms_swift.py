"""ms-swift 4.6 reads what was exported for it, and does to other files what is written of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trainers.conftest import CONFIGS, Answers, arrived, ask
from tests.trainers.expected import picture_tokens, same_answers
from tests.trainers.folders import Exported

pytestmark = pytest.mark.slow

SAMPLES = ("sft.tag.jsonl", "sft.parts.jsonl", "sft.qwen.json")


@pytest.fixture(scope="module")
def told(handed: Exported, hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    place = tmp_path_factory.mktemp("ms_swift")

    def question(config: str, file: str, *, strict: bool = True, boxes: str = "new") -> dict[str, Any]:
        here = {"model": str(hub), "model_type": "qwen2_5_vl", "template": "qwen2_5_vl", "torch_dtype": "float32"}
        here |= {"output_dir": str(place / "out"), "dataset": file}
        without = ["adapters"]  # there is none yet
        path = str(CONFIGS / "ms_swift" / f"{config}.yaml")
        return {"config": path, "changed": here, "without": without, "folder": str(handed.folder), "strict": strict, "boxes": boxes}

    asked = {file: question("sft", file) for file in (*SAMPLES, "sft.swift_grounding.jsonl")}
    asked["legacy"] = question("sft", "sft.swift_grounding.jsonl", boxes="legacy")
    asked["dpo.swift.jsonl"] = question("dpo", "dpo.swift.jsonl")
    asked |= {file: question("dpo", file, strict=False) for file in ("dpo.lf.json", "dpo.trl.jsonl")}
    return ask("ms_swift", "in_ms_swift", place, asked)


def understood(told: Answers) -> None:
    """Each key of our file is one of the trainer's arguments, with the value that stands there."""
    otherwise = {"model", "output_dir", "torch_dtype", "adapters", "dataset"}
    assert set(told["config"]) - set(told["kept"]) - otherwise == set()
    assert told["environment"] == {"MAX_PIXELS": "1003520", "QWENVL_BBOX_FORMAT": "new"}


@pytest.mark.parametrize("file", SAMPLES)
def test_samples_arrive_with_their_frames_and_only_answers_are_learned(told: Answers, handed: Exported, file: str) -> None:
    sft = arrived(told[file])
    understood(sft)
    assert [line["pictures"] for line in sft["lines"]] == picture_tokens(handed.samples)
    same_answers(sft["lines"], [sample.answer for sample in handed.samples], handed.samples)
    assert not any("<image>" in line["text"] for line in sft["lines"])
    assert all(sample.prompt in line["text"] for sample, line in zip(handed.samples, sft["lines"], strict=True))


def test_boxes_beside_the_text_are_written_by_the_trainer(told: Answers, handed: Exported) -> None:
    sft = arrived(told["sft.swift_grounding.jsonl"])
    assert [line["pictures"] for line in sft["lines"]] == picture_tokens(handed.samples)
    same_answers(sft["lines"], [sample.answer for sample in handed.samples], handed.samples, spaces=True)
    assert not any(tag in line["text"] for line in sft["lines"] for tag in ("<image>", "<bbox>"))


def test_without_the_setting_boxes_beside_the_text_become_no_json(told: Answers) -> None:
    assert all('"box":<|box_start|>(' in line["learned"] for line in arrived(told["legacy"])["lines"])


def test_pairs_arrive_with_both_answers(told: Answers, handed: Exported) -> None:
    dpo = arrived(told["dpo.swift.jsonl"])
    understood(dpo)
    assert [line["pictures"] for line in dpo["lines"]] == picture_tokens(handed.pairs) * 2
    same_answers(dpo["lines"], [pair.chosen for pair in handed.pairs] + [pair.rejected for pair in handed.pairs], handed.pairs * 2)
    chosen, rejected = dpo["lines"][: len(handed.pairs)], dpo["lines"][len(handed.pairs) :]
    assert all(one["learned"] != other["learned"] for one, other in zip(chosen, rejected, strict=True))


@pytest.mark.parametrize("file", ["dpo.lf.json", "dpo.trl.jsonl"])
def test_of_the_pairs_of_others_it_loses_the_preference(told: Answers, file: str) -> None:
    """So these files are named among those that are not for it."""
    assert "messages" in arrived(told[file])["columns"]
    assert "rejected_response" not in told[file]["columns"]
    assert told[file]["rows"] > 0
