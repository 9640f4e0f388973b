"""`sft.tag.jsonl`: chat lines in which the frame is the tag `<image>` inside the text, and its file stands beside. With LLaMA-Factory's `dataset_info.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from annotations.formats.folder import read_lines, sample, tagged, untagged, write_lines
from core.errors import Malformed
from core.schema import Sample

FILE = "sft.tag.jsonl"
VALID_FOR = ("LLaMA-Factory 0.9.5 (dataset gembalens_sft)", "ms-swift 4.6")
NOT_FOR = ("TRL and Unsloth: the tag stays in the text and no frame is seen", "Qwen's own scripts")

_DATASET_INFO = {
    "gembalens_sft": {
        "file_name": FILE,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    }
}


def write(samples: Sequence[Sample], folder: Path) -> tuple[Path, ...]:
    """One line a sample, and the file by which LLaMA-Factory finds them."""
    path, info = folder / FILE, folder / "dataset_info.json"
    write_lines(path, (_line(each) for each in samples))
    info.write_bytes(orjson.dumps(_DATASET_INFO, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path, info


def read(folder: Path) -> tuple[Sample, ...]:
    """The samples of a folder. Raises Malformed with file, line and reason."""
    samples = []
    for place, line in read_lines(folder / FILE):
        match line:
            case {
                "messages": [{"role": "user", "content": str(asked)}, {"role": "assistant", "content": str(answer)}],
                "images": [str(image)],
            }:
                samples.append(sample(folder, image, untagged(asked, "", place), answer, place))
            case _:
                raise Malformed(f"{place}: not one question with one frame and one answer.")
    return tuple(samples)


def _line(each: Sample) -> dict[str, object]:
    question = {"role": "user", "content": tagged(each, "")}
    return {"messages": [question, {"role": "assistant", "content": each.answer}], "images": [each.image]}
