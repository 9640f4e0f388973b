"""`dpo.trl.jsonl`: a question with its frame, the answer that is preferred and the one that is not, each a conversation of its own, as TRL reads pairs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from annotations.formats.folder import write_lines
from core import sft
from core.schema import Pair

FILE = sft.PAIRS
VALID_FOR = ("TRL 1.16", "Unsloth")
NOT_FOR = ("LLaMA-Factory 0.9.5", "ms-swift 4.6: mis-parsed silently")


def write(pairs: Iterable[Pair], folder: Path) -> tuple[Path, ...]:
    """One line a pair. `kinds` and `model` stand beside, so that a trainer may leave kinds out; TRL passes over them."""
    path = folder / FILE
    write_lines(path, (_line(each) for each in pairs))
    return (path,)


def read(folder: Path) -> tuple[Pair, ...]:
    """The pairs of a folder. Raises Malformed with file, line and reason."""
    return tuple(sft.pairs(folder))


def _line(each: Pair) -> dict[str, object]:
    return {
        "images": [each.image],
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": each.prompt}]}],
        "chosen": [{"role": "assistant", "content": [{"type": "text", "text": each.chosen}]}],
        "rejected": [{"role": "assistant", "content": [{"type": "text", "text": each.rejected}]}],
        "kinds": list(each.kinds),
        "model": each.model,
    }
