"""LLaMA-Factory 0.9.5 reads what was exported for it, and does to other files what is written of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.trainers.conftest import CONFIGS, Answers, arrived, ask
from tests.trainers.expected import picture_tokens, same_answers
from tests.trainers.folders import Exported

pytestmark = pytest.mark.slow

TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
OTHERS = {
    "qwen": {"file_name": "sft.qwen.json", "columns": {"messages": "conversations", "images": "image"}},
    "parts": {"file_name": "sft.parts.jsonl", "columns": {"messages": "messages", "images": "images"}, "tags": TAGS},
    "parts, no column of frames": {"file_name": "sft.parts.jsonl", "columns": {"messages": "messages"}, "tags": TAGS},
}
"""Files of other trainers, described to this one."""


@pytest.fixture(scope="module")
def told(handed: Exported, hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    place = tmp_path_factory.mktemp("llamafactory")
    asked = {config: _question(handed.folder, hub, place, config) for config in ("sft", "dpo")}
    described = place / "set"
    shutil.copytree(handed.folder, described)
    info = {name: {"formatting": "sharegpt", **entry} for name, entry in OTHERS.items()}
    (described / "dataset_info.json").write_bytes(orjson.dumps(info))
    asked |= {name: _question(described, hub, place, "sft", dataset=name) for name in OTHERS if "," not in name}
    bare = place / "bare"
    shutil.copytree(described, bare)
    (bare / "dataset_info.json").write_bytes(orjson.dumps({"bare": info["parts, no column of frames"]}))
    asked["bare"] = _question(bare, hub, place, "sft", dataset="bare")
    return ask("llamafactory", "in_llamafactory", place, asked)


def _question(folder: Path, hub: Path, place: Path, config: str, **changed: Any) -> dict[str, Any]:
    here: dict[str, Any] = {"model_name_or_path": str(hub), "output_dir": str(place / "out"), "use_cpu": True, "bf16": False}
    here |= {"dataset_dir": str(folder), "media_dir": str(folder)}
    if config == "dpo":
        here["adapter_name_or_path"] = None  # there is none yet
    configs = [str(CONFIGS / "llamafactory" / f"{name}.yaml") for name in (config, "ray")]
    return {"configs": configs, "changed": {**here, **changed}}


def understood(told: Answers, otherwise: Sequence[str]) -> None:
    """Each key of our file is one of the trainer's arguments, with the value that stands there."""
    assert set(told["config"]) - set(told["kept"]) == {"model_name_or_path", "dataset_dir", "media_dir", "output_dir", "bf16", *otherwise}


def test_samples_arrive_with_their_frames_and_only_answers_are_learned(told: Answers, handed: Exported) -> None:
    sft = arrived(told["sft"])
    understood(sft, [])
    assert [line["pictures"] for line in sft["lines"]] == picture_tokens(handed.samples)
    same_answers(sft["lines"], [sample.answer for sample in handed.samples], handed.samples)
    assert not any("<image>" in line["text"] for line in sft["lines"])
    assert all(sample.prompt in line["text"] for sample, line in zip(handed.samples, sft["lines"], strict=True))


def test_pairs_arrive_with_both_answers(told: Answers, handed: Exported) -> None:
    dpo = arrived(told["dpo"])
    understood(dpo, ["adapter_name_or_path"])
    assert [line["pictures"] for line in dpo["lines"]] == picture_tokens(handed.pairs) * 2
    answers = [pair.chosen for pair in handed.pairs] + [pair.rejected for pair in handed.pairs]
    same_answers(dpo["lines"], answers, handed.pairs * 2)


def test_the_file_of_qwen_is_read_when_its_columns_are_named(told: Answers, handed: Exported) -> None:
    qwen = arrived(told["qwen"])
    assert [line["pictures"] for line in qwen["lines"]] == picture_tokens(handed.samples)
    same_answers(qwen["lines"], [sample.answer for sample in handed.samples], handed.samples)


def test_parts_are_not_for_it(told: Answers) -> None:
    """It refuses them, whether it is told where the frames are or not."""
    assert "number of images does not match" in told["parts"]["error"]
    assert "Expected a string" in told["bare"]["error"]
