"""`kto.trl.jsonl`: single answers and whether each was good, as TRL's KTO reads them: no pairs are needed, and a frame that was right teaches too."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from annotations.formats.folder import write_lines
from core import sft
from core.schema import Sample

FILE = sft.VERDICTS
VALID_FOR = ("TRL 1.16",)
NOT_FOR = ("LLaMA-Factory 0.9.5", "ms-swift 4.6")

Verdict = tuple[Sample, bool]
"""An answer, and whether it was good."""


def write(verdicts: Iterable[Verdict], folder: Path) -> tuple[Path, ...]:
    """One line an answer."""
    path = folder / FILE
    write_lines(path, (_line(each, good) for each, good in verdicts))
    return (path,)


def read(folder: Path) -> tuple[Verdict, ...]:
    """The answers of a folder. Raises Malformed with file, line and reason."""
    return tuple(sft.verdicts(folder))


def _line(each: Sample, good: bool) -> dict[str, object]:
    return {
        "images": [each.image],
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": each.prompt}]}],
        "completion": [{"role": "assistant", "content": [{"type": "text", "text": each.answer}]}],
        "label": good,
    }
