"""`dpo.swift.jsonl`: chat lines that end with the chosen answer, the rejected one beside them, as ms-swift reads pairs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from annotations.formats.folder import TAG, read_lines, write_lines
from annotations.formats.paired import opened, pair, plain
from core.errors import Malformed
from core.schema import Pair

FILE = "dpo.swift.jsonl"
VALID_FOR = ("ms-swift 4.6",)
NOT_FOR = ("LLaMA-Factory 0.9.5", "TRL 1.16")


def write(pairs: Iterable[Pair], folder: Path) -> tuple[Path, ...]:
    """One line a pair."""
    path = folder / FILE
    write_lines(path, (_line(each) for each in pairs))
    return (path,)


def read(folder: Path) -> tuple[Pair, ...]:
    """The pairs of a folder. Raises Malformed with file, line and reason."""
    pairs = []
    for place, line in read_lines(folder / FILE):
        match line:
            case {
                "messages": [{"role": "user", "content": str(asked)}, {"role": "assistant", "content": str(chosen)}],
                "rejected_response": str(rejected),
                "images": [str(image)],
            }:
                pairs.append(pair(folder, image, opened(asked, place), chosen, rejected, line, place))
            case _:
                raise Malformed(f"{place}: not one question with one frame, a chosen and a rejected answer.")
    return tuple(pairs)


def _line(each: Pair) -> dict[str, object]:
    prompt, chosen, rejected = plain(each)
    return {
        "messages": [{"role": "user", "content": f"{TAG}{prompt}"}, {"role": "assistant", "content": chosen}],
        "rejected_response": rejected,
        "images": [each.image],
        "kinds": list(each.kinds),
        "model": each.model,
    }
