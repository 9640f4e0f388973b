"""`sft.parts.jsonl`: chat lines whose content is a list of parts, the frame one of them, and its file stands beside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotations.formats.folder import read_lines, sample, write_lines
from core.errors import Malformed
from core.schema import Sample

FILE = "sft.parts.jsonl"
VALID_FOR = ("TRL 1.16", "Unsloth", "ms-swift 4.6")
NOT_FOR = ("LLaMA-Factory 0.9.5: refuses it", "Qwen's own scripts")


def write(samples: Sequence[Sample], folder: Path) -> tuple[Path, ...]:
    """One line a sample."""
    path = folder / FILE
    write_lines(path, (_line(each) for each in samples))
    return (path,)


def read(folder: Path) -> tuple[Sample, ...]:
    """The samples of a folder. Raises Malformed with file, line and reason."""
    samples = []
    for place, line in read_lines(folder / FILE):
        match line:
            case {
                "messages": [
                    {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": str(prompt)}]},
                    {"role": "assistant", "content": [{"type": "text", "text": str(answer)}]},
                ],
                "images": [str(image)],
            }:
                samples.append(sample(folder, image, prompt, answer, place))
            case _:
                raise Malformed(f"{place}: not one question with one frame and one answer.")
    return tuple(samples)


def _line(each: Sample) -> dict[str, object]:
    question = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": each.prompt}]}
    answer = {"role": "assistant", "content": [{"type": "text", "text": each.answer}]}
    return {"messages": [question, answer], "images": [each.image]}
