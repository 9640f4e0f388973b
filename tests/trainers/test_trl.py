"""TRL 1.16 reads what was exported for it, by the script that we ship; what is not for it is not seen by it. The short form runs every day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.schema import Pair, Sample
from tests import tiny
from tests.trainers import in_trl
from tests.trainers.conftest import Answers, arrived, ask
from tests.trainers.expected import picture_tokens, same_answers
from tests.trainers.folders import Exported, exported


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make("qwen2_5_vl", tmp_path_factory.mktemp("model") / tiny.NAMES["qwen2_5_vl"])


@pytest.fixture(scope="module")
def told(handed: Exported, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    place = tmp_path_factory.mktemp("trl")
    asked = {method: _question(handed, model, place, method) for method in ("sft", "dpo", "kto")}
    asked["tag"] = {**asked["sft"], "file": "sft.tag.jsonl", "apart": True}
    asked["whole"] = {**asked["sft"], "file": "sft.parts.jsonl", "apart": False}
    return ask("trl", "in_trl", place, asked)


def _question(handed: Exported, model: Path, place: Path, method: str) -> dict[str, Any]:
    return {"folder": str(handed.folder), "model": str(model), "out": str(place / "out"), "method": method}


def sound(told: Answers, handed: Exported, methods: tuple[str, ...]) -> None:
    """Every line arrived with its frame, and exactly the answers are learned."""
    verdicts = [sample for sample, _ in handed.verdicts]
    due: dict[str, tuple[list[str], Sequence[Sample | Pair]]] = {
        "sft": ([sample.answer for sample in handed.samples], handed.samples),
        "dpo": ([pair.chosen for pair in handed.pairs] + [pair.rejected for pair in handed.pairs], handed.pairs * 2),
        "kto": ([sample.answer for sample in verdicts], verdicts),
    }
    for method in methods:
        answers, lines = due[method]
        found = arrived(told[method])["lines"]
        assert [line["pictures"] for line in found] == picture_tokens(lines)
        same_answers(found, answers, lines)
        assert not any("<image>" in line["text"] for line in found)
        assert all(each.prompt in line["text"] for each, line in zip(lines, found, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sft", "dpo", "kto"])
def test_what_was_exported_for_it_arrives(told: Answers, handed: Exported, method: str) -> None:
    sound(told, handed, (method,))


@pytest.mark.slow
def test_the_file_with_tags_is_not_for_it(told: Answers) -> None:
    """The tag stays in the text, as words."""
    assert all("<image>" in line["text"] for line in arrived(told["tag"])["lines"])


@pytest.mark.slow
def test_lines_that_are_not_taken_apart_are_refused(told: Answers) -> None:
    """With the loss on answers alone; without it TRL learns every token of such lines, those of the frame too."""
    assert "not supported for language modeling datasets" in told["whole"]["error"]


@pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in v6:FutureWarning")
def test_in_short_with_our_own_processor(tmp_path: Path, model: Path) -> None:
    from core.backends.processors import load

    handed = exported(tmp_path, frames=2, sizes=((84, 112), (140, 84)))
    processor = load(model)
    processor.tokenizer.padding_side = "right"
    told = {method: in_trl.work(_question(handed, model, tmp_path, method), processor) for method in ("sft", "dpo")}
    sound(told, handed, ("sft", "dpo"))
